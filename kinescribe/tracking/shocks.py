"""Candidates for the places where smooth motion breaks.

A shock is found as P. de Jong and J. Penzer do (JASA 93, 1998): how much likelier do the observations become when the velocity may jump
at this time? An acceleration that changes at once (a ball let go, a puck that comes to rest) and a single wrong observation look alike at
first, so the three compete for every place.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.motion_fit import PRIOR_STRENGTH, intensity_grid
from kinescribe.tracking.motion_spline import MotionSpline, Solution, SplineBasis

__all__ = ["ARC", "MARGIN", "ORDER", "Kind", "Shock", "arc_starts", "kept_rows", "strongest_shocks"]

Float = NDArray[np.float64]
Ints = NDArray[np.intp]
Kind = Literal["jump", "turn", "outlier"]
KINDS: tuple[Kind, ...] = ("jump", "turn", "outlier")

# White jerk between breaks.
ORDER = 3
# A break must make the observations this many times likelier (natural logarithm), times the number of places where it might be,
PRICE = 12.0
# and this many times likelier than the best explanation of another kind.
MARGIN = 3.0
# Observations that an arc needs on either side of a break, and how far apart two breaks found at the same time must be.
ARC, APART = 3, 6
# Weaker than this part of the strongest, a candidate waits until that one is accounted for: it may be its echo.
ECHO = 0.3
# Where between two observations a break is looked for, in parts of the gap.
PARTS = (0.0, 0.25, 0.5, 0.75)


class Shock(NamedTuple):
    """A break in smooth motion.

    Attributes:
        kind: the velocity jumps, the acceleration turns, or one observation is wrong.
        row: the observation at or before it.
        time: its time, in the observations' unit.
        gain: in log-likelihood.
    """

    kind: Kind
    row: int
    time: float
    gain: float


class _Axis(NamedTuple):
    solution: Solution
    scale: float
    band: Float


def strongest_shocks(times: Float, values: Float, variances: Float, starts: Ints) -> list[Shock]:
    """The strongest shocks, far enough from one another not to speak of the same event; none when none is worth its price.

    Args:
        times: (n,).
        values, variances: (n, D).
        starts: where known breaks begin new arcs.
    """
    basis = SplineBasis(times, ORDER, starts)
    if not len(basis.rows):
        return []
    axes = [_robust_fit(MotionSpline(basis, values[:, axis], variances[:, axis])) for axis in range(values.shape[1])]
    chosen: list[Shock] = []
    for shock in sorted(_winners(basis, axes), key=lambda one: -one.gain):
        if shock.gain < PRICE + np.log(len(times)) or (chosen and shock.gain < ECHO * chosen[0].gain):
            break
        if all(abs(shock.row - other.row) > APART for other in chosen):
            chosen.append(shock)
    return chosen


def _robust_fit(spline: MotionSpline) -> _Axis:
    """Process noise by a likelihood with heavy tails, so that breaks not yet found don't pass for roughness."""
    best: tuple[float, float, Solution] | None = None
    for _, solution in spline.solutions(intensity_grid(spline.basis.times, ORDER)[::2]):
        score, scale = _heavy_tailed(solution)
        if best is None or score > best[0]:
            best = score, scale, solution
    assert best is not None
    return _Axis(best[2], best[1], best[2].inverse_band(ORDER))


def _heavy_tailed(solution: Solution) -> tuple[float, float]:
    """Log-likelihood of the innovations under Student's t with 3 degrees of freedom, and the measurement variance's scale."""
    count = len(solution.whitened)
    typical = float(np.partition(np.abs(solution.whitened), count // 2)[count // 2]) / 0.6745
    scale = (PRIOR_STRENGTH + count * typical**2) / (PRIOR_STRENGTH + count)
    tails = float(np.log1p(solution.whitened**2 / (3 * scale)).sum())
    return -2 * tails - solution.log_determinant / 2 - count * float(np.log(scale)) / 2, scale


def _winners(basis: SplineBasis, axes: list[_Axis]) -> list[Shock]:
    """The likeliest shock around each place, if it beats those of other kinds there."""
    count = len(basis.times)
    moments, gains = np.tile(basis.times, (len(KINDS), 1)), np.full((len(KINDS), count), -np.inf)
    places = _places(basis)
    if len(places):
        for kind, power in enumerate((1, 2)):
            moments[kind, places], gains[kind, places] = _hinge_gains(basis, axes, places, power)
    gains[2] = _outlier_gains(basis, axes)
    out = []
    for kind, name in enumerate(KINDS):
        rivals = _around(np.delete(gains, kind, axis=0).max(axis=0))
        wins = np.isfinite(gains[kind]) & (gains[kind] >= _around(gains[kind])) & (gains[kind] > rivals + MARGIN)
        out += [Shock(name, int(row), float(moments[kind, row]), float(gains[kind, row])) for row in np.flatnonzero(wins)]
    return out


def _around(field: Float) -> Float:
    """The largest value within an arc's length."""
    padded = np.pad(field, ARC, constant_values=-np.inf)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * ARC + 1).max(axis=1), np.float64)


