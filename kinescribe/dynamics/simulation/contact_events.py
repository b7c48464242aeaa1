"""Clips whose accelerations are constant between contacts, from contact to contact: the compiled loop.

Every possible touch has the moment at which it would next happen, in closed form. The soonest one happens; then only those of the objects
that took part are worked out anew. What rests, stalls or repeats itself is a pile for the rest of a step, as in `simulate`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kinescribe.dynamics.simulation.contact_tangents import pass_on
from kinescribe.dynamics.simulation.impulses import deflect
from kinescribe.dynamics.simulation.limits import (
    ITERATIONS,
    REPEATS_OF_ARCS,
    REST,
    SAME,
    STALLED,
    STALLS,
    STALLS_OF_A_PILE,
    STEPS,
    TOUCHING,
)
from kinescribe.dynamics.simulation.sequential_impulses import advance
from kinescribe.dynamics.simulation.touch_times import until_disc, until_wall

__all__ = ["fly"]

Float = NDArray[np.float64]
Index = NDArray[np.intp]
OPEN, CLOSED, CLOSING = 0, 1, 2
CALLED = "0335c9477d59"
"""Hash of the modules whose compiled functions are called here. numba's cache is renewed when this file changes, not when they do, so that
whoever changes them writes their new hash here; a test tells it."""


@njit(cache=True, error_model="numpy")
def fly(
    data: Float, force: Float, numbers: Float, instants: Float, path: Float, first: Index, second: Index, wall: Index, touches: Index,
    by: Float, force_by: Float, numbers_by: Float, path_by: Float, piled: NDArray[np.bool_],
) -> Float:  # fmt: skip
    """Fill `path` (b, g, 6, n) from states (b, 6, n) under accelerations (b, 3, n); returns impacts (m, 5) as `Rollout` has them.

    `numbers` (b, ·) are what `Gaps.numbers` lists. `instants` is (b, g); `first`, `second`, `wall` are (m,), `touches` (n, ·) those of each
    object, filled up with −1. What ends in `by` has one axis more, of q numbers that the derivatives are taken by, which may be none;
    `path_by` (b, g, k, n, q) is filled with those of the first k coordinates. They don't hold in clips that are `piled` (b,) at some time,
    which is set. `data` and `by` are used up.
    """
    clips, n, count = data.shape[0], data.shape[2], first.shape[0]
    walls = (numbers.shape[1] - 3 - 2 * n) // 5
    log, logged = np.empty((64, 5)), 0
    when, state = np.empty(count), np.empty(count, np.int8)
    struck, since = np.empty(count, np.int64), np.empty(n)
    for c in range(clips):
        now, a, now_by, a_by, known, known_by = data[c], force[c], by[c], force_by[c], numbers[c], numbers_by[c]
        wx, wy, wo = known[:walls], known[walls : 2 * walls], known[2 * walls : 3 * walls]
        bounce, rub = known[3 * walls : 4 * walls], known[4 * walls : 5 * walls]
        disc = 5 * walls
        iw, r = known[disc + 3 : disc + 3 + n], known[disc + 3 + n :]
        end = instants[c, -1]
        t = instants[c, 0]
        since[:] = t
        for m in range(count):
            when[m], state[m] = _next(m, t, end, now, a, since, r, first, second, wall, wx, wy, wo)
        soonest, shut = _soonest(when, state)
        patience = STALLS * n
        _note(c, 0, now, now_by, path, path_by)
        for k in range(instants.shape[1] - 1):
            stop = instants[c, k + 1]
            h = stop - t
            if not h > 0.0:
                _note(c, k + 1, now, now_by, path, path_by)
                continue
            if shut:
                for m in range(count):
                    if state[m] != OPEN:
                        when[m], state[m] = _next(m, t, end, now, a, since, r, first, second, wall, wx, wy, wo)
                soonest, shut = _soonest(when, state)
            allowed, most = patience, 0
            patience = STALLS * n
            struck[:] = 0
            while stop - t > 3e-16 * (abs(t) + h):
                resting = False
                if shut:
                    for m in range(count):
                        if state[m] == CLOSED:
                            near = TOUCHING * r[first[m]]
                            gap = _gap(m, t, now, a, since, r, first, second, wall, wx, wy, wo)
                            soon = _gap(m, t + 0.25 * (stop - t), now, a, since, r, first, second, wall, wx, wy, wo)
                            if gap > near:
                                state[m] = OPEN
                            elif soon < gap - REST * near:
                                resting = True
                # what closes at once is struck before anything is called a pile
                at_once = soonest >= 0 and state[soonest] == CLOSING
                if (resting and not at_once) or allowed < 0 or most >= REPEATS_OF_ARCS:
                    _move(now, a, now_by, a_by, since, t)
                    for _ in range(STEPS):
                        advance(
                            now, a, (stop - t) / STEPS, iw, r, first, second, wall, wx, wy, wo, bounce, rub,
                            known[disc], known[disc + 1], known[disc + 2], ITERATIONS,
                        )  # fmt: skip
                    t = stop
                    since[:] = t
                    patience = STALLS_OF_A_PILE
                    piled[c] = True
                    for m in range(count):
                        when[m], state[m] = _next(m, t, end, now, a, since, r, first, second, wall, wx, wy, wo)
                    soonest, shut = _soonest(when, state)
                    break
                if soonest < 0 or when[soonest] > stop:
                    break
                s = soonest
                i, j, w = first[s], second[s], wall[s]
                then = max(when[s], t)
                _move_one(now, a, now_by, a_by, since, i, then)
                if w >= 0:
                    nx, ny, gap, rj, wj = -wx[w], -wy[w], wx[w] * now[0, i] + wy[w] * now[1, i] - wo[w] - r[i], 0.0, 0.0
                    e, f, least = bounce[w], rub[w], 0.0
                    rows = (
                        w,
                        walls + w,
                        2 * walls + w,
                        3 * walls + w,
                        4 * walls + w,
                        disc + 3 + i,
                        disc + 3 + i,
                        disc + 3 + n + i,
                        disc + 3 + n + i,
                    )
                else:
                    _move_one(now, a, now_by, a_by, since, j, then)
                    dx, dy = now[0, j] - now[0, i], now[1, j] - now[1, i]
                    d = np.hypot(dx, dy)
                    # two discs on one spot are pushed apart along x
                    nx, ny = (dx / d, dy / d) if d > 0.0 else (1.0, 0.0)
                    gap, rj, wj = d - r[i] - r[j], r[j], iw[j]
                    e, f, least = known[disc], known[disc + 1], known[disc + 2]
                    rows = (0, 0, 0, disc, disc + 1, disc + 3 + i, disc + 3 + j, disc + 3 + n + i, disc + 3 + n + j)
                if by.shape[3]:
                    timed = gap > -TOUCHING * r[i]
                    pass_on(now, a, now_by, a_by, known_by, i, j, nx, ny, r[i], rj, iw[i], wj, e, f, least, rows, timed)
                deflect(now, i, j, nx, ny, r[i], rj, iw[i], wj, e, f, least)
                if logged == log.shape[0]:
                    longer = np.empty((2 * logged, 5))
                    longer[:logged] = log
                    log = longer
                log[logged, 0], log[logged, 1], log[logged, 2], log[logged, 3], log[logged, 4] = c, then, i, j, w
                logged += 1
                struck[s] += 1
                most = max(most, struck[s])
                if then - t < STALLED * h:
                    allowed -= 1
                t = then
                for who in (i, j):
                    if who >= 0:
                        for m in touches[who]:
                            if m < 0:
                                break
                            when[m], state[m] = _next(m, t, end, now, a, since, r, first, second, wall, wx, wy, wo)
                soonest, shut = _soonest(when, state)
            t = stop
            _move(now, a, now_by, a_by, since, t)
            _note(c, k + 1, now, now_by, path, path_by)
    return log[:logged]


@njit(cache=True, error_model="numpy")
def _note(c: int, k: int, now: Float, now_by: Float, path: Float, path_by: Float) -> None:
    path[c, k] = now
    if now_by.shape[2]:
        path_by[c, k] = now_by[: path_by.shape[2]]


@njit(cache=True, error_model="numpy")
def _soonest(when: Float, state: NDArray[np.int8]) -> tuple[int, int]:
    """The touch that comes next, −1 for none; and how many are closed."""
    best, least, shut = -1, np.inf, 0
    for m in range(when.shape[0]):
        if when[m] < least:
            best, least = m, when[m]
        if state[m] != OPEN:
            shut += 1
    return best, shut


@njit(cache=True, error_model="numpy")
def _place(now: Float, a: Float, since: Float, i: int, t: float) -> tuple[float, float]:
    dt = t - since[i]
    return now[0, i] + dt * (now[3, i] + 0.5 * dt * a[0, i]), now[1, i] + dt * (now[4, i] + 0.5 * dt * a[1, i])


@njit(cache=True, error_model="numpy")
def _move_one(now: Float, a: Float, now_by: Float, a_by: Float, since: Float, i: int, t: float) -> None:
    """Bring an object from the moment that its state is of to another."""
    dt = t - since[i]
    since[i] = t
    for row in range(3):
        now[row, i] += dt * (now[row + 3, i] + 0.5 * dt * a[row, i])
        now[row + 3, i] += dt * a[row, i]
        for q in range(now_by.shape[2]):
            now_by[row, i, q] += dt * (now_by[row + 3, i, q] + 0.5 * dt * a_by[row, i, q])
            now_by[row + 3, i, q] += dt * a_by[row, i, q]


@njit(cache=True, error_model="numpy")
def _move(now: Float, a: Float, now_by: Float, a_by: Float, since: Float, t: float) -> None:
    for i in range(now.shape[1]):
        _move_one(now, a, now_by, a_by, since, i, t)


@njit(cache=True, error_model="numpy")
def _gap(
    m: int, t: float, now: Float, a: Float, since: Float, r: Float, first: Index, second: Index, wall: Index,
    wx: Float, wy: Float, wo: Float,
) -> float:  # fmt: skip
    i, j, w = first[m], second[m], wall[m]
    x, y = _place(now, a, since, i, t)
    if w >= 0:
        return float(wx[w] * x + wy[w] * y - wo[w] - r[i])
    other_x, other_y = _place(now, a, since, j, t)
    return float(np.hypot(other_x - x, other_y - y) - r[i] - r[j])


@njit(cache=True, error_model="numpy")
def _next(
    m: int, t: float, end: float, now: Float, a: Float, since: Float, r: Float, first: Index, second: Index, wall: Index,
    wx: Float, wy: Float, wo: Float,
) -> tuple[float, int]:  # fmt: skip
    """The moment at which a touch happens next, infinite where it doesn't before the `end`; and whether it is closed now."""
    i, j, w = first[m], second[m], wall[m]
    near = TOUCHING * r[i]
    x, y = _place(now, a, since, i, t)
    dt = t - since[i]
    vx, vy = now[3, i] + dt * a[0, i], now[4, i] + dt * a[1, i]
    if w >= 0:
        gap, rate = wx[w] * x + wy[w] * y - wo[w] - r[i], wx[w] * vx + wy[w] * vy
        push = wx[w] * a[0, i] + wy[w] * a[1, i]
        least = SAME * (abs(vx) + abs(vy))
        if gap <= near and rate < -least:
            return t + (until_wall(gap, rate, push, False) if gap > 0.0 else 0.0), CLOSING
        return t + until_wall(gap, rate, push, gap <= near), CLOSED if gap <= near else OPEN
    other_x, other_y = _place(now, a, since, j, t)
    dt = t - since[j]
    other_vx, other_vy = now[3, j] + dt * a[0, j], now[4, j] + dt * a[1, j]
    x, y, least = other_x - x, other_y - y, SAME * (abs(vx) + abs(vy) + abs(other_vx) + abs(other_vy))
    vx, vy, ax, ay = other_vx - vx, other_vy - vy, a[0, j] - a[0, i], a[1, j] - a[1, i]
    reach = r[i] + r[j]
    d = np.hypot(x, y)
    rate = (x * vx + y * vy) / d if d > 0.0 else vx
    if d - reach <= near:
        if rate < -least:
            return t + (until_disc(x, y, vx, vy, ax, ay, reach, False, end - t) if d > reach else 0.0), CLOSING
        return t + until_disc(x, y, vx, vy, ax, ay, reach, True, end - t), CLOSED
    return t + until_disc(x, y, vx, vy, ax, ay, reach, False, end - t), OPEN
