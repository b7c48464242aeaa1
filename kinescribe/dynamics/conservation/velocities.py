"""Velocities of what was seen, with their σ: local polynomials that never reach across an impact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Local", "at", "local"]

Float = NDArray[np.float64]
WINDOW = {1: 3, 2: 7, 3: 9}  # sightings under a polynomial of each degree, at the most
BENT = 2.0  # how much worse a parabola's χ² per degree of freedom must be before a cubic is taken


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """Position and rate at some times; NaN where there are too few sightings.

    Attributes:
        value, rate: (m,).
        value_variance, rate_variance: (m,) from the sightings' σ.
        misfit: χ² per degree of freedom over all windows.
    """

    value: Float
    rate: Float
    value_variance: Float
    rate_variance: Float
    misfit: float = 0.0


def local(times: Float, values: Float, sigma: Float) -> Local:
    """At each of m sightings of one arc: parabolas, or cubics where the arc bends too much for them."""
    m = len(times)
    if m < WINDOW[1]:
        none = np.full(m, np.nan)
        return Local(none, none.copy(), none.copy(), none.copy())
    plain = _fitted(times, values, sigma, times, 2 if m >= 5 else 1)
    if m >= WINDOW[3]:
        cubic = _fitted(times, values, sigma, times, 3)
        if plain.misfit > BENT * max(cubic.misfit, 1.0):
            return cubic
    return plain


def at(times: Float, values: Float, sigma: Float, moment: float) -> Local:
    """At one moment, (1,), from the sightings nearest to it, all on one side of it or around it."""
    if len(times) < WINDOW[1]:
        none = np.full(1, np.nan)
        return Local(none, none.copy(), none.copy(), none.copy())
    return _fitted(times, values, sigma, np.array([moment]), 2 if len(times) >= 5 else 1)


def _fitted(times: Float, values: Float, sigma: Float, moments: Float, degree: int) -> Local:
    """Weighted least squares over the nearest sightings of each moment."""
    m, width = len(times), min(WINDOW[degree], len(times))
    nearest = np.searchsorted(times, moments)
    first = np.clip(nearest - width // 2, 0, m - width)
    index = first[:, None] + np.arange(width)
    span = max(float(times[-1] - times[0]), 1e-300) * width / m
    offset = (times[index] - moments[:, None]) / span
    design = offset[..., None] ** np.arange(degree + 1)
    weight = 1.0 / sigma[index] ** 2
    normal = np.einsum("mwi,mw,mwj->mij", design, weight, design)
    inverse = np.linalg.pinv(normal)
    found = np.einsum("mij,mwj,mw,mw->mi", inverse, design, weight, values[index])
    left = values[index] - np.einsum("mwi,mi->mw", design, found)
    free = width - degree - 1
    misfit = float(np.mean((weight * left**2).sum(axis=1)) / free) if free > 0 else 0.0
    return Local(found[:, 0], found[:, 1] / span, inverse[:, 0, 0], inverse[:, 1, 1] / span**2, misfit)
