"""Gauss-Newton on the pixels of a sprite; `kinescribe.perception.classical.sprite` tells what is fitted."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kinescribe.perception.classical.compiled.selection import middle

__all__ = ["COLUMNS", "RESULTS", "descend"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Corner = tuple[int, int]

CONVERGED_PX = 0.01
HOPELESS_AFTER = 3  # steps: a body that explains less than the empty background by then isn't there
LEAST_VISIBLE = 0.35  # share of the body's pixels that must lie in the picture
FARTHEST_TURN = 0.6  # radians
X, Y, RENDERED, ALPHA, SLOPES, SHARE = 0, 1, 2, 5, 6, 14  # columns of a sprite's pixels
COLUMNS, RESULTS = 15, 11


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
def _compare(
    pixels: Float32, all_shares: float, view: NDArray[np.uint8], in_view: Corner, behind: Float32, in_plate: Corner, size: Corner,
    offset: Float32, open_view: NDArray[np.bool_], x: float, y: float, turn: float,
    energy: Float32, products: Float32, sums: Float,
) -> int:  # fmt: skip
    """Compare the sprite at one pose with what is there: fills `energy`, what is left unexplained at each of its pixels that is seen,
    `products`, what each adds to the normal equations, in the sprite's own directions, and `sums`. Returns how many pixels are seen.
    """
    height, width = size
    top, left = in_view
    plate_top, plate_left = in_plate
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    px, py = np.float32(x), np.float32(y)
    one, third = np.float32(1.0), np.float32(1.0 / 3.0)
    visible = np.float32(0.0)
    seen_count = 0
    unexplained = without = weight = 0.0
    checks = open_view.shape[0] > 0
    for i in range(len(pixels)):
        ax, ay = pixels[i, X], pixels[i, Y]
        fx, fy = px + (c * ax - s * ay), py + (s * ax + c * ay)
        if not (fx >= 0 and fy >= 0 and fx <= right and fy <= bottom):
            continue
        if checks and not open_view[int(fy + np.float32(0.5)), int(fx + np.float32(0.5))]:
            continue
        column, row = min(int(fx), width - 2), min(int(fy), height - 2)
        tx, ty = fx - np.float32(column), fy - np.float32(row)
        w11 = tx * ty
        w01, w10 = tx - w11, ty - w11
        w00 = one - tx - w10
        u, v = row + top, column + left
        a, b = row + plate_top, column + plate_left
        opaque, sx, sy = pixels[i, ALPHA], pixels[i, SLOPES + 6], pixels[i, SLOPES + 7]
        own = rest = np.float32(0.0)
        m00 = m01 = m11 = h0 = h1 = np.float32(0.0)
        for k in range(3):
            seen = (
                w00 * np.float32(view[u, v, k]) + w01 * np.float32(view[u, v + 1, k])
                + w10 * np.float32(view[u + 1, v, k]) + w11 * np.float32(view[u + 1, v + 1, k])
            ) - offset[k]  # fmt: skip
            ground = (
                w00 * behind[a, b, k] + w01 * behind[a, b + 1, k] + w10 * behind[a + 1, b, k] + w11 * behind[a + 1, b + 1, k]
            )  # fmt: skip
            residual = seen - pixels[i, RENDERED + k] - (one - opaque) * ground
            own += residual * residual
            rest += (seen - ground) * (seen - ground)
            # moving the body by +d changes the picture by −∇(rendered − alpha · plate) · d
            bx, by = pixels[i, SLOPES + k] - sx * ground, pixels[i, SLOPES + 3 + k] - sy * ground
            m00 += bx * bx
            m01 += bx * by
            m11 += by * by
            h0 += bx * residual
            h1 += by * residual
        own, rest = own * third, rest * third
        energy[seen_count] = own
        products[0, seen_count], products[1, seen_count], products[2, seen_count] = m00, m01, m11
        products[3, seen_count], products[4, seen_count] = h0, h1
        products[5, seen_count], products[6, seen_count] = ax, ay
        seen_count += 1
        share = pixels[i, SHARE]
        visible += opaque * share
        counted = min(opaque * np.float32(2.0), one) * share
        unexplained += counted * own
        without += counted * rest
        weight += counted
    sums[0], sums[1], sums[2], sums[3] = unexplained, without, weight, visible / max(all_shares, 1e-6)
    return seen_count


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc", "arcp"})
def _add_up(energy: Float32, products: Float32, count: int, cut: float, turns: bool, turn: float, normal: Float, gradient: Float) -> None:
    """The normal equations of a pose from what `_compare` found, pixels weighted down that differ by more than noise."""
    n00 = n01 = n11 = n02 = n12 = n22 = g0 = g1 = g2 = 0.0
    softly = np.float32(cut)
    if turns:
        for i in range(count):
            w = np.float32(1.0) / (np.float32(1.0) + energy[i] * softly)
            m00, m01, m11, h0, h1 = w * products[0, i], w * products[1, i], w * products[2, i], w * products[3, i], w * products[4, i]
            ax, ay = products[5, i], products[6, i]
            m02, m12 = ax * m01 - ay * m00, ax * m11 - ay * m01
            n00 += m00
            n01 += m01
            n11 += m11
            g0 += h0
            g1 += h1
            n02 += m02
            n12 += m12
            n22 += ax * m12 - ay * m02
            g2 += ax * h1 - ay * h0
    else:
        for i in range(count):
            w = np.float32(1.0) / (np.float32(1.0) + energy[i] * softly)
            n00 += w * products[0, i]
            n01 += w * products[1, i]
            n11 += w * products[2, i]
            g0 += w * products[3, i]
            g1 += w * products[4, i]
    # from the sprite's directions to the picture's
    c, s = np.cos(turn), np.sin(turn)
    cc, cs, ss = c * c, c * s, s * s
    normal[0, 0] = (cc * n00 - 2 * cs * n01 + ss * n11) * (1 + 1e-6)
    normal[1, 1] = (ss * n00 + 2 * cs * n01 + cc * n11) * (1 + 1e-6)
    normal[0, 1] = normal[1, 0] = cs * (n00 - n11) + (cc - ss) * n01
    normal[0, 2] = normal[2, 0] = c * n02 - s * n12
    normal[1, 2] = normal[2, 1] = s * n02 + c * n12
    normal[2, 2] = n22 * (1 + 1e-6)
    gradient[0], gradient[1], gradient[2] = -(c * g0 - s * g1), -(s * g0 + c * g1), -g2


@njit(cache=True, nogil=True, error_model="numpy")
def descend(
    pixels: Float32, turns: bool, radius: float, view: NDArray[np.uint8], in_view: Corner, behind: Float32, in_plate: Corner, size: Corner,
    offset: Float32, open_view: NDArray[np.bool_], x: float, y: float, turn: float, farthest: float, iterations: int, results: Float,
) -> bool:  # fmt: skip
    """Find a sprite in a part of the picture; False where it left that part or ran away, or its pixels don't tell its place.

    Args:
        pixels: (P, 15), of the sprite: x and y against its anchor, colour (3), alpha, gradients of the three channels along x, then along
            y, of alpha along x and y, and how many of the sprite's pixels each stands for.
        turns, radius: whether its look tells a turn; of the disc of its area, px.
        view: uint8, (H, W, 3). behind: (H, W, 3), the plate. in_view, in_plate: row and column at which the part begins in each.
        size: rows and columns of the part, at least 3 each. offset: (3,), of brightness.
        open_view: (h, w), where in the part nothing hides the body; empty where nothing hides any of it.
        x, y, turn: to start from, in the part. farthest: px that it may move from there. iterations: at most.
        results: (11,), filled with x, y, turn; what is left unexplained, what the background leaves unexplained, the weight of both, the
            visible share; the inverse of the normal matrix, for x and x, x and y, y and y, turn and turn.
    """
    count = len(pixels)
    energy, order, products = np.empty(count, np.float32), np.empty(count, np.float32), np.empty((7, count), np.float32)
    normal, gradient, sums, move = np.zeros((3, 3)), np.zeros(3), np.zeros(4), np.zeros(3)
    all_shares = 0.0
    for i in range(count):
        all_shares += pixels[i, ALPHA] * pixels[i, SHARE]
    start_x, start_y, first_turn = x, y, turn
    unknowns = 3 if turns else 2
    for done in range(iterations + 1):
        seen = _compare(
            pixels, all_shares, view, in_view, behind, in_plate, size, offset, open_view, x, y, turn, energy, products, sums
        )  # fmt: skip
        if sums[3] < LEAST_VISIBLE or seen == 0:
            return False
        order[:seen] = energy[:seen]
        # robust: what stands before the body, or is something else, must not pull
        scale = 1.5 * np.sqrt(middle(order, seen)) + 1.0
        _add_up(energy, products, seen, 1.0 / (2.5 * scale) ** 2, turns, turn, normal, gradient)
        if done == iterations:
            break
        if done == HOPELESS_AFTER and sums[0] > sums[1]:
            return False
        if not _solve(normal, gradient, unknowns, move):
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
    for a in range(4):
        results[3 + a] = sums[a]
    inverse = np.zeros((3, 3))
    for a in range(unknowns):
        gradient[:] = 0.0
        gradient[a] = 1.0
        if not _solve(normal, gradient, unknowns, inverse[a]):
            return False
    results[7], results[8], results[9], results[10] = inverse[0, 0], inverse[0, 1], inverse[1, 1], inverse[2, 2]
    return True
