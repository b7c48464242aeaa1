"""The inner loop of the contact solver, compiled by numba: one clip, one short step."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["advance"]

Float = NDArray[np.float64]
Index = NDArray[np.intp]
PUSH = 0.2  # of an overlap that is taken away in one step
SLOP = 1e-4  # of a radius: overlap that is left alone, so that contacts persist


@njit(cache=True)
def advance(
    data: Float, force: Float, h: float, inverse: Float, radius: Float, first: Index, second: Index, wall: Index,
    wall_x: Float, wall_y: Float, wall_offset: Float, wall_restitution: Float, wall_friction: Float,
    disc_restitution: float, disc_friction: float, disc_threshold: float, iterations: int,
) -> None:  # fmt: skip
    """Move the state (6, n) of one clip by h seconds under accelerations (3, n), in place.

    `inverse` (n,) holds 1/mass, 0 for what never moves; touches are as `Gaps` lists them.
    """
    n = data.shape[1]
    for a in range(3):
        for i in range(n):
            data[3 + a, i] += h * force[a, i]
    count = 0
    touch = np.empty(first.shape[0], np.int64)
    nx, ny, gap, bounce = np.empty(first.shape[0]), np.empty(first.shape[0]), np.empty(first.shape[0]), np.empty(first.shape[0])
    for m in range(first.shape[0]):
        i, j, w = first[m], second[m], wall[m]
        if w >= 0:
            x, y = -wall_x[w], -wall_y[w]
            g = -(x * data[0, i] + y * data[1, i]) - wall_offset[w] - radius[i]
            rate = -(x * data[3, i] + y * data[4, i])
            push = -(x * force[0, i] + y * force[1, i])
            restitution = wall_restitution[w]
        else:
            dx, dy = data[0, j] - data[0, i], data[1, j] - data[1, i]
            d = np.sqrt(dx * dx + dy * dy)
            if d > 0.0:
                x, y = dx / d, dy / d
            else:
                x, y = 1.0, 0.0
            g = d - radius[i] - radius[j]
            rate = x * (data[3, j] - data[3, i]) + y * (data[4, j] - data[4, i])
            push = x * (force[0, j] - force[0, i]) + y * (force[1, j] - force[1, i])
            restitution = disc_restitution if -rate > disc_threshold else 0.0
        # what can touch within the step takes part
        if g + min(rate, 0.0) * h < SLOP * radius[i]:
            touch[count], nx[count], ny[count], gap[count] = m, x, y, g
            # what the forces alone bring about in a few steps is resting, not bouncing
            bounce[count] = -restitution * rate if rate < -4.0 * abs(push) * h else 0.0
            count += 1
    pressed = np.zeros(count)
    rubbed = np.zeros(count)
    for _ in range(iterations):
        for c in range(count):
            m = touch[c]
            i, j, w = first[m], second[m], wall[m]
            x, y = nx[c], ny[c]
            if w >= 0:
                wj, rj, vjx, vjy, sj, friction = 0.0, 0.0, 0.0, 0.0, 0.0, wall_friction[w]
            else:
                wj, rj, vjx, vjy, sj, friction = inverse[j], radius[j], data[3, j], data[4, j], data[5, j], disc_friction
            weight = inverse[i] + wj
            if weight <= 0.0:
                continue
            rate = x * (vjx - data[3, i]) + y * (vjy - data[4, i])
            # a gap may close within the step and no further; an overlap is pushed out in part
            allowed = -gap[c] / h if gap[c] > 0.0 else PUSH * max(-gap[c] - SLOP * radius[i], 0.0) / h
            aim = max(allowed, bounce[c])
            total = max(pressed[c] + (aim - rate) / weight, 0.0)
            p = total - pressed[c]
            pressed[c] = total
            data[3, i] -= p * x * inverse[i]
            data[4, i] -= p * y * inverse[i]
            if w < 0:
                data[3, j] += p * x * wj
                data[4, j] += p * y * wj
                vjx, vjy = data[3, j], data[4, j]
            if friction > 0.0:
                slip = -y * (vjx - data[3, i]) + x * (vjy - data[4, i]) - sj * rj - data[5, i] * radius[i]
                most = friction * pressed[c]
                total = min(max(rubbed[c] - slip / (3.0 * weight), -most), most)
                q = total - rubbed[c]
                rubbed[c] = total
                data[3, i] += q * y * inverse[i]
                data[4, i] -= q * x * inverse[i]
                data[5, i] -= 2.0 * q * inverse[i] / max(radius[i], 1e-300)
                if w < 0:
                    data[3, j] -= q * y * wj
                    data[4, j] += q * x * wj
                    data[5, j] -= 2.0 * q * wj / max(rj, 1e-300)
    for a in range(3):
        for i in range(n):
            data[a, i] += h * data[3 + a, i]
