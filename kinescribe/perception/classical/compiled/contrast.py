"""Which pixels of a blob are faint against its own; `kinescribe.perception.classical.blobs` tells what that is for."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["clear_pixels"]


@njit(cache=True, nogil=True, error_model="numpy")
def clear_pixels(
    smooth: NDArray[np.float32], mask: NDArray[np.bool_], spans: NDArray[np.int64], cap: float, faint: float
) -> NDArray[np.bool_]:
    """Those pixels of a mask (h, w) that reach the share `faint` of the brightest nearby, which counts as `cap` at most.

    Args:
        smooth: (h, w), brightness, 0 outside the mask.
        spans: (2·n + 1,), half-widths of the rows of what is nearby, from n above to n below.
    """
    height, width = smooth.shape
    n = len(spans) // 2
    out = np.zeros((height, width), np.bool_)
    least = faint * cap
    for y in range(height):
        for x in range(width):
            if not mask[y, x]:
                continue
            value = smooth[y, x]
            if value >= least:  # most are; only the outline has to be looked at
                out[y, x] = True
                continue
            dimmed = False
            for k in range(2 * n + 1):  # the nearest rows first: where there is a brighter one, it is mostly right beside
                dy = (k + 1) // 2 if k % 2 else -(k // 2)
                row = y + dy
                if row < 0 or row >= height:
                    continue
                half = spans[n + dy]
                for column in range(max(x - half, 0), min(x + half + 1, width)):
                    if faint * smooth[row, column] > value:
                        dimmed = True
                        break
                if dimmed:
                    break
            out[y, x] = not dimmed
    return out
