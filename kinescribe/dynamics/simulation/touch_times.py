"""When things that move with constant accelerations first touch, in closed form.

Compiled by numba, which looks for changes in a caller's own file only: after an edit here, `contact_events` must be compiled anew too.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["until_disc", "until_wall"]

Float = NDArray[np.float64]
NEVER = np.inf
NARROWINGS = 200
SAME = 4e-16  # of a time: no difference


@njit(cache=True, error_model="numpy")
def until_wall(gap: float, rate: float, push: float, closed: bool) -> float:
    """Seconds until a gap that grows at a rate, which changes by `push` a second, closes; what is `closed` already has to open first."""
    if closed:
        inside = rate * rate - 2.0 * push * gap
        return (rate + float(np.sqrt(inside))) / -push if push < 0.0 and rate >= 0.0 and inside > 0.0 else NEVER
    if push == 0.0:
        return -gap / rate if rate < 0.0 else NEVER
    inside = rate * rate - 2.0 * push * gap
    if inside <= 0.0 or (rate >= 0.0 and push > 0.0):
        return NEVER
    root = float(np.sqrt(inside))
    # each the form in which nothing cancels
    return 2.0 * gap / (root - rate) if rate < 0.0 else (rate + root) / -push


@njit(cache=True, error_model="numpy")
def until_disc(x: float, y: float, vx: float, vy: float, ax: float, ay: float, reach: float, closed: bool, most: float) -> float:
    """Seconds, at most `most`, until two centres come within `reach`, from how the second moves as the first sees it."""
    along = x * vx + y * vy
    distance = float(np.hypot(x, y))
    # of the squares, without loss where the gap is small
    apart = (distance - reach) * (distance + reach)
    speed = vx * vx + vy * vy
    if ax == 0.0 and ay == 0.0:
        inside = along * along - speed * apart
        if closed or along >= 0.0 or inside <= 0.0:
            return NEVER
        return apart / (float(np.sqrt(inside)) - along)
    c1, c2, c3, c4 = 2.0 * along, speed + x * ax + y * ay, vx * ax + vy * ay, 0.25 * (ax * ax + ay * ay)
    # between places where a polynomial turns it has one root at most: those of the third derivative's line bound those of the second, …
    turns = np.empty(6)
    turns[0], count = 0.0, 1
    at = -3.0 * c3 / (12.0 * c4)
    inside = at * at - 2.0 * c2 / (12.0 * c4)
    bends = np.empty(4)
    bends[0], last = 0.0, 1
    if inside > 0.0:
        for side in (-1.0, 1.0):
            bend = at + side * np.sqrt(inside)
            if 0.0 < bend < most:
                bends[last] = bend
                last += 1
    bends[last] = most
    for k in range(last):
        low, high = bends[k], bends[k + 1]
        if _slope(low, c1, c2, c3, c4) * _slope(high, c1, c2, c3, c4) < 0.0:
            turns[count] = _root(low, high, 0.0, c1, 2.0 * c2, 3.0 * c3, 4.0 * c4, 0.0)
            count += 1
    turns[count] = most
    open_ = not closed
    for k in range(count):
        end = turns[k + 1]
        value = apart + end * (c1 + end * (c2 + end * (c3 + end * c4)))
        if open_ and value < 0.0:
            return _root(turns[k], end, 1.0, apart, c1, c2, c3, c4)
        open_ = open_ or value > 0.0
    return NEVER


@njit(cache=True, error_model="numpy")
def _slope(t: float, c1: float, c2: float, c3: float, c4: float) -> float:
    return c1 + t * (2.0 * c2 + t * (3.0 * c3 + t * 4.0 * c4))


@njit(cache=True, error_model="numpy")
def _root(low: float, high: float, start: float, p0: float, p1: float, p2: float, p3: float, p4: float) -> float:
    """The root of a polynomial between two places where its signs differ: Newton's method, and halves where that leaves the bounds.

    `start`: the sign at the lower one where it is known, for it may be a root itself; else 0.
    """
    value = p0 + low * (p1 + low * (p2 + low * (p3 + low * p4)))
    positive = value > 0.0 if start == 0.0 else start > 0.0
    t = 0.5 * (low + high)
    for _ in range(NARROWINGS):
        value = p0 + t * (p1 + t * (p2 + t * (p3 + t * p4)))
        slope = p1 + t * (2.0 * p2 + t * (3.0 * p3 + t * 4.0 * p4))
        if (value > 0.0) == positive:
            low = t
        else:
            high = t
        following = t - value / slope if slope != 0.0 else low
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - t) <= SAME * high or high - low <= SAME * high:
            return following
        t = following
    return t
