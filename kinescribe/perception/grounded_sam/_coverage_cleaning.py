"""Stray patches and pinholes cleared out of a mask that knows how much of each pixel a thing covers."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["cleaned"]

Float32 = NDArray[np.float32]

SMALL_ISLAND = 0.1  # of the largest part's area …
FAR_ISLAND = 0.25  # … and that far from it, in units of the root of its area: a stray patch; an arm behind a post is nearer or larger
SPECK = 0.005  # of the largest part's area: a speck, wherever it lies
PINHOLE = 0.01  # of the mask's area; a ring's hole is larger
PINHOLE_PX = 4
AROUND = np.ones((3, 3), np.uint8)


def cleaned(coverage: Float32) -> Float32:
    """The mask without stray patches and pinholes, (h, w), a copy.

    The largest connected part stays. Another part goes where it has less than a tenth of that part's area and is further from it than
    a quarter of the root of that area, and in any case where it has less than 0.5 % of it. Holes of up to 1 % of the mask's area, or
    4 px, are filled. What is covered without half-covered pixels beside it goes too.
    """
    solid = coverage >= 0.5
    outlines, _ = cv2.findContours(solid.view(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    if len(outlines) == 0:
        return np.zeros_like(coverage)
    if len(outlines) == 1:  # one part without a hole
        return np.asarray(cv2.copyTo(coverage, cv2.dilate(solid.view(np.uint8), AROUND)), np.float32)
    return _cleaned_of_parts(coverage, solid)


def _cleaned_of_parts(coverage: Float32, solid: NDArray[np.bool_]) -> Float32:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid.view(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    main = int(areas.argmax()) + 1
    kept = labels == main
    if count > 2:
        away = cv2.distanceTransform((~kept).view(np.uint8), cv2.DIST_L2, 5)
        largest = float(areas.max())
        for k in range(1, count):
            area = float(areas[k - 1])
            if k == main or area < SPECK * largest:
                continue
            if area >= SMALL_ISLAND * largest or float(away[labels == k].min()) <= FAR_ISLAND * np.sqrt(largest):
                kept |= labels == k
    near = cv2.dilate(kept.view(np.uint8), AROUND).view(bool) & (kept | ~solid)
    out = np.where(near, coverage, np.float32(0))
    pinholes = _pinholes(kept)
    if pinholes.any():
        rim = cv2.dilate(pinholes.view(np.uint8), AROUND).view(bool)
        outside = cv2.dilate((~(kept | pinholes)).view(np.uint8), AROUND).view(bool)
        out[pinholes | (rim & ~outside)] = 1.0
    return out


def _pinholes(solid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(~solid, 1, constant_values=True).view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(padded, connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] <= max(PINHOLE_PX, PINHOLE * float(solid.sum()))
    small[[0, labels[0, 0]]] = False
    return np.asarray(small[labels[1:-1, 1:-1]] if count > 2 else np.zeros_like(solid))
