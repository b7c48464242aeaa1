"""The light of a frame is told from what stands in it, and taken out."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.perception.background import Background, FrameSample, estimate_background
from kinescribe.perception.classical.foreground import ForegroundModel
from kinescribe.perception.lighting import Lighting, points

SHAPE = (120, 160)


def room() -> np.ndarray:
    """A ground with dark and bright parts, so that a gain is no offset."""
    rng = np.random.default_rng(3)
    ground = 60 + 120 * np.linspace(0, 1, SHAPE[1])[None, :, None] + rng.normal(0, 4, (*SHAPE, 3))
    ground[20:60, 20:60] = 40
    ground[70:100, 90:140] = 190
    return ground.astype(np.float32)


def across() -> np.ndarray:
    return np.linspace(-1, 1, SHAPE[1])[None, :, None]


LIGHTS = {
    "gain": lambda ground: 0.75 * ground,
    "gain and offset": lambda ground: 1.2 * ground - 12,
    "colour": lambda ground: ground * np.array([0.8, 1.0, 1.15]),
    "lamp": lambda ground: ground * (1 + 0.25 * np.exp(-(across() + 1))),
}


def picture(light: str | None, noise: float = 2.0, body: bool = False, seed: int = 0) -> np.ndarray:
    image = room()
    if body:
        image[30:90, 60:110] = (40, 40, 200)
    image = image if light is None else LIGHTS[light](image)
    return np.clip((image + np.random.default_rng(seed).normal(0, noise, image.shape)).round(), 0, 255).astype(np.uint8)


def lighting(noise: float = 2.0) -> Lighting:
    return Lighting(room()[points(SHAPE)], SHAPE, noise)


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("body", [False, True])
def test_a_frame_is_brought_into_the_plate_s_light(light: str, body: bool) -> None:
    found = lighting().of(picture(light, body=body))
    assert found is not None
    off = found.level(picture(light, body=body)).astype(float) - picture(None, noise=0.0, body=body)
    bare = np.ones(SHAPE, bool)
    bare[28:92, 58:112] = not body
    parts = [(slice(y, y + 30), slice(x, x + 40)) for y in range(0, 120, 30) for x in range(0, 160, 40)]
    by_parts = [np.abs(np.median(off[part][bare[part]], axis=0)).max() for part in parts if bare[part].sum() > 100]
    assert max(by_parts) <= 2.0  # grey levels; the light took ten to forty


@pytest.mark.parametrize("noise", [0.0, 2.0, 10.0])
@pytest.mark.parametrize("body", [False, True])
def test_light_that_is_the_same_is_left_alone(noise: float, body: bool) -> None:
    model = lighting(noise)
    assert all(model.of(picture(None, noise, body, seed)) is None for seed in range(10))


def test_a_cover_over_most_of_the_picture_is_no_light() -> None:
    image = picture(None)
    image[:, 25:] = np.random.default_rng(1).integers(0, 255, (120, 135, 3))
    assert lighting().of(image) is None


@pytest.mark.parametrize("shape", [(1, 1), (2, 40), (5, 4)])
def test_tiny_pictures_have_no_light_of_their_own(shape: tuple[int, int]) -> None:
    plate = np.full((*shape, 3), 100, np.float32)
    assert Lighting(plate[points(shape)], shape, 1.0).of(np.full((*shape, 3), 50, np.uint8)) is None


def test_a_faint_body_stands_out_in_light_that_changed() -> None:
    image = 0.8 * room()
    image[40:60, 100:120] += 25
    image = np.clip((image + np.random.default_rng(5).normal(0, 1.5, image.shape)).round(), 0, 255).astype(np.uint8)
    one = np.ones(SHAPE, np.float32)
    model = ForegroundModel(Background(room(), 1.5 * one, 0.6 * one, one))
    assert len(model.segment(image).seeds) > 1  # as it is: parts of the ground
    found = model.segment(model.level(image))
    assert len(found.seeds) == 1
    x, y, w, h, _ = found.stats[found.seeds[0]]
    assert (abs(x - 100), abs(y - 40), abs(w - 20), abs(h - 20)) <= (2, 2, 3, 3)


def test_light_that_swings_is_no_noise_of_the_background() -> None:
    rng = np.random.default_rng(0)
    swing = 1 + 0.3 * np.sin(np.linspace(0, 2 * np.pi, 24, endpoint=False))
    images = np.stack([np.clip((room() * gain + rng.normal(0, 2, (*SHAPE, 3))).round(), 0, 255) for gain in swing]).astype(np.uint8)
    found = estimate_background(FrameSample(images, np.zeros(images.shape[:3], bool), len(images)))
    assert np.median(np.abs(found.plate - room())) < 3
    assert np.median(found.sigma) < 3
