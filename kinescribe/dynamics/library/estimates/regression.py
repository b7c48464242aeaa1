"""Robust linear regression, weighted medians, and starts kept within a law's bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.parameters import Parameter

__all__ = ["middle", "regress", "within"]

Float = NDArray[np.float64]
ROUNDS = 12
TUNING = 1.345  # Huber's constant: 95 % efficiency where noise is normal
SINGULAR = 1e-9  # of the greatest singular value, after scaling: directions that the data don't tell


def regress(rows: Float, target: Float, weight: Float | None = None) -> Float | None:
    """Coefficients (p,) with ``rows @ coefficients ≈ target``, by Huber's loss; None where there are fewer rows than coefficients.

    Args:
        rows: (m, p). target: (m,). weight: (m,) one over the variance, up to a factor.
    """
    w = np.ones(len(target)) if weight is None else weight
    known = np.isfinite(rows).all(axis=1) & np.isfinite(target) & np.isfinite(w) & (w > 0)
    a, b, root = rows[known], target[known], np.sqrt(w[known])
    if len(b) < a.shape[1] or not len(b):
        return None
    root = root / root.max()
    size = np.linalg.norm(a * root[:, None], axis=0)
    size[size == 0] = 1.0
    a = a / size
    trust = np.ones(len(b))
    found = np.zeros(a.shape[1])
    for _ in range(ROUNDS):
        by = (root * np.sqrt(trust))[:, None]
        found = np.linalg.lstsq(a * by, b * by[:, 0], rcond=SINGULAR)[0]
        residual = np.abs(root * (b - a @ found))
        scale = 1.4826 * float(np.median(residual))
        if scale <= 1e-12 * float(np.abs(root * b).max()):
            break
        trust = np.minimum(1.0, TUNING * scale / np.maximum(residual, 1e-300))
    return np.asarray(found / size)


def middle(values: Float, weight: Float | None = None) -> float:
    """Weighted median of those that are finite; NaN where there are none."""
    value = np.asarray(values, float).ravel()
    w = np.ones_like(value) if weight is None else np.asarray(weight, float).ravel()
    known = np.isfinite(value) & np.isfinite(w) & (w > 0)
    if not known.any():
        return float("nan")
    order = np.argsort(value[known])
    value, w = value[known][order], w[known][order]
    # halfway between the steps of the weights' sum, so that two alike give their mean
    position = np.cumsum(w) - 0.5 * w
    return float(np.interp(0.5 * w.sum(), position, value))


def within(parameters: Mapping[str, Parameter], **found: Any) -> dict[str, Any]:
    """Those starts that are finite numbers, brought within bounds; the others are left to their declared starts."""
    kept: dict[str, Any] = {}
    for name, value in found.items():
        low, high = parameters[name].bounds
        if value is not None and np.isfinite(value).all():
            kept[name] = np.clip(value, low, high) if np.ndim(value) else float(min(max(value, low), high))
    return kept
