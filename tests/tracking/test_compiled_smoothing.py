"""The compiled passes of the smoother against dense matrices."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from kinescribe.tracking.compiled_smoother import smooth_nodes
from kinescribe.tracking.compiled_spline import profile_intensities, score_shocks
from kinescribe.tracking.motion_fit import MEMORIES
from kinescribe.tracking.motion_spline import MotionSpline
from kinescribe.tracking.process_noise import process_noise, transition
from kinescribe.tracking.rts import Kicks, Start, smooth_states
from kinescribe.tracking.smoothing import smooth_coordinates

Float = NDArray[np.float64]


def integrated_noise(t: Float, order: int) -> Float:
    """Covariance of white noise integrated `order` times since the first time, (n, n)."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    ends = (np.minimum(t[:, None], t) - t[0])[..., None]
    at = t[0] + ends * (nodes + 1) / 2
    return (
        (((t[:, None, None] - at) * (t[None, :, None] - at)) ** (order - 1) @ weights)
        * ends[..., 0]
        / 2
        / np.prod(np.arange(1, order)) ** 2
    )


class Dense:
    """Observations of integrated white noise and errors, in arcs that begin with polynomials of which nothing is known."""

    def __init__(self, t: Float, starts: list[int], order: int, variances: Float, correlations: Float, intensity: float) -> None:
        n, edges = len(t), [0, *starts, len(t)]
        covariance = np.zeros((n, n))
        flat: list[Float] = []
        lags = np.abs(np.arange(n)[:, None] - np.arange(n))
        alike = np.where(lags < len(correlations), correlations[np.minimum(lags, len(correlations) - 1)], 0.0)
        errors = alike * np.sqrt(variances[:, None] * variances)
        self.silent: list[int] = []  # arcs too short to say anything
        for a, b in pairwise(edges):
            covariance[a:b, a:b] = intensity * integrated_noise(t[a:b], order) + errors[a:b, a:b]
            if b - a <= order:
                self.silent += list(range(a, b))
                continue
            inside = (np.arange(n) >= a) & (np.arange(n) < b)
            flat += [np.where(inside, t**power, 0.0) for power in range(order)]
        spoken = np.setdiff1d(np.arange(n), self.silent)
        self.projector = np.zeros((n, n))
        self.log_determinant = 0.0
        if len(spoken):
            inverse, x = np.linalg.inv(covariance[np.ix_(spoken, spoken)]), np.array(flat).T[spoken]
            inner = inverse - inverse @ x @ np.linalg.solve(x.T @ inverse @ x, x.T @ inverse)
            self.projector[np.ix_(spoken, spoken)] = inner
            self.log_determinant = -np.linalg.slogdet(inverse)[1] + np.linalg.slogdet(x.T @ inverse @ x)[1]


@pytest.mark.parametrize("order", [2, 3, 4])
@pytest.mark.parametrize("memory", [0, 2])
@pytest.mark.parametrize("starts", [[], [5, 7, 13]])
def test_the_banded_likelihood_is_that_of_the_integrated_noise(order: int, memory: int, starts: list[int]):
    rng = np.random.default_rng(10 * order + memory)
    t, variances, columns = np.cumsum(rng.uniform(0.5, 2, 19)), rng.uniform(0.5, 2, 19), rng.normal(size=(19, 3))
    correlations, grid = MEMORIES[memory].correlations, np.array([1e-4, 0.03, 0.7, 20.0])
    spline = MotionSpline(t, np.array(starts, np.intp), order, columns, variances, correlations)
    found = spline.likelihoods(grid)
    assert found.whitened.shape == (4, len(spline))
    for g, intensity in enumerate(grid):
        dense = Dense(t, starts, order, variances, correlations, intensity)
        assert found.log_determinants[g] - 2 * found.volume == pytest.approx(dense.log_determinant, rel=1e-7)
        np.testing.assert_allclose(found.products[g], columns.T @ dense.projector @ columns, rtol=1e-6, atol=1e-7)
        assert (found.whitened[g] ** 2).sum() == pytest.approx(found.energies[g])


@pytest.mark.parametrize("count", range(6))
@pytest.mark.parametrize("order", [2, 3, 4])
def test_few_observations_say_little_and_break_nothing(count: int, order: int):
    t, columns = np.arange(count) * 1.0, np.ones((count, 1))
    found = MotionSpline(t, np.zeros(0, np.intp), order, columns, np.ones(count)).likelihoods(np.array([0.1, 1.0]))
    assert found.whitened.shape == (2, max(count - order, 0))
    assert np.isfinite(found.log_determinants).all()
    np.testing.assert_allclose(found.energies, 0.0, atol=1e-20)
    gains = np.full((3, count), 7.0)
    score_shocks(t, np.zeros(0, np.int64), columns, np.ones((1, count)), np.ones(1), np.ones(1), np.zeros((2, count)), gains)
    assert (gains[:2] == -np.inf).all()
    np.testing.assert_allclose(gains[2], 0.0, atol=1e-20)


