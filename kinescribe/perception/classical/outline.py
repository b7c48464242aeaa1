"""A round body located by its outline.

A centroid weighs what the grid, the codec and the sensor did to each pixel of the rim by how far out it lies. Fitting the circle that
all rim pixels share, with the width of its edge left free, uses them as evidence of one centre: on drawn and on filmed discs it halves
the error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Circle", "fit_circle"]

Float = NDArray[np.float64]

RIM_PX = 3.0  # pixels within so much of the circle are evidence
SHARPEST_EDGE_PX, WIDEST_EDGE_PX = 0.15, 4.0
MOST_RESIDUAL = 0.12  # RMS of coverage along the rim: beyond it isn't a disc
LARGEST_SIGMA_PX = 1.0  # along any direction: a sharp small disc may have no pixel on its edge, and any circle between them fits
LEAST_RIM = 0.6  # share of the rim that must be in the window


@dataclass(frozen=True, slots=True, eq=False)
class Circle:
    """A fitted disc: centre (2,), radius and edge width in pixels, covariance of the centre (2, 2), RMS residual of the coverage."""

    centre: Float
    radius: float
    edge: float
    covariance: Float
    residual: float


def fit_circle(coverage: NDArray[np.float32], centre: Float, radius: float) -> Circle | None:
    """Fit a disc to pixel coverage.

    Args:
        coverage: (h, w), how much of each pixel the body covers: 0 outside, 1 inside; may be noisy and exceed both.
        centre: (2,), x, y to start from. radius: to start from, px.

    Returns:
        None where the rim isn't a circle's, too little of it is in the window, or its pixels leave the centre open by more than a pixel.
    """
    h, w = coverage.shape
    distance = np.sqrt((np.arange(w) - centre[0]) ** 2 + (np.arange(h)[:, None] - centre[1]) ** 2)
    rim = np.flatnonzero(np.abs(distance - radius) < RIM_PX)
    if len(rim) < max(LEAST_RIM * 2 * np.pi * radius * 2 * RIM_PX, 12):
        return None
    y, x = (place.astype(float) for place in np.divmod(rim, w))
    seen = coverage.ravel()[rim].astype(float)

    p = np.array([centre[0], centre[1], radius, 1.0, 2.5])
    for edge in (2.5, 1.2):  # a soft edge first: a sharp one is blind to what lies beside it
        p[4] = edge
        p = _descend(p, x, y, seen, free_edge=False, steps=4)
    p[4] = 0.8
    p = _descend(p, x, y, seen, free_edge=True, steps=14)
    if np.hypot(*(p[:2] - centre)) > 2 or abs(p[2] - radius) > 2:
        return None
    residual, jacobian = _rim_model(p, x, y, seen)
    rms = float(np.sqrt((residual**2).mean()))
    if rms > MOST_RESIDUAL:
        return None
    try:
        spread = np.linalg.inv(jacobian @ jacobian.T + 1e-9 * np.eye(5)) * rms**2
    except np.linalg.LinAlgError:
        return None
    if np.linalg.eigvalsh(spread[:2, :2])[-1] > LARGEST_SIGMA_PX**2:
        return None
    return Circle(p[:2].copy(), float(p[2]), float(p[4]), np.asarray(spread[:2, :2], np.float64), rms)


def _rim_model(p: Float, x: Float, y: Float, seen: Float) -> tuple[Float, Float]:
    """Residuals (P,) and transposed Jacobian (5, P) of the coverage for centre, radius, height and edge width."""
    dx, dy = x - p[0], y - p[1]
    distance = np.maximum(np.sqrt(dx * dx + dy * dy), 1e-9)  # a small disc's centre may fall on a pixel
    inward = p[2] - distance
    ramp = inward / p[4] + 0.5
    slope = np.where((ramp > 0) & (ramp < 1), p[3] / p[4], 0.0)
    ramp = np.minimum(np.maximum(ramp, 0), 1)
    steep = slope / distance
    return p[3] * ramp - seen, np.stack([steep * dx, steep * dy, slope, ramp, slope * inward / -p[4]])


def _descend(p: Float, x: Float, y: Float, seen: Float, *, free_edge: bool, steps: int) -> Float:
    """Levenberg-Marquardt; the ramp's corners make the cost uneven, so that every step must pay."""
    free = 5 if free_edge else 4
    damping = 1e-3
    residual, jacobian = _rim_model(p, x, y, seen)
    cost = float(residual @ residual)
    for _ in range(steps):
        normal = jacobian[:free] @ jacobian[:free].T
        gradient = jacobian[:free] @ residual
        normal[np.diag_indices(free)] *= 1 + damping
        normal[np.diag_indices(free)] += 1e-9
        step = np.linalg.solve(normal, gradient)
        trial = p.copy()
        trial[:free] -= np.clip(step, -1, 1)
        trial[4] = np.clip(trial[4], SHARPEST_EDGE_PX, WIDEST_EDGE_PX)
        tried, slopes = _rim_model(trial, x, y, seen)
        cost_tried = float(tried @ tried)
        if cost_tried < cost:
            small = cost - cost_tried < 1e-7 * cost
            p, residual, jacobian, cost, damping = trial, tried, slopes, cost_tried, max(damping / 5, 1e-6)
            if small:
                break
        else:
            damping *= 8
    return p
