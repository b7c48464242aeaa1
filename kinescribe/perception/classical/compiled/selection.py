"""The k-th smallest of some numbers."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["channel_medians", "middle", "select"]

FEW, BINS = 128, 512


@njit(cache=True, nogil=True, error_model="numpy")
def select(values: NDArray[np.float32], count: int, k: int) -> float:
    """The k-th smallest, from 0, of the first `count` values, which are put into another order (C. A. R. Hoare, 1961)."""
    low, high = 0, count - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return float(values[k])


@njit(cache=True, nogil=True, error_model="numpy")
def _bin(value: float, least: float, scale: float) -> int:
    """One of `BINS`, whatever the value is: what is no number must not write elsewhere in memory."""
    place = (value - least) * scale
    return int(place) if 0.0 <= place < BINS else 0


@njit(cache=True, nogil=True, error_model="numpy")
def middle(values: NDArray[np.float32], count: int) -> float:
    """The median of the first `count` values, at least one and all finite, which may be put into another order."""
    half, below = count // 2, -np.inf
    if count > FEW:  # sorted into bins, only the bin that holds the middle is looked into: no branch that can't be foretold
        least, most = values[0], values[0]
        for k in range(count):
            least, most = min(least, values[k]), max(most, values[k])
        if least == most:
            return float(least)
        scale = np.float32(BINS - 1) / (most - least)
        if not (scale > 0 and np.isfinite(scale)):  # values that lie too near or too far for single precision
            scale = np.float32(0.0)
        counts = np.zeros(BINS, np.int32)
        for k in range(count):
            counts[_bin(values[k], least, scale)] += 1
        chosen = 0
        while half >= counts[chosen]:
            half -= counts[chosen]
            chosen += 1
        found = 0
        for k in range(count):
            value = values[k]
            place = _bin(value, least, scale)
            if place < chosen:
                below = max(below, value)
            elif place == chosen:
                values[found] = value  # never beyond what was read
                found += 1
    else:
        found = count
    upper = float(select(values, found, half))
    if count % 2:
        return upper
    lower = float(below)
    for k in range(half):
        lower = max(lower, float(values[k]))
    return 0.5 * (lower + upper)


@njit(cache=True, nogil=True, error_model="numpy")
def channel_medians(image: NDArray[np.uint8], mask: NDArray[np.bool_], out: NDArray[np.float64]) -> None:
    """Fill the median of each channel of a picture (h, w, 3) under a mask (h, w) that isn't empty, (3,)."""
    height, width = mask.shape
    counts, total = np.zeros((3, 256), np.int64), 0
    for y in range(height):
        for x in range(width):
            if mask[y, x]:
                total += 1
                for channel in range(3):
                    counts[channel, image[y, x, channel]] += 1
    for channel in range(3):
        below, lower = 0, -1
        for level in range(256):
            below += counts[channel, level]
            if lower < 0 and 2 * below >= total:
                lower = level
            if 2 * below > total:  # where a level ends at half of the pixels, the median lies midway to the next
                out[channel] = (lower + level) / 2
                break