def test_starts_beyond_the_observations_are_held_within_them():
    t = np.arange(9) * 1.0
    plain = MotionSpline(t, np.zeros(0, np.intp), 3, np.sin(t), np.ones(9)).likelihoods(np.ones(1))
    args = t, np.array([0, 9, 40]), 3, np.sin(t)[:, None].copy(), np.ones(9), np.ones(1), np.ones(1)
    assert profile_intensities(*args)[1] == pytest.approx(plain.products)


def test_what_rounding_leaves_indefinite_is_told_apart():
    t = np.array([0, 1, 2, 3, 4, 5, 6, 7], np.float64)
    spline = MotionSpline(t, np.zeros(0, np.intp), 2, t**2, np.zeros(8))
    found = spline.likelihoods(np.array([0.0, 1.0]))
    assert found.log_determinants[0] == np.inf
    assert found.energies[0] == 0
    assert np.isfinite(found.log_determinants[1])
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        spline.likelihoods(np.array([1.0, 0.0]))


def test_long_likelihoods_neither_overflow_nor_lose_their_logarithm():
    t = np.arange(400.0)
    for variance in (1e-12, 1e12):
        found = MotionSpline(t, np.zeros(0, np.intp), 2, np.zeros(400), np.full(400, variance)).likelihoods(np.array([variance]))
        one = MotionSpline(t, np.zeros(0, np.intp), 2, np.zeros(400), np.ones(400)).likelihoods(np.ones(1))
        assert found.log_determinants[0] - one.log_determinants[0] == pytest.approx(398 * np.log(variance), rel=1e-9)


@pytest.mark.parametrize("starts", [[], [3, 12]])
def test_gains_by_shocks_are_those_of_least_squares(starts: list[int]):
    rng = np.random.default_rng(3)
    t, values, variances = np.cumsum(rng.uniform(0.5, 2, 20)), rng.normal(size=(20, 2)), rng.uniform(0.5, 2, (20, 2))
    intensities, scales = np.array([0.02, 0.3]), np.array([1.3, 0.6])
    dense = [Dense(t, starts, 3, variances[:, axis], np.ones(1), intensities[axis]).projector for axis in range(2)]

    def gain(column: Float) -> float:
        parts = zip(dense, values.T, scales, strict=True)
        return sum((column @ p @ y) ** 2 / max(column @ p @ column, 1e-300) / (2 * scale) for p, y, scale in parts)

    moments, gains = np.full((2, 20), np.nan), np.empty((3, 20))
    score_shocks(t, np.array(starts, np.int64), values, np.ascontiguousarray(variances.T), intensities, scales, moments, gains)
    edges = [0, *starts, 20]
    silent = np.zeros(20, bool)
    for a, b in pairwise(edges):
        silent[a:b] = b - a <= 3
        for k in range(a, b):
            if not a + 2 <= k < b - 3:
                assert (gains[:2, k] == -np.inf).all()
                continue
            for kind in range(2):
                times = t[k] + np.array([0, 0.25, 0.5, 0.75]) * (t[k + 1] - t[k])
                each = [gain(np.where(np.arange(20) < b, np.maximum(t - moment, 0), 0.0) ** (kind + 1)) for moment in times]
                assert gains[kind, k] == pytest.approx(max(each), rel=1e-6)
                assert moments[kind, k] == pytest.approx(times[int(np.argmax(each))])
    assert np.isfinite(gains[0]).any()
    wrong = [0.0 if silent[k] else gain(np.eye(20)[k]) for k in range(20)]
    np.testing.assert_allclose(gains[2], wrong, rtol=1e-6)


