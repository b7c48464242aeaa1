"""The plate holds what stays, and nothing of what moves or rests for a while."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kinescribe.evaluation import scenes
from kinescribe.evaluation.scenes import Scene
from kinescribe.perception.background import Background, FrameSample, estimate_background, sample_frames
from kinescribe.video import Frame


def background(scene: Scene) -> Background:
    return estimate_background(sample_frames(Frame(i, time, image) for i, (image, time) in enumerate(scene.frames())))


def wrong(scene: Scene, plate: np.ndarray, least_bare: float = 0.0) -> int:
    """Pixels of the plate that are off the true ground by over 15 grey levels, among those that lie bare often enough."""
    bare = np.mean([np.abs(image.astype(float) - scene.background).max(-1) < 10 for image, _ in scene.frames()], axis=0)
    off = np.abs(plate - scene.background).max(-1) > 15
    return int((off & (bare > least_bare)).sum())


SMALL: dict[str, Any] = {"width": 200, "height": 150}


@pytest.mark.parametrize("noise", [1.0, 2.5, 6.0])
def test_plate_and_noise_of_a_still_ground(noise: float) -> None:
    scene = scenes.falling_ball(noise=noise, frame_count=40, texture=3.0, **SMALL)
    found = background(scene)
    away = np.abs(np.arange(200) - 100) > 40  # beside the ball's fall
    error = (found.plate - scene.background)[:, away]
    assert np.sqrt((error**2).mean()) < 0.35 * noise + 0.2
    assert np.median(found.sigma[:, away]) == pytest.approx(np.hypot(noise, 0.29), rel=0.15)
    assert found.confidence[:, away].min() > 0.9
    assert (found.confidence <= 1).all()


@pytest.mark.parametrize("builder", [scenes.falling_ball, scenes.bouncing_ball, scenes.crossing_discs])
@pytest.mark.parametrize("texture", [0.0, 4.0])
def test_moving_bodies_vanish(builder: Any, texture: float) -> None:
    scene = builder(texture=texture, **SMALL)
    found = background(scene)
    assert wrong(scene, found.plate) == 0
    assert found.sigma.max() < 2 * 2.0  # and are no noise


NEVER_BARE = "a plain body that is slow shows no flow inside, so that its colour votes for the background that it covers for long"


@pytest.mark.xfail(strict=True, reason=NEVER_BARE)
@pytest.mark.parametrize("swings", [False, True])
def test_a_slow_cart_vanishes_from_where_the_ground_was_seen(swings: bool) -> None:
    scene = scenes.slow_cart(swings=swings, width=240, height=110)
    left = wrong(scene, background(scene).plate, least_bare=0.15)
    assert left < 0.01 * 120 * 26


@pytest.mark.xfail(strict=True, reason=NEVER_BARE)
def test_a_slow_cart_that_clears_its_place_vanishes() -> None:
    scene = scenes.slow_cart(travel=135.0, length=110.0, exposure=0.3)
    assert wrong(scene, background(scene).plate) < 0.02 * 110 * 26


@pytest.mark.parametrize("rests", ["start", "end"])
@pytest.mark.parametrize("texture", [0.0, 4.0])
def test_a_resting_object_vanishes(rests: str, texture: float) -> None:
    scene = scenes.resting_object(rests, texture=texture)
    assert wrong(scene, background(scene).plate) < 30  # of 44 × 28


@pytest.mark.parametrize("texture", [0.0, 4.0])
def test_a_puck_at_rest_until_it_is_struck_vanishes(texture: float) -> None:
    scene = scenes.two_pucks_collision(texture=texture)
    assert wrong(scene, background(scene).plate) < 160  # of 804


def test_flicker_is_no_noise() -> None:
    steady = background(scenes.falling_ball(texture=3.0, **SMALL))
    flickering = background(scenes.falling_ball(texture=3.0, flicker=0.02, **SMALL))
    assert np.median(flickering.sigma) < 1.3 * np.median(steady.sigma)


def test_one_frame_is_its_own_background() -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    found = estimate_background(sample_frames([Frame(0, 0.0, image)]))
    np.testing.assert_allclose(found.plate, image, atol=0.5)
    assert np.isfinite(found.sigma).all()
    assert (found.sigma > 0).all()


def test_tiny_pictures() -> None:
    frames = [Frame(i, i / 30, np.full((5, 4, 3), 100, np.uint8)) for i in range(6)]
    np.testing.assert_allclose(estimate_background(sample_frames(frames)).plate, 100)


def test_no_frames() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        sample_frames([])


def test_the_sample_is_bounded_and_evenly_spread() -> None:
    # each frame carries its index in its pixels
    frames = (Frame(i, i / 30, np.full((4, 4, 3), i % 256, np.uint8)) for i in range(1000))
    sample = sample_frames(frames)
    assert sample.frame_count == 1000
    assert 12 <= len(sample.images) <= 80
    steps = np.diff(sample.images[:, 0, 0, 0].astype(int)) % 256
    assert len(set(steps.tolist())) == 1
    assert sample.moving.shape == sample.images.shape[:3]


@pytest.mark.parametrize("leaves", [True, False])
def test_a_thing_at_rest_vanishes_though_others_pass_over_it(leaves: bool) -> None:
    # it lies there most of the time; where it lay, passers of many colours are seen more often than the ground
    rng = np.random.default_rng(4)
    ground = np.full((60, 80, 3), 120.0) + rng.normal(0, 3, (60, 80, 3))
    images = np.repeat(ground[None], 48, axis=0)
    images[slice(0, 40) if leaves else slice(8, 48), 20:40, 30:50] = (40, 40, 200)
    for k, frame in enumerate(range(10, 22)):
        images[frame, :, 3 * k + 10 : 3 * k + 40] = rng.uniform(0, 255, (60, 30, 3))
    images = np.clip((images + rng.normal(0, 1.5, images.shape)).round(), 0, 255).astype(np.uint8)
    found = estimate_background(FrameSample(images, np.zeros(images.shape[:3], bool), len(images)))
    assert (np.abs(found.plate - ground).max(-1) > 15).sum() <= 8  # of 400
