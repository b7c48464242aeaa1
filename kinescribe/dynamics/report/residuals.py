"""What is left between clips and law, object by object, and what its σ is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.report.motion import Motion

__all__ = ["of_objects", "stood_in"]

STAND_IN = 1e-3  # of the extent of what was seen: the σ of a clip whose table has none


def of_objects(fit: Fit, clip: Clip, motion: Motion) -> list[float]:
    """Root mean square residual of each object in σ; NaN for one that was not seen."""
    names = ["x", "y"] + (["angle"] if fit.law.turns and np.isfinite(clip.angle).any() else [])
    squares = np.concatenate([motion.residuals(clip, name) ** 2 for name in names])
    known = np.isfinite(squares)
    count = known.sum(axis=0)
    total = np.where(known, squares, 0.0).sum(axis=0)
    return [float(value) for value in np.sqrt(np.where(count > 0, total / np.maximum(count, 1), np.nan))]


def stood_in(clips: Sequence[Clip]) -> list[str]:
    """Names of the clips whose table gave no σ of positions."""
    return [clip.name for clip in clips if _alike(clip)]


def _alike(clip: Clip) -> bool:
    """All σ are the same, and the one that stands in."""
    sigma = np.concatenate([clip.sigma_x, clip.sigma_y])
    extent = max(float(np.ptp(one[np.isfinite(one)])) for one in (clip.x, clip.y) if np.isfinite(one).any())
    return bool(np.all(sigma == sigma.flat[0]) and np.isclose(sigma.flat[0], STAND_IN * extent, rtol=1e-9, atol=0.0))
