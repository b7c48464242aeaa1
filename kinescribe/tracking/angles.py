"""Orientations over time, from angles that are known up to a half or a whole turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.errors import UsageError
from kinescribe.tracking.smoothing import smooth_coordinates

__all__ = ["AngleTrajectory", "smooth_angles", "unwrap_angles"]

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class AngleTrajectory:
    """A smoothed orientation over T frames, radians, continuous over whole turns. NaN before the first and after the last observation.

    Attributes:
        angles, sigmas: (T,), rad.
        rates, rate_sigmas: (T,), rad/s; NaN for a single observation.
    """

    angles: Float
    sigmas: Float
    rates: Float
    rate_sigmas: Float


def unwrap_angles(times: ArrayLike, angles: ArrayLike, sigmas: ArrayLike, period: float) -> Float:
    """Add multiples of `period` to n angles (n,), rad, so that they turn as evenly as they can.

    Dynamic programming over the number of periods between neighbours: of all ways within one period of the nearest, the one with the
    smallest changes of the rate in units of their standard deviations. So a rod that turns by more than a quarter turn a frame still
    unwraps, and of two equally good ways the slower one is taken.
    """
    at, raw, spread = (np.asarray(item, np.float64) for item in (times, angles, sigmas))
    if len(raw) < 2:
        return raw.copy()
    steps = np.diff(at)
    nearest = np.diff(raw) - period * np.round(np.diff(raw) / period)
    shifts = period * np.arange(-1, 2)
    moves = nearest[:, None] + shifts
    rates = moves / steps[:, None]
    variances = spread[:-1] ** 2 + spread[1:] ** 2
    # A slow turn before a fast one: where the evenness leaves a choice, this decides.
    slow = (moves / period) ** 2
    cost = slow[0].copy()
    choice = np.zeros((len(steps), 3), np.intp)
    for k in range(1, len(steps)):
        reach = (steps[k - 1] + steps[k]) / 2
        jump = (rates[k][None, :] - rates[k - 1][:, None]) * reach
        noise = 2 * (variances[k - 1] + variances[k]) + (period / 8) ** 2
        total = cost[:, None] + jump**2 / noise
        choice[k] = np.argmin(total, axis=0)
        cost = total.min(axis=0) + slow[k]
    path = [int(np.argmin(cost))]
    for k in range(len(steps) - 1, 0, -1):
        path.append(int(choice[k, path[-1]]))
    return np.concatenate([raw[:1], raw[0] + np.cumsum(moves[np.arange(len(steps)), path[::-1]])])


def smooth_angles(times: ArrayLike, observed: ArrayLike, angles: ArrayLike, sigmas: ArrayLike, period: float) -> AngleTrajectory:
    """Unwrap and smooth an orientation over T frames, as `smooth_track` does positions, contacts aside.

    Args:
        times: (T,), seconds, strictly increasing.
        observed: (T,) bool.
        angles: (T,), rad; an observed NaN counts as not observed.
        sigmas: (T,), rad, one standard deviation; an observation whose own exceeds a quarter of the period says nothing and is left out.
        period: π for a rod or a box that looks the same from behind, 2π for an arrow.

    Raises:
        UsageError: for a period that isn't positive, or shapes and times that `smooth_track` refuses.
    """
    if not period > 0:
        raise UsageError(f"the period of an angle is {period:g}; give π for a shape that looks the same from behind, else 2π")
    at, raw, spread = (np.asarray(item, np.float64) for item in (times, angles, sigmas))
    seen = np.asarray(observed, bool)
    if raw.shape != at.shape or spread.shape != at.shape or seen.shape != at.shape:
        raise UsageError(
            f"times {at.shape}, observed {seen.shape}, angles {raw.shape} and sigmas {spread.shape} disagree; wanted is (T,) each"
        )
    use = seen & np.isfinite(raw) & (spread > 0) & (spread < period / 4)
    values = np.full((len(at), 1), np.nan)
    values[use, 0] = unwrap_angles(at[use], raw[use], spread[use], period)
    smoothed = smooth_coordinates(at, use, values, np.where(use, spread, 1.0)[:, None] ** 2, contacts=False)
    return AngleTrajectory(
        smoothed.positions[:, 0], smoothed.position_sigmas[:, 0], smoothed.velocities[:, 0], smoothed.velocity_sigmas[:, 0]
    )
