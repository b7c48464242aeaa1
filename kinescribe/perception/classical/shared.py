"""Sightings that two bodies share: what was seen of the one is a blob of both, while the other was lost in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.sightings import Path

__all__ = ["shared_sightings"]

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

SWOLLEN = 1.15  # times its usual area: so much larger is more than the body
LIKE = 2.5  # times the other's area: what is smaller, a string or a piece, hardly moves a blob's middle
LEAST_ALONE = 5  # sightings that tell how large a body is by itself


def shared_sightings(paths: list[Path]) -> list[set[int]]:
    """The frames in which each path's body was seen as one with another's, in one blob, whichever path that was counted to.

    The middle of such a blob is neither body's. The one path breaks off and goes on while the other is seen, larger than it is by itself,
    about where the first must be.
    """
    out: list[set[int]] = [set() for _ in paths]
    lost = [_lost(path) for path in paths]
    areas = [float(np.median(path.areas)) for path in paths]
    for k, path in enumerate(paths):
        alike = [j for j in range(len(paths)) if j != k and 1 / LIKE < areas[j] / areas[k] < LIKE]
        near = {j: _near(path, *lost[j]) for j in alike if len(lost[j][0])}
        alone = ~np.any(list(near.values()), axis=0) if near else np.ones(len(path.frames), bool)
        if alone.all() or np.count_nonzero(alone) < LEAST_ALONE:
            continue
        swollen = path.areas > SWOLLEN * np.median(path.areas[alone])
        for j, beside in near.items():
            frames = path.frames[beside & swollen].tolist()
            out[k].update(frames)
            out[j].update(frames)
    return out


def _lost(path: Path) -> tuple[NDArray[np.int64], Float, float]:
    """The frames within a path in which it wasn't seen, where it must have been, (m, 2), and how far from there it reaches, px."""
    frames = np.setdiff1d(np.arange(path.frames[0], path.frames[-1] + 1), path.frames)
    where = np.stack([np.interp(frames, path.frames, path.positions[:, axis]) for axis in (0, 1)], axis=1)
    return frames, where, float(np.sqrt(np.median(path.areas) / np.pi))


def _near(path: Path, frames: NDArray[np.int64], positions: Float, reach: float) -> Mask:
    """In which of its frames a path's box comes within `reach` of another's places (m, 2)."""
    _, rows, others = np.intersect1d(path.frames, frames, assume_unique=True, return_indices=True)
    beside = np.maximum(path.boxes[rows, :2] - positions[others], positions[others] - path.boxes[rows, 2:]).max(1)
    out = np.zeros(len(path.frames), bool)
    out[rows[beside <= reach]] = True
    return out
