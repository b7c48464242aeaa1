"""A fixed-interval smoother for many hypotheses about one point's motion at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.process_noise import process_noise, transition

__all__ = ["Kick", "Smoothed", "smooth_states"]

Float = NDArray[np.float64]
# How much wider than what the first observations say of it a diffuse quantity starts, in variance.
DIFFUSE = 1e4
# Position, velocity, acceleration, jerk; a motion model of lower order leaves the last ones at zero.
STATE = 4


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
    start: tuple[Float, Float],
    kicks: dict[int, Kick],
) -> Smoothed:
    """Smooth B hypotheses over J nodes with a Kalman filter forwards and the adjoint recursion backwards.

    The backward pass is that of Bryson and Frazier (G. J. Bierman, IEEE CDC 1973): it gives the Rauch–Tung–Striebel smoother's means and
    covariances and inverts nothing.

    Args:
        times: (J,), not decreasing.
        values: (J, B), NaN where nothing was observed.
        variances: (J, B), of the values.
        orders, intensities: (B,), motion model and process noise of each hypothesis.
        start: mean (B, 4) and variances (B, 4) of the state at the first node, before its observation.
        kicks: by node.
    """
    count, width = values.shape
    steps = np.diff(times)
    moves = transition(STATE, steps)
    noises = _noises(steps, orders, intensities)
    seen = np.isfinite(values[:, 0])
    states, spreads = np.empty((count, width, STATE)), np.empty((count, width, STATE, STATE))
    before_states, before_spreads = {}, {}
    gains, innovations, precisions = np.zeros((count, width, STATE)), np.zeros((count, width)), np.zeros((count, width))
    state, spread = start[0], start[1][:, :, None] * np.eye(STATE)
    for j in range(count):
        if j:
            state = state @ moves[j - 1].T
            spread = moves[j - 1] @ spread @ moves[j - 1].T + noises[j - 1]
        if j in kicks:
            before_states[j], before_spreads[j] = state, spread
            state = state + kicks[j].mean
            spread = spread + kicks[j].variances[:, :, None] * np.eye(STATE)
        states[j], spreads[j] = state, spread
        if seen[j]:
            precision = 1.0 / (spread[:, 0, 0] + variances[j])
            column = spread[:, :, 0]
            gain = column * precision[:, None]
            innovation = values[j] - state[:, 0]
            state = state + gain * innovation[:, None]
            spread = spread - gain[:, :, None] * column[:, None, :]
            gains[j], innovations[j], precisions[j] = gain, innovation, precision
    adjoints, informations = np.empty((count, width, STATE)), np.empty((count, width, STATE, STATE))
    adjoint, information = np.zeros((width, STATE)), np.zeros((width, STATE, STATE))
    for j in range(count - 1, -1, -1):
        if seen[j]:
            gain = gains[j]
            adjoint = adjoint.copy()
            adjoint[:, 0] += innovations[j] * precisions[j] - (gain * adjoint).sum(axis=1)
            product = (information @ gain[:, :, None])[:, :, 0]
            information = information.copy()
            information[:, 0, 0] += (gain * product).sum(axis=1) + precisions[j]
            information[:, 0, :] -= product
            information[:, :, 0] -= product
        adjoints[j], informations[j] = adjoint, information
        if j:
            adjoint = adjoint @ moves[j - 1]
            information = moves[j - 1].T @ information @ moves[j - 1]
    means, after = _combined(states, spreads, adjoints, informations)
    before_means, before_variances = means.copy(), after.copy()
    if before_states:
        nodes = np.array(list(before_states))
        earlier = np.stack(list(before_states.values())), np.stack(list(before_spreads.values()))
        before_means[nodes], before_variances[nodes] = _combined(*earlier, adjoints[nodes], informations[nodes])
    return Smoothed(means, after, before_means, before_variances)


def _combined(states: Float, spreads: Float, adjoints: Float, informations: Float) -> tuple[Float, Float]:
    """Means and variances, (…, 3), of predicted states with what the later observations add."""
    means = states + np.einsum("jbik,jbk->jbi", spreads, adjoints)
    variances = np.einsum("jbii->jbi", spreads) - np.einsum("jbik,jbki->jbi", spreads @ informations, spreads)
    return means, np.maximum(variances, 0.0)


def _noises(steps: Float, orders: NDArray[np.int64], intensities: Float) -> Float:
    """Process noise of every step and hypothesis, (J − 1, B, 4, 4)."""
    out = np.zeros((len(steps), len(orders), STATE, STATE))
    for order in np.unique(orders):
        chosen = orders == order
        out[:, chosen, :order, :order] = process_noise(int(order), steps[:, None], intensities[chosen])
    return out
