"""A disc's rim by Levenberg-Marquardt; `kinescribe.perception.classical.outline` tells what is fitted and why."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["RIM_PX", "collect_rim", "fit_rim"]

Float = NDArray[np.float64]

RIM_PX = 3.0  # pixels within so much of the circle are evidence
SHARPEST_EDGE_PX, WIDEST_EDGE_PX = 0.15, 4.0


@njit(cache=True, nogil=True, error_model="numpy")
def collect_rim(coverage: NDArray[np.float32], x: float, y: float, radius: float) -> Float:
    """The pixels of a coverage, (h, w), near a circle: (3, P), x, y, coverage."""
    height, width = coverage.shape
    out = np.empty((3, height * width))
    count = 0
    for row in range(height):
        for column in range(width):
            if abs(np.sqrt((column - x) ** 2 + (row - y) ** 2) - radius) < RIM_PX:
                out[0, count], out[1, count], out[2, count] = column, row, coverage[row, column]
                count += 1
    return out[:, :count].copy()


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc", "arcp"})
def _cost(p: Float, rim: Float) -> float:
    """Sum of squared residuals."""
    total = 0.0
    for i in range(rim.shape[1]):
        dx, dy = rim[0, i] - p[0], rim[1, i] - p[1]
        ramp = min(max((p[2] - np.sqrt(dx * dx + dy * dy)) / p[4] + 0.5, 0.0), 1.0)
        left = p[3] * ramp - rim[2, i]
        total += left * left
    return total


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc", "arcp"})
def _normal(p: Float, rim: Float, normal: Float, gradient: Float) -> None:
    """JᵀJ (5, 5) and Jᵀr (5,) for centre, radius, height and edge width."""
    normal[:] = 0.0
    gradient[:] = 0.0
    j = np.empty(5)
    for i in range(rim.shape[1]):
        dx, dy = rim[0, i] - p[0], rim[1, i] - p[1]
        distance = max(np.sqrt(dx * dx + dy * dy), 1e-9)  # a small disc's centre may fall on a pixel
        inward = p[2] - distance
        ramp = inward / p[4] + 0.5
        slope = p[3] / p[4] if 0.0 < ramp < 1.0 else 0.0
        ramp = min(max(ramp, 0.0), 1.0)
        left = p[3] * ramp - rim[2, i]
        steep = slope / distance
        j[0], j[1], j[2], j[3], j[4] = steep * dx, steep * dy, slope, ramp, -slope * inward / p[4]
        if slope == 0.0:  # beside the edge only the height counts
            normal[3, 3] += ramp * ramp
            gradient[3] += ramp * left
            continue
        for a in range(5):
            gradient[a] += j[a] * left
            for b in range(a, 5):
                normal[a, b] += j[a] * j[b]
    for a in range(5):
        for b in range(a):
            normal[a, b] = normal[b, a]


@njit(cache=True, nogil=True, error_model="numpy")
def _solve(a: Float, b: Float, size: int, out: Float) -> bool:
    """Solve a symmetric positive system (size ≤ 5) by Cholesky's factors; False where it isn't positive."""
    low = np.zeros((size, size))
    for i in range(size):
        for j in range(i + 1):
            total = a[i, j]
            for k in range(j):
                total -= low[i, k] * low[j, k]
            if i == j:
                if not total > 0.0:
                    return False
                low[i, i] = np.sqrt(total)
            else:
                low[i, j] = total / low[j, j]
    for i in range(size):
        total = b[i]
        for k in range(i):
            total -= low[i, k] * out[k]
        out[i] = total / low[i, i]
    for i in range(size - 1, -1, -1):
        total = out[i]
        for k in range(i + 1, size):
            total -= low[k, i] * out[k]
        out[i] = total / low[i, i]
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _descend(p: Float, rim: Float, free: int, steps: int, normal: Float, gradient: Float) -> None:
    """Move p downhill, the first `free` of its numbers; the ramp's corners make the cost uneven, so that every step must pay."""
    damping = 1e-3
    damped, step, trial = np.empty((5, 5)), np.zeros(5), np.empty(5)
    _normal(p, rim, normal, gradient)
    cost = _cost(p, rim)
    for _ in range(steps):
        damped[:] = normal
        for a in range(free):
            damped[a, a] = damped[a, a] * (1.0 + damping) + 1e-9
        if not _solve(damped, gradient, free, step):
            return
        trial[:] = p
        for a in range(free):
            trial[a] -= min(max(step[a], -1.0), 1.0)
        trial[4] = min(max(trial[4], SHARPEST_EDGE_PX), WIDEST_EDGE_PX)
        tried = _cost(trial, rim)
        if tried < cost:
            small = cost - tried < 1e-7 * cost
            p[:] = trial
            cost = tried
            damping = max(damping / 5.0, 1e-6)
            if small:
                return
            _normal(p, rim, normal, gradient)
        else:
            damping *= 8.0


@njit(cache=True, nogil=True, error_model="numpy")
def fit_rim(x: float, y: float, radius: float, rim: Float, p: Float, normal: Float) -> float:
    """Fit centre, radius, height and edge width to a rim (3, P): fills p (5,) and JᵀJ there (5, 5); the mean squared residual."""
    gradient = np.empty(5)
    p[0], p[1], p[2], p[3] = x, y, radius, 1.0
    for edge in (2.5, 1.2):  # a soft edge first: a sharp one is blind to what lies beside it
        p[4] = edge
        _descend(p, rim, 4, 4, normal, gradient)
    p[4] = 0.8
    _descend(p, rim, 5, 14, normal, gradient)
    _normal(p, rim, normal, gradient)
    return float(_cost(p, rim) / rim.shape[1])
