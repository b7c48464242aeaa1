"""Sums over the pixels of a coverage; `kinescribe.perception.classical.measure` tells what they mean."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["SUMS", "sum_moments"]

Float = NDArray[np.float64]

SUMS = 12


@njit(cache=True, nogil=True, error_model="numpy")
def sum_moments(weights: NDArray[np.float32], variance: Float, out: Float) -> None:
    """Fill out (12,) with Σ w; the centroid x, y; Σ w·(dx², dx·dy, dy²) / Σ w; Σ v·(dx², dx·dy, dy²) / (Σ w)²;
    Σ v·(dx⁴ + dy⁴, dx²·dy², dx·dy³ − dx³·dy) / (Σ w)², of a coverage w and its variance v, both (h, w), w somewhere above 0.
    """
    height, width = weights.shape
    total = sum_x = sum_y = 0.0
    for y in range(height):
        row = along = 0.0
        for x in range(width):
            w = float(weights[y, x])
            row += w
            along += w * x
        total += row
        sum_x += along
        sum_y += row * y
    cx, cy = sum_x / total, sum_y / total
    out[0], out[1], out[2] = total, cx, cy
    wxx = wxy = wyy = vxx = vxy = vyy = quartic = both = odd = 0.0
    for y in range(height):
        dy = y - cy
        for x in range(width):
            w, v = float(weights[y, x]), variance[y, x]
            dx = x - cx
            xx, xy, yy = dx * dx, dx * dy, dy * dy
            if w != 0.0:
                wxx += w * xx
                wxy += w * xy
                wyy += w * yy
            if v != 0.0:
                vxx += v * xx
                vxy += v * xy
                vyy += v * yy
                quartic += v * (xx * xx + yy * yy)
                both += v * xx * yy
                odd += v * xy * (yy - xx)
    out[3], out[4], out[5] = wxx / total, wxy / total, wyy / total
    square = total * total
    out[6], out[7], out[8] = vxx / square, vxy / square, vyy / square
    out[9], out[10], out[11] = quartic / square, both / square, odd / square
