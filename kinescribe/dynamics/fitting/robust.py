"""Weights that keep a few bad sightings from deciding a fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["cost", "scale_of", "weights_of"]

Float = NDArray[np.float64]
KNEE = 3.0  # scales up to which residuals count in full: 99.7 % of what is Gaussian
ENOUGH = 24  # residuals, below which nothing can be called an outlier
EXACT = 1e-7  # of the larger residuals: a residual that is rounding
_MEDIANS = np.array([0.6745, 0.8326, 0.8880])  # of the root mean square of 1, 2 and 3 standard normal numbers


def scale_of(residuals: Float, seen: NDArray[np.bool_], fitted: int, size: int = 1) -> float:
    """By how much residuals exceed 1: robust where there are many, else their root mean square; allowing for the numbers fitted.

    The `size` coordinates of a sighting are taken together, for one that never changes (the x of what drops straight down) fits to the last
    digit and says nothing about noise; nor do sightings that fit like that in all coordinates, such as those of something at rest.
    """
    values = residuals[seen]
    if not len(values):
        return 1.0
    share = np.sqrt(len(values) / max(len(values) - fitted, 1))
    if len(values) < ENOUGH:
        return float(max(np.sqrt(np.mean(values**2)) * share, 1e-9))
    grouped = np.where(seen, residuals, 0.0).reshape(-1, size)
    count = seen.reshape(-1, size).sum(axis=1)
    norms = np.sqrt((grouped**2).sum(axis=1)[count > 0] / count[count > 0]) / _MEDIANS[count[count > 0] - 1]
    norms = norms[norms >= EXACT * np.quantile(norms, 0.9)]
    return float(max(np.median(norms) * share, 1e-9))


def weights_of(residuals: Float, seen: NDArray[np.bool_], scale: float, size: int) -> Float:
    """Huber's weights (c, m), one for all `size` coordinates of a sighting, so that a bad sighting is bad in each."""
    if seen.sum() < ENOUGH:
        return seen.astype(float)
    grouped = residuals.reshape(*residuals.shape[:-1], -1, size)
    norm = np.sqrt((grouped**2).sum(axis=-1, keepdims=True)) / (scale * np.sqrt(size))
    weight = np.minimum(1.0, KNEE / np.maximum(norm, 1e-300))
    out: Float = np.broadcast_to(weight, grouped.shape).reshape(residuals.shape) * seen
    return out


def cost(residuals: Float, seen: NDArray[np.bool_], scale: float, size: int) -> Float:
    """Huber's loss, summed over the last axis, in units of scale²: half the square up to the knee, linear beyond."""
    grouped = (residuals * seen).reshape(*residuals.shape[:-1], -1, size)
    norm = np.sqrt((grouped**2).sum(axis=-1)) / scale
    knee = KNEE * np.sqrt(size)
    if seen.sum() < ENOUGH:
        return np.asarray(0.5 * (norm**2).sum(axis=-1))
    return np.asarray(np.where(norm <= knee, 0.5 * norm**2, knee * (norm - 0.5 * knee)).sum(axis=-1))
