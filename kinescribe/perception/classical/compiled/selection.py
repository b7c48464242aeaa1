"""The k-th smallest of some numbers."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["middle", "select"]


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
    """The median of the first `count` values, at least one, which are put into another order."""
    half = count // 2
    upper = float(select(values, count, half))
    if count % 2:
        return upper
    lower = float(values[0])
    for k in range(1, half):
        lower = max(lower, float(values[k]))
    return 0.5 * (lower + upper)
