"""Gauss-Newton on the pixels of a sprite; `kinescribe.perception.classical.sprite` tells what is fitted."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kinescribe.perception.classical.compiled.selection import middle

__all__ = ["descend"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]

CONVERGED_PX = 0.01
HOPELESS_AFTER = 3  # steps: a body that explains less than the empty background by then isn't there
LEAST_VISIBLE = 0.35  # share of the body's pixels that must lie in the picture
FARTHEST_TURN = 0.6  # radians
RESULTS = 16


@njit(cache=True, nogil=True, error_model="numpy")
def _solve(normal: Float, gradient: Float, size: int, move: Float) -> bool:
    """Solve the symmetric normal equations of 2 or 3 unknowns by Cramer's rule; False where they have no single solution."""
    a, b, d = normal[0, 0], normal[0, 1], normal[1, 1]
    if size == 2:
        determinant = a * d - b * b
        if not abs(determinant) > 1e-12 * a * d:
            return False
        move[0] = (d * gradient[0] - b * gradient[1]) / determinant
        move[1] = (a * gradient[1] - b * gradient[0]) / determinant
        return True
    c, e, f = normal[0, 2], normal[1, 2], normal[2, 2]
    p, q, r = d * f - e * e, c * e - b * f, b * e - c * d
    determinant = a * p + b * q + c * r
    if not abs(determinant) > 1e-12 * a * d * f:
        return False
    u, v, w = a * f - c * c, b * c - a * e, a * d - b * b
    move[0] = (p * gradient[0] + q * gradient[1] + r * gradient[2]) / determinant
    move[1] = (q * gradient[0] + u * gradient[1] + v * gradient[2]) / determinant
    move[2] = (r * gradient[0] + v * gradient[1] + w * gradient[2]) / determinant
    return True


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc", "arcp"})
def _linearise(
    at: Float32, rendered: Float32, alpha: Float32, slopes: Float32, shares: Float32, all_shares: float, turns: bool,
    view: NDArray[np.uint8], behind: Float32, offset: Float32, open_view: NDArray[np.bool_], x: float, y: float, turn: float,
    residual: Float32, under: Float32, energy: Float32, sorted_energy: Float32, normal: Float, gradient: Float, sums: Float,
) -> bool:  # fmt: skip
    """The least-squares problem about one pose: fills `normal`, `gradient` and `sums` (what is left unexplained, what the background
    leaves unexplained, the weight of both, visible share); False where too little of the body is in the picture.
    """
    count = len(at)
    height, width = view.shape[:2]
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    px, py = np.float32(x), np.float32(y)
    visible = np.float32(0.0)
    seen_count = 0
    unexplained = without = weight = 0.0
    checks = open_view.shape[0] > 0
    for i in range(count):
        ax, ay = at[i, 0], at[i, 1]
        fx, fy = px + (c * ax - s * ay), py + (s * ax + c * ay)
        if not (fx >= 0 and fy >= 0 and fx <= right and fy <= bottom):
            energy[i] = -1.0
            continue
        if checks and not open_view[int(fy + np.float32(0.5)), int(fx + np.float32(0.5))]:
            energy[i] = -1.0
            continue
        column, row = min(int(fx), width - 2), min(int(fy), height - 2)
        tx, ty = fx - np.float32(column), fy - np.float32(row)
        w11 = tx * ty
        w01, w10 = tx - w11, ty - w11
        w00 = np.float32(1.0) - tx - w10
        own, rest = np.float32(0.0), np.float32(0.0)
        opaque = alpha[i]
        for k in range(3):
            seen = (
                w00 * np.float32(view[row, column, k]) + w01 * np.float32(view[row, column + 1, k])
                + w10 * np.float32(view[row + 1, column, k]) + w11 * np.float32(view[row + 1, column + 1, k])
            ) - offset[k]  # fmt: skip
            ground = (
                w00 * behind[row, column, k] + w01 * behind[row, column + 1, k]
                + w10 * behind[row + 1, column, k] + w11 * behind[row + 1, column + 1, k]
            )  # fmt: skip
            left = seen - rendered[i, k] - (np.float32(1.0) - opaque) * ground
            residual[i, k], under[i, k] = left, ground
            own += left * left
            rest += (seen - ground) * (seen - ground)
        own, rest = own / np.float32(3.0), rest / np.float32(3.0)
        energy[i] = own
        sorted_energy[seen_count] = own
        seen_count += 1
        visible += opaque * shares[i]
        counted = min(opaque * np.float32(2.0), np.float32(1.0)) * shares[i]
        unexplained += counted * own
        without += counted * rest
        weight += counted
    share = visible / max(all_shares, 1e-6)
    if share < LEAST_VISIBLE or seen_count == 0:
        return False
    # robust: what stands before the body, or is something else, must not pull
    scale = 1.5 * np.sqrt(middle(sorted_energy, seen_count)) + 1.0
    cut = np.float32(1.0 / (2.5 * scale) ** 2)
    n00 = n01 = n11 = n02 = n12 = n22 = g0 = g1 = g2 = 0.0
    for i in range(count):
        if energy[i] < 0:
            continue
        w = np.float32(1.0) / (np.float32(1.0) + energy[i] * cut)
        ax, ay = at[i, 0], at[i, 1]
        away_x, away_y = c * ax - s * ay, s * ax + c * ay
        sx, sy = slopes[i, 6], slopes[i, 7]
        m00 = m01 = m11 = m02 = m12 = m22 = h0 = h1 = h2 = np.float32(0.0)
        for k in range(3):
            # moving the body by +d changes the picture by −∇(rendered − alpha · plate) · d, gradients turned with the body
            bx, by = slopes[i, k] - sx * under[i, k], slopes[i, 3 + k] - sy * under[i, k]
            jx, jy = -(c * bx - s * by), -(s * bx + c * by)
            left = residual[i, k]
            m00 += jx * jx
            m01 += jx * jy
            m11 += jy * jy
            h0 += jx * left
            h1 += jy * left
            if turns:
                jt = jy * away_x - jx * away_y
                m02 += jx * jt
                m12 += jy * jt
                m22 += jt * jt
                h2 += jt * left
        n00 += w * m00
        n01 += w * m01
        n11 += w * m11
        g0 += w * h0
        g1 += w * h1
        if turns:
            n02 += w * m02
            n12 += w * m12
            n22 += w * m22
            g2 += w * h2
    normal[0, 0], normal[0, 1], normal[1, 0], normal[1, 1] = n00 * (1 + 1e-6), n01, n01, n11 * (1 + 1e-6)
    normal[0, 2], normal[2, 0], normal[1, 2], normal[2, 1], normal[2, 2] = n02, n02, n12, n12, n22 * (1 + 1e-6)
    gradient[0], gradient[1], gradient[2] = g0, g1, g2
    sums[0], sums[1], sums[2], sums[3] = unexplained, without, weight, share
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def descend(
    at: Float32, rendered: Float32, alpha: Float32, slopes: Float32, shares: Float32, turns: bool, radius: float,
    view: NDArray[np.uint8], behind: Float32, offset: Float32, open_view: NDArray[np.bool_],
    x: float, y: float, turn: float, farthest: float, iterations: int, results: Float,
) -> bool:  # fmt: skip
    """Find a sprite in a crop of the picture; False where it left the picture or ran away.

    Args:
        at: (P, 2), x, y of its pixels against its anchor.
        rendered: (P, 3). alpha: (P,). shares: (P,), how many of its pixels each stands for.
        slopes: (P, 8), gradients: of the three channels along x, then along y, of alpha along x and y.
        turns, radius: whether its look tells a turn; of the disc of its area, px.
        view: uint8, (h, w, 3), at least 3 × 3, the crop. behind: (h, w, 3), the plate there. offset: (3,), of brightness.
        open_view: (h, w), where nothing hides the body; empty where nothing hides any of it.
        x, y, turn: to start from, in the crop. farthest: px that it may move from there. iterations: at most.
        results: (16,), filled with x, y, turn, the nine of the normal matrix, unexplained, without, weight, visible.
    """
    count = len(at)
    residual, under = np.empty((count, 3), np.float32), np.empty((count, 3), np.float32)
    energy, order = np.empty(count, np.float32), np.empty(count, np.float32)
    normal, gradient, sums, move = np.zeros((3, 3)), np.zeros(3), np.zeros(4), np.zeros(3)
    all_shares = 0.0
    for i in range(count):
        all_shares += alpha[i] * shares[i]
    start_x, start_y, first_turn = x, y, turn
    for done in range(iterations + 1):
        if not _linearise(
            at, rendered, alpha, slopes, shares, all_shares, turns, view, behind, offset, open_view, x, y, turn,
            residual, under, energy, order, normal, gradient, sums,
        ):  # fmt: skip
            return False
        if done == iterations:
            break
        if done == HOPELESS_AFTER and sums[0] > sums[1]:
            return False
        if not _solve(normal, gradient, 3 if turns else 2, move):
            return False
        length = np.hypot(move[0], move[1])
        if length > 1.5:
            shrink = 1.5 / length
            move[0] *= shrink
            move[1] *= shrink
            move[2] *= shrink
        x += move[0]
        y += move[1]
        if turns:
            turn += min(max(move[2], -0.2), 0.2)
            length += abs(move[2]) * radius
        if np.hypot(x - start_x, y - start_y) > farthest or abs(turn - first_turn) > FARTHEST_TURN:
            return False
        if length < CONVERGED_PX:
            break
    results[0], results[1], results[2] = x, y, turn
    for a in range(3):
        for b in range(3):
            results[3 + 3 * a + b] = normal[a, b]
    for a in range(4):
        results[12 + a] = sums[a]
    return True
