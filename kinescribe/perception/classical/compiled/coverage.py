"""How much of each pixel a body covers; `kinescribe.perception.classical.measure.soft_mask` tells how that is read off."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kinescribe.perception.classical.compiled.selection import middle, select

__all__ = ["soften"]

Float32 = NDArray[np.float32]


@njit(cache=True, nogil=True, error_model="numpy")
def soften(difference: Float32, mask: NDArray[np.bool_], least_inside: int, bright: float, weights: Float32) -> float:
    """Fill the weights, (h, w), of a body under a mask from its difference from the background; its contrast.

    `least_inside`: pixels off the outline that tell the contrast; with fewer, all do, and what share `bright` of them stay below is it.
    """
    height, width = mask.shape
    inside = np.zeros((height, width), np.bool_)
    rim = np.zeros((height, width), np.bool_)
    values, count, covered = np.empty(height * width, np.float32), 0, 0
    for y in range(height):
        for x in range(width):
            if not mask[y, x]:
                continue
            covered += 1
            whole = True
            for row in range(max(y - 1, 0), min(y + 2, height)):  # beyond the window everything counts as covered
                for column in range(max(x - 1, 0), min(x + 2, width)):
                    rim[row, column] = True
                    whole &= mask[row, column]
            if whole:
                inside[y, x] = True
                values[count] = difference[y, x]
                count += 1
    if count >= least_inside:
        contrast = middle(values, count)
    else:
        count = 0
        for y in range(height):
            for x in range(width):
                if mask[y, x]:
                    values[count] = difference[y, x]
                    count += 1
        place = bright * (covered - 1)
        low = int(place)
        contrast = float(select(values, count, low))
        contrast += (place - low) * (float(select(values, count, min(low + 1, count - 1))) - contrast)
    inverse = 1.0 / max(contrast, 1e-6)
    for y in range(height):
        for x in range(width):
            if not rim[y, x]:
                weights[y, x] = 0.0
                continue
            whole = inside[y, x]
            if whole:
                for row in range(max(y - 1, 0), min(y + 2, height)):
                    for column in range(max(x - 1, 0), min(x + 2, width)):
                        whole &= inside[row, column]
            weights[y, x] = 1.0 if whole else min(difference[y, x] * inverse, 1.0)
    return contrast
