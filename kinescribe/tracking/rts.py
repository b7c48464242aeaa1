"""A fixed-interval smoother for many hypotheses about one point's motion at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.process_noise import process_noise, transition

__all__ = ["DIFFUSE", "MIRROR", "STATE", "Kick", "Smoothed", "Start", "smooth_states"]

Float = NDArray[np.float64]
# How much wider than what the nearest observations say of it a diffuse quantity starts, in variance.
DIFFUSE = 1e4
# Position, velocity, acceleration, jerk; a motion model of lower order leaves the last ones at zero.
STATE = 4
# What turns the state of a motion into that of the same motion backwards in time.
MIRROR = np.array([1.0, -1.0, 1.0, -1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Where a pass begins, before the first observation it meets.

    Attributes:
        mean, variances: (B, 4).
    """

    mean: Float
    variances: Float


@dataclass(frozen=True, slots=True, eq=False)
class Kick:
    """A sudden change of the state, just before the node's own observation.

    Attributes:
        mean: (B, 4), added to the state.
        variances: (B, 4), added to the covariance's diagonal.
    """

    mean: Float
    variances: Float


@dataclass(frozen=True, slots=True, eq=False)
class Smoothed:
    """States given all observations: position, velocity, acceleration, jerk.

    Attributes:
        means, variances: (J, B, 4).
        before_means, before_variances: (J, B, 4), the same just before a node's kick.
    """

    means: Float
    variances: Float
    before_means: Float
    before_variances: Float


def smooth_states(
    times: Float,
    values: Float,
    variances: Float,
    orders: NDArray[np.int64],
    intensities: Float,
    starts: tuple[Start, Start],
    kicks: dict[int, Kick],
) -> Smoothed:
    """Smooth B hypotheses over J nodes: one Kalman filter from each end, combined at every node.

    This is the two-filter form of the Rauch–Tung–Striebel smoother (D. C. Fraser, J. E. Potter, IEEE TAC 14, 1969). White noise looks the
    same backwards in time, so that the second filter is the first on the mirrored motion, and both run in one batch. Products of the two
    covariances, never differences, give the smoothed one, so that long calm motions keep their digits.

    Args:
        times: (J,), not decreasing.
        values: (J, B), NaN where nothing was observed.
        variances: (J, B), of the values.
        orders, intensities: (B,), motion model and process noise of each hypothesis.
        starts: at the first node and, not mirrored, at the last.
        kicks: by node.
    """
    count, width = values.shape
    steps = np.diff(times)
    noises = _noises(steps, orders, intensities)
    moves = transition(STATE, steps)[:, None]
    seen = np.isfinite(values)
    filled = np.where(seen, values, 0.0)
    means, spreads = np.empty((2, 2, count, width, STATE)), np.empty((2, 2, count, width, STATE, STATE))
    state = np.stack([starts[0].mean, starts[1].mean * MIRROR])
    spread = np.stack([starts[0].variances, starts[1].variances])[..., None] * np.eye(STATE)
    for j in range(count):
        nodes = (j, count - 1 - j)
        if j:
            pair = [j - 1, count - 1 - j]
            move = moves[pair]
            state = (move @ state[..., None])[..., 0]
            spread = move @ spread @ np.swapaxes(move, -1, -2) + noises[pair]
            # Rounding leaves a skew part that no observation would ever correct.
            spread = (spread + np.swapaxes(spread, -1, -2)) / 2
        means[0, 0, j], means[0, 1, nodes[1]] = state
        spreads[0, 0, j], spreads[0, 1, nodes[1]] = spread
        if nodes[0] in kicks:
            state, spread = _kicked(state, spread, 0, kicks[nodes[0]])
        pair = list(nodes)
        column = spread[..., 0]
        gain = column * (seen[pair] / (column[..., 0] + variances[pair]))[..., None]
        state = state + gain * (filled[pair] - state[..., 0])[..., None]
        spread = spread - gain[..., :, None] * column[..., None, :]
        if nodes[1] in kicks:
            state, spread = _kicked(state, spread, 1, kicks[nodes[1]])
        means[1, 0, j], means[1, 1, nodes[1]] = state
        spreads[1, 0, j], spreads[1, 1, nodes[1]] = spread
    means[:, 1] *= MIRROR
    spreads[:, 1] *= MIRROR[:, None] * MIRROR
    active = np.arange(STATE) < orders[:, None]
    after = _combined(means[1, 0], spreads[1, 0], means[0, 1], spreads[0, 1], active)
    before = after[0].copy(), after[1].copy()
    if kicks:
        rows = np.array(list(kicks))
        before[0][rows], before[1][rows] = _combined(means[0, 0, rows], spreads[0, 0, rows], means[1, 1, rows], spreads[1, 1, rows], active)
    return Smoothed(*after, *before)


def _kicked(state: Float, spread: Float, side: int, kick: Kick) -> tuple[Float, Float]:
    """State and covariance of both passes, the kick met by one of them."""
    state, spread = state.copy(), spread.copy()
    state[side] += kick.mean if side == 0 else -kick.mean * MIRROR
    spread[side] += kick.variances[:, :, None] * np.eye(STATE)
    return state, spread


def _combined(ahead: Float, ahead_spread: Float, behind: Float, behind_spread: Float, active: NDArray[np.bool_]) -> tuple[Float, Float]:
    """Means and variances, (J, B, 4), of two independent estimates of the same state."""
    total = ahead_spread + behind_spread
    size = np.sqrt(np.where(active, np.einsum("jbii->jbi", total), 1.0))
    total = total / (size[..., :, None] * size[..., None, :]) + ~active[:, :, None] * np.eye(STATE)
    share = np.concatenate([behind_spread, (behind - ahead)[..., None]], axis=-1) / size[..., None]
    solved = np.linalg.solve(total, share) / size[..., None]
    both = ahead_spread @ solved
    # Beneath the last digit of what it comes from a variance is rounding, of either sign.
    variances = np.maximum(np.einsum("jbii->jbi", both[..., :STATE]), 1e-16 * size**2 * active)
    return ahead + both[..., STATE], variances


def _noises(steps: Float, orders: NDArray[np.int64], intensities: Float) -> Float:
    """Process noise of every step and hypothesis, (J − 1, B, 4, 4)."""
    out = np.zeros((len(steps), len(orders), STATE, STATE))
    for order in np.unique(orders):
        chosen = orders == order
        out[:, chosen, :order, :order] = process_noise(int(order), steps[:, None], intensities[chosen])
    return out
