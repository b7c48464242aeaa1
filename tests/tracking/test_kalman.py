from __future__ import annotations

import numpy as np
import pytest
from filterpy.common import Q_continuous_white_noise, Q_discrete_white_noise
from filterpy.kalman import KalmanFilter
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.errors import UsageError
from kinescribe.tracking.kalman import BatchKalman
from kinescribe.tracking.process_noise import process_noise, transition


def covariance(rng: np.random.Generator) -> np.ndarray:
    factor = rng.normal(size=(2, 2))
    return factor @ factor.T + 0.05 * np.eye(2)


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("noise", ["continuous", "discrete"])
def test_equals_filterpy_over_irregular_steps(order, noise):
    rng = np.random.default_rng(order)
    count = 7
    model = Q_continuous_white_noise if noise == "continuous" else Q_discrete_white_noise
    starts, spreads = rng.normal(scale=50, size=(count, 2)), np.array([covariance(rng) for _ in range(count)])
    intensities = 10 ** rng.uniform(-1, 3, count)
    batch = BatchKalman(order, noise)
    batch.add(starts, spreads, velocity_sigma=30.0, acceleration_sigma=9.0, intensity=intensities)
    singles = []
    for i in range(count):
        single = KalmanFilter(dim_x=2 * order, dim_z=2)
        single.x[:, 0] = batch.states[i]
        single.P = batch.covariances[i].copy()
        single.H = np.zeros((2, 2 * order))
        single.H[0, 0] = single.H[1, order] = 1
        singles.append(single)
    for _ in range(40):
        steps = rng.uniform(0.005, 0.2, count)
        batch.predict(steps)
        for i, single in enumerate(singles):
            block = transition(order, steps[i])
            single.F = np.kron(np.eye(2), block)
            single.Q = model(order, steps[i], intensities[i], block_size=2)
            single.predict()
        rows = rng.permutation(count)[: rng.integers(1, count)]
        points, noises = rng.normal(scale=50, size=(len(rows), 2)), np.array([covariance(rng) for _ in rows])
        gates = batch.gates(rows, points, noises)
        logs = batch.update(rows, points, noises)
        for k, i in enumerate(rows):
            singles[i].update(points[k], R=noises[k])
            assert logs[k] == pytest.approx(singles[i].log_likelihood, rel=1e-9, abs=1e-9)
            assert gates.distances[k] == pytest.approx(singles[i].mahalanobis ** 2, rel=1e-9)
            assert gates.log_likelihoods[k] == pytest.approx(logs[k], rel=1e-9, abs=1e-9)
        for i, single in enumerate(singles):
            np.testing.assert_allclose(batch.states[i], single.x[:, 0], rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(batch.covariances[i], single.P, rtol=1e-9, atol=1e-9)


@given(st.sampled_from([2, 3, 4]), st.floats(1e-3, 5), st.floats(1e-3, 1e3))
def test_process_noise_equals_filterpy_at_every_step(order, dt, strength):
    np.testing.assert_allclose(process_noise(order, dt, strength), Q_continuous_white_noise(order, dt, strength), rtol=1e-12)
    np.testing.assert_allclose(process_noise(order, dt, strength, "discrete"), Q_discrete_white_noise(order, dt, strength), rtol=1e-12)


def test_two_steps_are_one_long_step():
    batch, other = BatchKalman(3), BatchKalman(3)
    for one in (batch, other):
        one.add([[1, 2]], [np.eye(2)], velocity_sigma=3, acceleration_sigma=4, intensity=5, velocities=[[6, 7]])
    batch.predict(0.3)
    batch.predict(0.5)
    other.predict(0.8)
    np.testing.assert_allclose(batch.states, other.states, rtol=1e-12)
    np.testing.assert_allclose(batch.covariances, other.covariances, rtol=1e-12)


def test_tracks_come_and_go():
    batch = BatchKalman()
    assert batch.gates([], np.zeros((0, 2)), np.zeros((0, 2, 2))).distances.shape == (0,)
    batch.predict(0.1)
    rows = batch.add([[0, 0], [10, 0], [20, 0]], np.tile(np.eye(2), (3, 1, 1)), velocity_sigma=1, intensity=[1, 2, 3])
    assert rows.tolist() == [0, 1, 2]
    batch.keep([True, False, True])
    assert batch.positions[:, 0].tolist() == [0, 20]
    assert batch.intensities.tolist() == [1, 3]
    assert batch.add([[5, 5]], [np.eye(2)], velocity_sigma=1, intensity=1).tolist() == [2]
    batch.keep(np.array([2, 0]))
    assert batch.positions[:, 0].tolist() == [5, 0]


def test_a_gate_is_chi_square_of_the_predicted_spread():
    batch = BatchKalman()
    batch.add([[0, 0]], [np.diag([4.0, 1.0])], velocity_sigma=0, intensity=0)
    gates = batch.gates([0, 0], [[3, 0], [0, 3]], np.tile(np.diag([5.0, 0.0]), (2, 1, 1)))
    assert gates.distances == pytest.approx([1.0, 9.0])


def test_unknown_orders_are_refused():
    with pytest.raises(UsageError, match="order 5"):
        BatchKalman(5)
    with pytest.raises(UsageError, match="order 7"):
        process_noise(7, 0.1)