def exact(
    t: Float, values: Float, variances: Float, order: int, intensity: float, start: Start, kicks: Kicks, b: int
) -> tuple[Float, Float, Float, Float]:
    """Means and variances of one hypothesis at every node and before every kick, (J, order) and (K, order), by conditioning all at once."""
    stages = []  # (node, before its kick) in order of time
    mean, joint = np.zeros(0), np.zeros((0, 0))
    kicked = [int(node) for node in kicks.nodes]
    for j in range(len(t)):
        if j == 0:
            mean, joint = start.mean[b, :order].copy(), np.diag(start.variances[b, :order])
        else:
            move = transition(order, t[j] - t[j - 1])
            last = slice(len(mean) - order, len(mean))
            across = move @ joint[last]
            own = across[:, last] @ move.T + process_noise(order, t[j] - t[j - 1], intensity)
            mean = np.append(mean, move @ mean[last])
            joint = np.block([[joint, across.T], [across, own]])
        stages.append((j, j in kicked))
        if j in kicked:
            k = kicked.index(j)
            last = slice(len(mean) - order, len(mean))
            across = joint[last]
            own = across[:, last] + np.diag(kicks.variances[k, b, :order])
            mean = np.append(mean, mean[last] + kicks.means[k, b, :order])
            joint = np.block([[joint, across.T], [across, own]])
            stages.append((j, False))
    nodes = np.array([node for node, _ in stages])
    before = np.array([early for _, early in stages])
    rows = order * np.flatnonzero(np.isfinite(values[nodes]) & ~before)
    seen = nodes[rows // order]
    gain = joint[:, rows] @ np.linalg.inv(joint[np.ix_(rows, rows)] + np.diag(variances[seen]))
    means = (mean + gain @ (values[seen] - mean[rows])).reshape(-1, order)
    spreads = np.diagonal(joint - gain @ joint[rows]).reshape(-1, order)
    return means[~before], spreads[~before], means[before], spreads[before]


@pytest.mark.parametrize("kicked", [[], [3], [0, 4, 5]])
def test_the_smoother_is_the_exact_posterior(kicked: list[int]):
    rng = np.random.default_rng(4)
    t = np.cumsum(rng.uniform(0.5, 1.5, 9))
    t[6] = t[5]  # a contact at the very time of a frame
    values, variances = rng.normal(size=(9, 3)), rng.uniform(0.2, 0.6, (9, 3))
    values[4] = np.nan
    values[7, 1] = np.nan
    orders, intensities = np.array([2, 3, 4]), np.array([0.5, 0.6, 0.1])
    active = np.arange(4) < orders[:, None]
    begin = Start(np.array([0.3, -0.2, 0.1, 0.05]) * active, np.array([2.0, 1.0, 0.5, 0.2]) * active)
    end = Start(np.zeros((3, 4)), 1e8 * active)
    shape = len(kicked), 3, 4
    kicks = Kicks(np.array(kicked, np.intp), rng.normal(size=shape) * active, rng.uniform(0, 2, shape) * active)
    out = smooth_states(t, values, variances, orders, intensities, (begin, end), kicks)
    for b, order in enumerate(orders):
        wanted = exact(t, values[:, b], variances[:, b], order, intensities[b], begin, kicks, b)
        for found, right in zip((out.means, out.variances, out.before_means, out.before_variances), wanted, strict=True):
            np.testing.assert_allclose(found[:, b, :order], right, rtol=1e-5, atol=1e-6)
            assert (found[:, b, order:] == 0).all()


@pytest.mark.parametrize("count", range(4))
def test_few_nodes_are_smoothed_too(count: int):
    start = Start(np.ones((1, 4)), np.ones((1, 4)))
    none = Kicks(np.zeros(0, np.intp), *np.zeros((2, 0, 1, 4)))
    out = smooth_states(np.arange(count) * 1.0, np.ones((count, 1)), np.ones((count, 1)), np.array([4]), np.ones(1), (start, start), none)
    assert out.means.shape == (count, 1, 4)
    assert np.isfinite(out.variances).all()


def test_estimates_that_are_certain_of_different_things_are_refused():
    # Nothing is uncertain but the speed, of which the second node's position so tells everything: no two estimates of both can differ.
    start, end = Start(np.ones((1, 4)), np.array([[0.0, 1.0, 0.0, 0.0]])), Start(np.ones((1, 4)), np.zeros((1, 4)))
    none = Kicks(np.zeros(0, np.intp), *np.zeros((2, 0, 1, 4)))
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        smooth_states(np.arange(2.0), np.full((2, 1), np.nan), np.ones((2, 1)), np.array([2]), np.zeros(1), (start, end), none)


def test_each_loop_is_compiled_once_whatever_it_is_given():
    rng = np.random.default_rng(1)
    for count, axes in ((1, 1), (2, 1), (3, 2), (9, 1), (40, 2)):
        t, seen = np.arange(2 * count)[::2] / 30, np.ones(count, bool)
        wide = rng.normal(size=(count, 2 * axes))
        wide[count // 2 :] += 50.0
        for points in (wide[:, ::2], np.asfortranarray(wide[:, :axes])):
            points.setflags(write=False)
            smooth_coordinates(t, seen, points, np.full((axes, count), 0.01).T)
    for loop in (smooth_nodes, profile_intensities, score_shocks):
        assert len(loop.signatures) == 1
