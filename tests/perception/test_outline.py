"""The circle through a disc's rim."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinescribe.evaluation.scenes.drawing import disc_coverage, phyworld_disc_coverage, rectangle_coverage
from kinescribe.perception.classical.outline import fit_circle


def drawn(
    center: tuple[float, float], radius: float, side: int = 64, noise: float = 0.0, seed: int = 0, phyworld: bool = False
) -> np.ndarray:
    picture = np.zeros((side, side))
    rows, columns, alpha = (phyworld_disc_coverage if phyworld else disc_coverage)(center, radius, side, side)
    picture[rows, columns] = alpha
    return (picture + np.random.default_rng(seed).normal(0, noise, picture.shape)).astype(np.float32)


places = st.tuples(st.floats(30, 33), st.floats(30, 33))


@settings(max_examples=60)
@given(places, st.floats(4, 24), st.floats(-0.7, 0.7), st.floats(-0.7, 0.7), st.floats(-0.7, 0.7))
def test_a_clean_disc_to_a_thirtieth_of_a_pixel(center: tuple[float, float], radius: float, dx: float, dy: float, dr: float) -> None:
    found = fit_circle(drawn(center, radius), np.add(center, (dx, dy)), radius + dr)
    assert found is not None
    assert np.hypot(*(found.centre - center)) < 0.033
    assert found.radius == pytest.approx(radius, abs=0.1)


def test_a_soft_edge_keeps_the_centre() -> None:
    for radius in (12.0, 18.0, 25.0):
        found = fit_circle(drawn((31.4, 32.3), radius, phyworld=True), np.array([31.0, 32.0]), radius)
        assert found is not None
        assert np.hypot(*(found.centre - [31.4, 32.3])) < 0.02


@pytest.mark.parametrize(("radius", "noise"), [(6.0, 0.02), (12.0, 0.05), (20.0, 0.05)])
def test_the_covariance_is_honest(radius: float, noise: float) -> None:
    rng = np.random.default_rng(1)
    errors, sigmas = [], []
    for seed in range(120):
        center = tuple(31.5 + rng.uniform(-0.5, 0.5, 2))
        found = fit_circle(drawn(center, radius, noise=noise, seed=seed), np.array([31.5, 31.5]), radius)
        assert found is not None
        errors.append(found.centre - center)
        sigmas.append(np.sqrt(np.diag(found.covariance)))
    ratio = np.sqrt(np.mean(np.square(errors))) / np.sqrt(np.mean(np.square(sigmas)))
    assert 0.5 < ratio < 2.0


@pytest.mark.parametrize("radius", [3.6, 5.41, 9.64])
def test_a_rim_that_leaves_the_centre_open_tells_nothing(radius: float) -> None:
    rng = np.random.default_rng(4)
    for _ in range(80):
        center = tuple(31.5 + rng.uniform(-0.5, 0.5, 2))
        sharp = (drawn(center, radius) > 0.5).astype(np.float32)  # as a program draws that doesn't smooth: no pixel lies on the edge
        found = fit_circle(sharp, np.array(center), radius)
        assert found is None or (np.sqrt(np.diag(found.covariance)) < 1.0).all()


def test_a_square_is_no_circle() -> None:
    picture = np.zeros((64, 64), np.float32)
    rows, columns, alpha = rectangle_coverage((32.0, 32.0), (30.0, 30.0), 0.4, 0.0, 64, 64)
    picture[rows, columns] = alpha
    assert fit_circle(picture, np.array([32.0, 32.0]), 30.0 / np.sqrt(np.pi)) is None


def test_a_disc_mostly_out_of_the_window_is_left_alone() -> None:
    assert fit_circle(drawn((1.0, 32.0), 20.0), np.array([1.0, 32.0]), 20.0) is None
