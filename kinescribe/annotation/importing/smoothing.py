"""Velocities, accelerations and standard deviations for positions that came without them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEWEST", "filled", "noise_of"]

Float = NDArray[np.float64]
FEWEST = 5  # sightings of a track, for its noise to be told from its motion
_LEAST = 1e-7  # of a track's extent: what rounding to a file's digits leaves
_TINY = 1e-50  # its square must stay more than 0
_TO_SIGMA = 1.4826
SMOOTHED = ("x", "y", "vx", "vy", "ax", "ay")


def noise_of(times: Float, values: Float) -> float:
    """The standard deviation of the independent error in values (n,) at times (n,), n ≥ 5; more than 0.

    From the third divided differences, normed to the error's own size: smooth motion hardly shows in them.
    """
    steps = times / np.median(np.diff(times))  # products of four gaps must stay within what a float holds
    at = np.stack([steps[k : len(steps) - 3 + k] for k in range(4)])
    seen = np.stack([values[k : len(values) - 3 + k] for k in range(4)])
    gaps = at[:, None] - at[None, :]
    gaps[np.arange(4), np.arange(4)] = 1.0
    weights = 1.0 / gaps.prod(axis=1)
    rough = (weights * seen).sum(axis=0) / np.sqrt((weights**2).sum(axis=0))
    extent = float(np.ptp(values)) or max(1.0, float(np.abs(values).max()))
    sigma = _TO_SIGMA * float(np.median(np.abs(rough)))
    levels = np.unique(values)
    if sigma < _LEAST * extent and 1 < len(levels) < len(values):
        # whole pixels, most of them the same as the one before: what rounding to them leaves
        sigma = float(np.diff(levels).min()) / np.sqrt(12.0)
    return max(sigma, _LEAST * extent, _TINY)


def filled(
    object_ids: NDArray[np.int64], times: Float, x: Float, y: Float, observed: NDArray[np.bool_]
) -> tuple[dict[str, Float], list[int]]:
    """Columns (n,) of v, a and all σ, NaN where they can't be known, and the ids of tracks with too few sightings for any.

    Rows are in order of time within each object. Rows that aren't `observed` get velocities, and no σ of a position that nobody measured.
    """
    from kinescribe.tracking.smoothing import smooth_coordinates

    out = {name: np.full(len(x), np.nan) for name in (*SMOOTHED[2:], *(f"sigma_{name}" for name in SMOOTHED))}
    short = []
    order = np.argsort(object_ids, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(object_ids[order])) + 1):
        seen = observed[rows]
        if seen.sum() < FEWEST:
            short += [int(object_ids[rows[0]])] if len(rows) else []
            continue
        at, points = times[rows], np.stack([x[rows], y[rows]], axis=1)
        # one error for both axes: a coordinate that hardly changes would be given its rounding's
        sigma = max(noise_of(at[seen], points[seen, axis]) for axis in range(2))
        path = smooth_coordinates(at, seen, points, np.full_like(points, sigma**2))
        stray = np.where(path.outliers, np.nan, 1.0)
        measured = np.where(seen, 1.0, np.nan)
        for axis, name in enumerate("xy"):
            out[f"v{name}"][rows] = path.velocities[:, axis] * stray
            out[f"a{name}"][rows] = path.accelerations[:, axis] * stray
            out[f"sigma_v{name}"][rows] = path.velocity_sigmas[:, axis] * stray
            out[f"sigma_a{name}"][rows] = path.acceleration_sigmas[:, axis] * stray
            out[f"sigma_{name}"][rows] = sigma * path.measurement_scale[axis] * measured
    return out, short
