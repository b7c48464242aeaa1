"""Which colours of a body are parts of their own: those that move against each other, and no others."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from jointed_scene import jointed_scene, stiff, swinging

from kinescribe.perception.classical import ClassicalDetector
from kinescribe.perception.classical.color_regions import palette, to_lab
from kinescribe.perception.classical.parts import PartId, Parts, _Kind
from kinescribe.perception.detections import Detections
from kinescribe.video import open_video

FRAMES = 40


def run(images: np.ndarray, phrases: tuple[str, ...] = ()) -> list[Detections]:
    video = open_video(images, times=np.arange(len(images)) * 0.02)
    detector = ClassicalDetector()
    detector.prepare(video, phrases)
    return [detector.detect(frame) for frame in video]


def drawn(draw: Callable[[np.ndarray, int], None]) -> np.ndarray:
    images = np.full((FRAMES, 200, 320, 3), 255, np.uint8)
    for k, image in enumerate(images):
        draw(image, k)
    return images


def highlighted_ball(image: np.ndarray, k: int) -> None:
    at = (50 + 5 * k, 100 + round(30 * np.sin(k / 5)))
    cv2.circle(image, at, 24, (30, 30, 200), cv2.FILLED, cv2.LINE_AA)
    cv2.circle(image, (at[0] - 9, at[1] - 9), 6, (220, 220, 255), cv2.FILLED, cv2.LINE_AA)


def spinning_pattern(image: np.ndarray, k: int) -> None:
    centre, turn = np.array([50.0 + 5 * k, 100.0]), 0.2 * k
    cv2.circle(image, tuple(centre.astype(int).tolist()), 26, (180, 80, 20), cv2.FILLED, cv2.LINE_AA)
    for angle, color in ((0.0, (20, 200, 230)), (2.2, (30, 30, 220))):
        spot = centre + 14 * np.array([np.cos(turn + angle), np.sin(turn + angle)])
        cv2.circle(image, tuple(spot.round().astype(int).tolist()), 7, color, cv2.FILLED, cv2.LINE_AA)


def striped_box(image: np.ndarray, k: int) -> None:
    middle = (60.0 + 5 * k, 100.0)
    for size, color in (((70, 40), (40, 40, 40)), ((70, 14), (40, 180, 60))):
        corners = cv2.boxPoints((middle, size, 6.0 * k)).round().astype(np.int32)
        cv2.fillPoly(image, [corners], color, cv2.LINE_AA)


def balls_that_meet(image: np.ndarray, k: int) -> None:
    apart = abs(k - 20) * 5
    for side, color in ((-1, (30, 30, 220)), (1, (220, 60, 30))):
        cv2.circle(image, (160 + side * (20 + apart), 100), 20, color, cv2.FILLED, cv2.LINE_AA)


def rolling_about(image: np.ndarray, k: int) -> None:
    turn = 0.15 * k
    second = (160 + round(42 * np.cos(turn)), 100 + round(42 * np.sin(turn)))
    for at, color in (((160, 100), (30, 30, 220)), (second, (220, 60, 30))):
        cv2.circle(image, at, 20, color, cv2.FILLED, cv2.LINE_AA)


def pushing(image: np.ndarray, k: int) -> None:
    for x, color in ((40, (30, 30, 220)), (80, (220, 60, 30))):
        cv2.circle(image, (x + 5 * k, 100), 20, color, cv2.FILLED, cv2.LINE_AA)


def dumbbell(image: np.ndarray, k: int) -> None:
    cv2.rectangle(image, (40 + 5 * k, 92), (100 + 5 * k, 108), (40, 160, 60), cv2.FILLED)
    for x, color in ((40, (30, 30, 220)), (100, (220, 60, 30))):
        cv2.circle(image, (x + 5 * k, 100), 20, color, cv2.FILLED, cv2.LINE_AA)


@pytest.mark.parametrize("draw", [rolling_about, pushing])
def test_balls_that_touch_all_the_time_are_two(draw: Callable[[np.ndarray, int], None]) -> None:
    found = run(drawn(draw))
    assert all(len(frame) == 2 for frame in found)
    assert all(abs(area - np.pi * 20**2) < 0.1 * np.pi * 20**2 for frame in found for area in frame.areas)


@pytest.mark.parametrize("draw", [highlighted_ball, spinning_pattern, striped_box, dumbbell])
def test_what_moves_rigidly_is_one_body_whatever_its_colours(draw: Callable[[np.ndarray, int], None]) -> None:
    assert all(len(frame) == 1 for frame in run(drawn(draw)))


def test_balls_that_meet_are_no_parts_of_each_other() -> None:
    found = run(drawn(balls_that_meet))
    assert all("part" not in frame.phrases for frame in found)
    assert np.mean([len(frame) == 2 for frame in found]) > 0.95


def test_parts_that_move_against_each_other_are_detected_each_with_what_is_hidden_of_it() -> None:
    scene = swinging()
    found = run(scene.images)
    assert all(len(frame) == 3 and set(frame.phrases) == {"part"} for frame in found)
    cart = np.stack([frame.centroids[frame.areas.argmax()] for frame in found])
    assert np.hypot(*(cart - scene.cart).T).max() < 0.5
    areas = np.array([frame.areas.max() for frame in found])
    assert np.ptp(areas) < 0.05 * 1500


def test_a_little_noise_does_not_hide_the_parts() -> None:
    scene = swinging(noise=1.5)
    found = run(scene.images)
    assert np.mean([len(frame) == 3 for frame in found]) > 0.9


def test_two_such_bodies_are_told_apart() -> None:
    k = np.arange(FRAMES)
    left = jointed_scene(0.6 * np.sin(k / 6), np.full(FRAMES, 70.0) + 20 * np.sin(k / 9), axle=False)
    right = jointed_scene(-0.5 * np.sin(k / 5), np.full(FRAMES, 240.0) - 20 * np.sin(k / 9), axle=False)
    images = np.minimum(left.images, right.images)
    images[:, 150] = np.where((images[:, 150] == 0).all(-1, keepdims=True), images[:, 149], images[:, 150])
    assert np.mean([len(frame) == 4 for frame in run(images)]) > 0.9


def test_stiff_parts_are_parts_only_where_they_are_named() -> None:
    images = stiff().images
    assert all("part" not in frame.phrases for frame in run(images))
    assert all("part" in frame.phrases for frame in run(images, ("black cart", "brown pole")))
    assert all("part" not in frame.phrases for frame in run(images, ("black cart",)))


def test_a_textured_body_has_no_palette() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (60, 80, 3), np.uint8)
    assert len(palette(to_lab(image), np.ones((60, 80), bool))) == 0


def test_a_palette_holds_each_even_colour_once() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    image[:, 40:] = (30, 30, 220)
    image[20:40, 50:70] = (35, 32, 216)  # a shade
    found = palette(to_lab(image), np.ones((60, 80), bool))
    np.testing.assert_allclose(sorted(found[:, 0]), [0, 47.3], atol=2)


def test_which_part_is_under_a_mask_and_none_under_an_empty_one() -> None:
    image = np.full((40, 60, 3), 255, np.uint8)
    image[10:30, 10:30], image[10:30, 30:50] = (200, 30, 30), (30, 30, 200)
    colors = to_lab(image)[20, [20, 40]].astype(np.float64)
    parts = Parts([_Kind(colors, np.arange(2), np.full(2, 400.0), np.zeros(2, bool))])
    delta = image.astype(np.float32) - 255
    right = np.zeros((40, 60), bool)
    right[10:30, 30:50] = True
    assert parts.identify(image, delta, right) == PartId(0, 1)
    assert parts.identify(image, delta, np.zeros((40, 60), bool)) is None
