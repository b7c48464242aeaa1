"""The circle through points on a part of its rim."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Circle", "circle"]

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Circle:
    """Centre and radius, world units."""

    x: float
    y: float
    radius: float


def circle(places: Float) -> Circle | None:
    """The circle with the least squared distances from points (m, 2), outliers damped; None for fewer than five points or none that bend.

    Starts from the algebraic fit by V. Pratt ("Direct least-squares fitting of algebraic surfaces", 1987), which short arcs bias little.
    """
    points = places[np.isfinite(places).all(axis=1)]
    if len(points) < 5:
        return None
    middle = points.mean(axis=0)
    size = float(np.sqrt(((points - middle) ** 2).sum(axis=1).mean()))
    if size <= 1e-12 * max(float(np.abs(points).max()), 1e-300):
        return None
    u = (points - middle) / size
    start = _pratt(u)
    if start is None:
        return None
    from scipy.optimize import least_squares

    fitted = least_squares(
        lambda p: np.hypot(u[:, 0] - p[0], u[:, 1] - p[1]) - p[2], start, loss="soft_l1", f_scale=_noise(u, start), max_nfev=50
    )
    x, y, radius = (float(value) for value in fitted.x)
    # a circle of a thousand times the arc is a straight line
    if not np.isfinite(fitted.x).all() or not 0 < radius < 1e3:
        return None
    return Circle(middle[0] + size * x, middle[1] + size * y, size * radius)


def _noise(u: Float, p: Float) -> float:
    """Usual distance from the rim, of points of unit spread."""
    return max(1.5 * float(np.median(np.abs(np.hypot(u[:, 0] - p[0], u[:, 1] - p[1]) - p[2]))), 1e-9)


def _pratt(u: Float) -> Float | None:
    """Centre and radius (3,) of points (m, 2) about their mean, of unit spread."""
    z = (u**2).sum(axis=1)
    rows = np.column_stack([z, u, np.ones(len(u))])
    moments = rows.T @ rows / len(u)
    constraint = np.array([[0.0, 0.0, 0.0, -2.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [-2.0, 0.0, 0.0, 0.0]])
    values, vectors = np.linalg.eig(np.linalg.solve(constraint, moments))
    values, vectors = values.real, vectors.real
    usable = np.flatnonzero(values > -1e-12)
    if not len(usable):
        return None
    a, b, c, d = vectors[:, usable[np.argmin(values[usable])]]
    if abs(a) < 1e-9:
        return None
    x, y = -b / (2 * a), -c / (2 * a)
    square = x * x + y * y - d / a
    return np.array([x, y, np.sqrt(square)]) if square > 0 else None