def _places(basis: SplineBasis) -> Ints:
    """Observations k with arcs of enough observations before and after the gap k to k + 1: the differences k − 2 to k exist."""
    exists = np.zeros(len(basis.times) + 3, bool)
    exists[basis.rows] = True
    inner = np.arange(2, max(len(basis.times) - 3, 2))
    return inner[exists[inner - 2] & exists[inner - 1] & exists[inner]]


def _hinge_gains(basis: SplineBasis, axes: list[_Axis], places: Ints, power: int) -> tuple[Float, Float]:
    """Best time in each gap, and the gain by adding b (t − time)₊^power to each coordinate: a jump of the first or second derivative."""
    rows = np.searchsorted(basis.rows, places - 2)[:, None] + np.arange(ORDER)
    windows = basis.times[basis.rows[rows][:, :, None] + np.arange(ORDER + 1)]
    best, gains = basis.times[places].copy(), np.full(len(places), -np.inf)
    for part in PARTS:
        moments = basis.times[places] + part * (basis.times[places + 1] - basis.times[places])
        columns = (basis.differences[rows] * np.maximum(windows - moments[:, None, None], 0.0) ** power).sum(axis=2)
        gain = np.zeros(len(places))
        for axis in axes:
            pull = (columns * axis.solution.weights[rows]).sum(axis=1)
            information = (columns**2 * axis.band[0][rows]).sum(axis=1)
            for lag in range(1, ORDER):
                information += 2 * (columns[:, lag:] * columns[:, :-lag] * axis.band[lag][rows[:, :-lag]]).sum(axis=1)
            gain += pull**2 / np.maximum(information, 1e-300) / (2 * axis.scale)
        better = gain > gains
        best[better], gains[better] = moments[better], gain[better]
    return best, gains


def _outlier_gains(basis: SplineBasis, axes: list[_Axis]) -> Float:
    """Gain by leaving out each observation, (n,)."""
    out = np.zeros(len(basis.times))
    for axis in axes:
        pull, information = np.zeros((2, len(out)))
        for j in range(ORDER + 1):
            np.add.at(pull, basis.rows + j, basis.differences[:, j] * axis.solution.weights)
            for lag in range(min(j + 1, len(basis.rows))):
                # The rows i and i + lag touch the observation i + j by their coefficients j and j − lag.
                low = np.flatnonzero(basis.rows[lag:] == basis.rows[: len(basis.rows) - lag] + lag)
                product = basis.differences[low, j] * basis.differences[low + lag, j - lag] * axis.band[lag][low]
                np.add.at(information, basis.rows[low] + j, product * (1 if lag == 0 else 2))
        touched = information > 0
        out[touched] += pull[touched] ** 2 / information[touched] / (2 * axis.scale)
    return out


def kept_rows(count: int, found: list[Shock]) -> Ints:
    """The observations that no shock calls wrong."""
    return np.setdiff1d(np.arange(count), [shock.row for shock in found if shock.kind == "outlier"]).astype(np.intp)


def arc_starts(times: Float, found: list[Shock]) -> Ints:
    """Where among the observations at `times` (n,) new arcs begin."""
    moments = [shock.time for shock in found if shock.kind != "outlier"]
    starts = np.unique(np.searchsorted(times, moments, side="right")).astype(np.intp)
    return starts[(starts > 0) & (starts < len(times))]
