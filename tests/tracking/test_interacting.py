"""Several motion models at once."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.tracking.interacting import InteractingKalman
from kinescribe.tracking.kalman import BatchKalman

NOISE = np.tile(np.eye(2), (1, 1, 1))
FIRST = np.array([0])


def followed(path: np.ndarray, scales: tuple[float, ...]) -> InteractingKalman:
    filters = InteractingKalman(scales)
    filters.add(path[:1], NOISE, np.array([5.0]))
    for place in path[1:]:
        filters.predict(1.0, np.array([4.0]))
        filters.update(FIRST, place[None], NOISE)
    return filters


def straight(n: int = 30) -> np.ndarray:
    return np.column_stack([3.0 * np.arange(n), 2.0 * np.arange(n)]) + np.random.default_rng(0).normal(0, 0.7, (n, 2))


def test_one_model_is_a_plain_filter() -> None:
    path = straight()
    plain = BatchKalman()
    plain.add(path[:1], NOISE, velocity_sigma=5.0, intensity=4.0)
    for place in path[1:]:
        plain.predict(1.0)
        plain.update(FIRST, place[None], NOISE)
    filters = followed(path, (1.0,))
    np.testing.assert_allclose(filters.positions, plain.positions)
    np.testing.assert_allclose(filters.velocities, plain.velocities)
    ours, theirs = filters.gates(FIRST, path[-1:], NOISE), plain.gates(FIRST, path[-1:], NOISE)
    assert ours.distances == pytest.approx(theirs.distances)
    assert ours.log_likelihoods == pytest.approx(theirs.log_likelihoods)


def test_what_keeps_its_course_is_expected_to_and_what_swerves_to_swerve() -> None:
    steady = followed(straight(), (1.0, 0.1))
    assert steady.weights[0, 1] > 0.8
    np.testing.assert_allclose(steady.weights.sum(1), 1.0)
    turned = straight()
    turned[-4:] = turned[-5] + np.outer(np.arange(1, 5), [-9.0, 2.0])
    assert followed(turned, (1.0, 0.1)).weights[0, 1] < 0.2


def test_a_steady_one_is_predicted_more_sharply_and_a_swerve_still_followed() -> None:
    path = straight()
    ahead = np.array([[3.0, 2.0]]) * len(path)
    both, wide = followed(path, (1.0, 0.1)), followed(path, (1.0,))
    for filters in (both, wide):
        filters.predict(1.0, np.array([4.0]))
    near, off = both.gates(FIRST, ahead, NOISE), both.gates(FIRST, ahead + 9, NOISE)
    wide_near, wide_off = wide.gates(FIRST, ahead, NOISE), wide.gates(FIRST, ahead + 9, NOISE)
    assert near.log_likelihoods[0] - off.log_likelihoods[0] > wide_near.log_likelihoods[0] - wide_off.log_likelihoods[0] + 1
    assert both.velocity_variances[0] < wide.velocity_variances[0]
    turned = np.concatenate([path, path[-1] + np.outer(np.arange(1, 7), [-6.0, 5.0])])
    np.testing.assert_allclose(followed(turned, (1.0, 0.1)).velocities, [[-6.0, 5.0]], atol=1.0)


def test_tracks_come_and_go() -> None:
    filters = InteractingKalman((1.0, 0.1))
    filters.predict(1.0, np.zeros(0))
    filters.add(np.array([[0.0, 0.0], [9.0, 9.0]]), np.tile(np.eye(2), (2, 1, 1)), np.ones(2))
    filters.keep(np.array([False, True]))
    assert len(filters) == 1
    assert filters.positions.tolist() == [[9.0, 9.0]]
