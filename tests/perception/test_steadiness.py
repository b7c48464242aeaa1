"""A camera that moves is told, and bodies, light and grain that move before one that stands still are not taken for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

from kinescribe.perception.steadiness import PAIRS, Steadiness
from kinescribe.video import Frame

WIDTH, HEIGHT, COUNT = 240, 160, 48
SIZE = (WIDTH, HEIGHT)


def mottled(seed: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    small = np.random.default_rng(seed).uniform(30, 190, (height // 12, width // 12)).astype(np.float32)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


WIDE = mottled(0, WIDTH + 96, HEIGHT + 48)


def seen_from(x: float, y: float = 0.0) -> np.ndarray:
    """The scenery from a camera that looks so many pixels to the right, and down."""
    shift = np.array([[1, 0, -x - 24], [0, 1, -y - 24]], np.float32)
    return cv2.warpAffine(WIDE, shift, SIZE, flags=cv2.INTER_CUBIC)


def told(draw: Callable[[int], np.ndarray], noise: float = 2.0, count: int = COUNT) -> list[str]:
    def frames() -> Iterator[Frame]:
        for k in range(count):
            image = np.repeat(draw(k)[:, :, None], 3, axis=2) + noise * np.random.default_rng([1, k]).normal(size=(HEIGHT, WIDTH, 3))
            yield Frame(k, k / 30, np.clip(image, 0, 255).astype(np.uint8))

    steadiness, warnings = Steadiness(), []
    for frame in frames():
        steadiness.note(frame)
    steadiness.tell("film.mp4", warnings)
    return warnings


def trembling(k: int, sigma: float) -> np.ndarray:
    return seen_from(*np.random.default_rng([2, k]).normal(0, sigma, 2))


@pytest.mark.parametrize(
    "draw",
    [
        lambda k: seen_from(1.2 * k),
        lambda k: seen_from(0.06 * k),
        lambda k: seen_from(0.0, max(0.0, 1.5 * (k - 24))),  # in the second half only
        lambda k: trembling(k, 0.5),
        lambda k: trembling(k, 2.0) * (1 + 0.1 * np.sin(2.3 * k)),
        lambda k: cv2.warpAffine(WIDE, cv2.getRotationMatrix2D((120, 80), 0.3 * k, 1.3 + 0.004 * k), SIZE),  # turns, and comes nearer
    ],
)
def test_a_camera_that_pans_trembles_turns_or_zooms_is_told(draw):
    (said,) = told(draw)
    assert said.startswith("'film.mp4': the camera seems to move")


def test_what_moves_in_front_of_it_is_seen_too():
    def draw(k: int) -> np.ndarray:
        image = seen_from(1.5 * k)
        cv2.circle(image, (20 + 4 * k, 80), 26, 240.0, -1)
        return image

    assert len(told(draw)) == 1


def passing(ground: np.ndarray, width: int) -> Callable[[int], np.ndarray]:
    """A patterned body of three quarters of the picture's height that goes through it."""
    body = mottled(7, width, 3 * HEIGHT // 4)

    def draw(k: int) -> np.ndarray:
        image, left = ground.copy(), 5 * k - width
        first, last = max(left, 0), min(left + width, WIDTH)
        if last > first:
            image[20 : 20 + len(body), first:last] = body[:, first - left : last - left]
        return image

    return draw


LAMP = np.exp(-np.arange(WIDTH) / 100.0)


@pytest.mark.parametrize(
    "draw",
    [
        lambda k: seen_from(0.0),
        passing(seen_from(0.0), 120),
        passing(np.full((HEIGHT, WIDTH), 128.0, np.float32), 120),
        lambda k: seen_from(0.0) * (0.8 + 0.2 * np.sin(k / 7)),
        lambda k: seen_from(0.0) * (0.85 + 0.15 * np.sin(2.3 * k)),
        lambda k: seen_from(0.0) * (0.8 + 0.2 * np.sin(k / 7) * LAMP),
        lambda k: np.full((HEIGHT, WIDTH), 128.0),  # shows nothing to tell it by
        lambda k: mottled(k // 24),  # a cut
    ],
)
@pytest.mark.parametrize("noise", [0.0, 2.0, 8.0])
def test_bodies_light_grain_and_cuts_are_not(draw, noise):
    assert told(draw, noise) == []


def test_a_knock_is_not_enough():
    assert told(lambda k: seen_from(2.0 if k >= 20 else 0.0)) == []


def test_a_long_video_is_held_in_few_pictures():
    still = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    steadiness = Steadiness()
    for k in range(20 * PAIRS):
        steadiness.note(Frame(k, k / 30, still))
        assert len(steadiness._pairs) <= 2 * PAIRS
    assert steadiness.motion() is None
    assert len(steadiness._pairs) >= PAIRS


@pytest.mark.parametrize("shape", [(1, 1, 3), (16, 200, 3)])
def test_tiny_pictures_say_nothing(shape):
    steadiness = Steadiness()
    for k in range(20):
        steadiness.note(Frame(k, k / 30, np.random.default_rng(k).integers(0, 255, shape, np.uint8)))
    assert steadiness.motion() is None
