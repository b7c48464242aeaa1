"""How far masks lie on each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import MaskCrop

__all__ = ["intersection", "iou", "iou_matrix"]


def intersection(first: MaskCrop, second: MaskCrop) -> int:
    """Pixels that both cover."""
    y0, y1 = max(first.y, second.y), min(first.y + first.shape[0], second.y + second.shape[0])
    x0, x1 = max(first.x, second.x), min(first.x + first.shape[1], second.x + second.shape[1])
    if y1 <= y0 or x1 <= x0:
        return 0
    a = first.pixels[y0 - first.y : y1 - first.y, x0 - first.x : x1 - first.x]
    b = second.pixels[y0 - second.y : y1 - second.y, x0 - second.x : x1 - second.x]
    return int(np.count_nonzero(a & b))


def iou(first: MaskCrop, second: MaskCrop) -> float:
    """Intersection over union, [0, 1]; 0 where both are empty."""
    both = intersection(first, second)
    union = int(np.count_nonzero(first.pixels)) + int(np.count_nonzero(second.pixels)) - both
    return both / union if union else 0.0


def iou_matrix(first: Sequence[MaskCrop], second: Sequence[MaskCrop]) -> NDArray[np.float64]:
    """Intersection over union of each of the one with each of the other, shape (len(first), len(second))."""
    return np.array([[iou(a, b) for b in second] for a in first]).reshape(len(first), len(second))
