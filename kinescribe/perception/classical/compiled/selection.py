"""The k-th smallest of some numbers."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["middle", "select"]

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
        counts = np.zeros(BINS, np.int32)
        for k in range(count):
            counts[int((values[k] - least) * scale)] += 1
        chosen = 0
        while half >= counts[chosen]:
            half -= counts[chosen]
            chosen += 1
        found = 0
        for k in range(count):
            value = values[k]
            place = int((value - least) * scale)
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
