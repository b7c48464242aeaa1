import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.evaluation.scenes.drawing import disc_coverage, paint, phyworld_disc_coverage, rectangle_coverage, textured

PLACES = st.tuples(st.floats(30, 50), st.floats(30, 50))


def moments(coverage: tuple) -> tuple[float, float, float, float]:
    """Area, centroid and angle of the long axis of what is covered."""
    rows, columns, alpha = coverage
    y, x = np.mgrid[rows, columns].astype(float)
    area = alpha.sum()
    cx, cy = (alpha * x).sum() / area, (alpha * y).sum() / area
    dx, dy = x - cx, y - cy
    angle = 0.5 * math.atan2(2 * (alpha * dx * dy).sum(), (alpha * (dx**2 - dy**2)).sum())
    return float(area), float(cx), float(cy), angle


@given(PLACES, st.floats(3, 25))
def test_disc_lies_where_it_is_put(center: tuple[float, float], radius: float) -> None:
    area, x, y, _ = moments(disc_coverage(center, radius, 80, 80))
    assert (x, y) == pytest.approx(center, abs=0.03)
    assert area == pytest.approx(math.pi * radius**2, rel=0.005)


@given(PLACES, st.floats(15, 25))
def test_phyworld_disc_lies_where_it_is_put(center: tuple[float, float], radius: float) -> None:
    _, x, y, _ = moments(phyworld_disc_coverage(center, radius, 80, 80))
    assert (x, y) == pytest.approx(center, abs=0.15)  # its edge is all but a step, so that it is right to a part of a pixel only


@given(PLACES, st.floats(20, 40), st.floats(4, 10), st.floats(-1.5, 1.5))
def test_rectangle_lies_and_turns_as_told(center: tuple[float, float], length: float, width: float, angle: float) -> None:
    area, x, y, seen = moments(rectangle_coverage(center, (length, width), angle, 0.0, 80, 80))
    assert (x, y) == pytest.approx(center, abs=0.03)
    assert area == pytest.approx(length * width, rel=0.004)
    assert math.sin(seen - angle) == pytest.approx(0, abs=0.01)


def test_angles_run_clockwise_on_the_screen() -> None:
    rows, columns, alpha = rectangle_coverage((40, 40), (40, 4), math.radians(45), 0.0, 80, 80)
    picture = np.zeros((80, 80))
    picture[rows, columns] = alpha
    assert picture[50, 50] == 1  # to the right and down
    assert picture[30, 50] == 0


def test_a_thin_string_is_as_dark_as_it_is_thick() -> None:
    area, *_ = moments(rectangle_coverage((40, 40), (50, 0.5), 0.0, 0.0, 80, 80))
    assert area == pytest.approx(25, rel=0.001)


def test_rounded_corners_take_their_share() -> None:
    sharp, *_ = moments(rectangle_coverage((40, 40), (30, 20), 0.0, 0.0, 80, 80))
    round_, *_ = moments(rectangle_coverage((40, 40), (30, 20), 0.0, 6.0, 80, 80))
    assert sharp - round_ == pytest.approx((4 - math.pi) * 36, rel=0.05)


@pytest.mark.parametrize("center", [(-300.0, 5.0), (5.0, 1000.0), (19.5, 9.5)])
def test_what_is_out_of_the_picture_is_not_drawn(center: tuple[float, float]) -> None:
    picture = np.zeros((20, 20, 3), np.float32)
    paint(picture, disc_coverage(center, 4.0, 20, 20), (255, 255, 255))
    assert picture.max() == (255 if center == (19.5, 9.5) else 0)


def test_texture_has_its_strength_and_seed() -> None:
    ground = textured(120, 160, (200, 200, 200), 5.0, 1)
    assert 3 < ground.std() < 7
    assert np.array_equal(ground, textured(120, 160, (200, 200, 200), 5.0, 1))
    assert not np.array_equal(ground, textured(120, 160, (200, 200, 200), 5.0, 2))
    assert np.ptp(textured(12, 16, (200, 200, 200), 0.0, 1)) == 0
