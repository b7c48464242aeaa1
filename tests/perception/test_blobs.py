"""Blobs fall into the bodies that they hold."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinescribe.evaluation.scenes.drawing import disc_coverage, rectangle_coverage
from kinescribe.perception.classical.blobs import above_own_contrast, fill_holes, split_at_necks

SIDE = 160


def disc(x: float, y: float, radius: float) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    rows, columns, alpha = disc_coverage((x, y), radius, SIDE, SIDE)
    mask[rows, columns] = alpha > 0.5
    return mask


def box(x: float, y: float, length: float, width: float, angle: float = 0.0) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    rows, columns, alpha = rectangle_coverage((x, y), (length, width), angle, 0.0, SIDE, SIDE)
    mask[rows, columns] = alpha > 0.5
    return mask


def centre(mask: np.ndarray) -> np.ndarray:
    ys, xs = np.nonzero(mask)
    return np.array([xs.mean(), ys.mean()])


@settings(max_examples=60)
@given(st.floats(13, 22), st.floats(0.8, 1.0), st.floats(0, 2 * math.pi))
def test_touching_discs_are_two(radius: float, ratio: float, angle: float) -> None:
    reach = radius * (1 + ratio)
    places = np.array([[80.2, 79.7], [80.2 + reach * math.cos(angle), 79.7 + reach * math.sin(angle)]])
    radii = [radius, ratio * radius]
    parts = split_at_necks(disc(*places[0], radii[0]) | disc(*places[1], radii[1]))
    assert len(parts) == 2
    for place, size in zip(places, radii, strict=True):
        part = min(parts, key=lambda mask: float(np.hypot(*(centre(mask) - place))))
        assert np.hypot(*(centre(part) - place)) < 0.08 * size + 0.3
        assert part.sum() == pytest.approx(math.pi * size**2, rel=0.1)
    assert not (parts[0] & parts[1]).any()


@settings(max_examples=40)
@given(st.floats(5, 30), st.floats(75, 85), st.floats(75, 85))
def test_a_disc_is_one(radius: float, x: float, y: float) -> None:
    mask = disc(x, y, radius)
    (part,) = split_at_necks(mask)
    lost = (part ^ mask).sum()
    assert lost <= max(4, 0.035 * mask.sum())  # outermost pixels, one at each side of a small disc and three of a larger one, may stick out


@settings(max_examples=40)
@given(st.floats(16, 110), st.floats(8, 40), st.floats(0, math.pi))
def test_a_box_or_rod_is_one(length: float, width: float, angle: float) -> None:
    mask = box(80, 80, length, min(width, length), angle)
    (part,) = split_at_necks(mask)
    assert (part & mask).sum() / mask.sum() > 0.88  # corners are rounded


def test_an_ellipse_is_one() -> None:
    picture = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(picture, (80, 80), (50, 20), 30, 0, 360, 1, -1)
    assert len(split_at_necks(picture.astype(bool))) == 1


def test_three_in_a_row() -> None:
    parts = split_at_necks(disc(40, 80, 14) | disc(67.5, 80, 14) | disc(95, 80, 14))
    assert sorted(round(centre(part)[0]) for part in parts) == pytest.approx([40, 67, 95], abs=2)


@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_a_string_falls_away(thickness: int) -> None:
    ball = disc(80, 120, 13)
    picture = ball.astype(np.uint8)
    cv2.line(picture, (60, 10), (80, 120), 1, thickness)
    (part,) = split_at_necks(picture.astype(bool))
    assert np.hypot(*(centre(part) - [80, 120])) < 0.4
    assert (part & ball).sum() / (part | ball).sum() > 0.9


def test_a_small_blob_stays_whole() -> None:
    mask = np.zeros((20, 20), bool)
    mask[8:11, 8:11] = True
    (part,) = split_at_necks(mask)
    np.testing.assert_array_equal(part, mask)


def test_holes_are_filled_and_nothing_else() -> None:
    ring = disc(80, 80, 30) & ~disc(80, 80, 20)
    np.testing.assert_array_equal(fill_holes(ring), disc(80, 80, 30))
    open_ring = ring & ~box(80, 50, 10, 40)
    assert fill_holes(open_ring).sum() == open_ring.sum()


def test_a_faint_shadow_is_not_the_body() -> None:
    body, shadow = disc(70, 80, 15), disc(92, 86, 15)
    difference = np.where(body, 100.0, np.where(shadow, 10.0, 0.0)).astype(np.float32)
    (part,) = above_own_contrast(body | shadow, difference)
    assert (part & body).sum() / (part | body).sum() > 0.85


def test_a_body_half_as_strong_is_kept() -> None:
    one, other = disc(60, 80, 15), disc(96, 80, 15)
    bridge = box(78, 80, 12, 2)
    difference = np.where(one, 100.0, np.where(other, 50.0, 0.0)).astype(np.float32) + 2 * bridge
    parts = above_own_contrast(one | other | bridge, difference)
    kept = np.any(parts, axis=0)
    assert kept[one | other].mean() > 0.9
