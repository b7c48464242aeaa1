"""Colours that lie about one colour, counted: compiled loops."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["colour_codes", "levels_with_code", "mean_within", "squared_distances"]

Bytes = NDArray[np.uint8]


@njit(cache=True, nogil=True, error_model="numpy")
def colour_codes(pixels: Bytes) -> NDArray[np.int64]:
    """How often each colour occurs among pixels (P, 3), 32 levels a channel told apart: (32768,)."""
    counts = np.zeros(1 << 15, np.int64)
    for i in range(pixels.shape[0]):
        counts[((pixels[i, 0] >> 3) << 10) | ((pixels[i, 1] >> 3) << 5) | (pixels[i, 2] >> 3)] += 1
    return counts


@njit(cache=True, nogil=True, error_model="numpy")
def levels_with_code(pixels: Bytes, code: int) -> NDArray[np.int64]:
    """How often each grey level occurs in each channel of the pixels (P, 3) that have a code: (3, 256)."""
    counts = np.zeros((3, 256), np.int64)
    b, g, r = code >> 10, (code >> 5) & 31, code & 31
    for i in range(pixels.shape[0]):
        if pixels[i, 0] >> 3 == b and pixels[i, 1] >> 3 == g and pixels[i, 2] >> 3 == r:
            for c in range(3):
                counts[c, pixels[i, c]] += 1
    return counts


@njit(cache=True, nogil=True, error_model="numpy")
def mean_within(pixels: Bytes, low: NDArray[np.int64], high: NDArray[np.int64]) -> tuple[int, NDArray[np.float64]]:
    """How many pixels (P, 3) lie from `low` to `high` in all channels, and the mean of these, (3,)."""
    b0, b1, g0, g1, r0, r1 = low[0], high[0], low[1], high[1], low[2], high[2]
    count, b, g, r = 0, np.int64(0), np.int64(0), np.int64(0)
    for i in range(pixels.shape[0]):
        x, y, z = np.int64(pixels[i, 0]), np.int64(pixels[i, 1]), np.int64(pixels[i, 2])
        if b0 <= x <= b1 and g0 <= y <= g1 and r0 <= z <= r1:
            count += 1
            b += x
            g += y
            r += z
    mean = np.empty(3)
    mean[0], mean[1], mean[2] = b, g, r
    return count, mean / max(count, 1)


@njit(cache=True, nogil=True, error_model="numpy")
def squared_distances(pixels: Bytes, color: NDArray[np.float32], close: float, wide: float, within: Bytes) -> tuple[int, int, float]:
    """How many of the pixels (P, 3) are `close` to a colour and how many are in a `wide` distance, and the sum of the close ones' squares.

    Distances are RMS over channels. `within` (P,) is set to 2 where a pixel is close, else 1 where it is in a wide distance, else 0.
    """
    many, more, total = 0, 0, 0.0
    b, g, r = color[0], color[1], color[2]
    for i in range(pixels.shape[0]):
        x, y, z = np.float32(pixels[i, 0]) - b, np.float32(pixels[i, 1]) - g, np.float32(pixels[i, 2]) - r
        square = (x * x + y * y + z * z) / np.float32(3)
        if square <= close * close:
            many += 1
            more += 1
            total += square
            within[i] = 2
        elif square <= wide * wide:
            more += 1
            within[i] = 1
        else:
            within[i] = 0
    return many, more, total
