"""The two Kalman filters of `kinescribe.tracking.rts` over all nodes of a time line: a compiled loop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["are_kept", "smooth_nodes"]

Float = NDArray[np.float64]
Ints = NDArray[np.int64]

STATE = 4  # as `rts.STATE`: a constant here, so that the compiler knows how large the matrices are


@njit(cache=True, nogil=True, error_model="numpy")
def smooth_nodes(
    times: Float,
    values: Float,
    variances: Float,
    orders: Ints,
    noises: Float,
    first: Float,
    last: Float,
    kick_nodes: Ints,
    kicks: Float,
    smoothed: Float,
    before: Float,
) -> bool:
    """Smooth B motions, each by itself, over J ≥ 1 nodes; False where two estimates can't be combined, for their covariances are singular.

    Args:
        times: (J,), not decreasing.
        values, variances: (J, B), NaN where nothing was observed.
        orders: (B,), how many of the state's `STATE` numbers a motion has; the others are 0.
        noises: (B, STATE, STATE), process noise over a time step of 1.
        first, last: (2, B, STATE), mean and diagonal of the covariance at the first node and, not mirrored in time, at the last.
        kick_nodes: (K,), increasing.
        kicks: (2, K, B, STATE), what is added to the mean and to the covariance's diagonal just before those nodes' observations.
        smoothed: (2, J, B, STATE), 0, filled up to each order: means and variances given all observations.
        before: (2, K, B, STATE), the same just before the kicks.
    """
    count, width = values.shape
    if count == 0:
        return True
    kicked = kick_nodes.shape[0]
    powers = np.ones((count, 2 * STATE))  # of the time step to each node from the one before
    for j in range(1, count):
        for p in range(1, 2 * STATE):
            powers[j, p] = powers[j, p - 1] * (times[j] - times[j - 1])
    ahead, ahead_spread = np.empty((count, STATE)), np.empty((count, STATE, STATE))
    struck, struck_spread = np.empty((kicked, STATE)), np.empty((kicked, STATE, STATE))
    state, spread, scratch = np.empty(STATE), np.empty((STATE, STATE)), np.empty((STATE, STATE))
    mirrored, mirrored_spread = np.empty(STATE), np.empty((STATE, STATE))
    system, size = np.empty((STATE, 2 * STATE + 1)), np.empty(STATE)
    regular = True
    for b in range(width):
        order = orders[b]
        _begin(first[:, b], order, 1.0, state, spread)
        k = 0
        for j in range(count):
            if j > 0:
                _move(powers[j], noises[b], order, state, spread, scratch)
            if k < kicked and kick_nodes[k] == j:
                _copy(state, spread, order, struck[k], struck_spread[k])
                for r in range(order):
                    state[r] += kicks[0, k, b, r]
                    spread[r, r] += kicks[1, k, b, r]
                k += 1
            _observe(values[j, b], variances[j, b], order, state, spread)
            _copy(state, spread, order, ahead[j], ahead_spread[j])
        _begin(last[:, b], order, -1.0, state, spread)
        k = kicked - 1
        for j in range(count - 1, -1, -1):
            if j < count - 1:
                _move(powers[j + 1], noises[b], order, state, spread, scratch)
            _mirror(state, spread, order, mirrored, mirrored_spread)
            regular &= _combine(
                ahead[j], ahead_spread[j], mirrored, mirrored_spread, order, system, size, smoothed[0, j, b], smoothed[1, j, b]
            )
            _observe(values[j, b], variances[j, b], order, state, spread)
            if k >= 0 and kick_nodes[k] == j:
                for r in range(order):
                    state[r] -= kicks[0, k, b, r] * (1.0 if r % 2 == 0 else -1.0)
                    spread[r, r] += kicks[1, k, b, r]
                _mirror(state, spread, order, mirrored, mirrored_spread)
                regular &= _combine(
                    struck[k], struck_spread[k], mirrored, mirrored_spread, order, system, size, before[0, k, b], before[1, k, b]
                )
                k -= 1
    return regular


@njit(cache=True, nogil=True, error_model="numpy")
def _begin(start: Float, order: int, sign: float, state: Float, spread: Float) -> None:
    """A state (STATE,) and its covariance from a mean and a diagonal, (2, STATE), forwards or, −1, backwards in time.

    Here as everywhere only the first `order` numbers are ever touched.
    """
    for r in range(order):
        state[r] = sign * start[0, r] if r % 2 else start[0, r]
        for c in range(order):
            spread[r, c] = 0.0
        spread[r, r] = start[1, r]


@njit(cache=True, nogil=True, error_model="numpy")
def _copy(state: Float, spread: Float, order: int, to_state: Float, to_spread: Float) -> None:
    for r in range(order):
        to_state[r] = state[r]
        for c in range(order):
            to_spread[r, c] = spread[r, c]


@njit(cache=True, nogil=True, error_model="numpy")
def _mirror(state: Float, spread: Float, order: int, to_state: Float, to_spread: Float) -> None:
    """The same motion backwards in time: what changes its sign under it is every odd derivative."""
    for r in range(order):
        to_state[r] = -state[r] if r % 2 else state[r]
        for c in range(order):
            to_spread[r, c] = -spread[r, c] if (r + c) % 2 else spread[r, c]


@njit(cache=True, nogil=True, error_model="numpy")
def _move(powers: Float, noise: Float, order: int, state: Float, spread: Float, scratch: Float) -> None:
    """One time step h, of which `powers` (2·STATE,) are given: Φ x and Φ P Φᵀ + Q."""
    one, two, three = powers[1], powers[2] / 2.0, powers[3] / 6.0
    for r in range(order):
        total = state[r]
        if r + 1 < order:
            total += one * state[r + 1]
        if r + 2 < order:
            total += two * state[r + 2]
        if r + 3 < order:
            total += three * state[r + 3]
        state[r] = total  # the numbers after it are still those from before the step
        for c in range(order):
            total = spread[r, c]
            if r + 1 < order:
                total += one * spread[r + 1, c]
            if r + 2 < order:
                total += two * spread[r + 2, c]
            if r + 3 < order:
                total += three * spread[r + 3, c]
            scratch[r, c] = total
    for r in range(order):
        for c in range(r + 1):
            total = scratch[r, c]
            if c + 1 < order:
                total += one * scratch[r, c + 1]
            if c + 2 < order:
                total += two * scratch[r, c + 2]
            if c + 3 < order:
                total += three * scratch[r, c + 3]
            total += noise[r, c] * powers[2 * order - 1 - r - c]
            # One half stands for both: rounding would leave a skew part that no observation ever corrects.
            spread[r, c], spread[c, r] = total, total


@njit(cache=True, nogil=True, error_model="numpy")
def _observe(value: float, variance: float, order: int, state: Float, spread: Float) -> None:
    """What an observation of the position tells; nothing if it is NaN."""
    if not np.isfinite(value):
        return
    inverse, away = 1.0 / (spread[0, 0] + variance), value - state[0]
    for r in range(order - 1, -1, -1):  # the first row and column, of which all others need the old values, come last
        gain = spread[r, 0] * inverse
        state[r] += gain * away
        for c in range(r, -1, -1):
            spread[r, c] -= gain * spread[c, 0]
    for r in range(order):
        for c in range(r):
            spread[c, r] = spread[r, c]


@njit(cache=True, nogil=True, error_model="numpy")
def _combine(
    ahead: Float,
    ahead_spread: Float,
    behind: Float,
    behind_spread: Float,
    order: int,
    system: Float,
    size: Float,
    mean: Float,
    variance: Float,
) -> bool:
    """Mean and variances, (STATE,), of two independent estimates of the same state; False where the sum of their covariances is singular.

    Args:
        system: (STATE, 2·STATE + 1), scratch: the sum A + B, scaled to a diagonal of 1, and what it is solved for, B and the difference.
        size: (STATE,), scratch: the scale.
    """
    for r in range(order):
        size[r] = np.sqrt(ahead_spread[r, r] + behind_spread[r, r])
    for r in range(order):
        for c in range(order):
            system[r, c] = (ahead_spread[r, c] + behind_spread[r, c]) / (size[r] * size[c])
            system[r, order + c] = behind_spread[r, c] / size[r]
        system[r, 2 * order] = (behind[r] - ahead[r]) / size[r]
    if not _solved(system, order, 2 * order + 1):
        return False
    for r in range(order):
        for c in range(order, 2 * order + 1):
            system[r, c] /= size[r]
    for r in range(order):
        away, own = 0.0, 0.0
        for c in range(order):
            away += ahead_spread[r, c] * system[c, 2 * order]
            own += ahead_spread[r, c] * system[c, order + r]
        mean[r] = ahead[r] + away
        # Beneath the last digit of what it comes from a variance is rounding, of either sign.
        variance[r] = max(own, 1e-16 * size[r] ** 2)
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _solved(system: Float, order: int, width: int) -> bool:
    """Gaussian elimination with partial pivoting of `order` rows; the solutions stand in the columns from `order` to `width`."""
    for i in range(order):
        pivot = i
        for r in range(i + 1, order):
            if abs(system[r, i]) > abs(system[pivot, i]):
                pivot = r
        if system[pivot, i] == 0.0:
            return False
        if pivot != i:
            for c in range(i, width):
                system[i, c], system[pivot, c] = system[pivot, c], system[i, c]
        inverse = 1.0 / system[i, i]
        for r in range(i + 1, order):
            factor = system[r, i] * inverse
            for c in range(i + 1, width):
                system[r, c] -= factor * system[i, c]
    for i in range(order - 1, -1, -1):
        inverse = 1.0 / system[i, i]
        for c in range(order, width):
            total = system[i, c]
            for r in range(i + 1, order):
                total -= system[i, r] * system[r, c]
            system[i, c] = total * inverse
    return True


def are_kept() -> bool:
    """Whether the smoother's loops were compiled on this machine before; those of `compiled_spline` are needed first."""
    return any(Path(smooth_nodes.stats.cache_path or "").glob("compiled_smoother.smooth_nodes-*.nbi"))
