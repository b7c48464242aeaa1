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
    from kinescribe.perception.classical.compiled.circle import RIM_PX, collect_rim, fit_rim  # numba takes its time to come in

    rim = collect_rim(coverage, float(centre[0]), float(centre[1]), radius)
    if rim.shape[1] < max(LEAST_RIM * 2 * np.pi * radius * 2 * RIM_PX, 12):
        return None
    p, normal = np.empty(5), np.empty((5, 5))
    mean_square = fit_rim(float(centre[0]), float(centre[1]), radius, rim, p, normal)
    if np.hypot(*(p[:2] - centre)) > 2 or abs(p[2] - radius) > 2:
        return None
    rms = float(np.sqrt(mean_square))
    if rms > MOST_RESIDUAL:
        return None
    try:
        spread = np.linalg.inv(normal + 1e-9 * np.eye(5)) * mean_square
    except np.linalg.LinAlgError:
        return None
    mean, half = (spread[0, 0] + spread[1, 1]) / 2, np.hypot((spread[0, 0] - spread[1, 1]) / 2, spread[0, 1])
    if mean + half > LARGEST_SIGMA_PX**2:
        return None
    return Circle(p[:2].copy(), float(p[2]), float(p[4]), np.asarray(spread[:2, :2], np.float64), rms)
