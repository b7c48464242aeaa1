"""Positions, velocities and accelerations along an arc, from low polynomials through neighbouring sightings: no smoothing beyond that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.library.estimates.arcs import kinks

__all__ = ["Derivatives", "derivatives", "together"]

Float = NDArray[np.float64]
GROWTH = 1.35  # from one length of window to the next
PROBES = 40  # windows by which a length is judged
PLACES = 150  # windows at most that are handed out
WORSE = 1.4  # a longer window may leave residuals of so much more variance than the shortest
BROKEN = 6.0  # a window that leaves so much more variance than usual holds a contact


@dataclass(frozen=True, slots=True, eq=False)
class Derivatives:
    """Estimates at w instants. Arrays are (w, k) for k coordinates.

    Attributes:
        times: (w,) seconds.
        value, rate, second: coordinates and their first and second derivatives.
        weight: (w,) one over the variance of `second`, for sightings of unit variance.
        span: (w,) seconds that each is made of.
    """

    times: Float
    value: Float
    rate: Float
    second: Float
    weight: Float
    span: Float

    def __len__(self) -> int:
        return len(self.times)

    @classmethod
    def none(cls, columns: int) -> Derivatives:
        """No estimates at all."""
        empty = np.zeros((0, columns))
        return cls(np.zeros(0), empty, empty, empty, np.zeros(0), np.zeros(0))


def derivatives(times: Float, columns: Float, sigma: Float | float, *, degree: int = 3, whole: bool = False) -> Derivatives:
    """Estimates from sightings (m, k) at `times` (m,): polynomials over windows that are as long as the residuals allow.

    Args:
        sigma: of the sightings, (k,) or one for all: what residuals may be in any case, for rounded ones can scatter by less at first.
        degree: of the polynomials, 2 or 3.
        whole: a window may be as long as the arc (for accelerations that are constant); else half of it.
    """
    count = len(times)
    least = degree + 3
    if count < least:
        degree, least = 2, 4
    if count < least:
        return Derivatives.none(columns.shape[1])
    longest = count if whole else max(count // 2, least)
    # what rounding by arithmetic leaves, and what is known of the sightings
    floor = (1e-9 * (np.ptp(columns, axis=0) + np.abs(columns).max(axis=0) * 1e-6)) ** 2 + np.square(np.nan_to_num(sigma, posinf=0.0))
    size, usual = least, None
    trial = least
    while True:
        spread = np.median(_fitted(times, columns, trial, degree, PROBES)[-1], axis=0) / _typical(trial - degree - 1)
        if usual is None:
            usual = np.maximum(spread, floor)
        elif (spread > WORSE * usual).any():
            break
        size = trial
        if trial == longest:
            break
        trial = min(max(trial + 1, round(GROWTH * trial)), longest)
    *found, spread = _fitted(times, columns, size, degree, PLACES)
    good = (spread <= BROKEN * np.maximum(np.median(spread, axis=0), floor)).all(axis=1)
    return Derivatives(*(part[good] for part in found))


def together(clip: Clip, *, degree: int = 3) -> Derivatives:
    """Estimates of all n objects at common instants: columns x of every object, then y of every object, (w, 2n)."""
    n = len(clip.bodies)
    rows = clip.seen.all(axis=1)
    times = clip.times[rows]
    columns = np.concatenate([clip.x[rows], clip.y[rows]], axis=1)
    sigma = np.median(np.concatenate([clip.sigma_x[rows], clip.sigma_y[rows]], axis=1), axis=0) if rows.any() else 0.0
    cuts = np.sort([hit.time for hit in clip.impacts or kinks(clip)])
    piece = np.searchsorted(cuts, times)
    parts = [derivatives(times[piece == k], columns[piece == k], sigma, degree=degree) for k in np.unique(piece)]
    parts = [part for part in parts if len(part)]
    if not parts:
        return Derivatives.none(2 * n)
    return Derivatives(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("times", "value", "rate", "second", "weight", "span"))
    )


def _typical(freedom: int) -> float:
    """Median of a χ² over its degrees of freedom."""
    return float((1.0 - 2.0 / (9.0 * max(freedom, 1))) ** 3)


def _fitted(times: Float, columns: Float, size: int, degree: int, most: int) -> tuple[Float, ...]:
    """Instants (w,), values, rates, second derivatives (w, k), weights (w,), spans (w,) and residual variances (w, k)
    of windows of one size.
    """
    last = len(times) - size
    stride = max(1, size // 6)
    starts = np.unique(np.linspace(0, last, min(last // stride + 1, most) + (last > 0)).round().astype(int))
    index = starts[:, None] + np.arange(size)
    t = times[index]
    at = t.mean(axis=1)
    half = np.maximum(0.5 * (t[:, -1] - t[:, 0]), 1e-300)
    u = (t - at[:, None]) / half[:, None]
    powers = u[:, :, None] ** np.arange(degree + 1)
    inverse = np.linalg.pinv(powers)
    y = columns[index]
    found = inverse @ y
    residual = y - powers @ found
    freedom = max(size - degree - 1, 1)
    noise = (inverse[:, 2] ** 2).sum(axis=1) / half**4
    return (
        at, found[:, 0], found[:, 1] / half[:, None], 2.0 * found[:, 2] / half[:, None] ** 2,
        1.0 / np.maximum(noise, 1e-300), 2.0 * half, (residual**2).sum(axis=1) / freedom,
    )  # fmt: skip
