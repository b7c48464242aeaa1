"""A fixed-interval smoother for many hypotheses about one point's motion at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.process_noise import process_noise

__all__ = ["DIFFUSE", "MIRROR", "STATE", "Kicks", "Smoothed", "Start", "smooth_states"]

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
class Kicks:
    """Sudden changes of the state, each just before its node's own observation.

    Attributes:
        nodes: (K,), strictly increasing.
        means: (K, B, 4), added to the state.
        variances: (K, B, 4), added to the covariance's diagonal.
    """

    nodes: NDArray[np.intp]
    means: Float
    variances: Float


@dataclass(frozen=True, slots=True, eq=False)
class Smoothed:
    """States given all observations: position, velocity, acceleration, jerk.

    Attributes:
        means, variances: (J, B, 4).
        before_means, before_variances: (K, B, 4), the same just before each kick.
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
    kicks: Kicks,
) -> Smoothed:
    """Smooth B hypotheses over J nodes: one Kalman filter from each end, combined at every node.

    This is the two-filter form of the Rauch–Tung–Striebel smoother (D. C. Fraser, J. E. Potter, IEEE TAC 14, 1969). White noise looks the
    same backwards in time, so that the second filter is the first on the mirrored motion. Products of the two covariances, never
    differences, give the smoothed one, so that long calm motions keep their digits.

    Args:
        times: (J,), not decreasing.
        values: (J, B), NaN where nothing was observed.
        variances: (J, B), of the values.
        orders, intensities: (B,), motion model and process noise of each hypothesis. What a model's order leaves out of the state is 0.
        starts: at the first node and, not mirrored, at the last.
        kicks: between nodes.
    """
    from kinescribe.tracking.compiled_smoother import smooth_nodes  # numba takes its time to come in

    count, width = values.shape
    noises = np.zeros((width, STATE, STATE))
    for order in np.unique(orders):
        chosen = orders == order
        noises[chosen, :order, :order] = process_noise(int(order), 1.0, intensities[chosen])
    smoothed, before = np.zeros((2, count, width, STATE)), np.zeros((2, len(kicks.nodes), width, STATE))
    times, values, variances = (np.ascontiguousarray(part, np.float64) for part in (times, values, variances))
    models, nodes = (np.ascontiguousarray(part, np.int64) for part in (orders, kicks.nodes))
    first, last = (np.stack([start.mean, start.variances]) for start in starts)
    changes = np.stack([kicks.means, kicks.variances])
    if not smooth_nodes(times, values, variances, models, noises, first, last, nodes, changes, smoothed, before):
        raise np.linalg.LinAlgError("the covariances of the motion from both ends are singular")
    return Smoothed(smoothed[0], smoothed[1], before[0], before[1])
