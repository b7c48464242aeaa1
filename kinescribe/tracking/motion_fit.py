"""Which motion model, how strong a process noise and how large a measurement error a track's own observations speak for."""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.motion_spline import MotionSpline, SplineBasis, segment_slices

__all__ = ["ORDERS", "MotionFit", "fit_motion", "intensity_grid"]

Float = NDArray[np.float64]

ORDERS = (2, 3, 4)
# The stated covariances count as much as this many observations when the measurement error's true scale is estimated.
PRIOR_STRENGTH = 5.0
# Decades of the grid of intensities between nodes.
GRID_STEP = 0.5
# Decades, per order: the least intensity in units of what would just show over the whole track, and the largest per time step.
LOWEST = {2: -5.0, 3: -3.0, 4: -1.0}
HIGHEST = {2: 4.0, 3: 5.0, 4: 5.0}
# Nodes whose likelihoods differ by less than this factor's logarithm from one without process noise are taken for that.
ALIKE = 0.05
# Nodes less probable than this are left out.
NEGLIGIBLE = 0.01
# White jerk asks for a parabola, so four observations, before it says anything.
FEWEST_FOR_ACCELERATION = 4


@dataclass(frozen=True, slots=True, eq=False)
class MotionFit:
    """What remains likely of one coordinate's motion: K nodes of a posterior, to be averaged over.

    Attributes:
        orders: (K,) int, 2 white acceleration, 3 white jerk.
        intensities: (K,), of the white noise per measurement variance as given: 1/s³ or 1/s⁵ times the variance's unit.
        scales: (K,), factor on the given measurement variances.
        weights: (K,), posterior probabilities of positions and velocities, sum 1.
        acceleration_weights: (K,), the same among white-jerk nodes alone, for white acceleration has none; all 0 where it is undetermined.
    """

    orders: NDArray[np.int64]
    intensities: Float
    scales: Float
    weights: Float
    acceleration_weights: Float


def intensity_grid(times: Float, order: int) -> Float:
    """Intensities, per measurement variance, from 'no process noise visible over the whole track' to 'every observation for itself'."""
    span, count = times[-1] - times[0], len(times)
    lowest = LOWEST[order] - (2 * order - 1) * np.log10(span) - np.log10(count)
    step = float(np.median(np.diff(times)))
    unit = -(2 * order - 1) * np.log10(step)
    # Beneath 1e-13 the window is over a hundred frames wide and the matrices lose their last digits.
    return np.asarray(10.0 ** np.arange(max(lowest, unit - 13.0), unit + HIGHEST[order], GRID_STEP), np.float64)


def fit_motion(bases: dict[int, SplineBasis], values: Float, variances: Float) -> MotionFit:
    """Posterior over model order, process noise and measurement scale of one coordinate, from n ≥ 2 observations; `bases` of all `ORDERS`.

    The process noise has a log-uniform prior, the measurement scale an inverse-gamma one about 1 that integrates in closed form.
    Orders are compared by what they say of all observations given three evenly spread ones of each arc, for their diffuse starts
    have no density of their own (an intrinsic Bayes factor: J. O. Berger, L. R. Pericchi, JASA 91, 1996).
    """
    times, starts = bases[2].times, bases[2].starts
    longest = max(part.stop - part.start for part in segment_slices(starts, len(times)))
    # A model with a diffuse start of m numbers says something from the (m + 1)-th observation on.
    able = [order for order in ORDERS if order == 2 or longest > order + 1]
    chosen, chosen_starts = _training_rows(starts, len(times), max(able))
    found: list[tuple[int, Float, Float, Float]] = []
    evidences = []
    for order in ORDERS:
        grid = intensity_grid(times, order)
        logs, scales = _evidence(MotionSpline(bases[order], values, variances), grid)
        part = MotionSpline(SplineBasis(times[chosen], order, chosen_starts), values[chosen], variances[chosen])
        train_logs, _ = _evidence(part, grid)
        evidences.append(_log_mean(logs) - _log_mean(train_logs) if order in able else -np.inf)
        found.append((order, grid, np.exp(logs - logs.max()), scales))
    evidence = np.asarray(evidences)
    share = np.exp(evidence - evidence.max())
    share /= share.sum()
    accelerating_share = np.where(np.asarray(ORDERS) > 2, share, 0.0)
    if longest >= FEWEST_FOR_ACCELERATION:
        accelerating_share = np.eye(len(ORDERS))[1] if accelerating_share.sum() < 1e-9 else accelerating_share / accelerating_share.sum()
    parts = []
    for (order, grid, weights, scales), prior, accelerating_prior in zip(found, share, accelerating_share, strict=True):
        grid, mass, scales = _merged(grid, weights / weights.sum(), scales)
        keep = (mass * prior > NEGLIGIBLE) | (mass * accelerating_prior > NEGLIGIBLE)
        parts.append((np.full(keep.sum(), order), grid[keep], scales[keep], (mass * prior)[keep], (mass * accelerating_prior)[keep]))
    orders, intensities, scales, weights, accelerations = (np.concatenate(column) for column in zip(*parts, strict=True))
    total = accelerations.sum()
    return MotionFit(orders, intensities, scales, weights / weights.sum(), accelerations / total if total else accelerations)


def _merged(grid: Float, weights: Float, scales: Float) -> tuple[Float, Float, Float]:
    """The nodes, those at the calm end that the observations can't tell from no process noise made one."""
    alike = int(np.argmax(np.append(np.abs(np.log(np.maximum(weights, 1e-300) / max(weights[0], 1e-300))) > ALIKE, True)))
    if alike < 2:
        return grid, weights, scales
    middle = 2 * (alike - 1) // 3
    keep = np.append(middle, np.arange(alike, len(grid)))
    return grid[keep], np.append(weights[:alike].sum(), weights[alike:]), scales[keep]


def _training_rows(starts: NDArray[np.intp], count: int, size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """`size` evenly spread observations of each arc, or all of a shorter one, and where the arcs start among them."""
    rows: list[int] = []
    begins: list[int] = []
    for part in segment_slices(starts, count):
        begins.append(len(rows))
        length = part.stop - part.start
        rows += (part.start + np.round(np.linspace(0, length - 1, min(size, length))).astype(int)).tolist()
    return np.asarray(rows, np.intp), np.asarray(begins[1:], np.intp)


def _evidence(spline: MotionSpline, grid: Float) -> tuple[Float, Float]:
    """Log density of the values for each intensity, up to the flat start's constant, and the measurement scale's posterior mean."""
    count, prior, basis = len(spline), PRIOR_STRENGTH, spline.basis
    constant = float(np.log(np.abs(basis.differences[:, -1])).sum())
    for part in segment_slices(basis.starts, len(basis.times)):
        if part.stop - part.start > basis.order:
            first = basis.times[part.start : part.start + basis.order]
            constant -= float(np.log(np.abs(first[:, None] - first[None])[np.triu_indices(basis.order, 1)]).sum())
    constant += lgamma((prior + count) / 2) - lgamma(prior / 2) + prior / 2 * log(prior) - count / 2 * log(pi)
    logs, scales = np.full(len(grid), -np.inf), np.ones(len(grid))
    for k, solution in spline.solutions(grid):
        logs[k] = constant - solution.log_determinant / 2 - (prior + count) / 2 * np.log(prior + solution.energy)
        scales[k] = (prior + solution.energy) / (prior + count)
    return logs, scales


def _log_mean(logs: Float) -> float:
    top = float(logs.max())
    return top + log(float(np.exp(logs - top).mean()))
