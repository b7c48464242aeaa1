"""Middles and upright boxes of outlines, in image pixels that count from the top left pixel's corner."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Extent", "of_polygon", "of_segmentation"]

Extent = tuple[float, float, tuple[float, float, float, float]]  # x and y of the middle; left, upper edge, width, height
MOST_PIXELS = 2**26
_ENDLESS = re.compile("[P-o]{13}")  # digits of five bits that promise another: no picture has runs of so many


def of_polygon(points: NDArray[np.float64]) -> Extent:
    """Of one polygon (n, 2), n ≥ 1: the middle of its area, or of its corners where it has none.

    Raises:
        ValueError: corners that aren't finite.
    """
    if not np.isfinite(points).all():
        raise ValueError("a corner is no finite number")
    low, high = points.min(axis=0), points.max(axis=0)
    box = (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
    here = points - low  # near 0, where products lose least
    after = np.roll(here, -1, axis=0)
    cross = here[:, 0] * after[:, 1] - here[:, 1] * after[:, 0]
    area = cross.sum() / 2
    if abs(area) < 1e-9 * max(box[2] * box[3], 1e-300) or area == 0:
        middle = points.mean(axis=0)
    else:
        middle = low + ((here + after) * cross[:, None]).sum(axis=0) / (6 * area)
    return float(middle[0]), float(middle[1]), box


def of_segmentation(outline: Any) -> Extent | None:
    """Of what COCO calls a segmentation: run lengths or polygons; None where there is none, or one in several pieces.

    Raises:
        ValueError: what is neither, or can't be read.
    """
    if not outline:
        return None
    if isinstance(outline, dict):
        return _of_runs(outline.get("size"), outline.get("counts"))
    if not isinstance(outline, list) or not all(isinstance(piece, list) for piece in outline):
        raise ValueError("it is no list of polygons and no mask")
    if len(outline) > 1:
        return None
    if len(outline[0]) < 2 or not all(isinstance(value, int | float) and abs(value) < MOST_PIXELS for value in outline[0]):
        raise ValueError("its polygon is no list of finite numbers within a picture")
    return of_polygon(np.array(outline[0], np.float64).reshape(-1, 2))


def _of_runs(size: Any, counts: Any) -> Extent | None:
    """Of a mask in COCO's run lengths, compressed (text) or not (numbers); None where it is empty.

    Raises:
        ValueError: run lengths that don't fill the picture, or a picture of more than 67 million pixels.
    """
    from kinescribe.perception.rle import decode_counts

    if not (isinstance(size, list) and len(size) == 2 and all(isinstance(n, int) and 0 < n <= MOST_PIXELS for n in size)):
        raise ValueError("the mask has no size [height, width]")
    height, width = size
    if height * width > MOST_PIXELS:
        raise ValueError(f"the mask has {height} × {width} pixels, more than {MOST_PIXELS:,}")
    if isinstance(counts, str) and _ENDLESS.search(counts):
        raise ValueError("the mask's run lengths hold a number beyond all measure")
    if isinstance(counts, str):
        mask = decode_counts((height, width), counts)
    elif isinstance(counts, list) and all(isinstance(n, int) and n >= 0 for n in counts) and sum(counts) == height * width:
        mask = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(width, height).T
    else:
        raise ValueError("the mask's run lengths don't fill the picture")
    across, down = mask.sum(axis=0), mask.sum(axis=1)
    if not across.any():
        return None
    xs, ys = np.flatnonzero(across), np.flatnonzero(down)
    x, y = (float((n * (np.arange(len(n)) + 0.5)).sum() / n.sum()) for n in (across, down))
    return x, y, (float(xs[0]), float(ys[0]), float(xs[-1] - xs[0] + 1), float(ys[-1] - ys[0] + 1))
