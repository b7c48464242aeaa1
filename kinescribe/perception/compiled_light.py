"""Light told tile by tile, and taken out of a picture: compiled loops."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["level", "tile_medians"]


@njit(cache=True, nogil=True, error_model="numpy")
def level(image: NDArray[np.uint8], gains: NDArray[np.float32], offsets: NDArray[np.float32], out: NDArray[np.uint8]) -> None:
    """(`image` − offset) / gain into `out`, both (H, W, 3); gains (3, 6) and offsets (3,) as `Light` has them."""
    height, width = image.shape[:2]
    half, one = np.float32(0.5), np.float32(1)
    for y in range(height):
        v = np.float32(2 * y / max(height - 1, 1) - 1)
        for c in range(3):
            level, slope, bend = gains[c, 0] + gains[c, 2] * v + gains[c, 5] * v * v, gains[c, 1] + gains[c, 4] * v, gains[c, 3]
            offset, step = offsets[c], np.float32(2 / max(width - 1, 1))
            for x in range(width):
                u = np.float32(x) * step - one
                value = (np.float32(image[y, x, c]) - offset) / (level + (slope + bend * u) * u)
                out[y, x, c] = np.uint8(min(max(value + half, np.float32(0)), np.float32(255)))


@njit(cache=True, nogil=True, error_model="numpy")
def tile_medians(difference: NDArray[np.int16], order: NDArray[np.intp], starts: NDArray[np.intp], out: NDArray[np.int32]) -> None:
    """Twice the median of each tile's differences, −510 to 510, (n, 3), into `out` (tiles, 3).

    Points are sorted by tile in `order`, from `starts[k]` to `starts[k + 1]`.
    """
    held = np.zeros((3, 1021), np.int32)
    for k in range(starts.shape[0] - 1):
        held[:] = 0
        size = starts[k + 1] - starts[k]
        least, most = np.int64(1020), np.int64(0)
        for i in range(starts[k], starts[k + 1]):
            for c in range(3):
                value = np.int64(difference[order[i], c]) + 510
                held[c, value] += 1
                least, most = np.minimum(least, value), np.maximum(most, value)
        for c in range(3):
            seen, low, high = np.int64(0), np.int64(-1), np.int64(-1)
            for level in range(least, most + 1):
                seen += held[c, level]
                if low < 0 and seen > (size - 1) // 2:
                    low = np.int64(level)
                if seen > size // 2:
                    high = np.int64(level)
                    break
            out[k, c] = low + high - 2 * 510
