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
from kinescribe.tracking.motion_spline import MotionSpline

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


def strongest_shocks(times: Float, values: Float, variances: Float, starts: Ints) -> list[Shock]:
    """The strongest shocks, far enough from one another not to speak of the same event; none when none is worth its price.

    Args:
        times: (n,).
        values, variances: (n, D).
        starts: where known breaks begin new arcs.
    """
    splines = [MotionSpline(times, starts, ORDER, values[:, axis], variances[:, axis]) for axis in range(values.shape[1])]
    if not len(splines[0]):
        return []
    grid = intensity_grid(times, ORDER)[::2]
    fits = np.array([_robust_fit(spline, grid) for spline in splines])
    chosen: list[Shock] = []
    for shock in sorted(_winners(times, values, variances, starts, fits), key=lambda one: -one.gain):
        if shock.gain < PRICE + np.log(len(times)) or (chosen and shock.gain < ECHO * chosen[0].gain):
            break
        if all(abs(shock.row - other.row) > APART for other in chosen):
            chosen.append(shock)
    return chosen


def _robust_fit(spline: MotionSpline, grid: Float) -> tuple[float, float]:
    """Process noise and the measurement variance's scale, by a likelihood with heavy tails: breaks not yet found don't pass for roughness.

    The innovations have Student's t distribution with 3 degrees of freedom.
    """
    found = spline.likelihoods(grid)
    count = len(spline)
    typical = np.partition(np.abs(found.whitened), count // 2, axis=1)[:, count // 2] / 0.6745
    scales = (PRIOR_STRENGTH + count * typical**2) / (PRIOR_STRENGTH + count)
    tails = np.log1p(found.whitened**2 / (3 * scales[:, None])).sum(axis=1)
    best = int(np.argmax(-2 * tails - found.log_determinants / 2 - count * np.log(scales) / 2))
    return float(grid[best]), float(scales[best])


def _winners(times: Float, values: Float, variances: Float, starts: Ints, fits: Float) -> list[Shock]:
    """The likeliest shock around each place, if it beats those of other kinds there; `fits` (D, 2) of intensity and scale."""
    from kinescribe.tracking.compiled_spline import score_shocks  # numba takes its time to come in

    moments, gains = np.tile(times, (len(KINDS), 1)), np.empty((len(KINDS), len(times)))
    whole = np.ascontiguousarray(starts, np.int64)
    of_observations = np.ascontiguousarray(values, np.float64), np.ascontiguousarray(variances.T, np.float64)
    score_shocks(np.ascontiguousarray(times), whole, *of_observations, fits[:, 0].copy(), fits[:, 1].copy(), moments, gains)
    around = _around(gains)
    out = []
    for kind, name in enumerate(KINDS):
        rivals = np.delete(around, kind, axis=0).max(axis=0)
        wins = np.isfinite(gains[kind]) & (gains[kind] >= around[kind]) & (gains[kind] > rivals + MARGIN)
        out += [Shock(name, int(row), float(moments[kind, row]), float(gains[kind, row])) for row in np.flatnonzero(wins)]
    return out


def _around(fields: Float) -> Float:
    """The largest value within an arc's length, of fields (K, n)."""
    padded = np.pad(fields, ((0, 0), (ARC, ARC)), constant_values=-np.inf)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * ARC + 1, axis=1).max(axis=2), np.float64)


def kept_rows(count: int, found: list[Shock]) -> Ints:
    """The observations that no shock calls wrong."""
    kept = np.ones(count, bool)
    kept[[shock.row for shock in found if shock.kind == "outlier"]] = False
    return np.flatnonzero(kept)


def arc_starts(times: Float, found: list[Shock]) -> Ints:
    """Where among the observations at `times` (n,) new arcs begin."""
    moments = [shock.time for shock in found if shock.kind != "outlier"]
    starts = np.unique(np.searchsorted(times, moments, side="right")).astype(np.intp)
    return starts[(starts > 0) & (starts < len(times))]
