"""Pieces of track joined across occlusions and missed frames, with both sides of the gap known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.association import MOST, appearance_cost, assign
from kinescribe.tracking.observations import Observations

__all__ = ["link_tracklets"]

Float = NDArray[np.float64]
Index = NDArray[np.int64]

LONGEST_GAP = 60.0  # ticks
COST_LIMIT = 26.0
BOUNCE_COST = 9.0  # of a sudden change of velocity, however large: things do bounce
LONGEST_BOUNCE = 3.0  # ticks in which a bounce may hide
ENDS = 6  # observations of a piece's end that tell its velocity
WHOLE_LOG_AREA = 0.12  # of the piece's median: what differs more is cut, hidden or merged
ALIKE = 2.0  # what two looks of one body may cost
STRAYS = 3  # last sightings of a piece that may be something else's
WIDEST_RADII = 6.0  # a gate wider than so many radii of the body joins anything to anything


@dataclass(frozen=True, slots=True, eq=False)
class _End:
    clock: float
    position: Float
    velocity: Float
    velocity_variance: float
    radius: float
    color: Float
    area: float


def link_tracklets(seen: Observations, pieces: list[Index]) -> list[Index]:
    """Join pieces that are one thing; repeated until nothing more joins, so that a chain of gaps is closed from its surest links."""
    pieces = _without_strays(seen, [p for p in pieces if len(p)])
    while True:
        joined = _link_once(seen, pieces)
        if len(joined) == len(pieces):
            return joined
        pieces = joined


def _without_strays(seen: Observations, pieces: list[Index]) -> list[Index]:
    """The pieces, less the last sightings of those that go on elsewhere from before them.

    Where a body bounces, a filter looks for it behind the wall, and takes what it finds there: a speck, or another body. Meanwhile a new
    piece has begun where the body is, and no piece follows one that ends after it begins.
    """
    begin = np.array([seen.clock[p[0]] for p in pieces])
    out = []
    for k, piece in enumerate(pieces):
        for count in range(min(STRAYS, len(piece) - 2), 0, -1):
            sure, strays = piece[:-count], piece[-count:]
            if not _doubtful(seen, sure, strays):
                continue
            after = np.flatnonzero((begin > seen.clock[sure[-1]]) & (begin <= seen.clock[strays[-1]]))
            heads = [_end(seen, pieces[j], last=False) for j in after if j != k and len(pieces[j]) > count]
            if heads and _follows(_end(seen, sure, last=True), heads):
                piece = sure
                break
        out.append(piece)
    return out


def _doubtful(seen: Observations, sure: Index, strays: Index) -> bool:
    """Whether what ends a piece is unlike the rest of it in colour or size."""
    color, area = np.median(seen.colors[sure], axis=0), np.array([np.median(seen.areas[sure])])
    return bool((appearance_cost(color[None], area, seen.colors[strays], seen.areas[strays]) >= MOST).all())


def _follows(tail: _End, heads: list[_End]) -> bool:
    """Whether one of the heads goes on from the tail, and looks like it."""
    alike = [
        head
        for head in heads
        if head.clock > tail.clock
        and appearance_cost(tail.color[None], np.array([tail.area]), head.color[None], np.array([head.area]))[0, 0] < ALIKE
    ]
    if not alike:
        return False
    gaps = np.array([head.clock - tail.clock for head in alike])
    return bool((_gap_costs([tail], alike, np.zeros(len(alike), np.intp), np.arange(len(alike)), gaps) < COST_LIMIT).any())


def _link_once(seen: Observations, pieces: list[Index]) -> list[Index]:
    n = len(pieces)
    if n < 2:
        return pieces
    tails = [_end(seen, p, last=True) for p in pieces]
    heads = [_end(seen, p, last=False) for p in pieces]
    begin, end = np.array([seen.clock[p[0]] for p in pieces]), np.array([seen.clock[p[-1]] for p in pieces])
    gap = begin[None, :] - end[:, None]
    seen_for = np.array([len(p) for p in pieces], float)
    # what was seen for two frames can't vouch for twenty
    longest = np.minimum(LONGEST_GAP, 3.0 + 1.5 * np.minimum(seen_for[:, None], seen_for[None, :]))
    rows, columns = np.nonzero((gap > 0) & (gap <= longest))
    if len(rows) == 0:
        return pieces
    cost = np.full((n, n), np.inf)
    between = np.array([heads[j].clock - tails[i].clock for i, j in zip(rows, columns, strict=True)])
    cost[rows, columns] = _gap_costs(tails, heads, rows, columns, between)
    i, j = assign(cost, COST_LIMIT)
    successor = dict(zip(i.tolist(), j.tolist(), strict=True))
    starts = set(range(n)) - set(successor.values())
    out = []
    for k in sorted(starts):
        chain = [pieces[k]]
        while k in successor:
            k = successor[k]
            chain.append(pieces[k])
        out.append(np.concatenate(chain))
    return out


def _end(seen: Observations, piece: Index, *, last: bool) -> _End:
    """Position and velocity at one end of a piece, by a straight line through its outermost observations."""
    # half hidden, or one with what it touches, a body's centroid isn't its own: such sightings don't tell where a piece ends
    whole = piece[np.abs(np.log(seen.areas[piece] / np.median(seen.areas[piece]))) < WHOLE_LOG_AREA]
    sure = whole if len(whole) >= 2 else piece
    outer = sure[-ENDS:] if last else sure[:ENDS]
    t, z = seen.clock[outer], seen.positions[outer]
    radius = float(np.median(seen.radii[piece]))
    at = t[-1] if last else t[0]
    if len(outer) >= 2:
        weights = np.exp(-np.abs(t - at) / 2.0)  # recent ones count most: paths bend
        mean_t = np.average(t, weights=weights)
        centred = t - mean_t
        spread = float((weights * centred**2).sum())
        velocity = (weights * centred) @ z / spread
        variance = (0.3 + 0.05 * radius) ** 2 / spread
    else:
        velocity, variance = np.zeros(2), (1.0 + radius) ** 2
    return _End(
        float(at),
        z[-1] if last else z[0],
        velocity,
        variance,
        radius,
        np.median(seen.colors[piece], axis=0),
        float(np.median(seen.areas[piece])),
    )


def _gap_costs(tails: list[_End], heads: list[_End], rows: NDArray[np.intp], columns: NDArray[np.intp], gap: Float) -> Float:
    a_v = np.array([tails[i].velocity for i in rows])
    b_v = np.array([heads[j].velocity for j in columns])
    a_p = np.array([tails[i].position for i in rows])
    b_p = np.array([heads[j].position for j in columns])
    radius = np.array([max(tails[i].radius, heads[j].radius) for i, j in zip(rows, columns, strict=True)])
    variance = np.array([tails[i].velocity_variance + heads[j].velocity_variance for i, j in zip(rows, columns, strict=True)])
    # the mean of both velocities carries a body over the gap exactly when its acceleration is constant
    miss = b_p - a_p - 0.5 * (a_v + b_v) * gap[:, None]
    speed = np.maximum(np.hypot(*a_v.T), np.hypot(*b_v.T))
    wander = (0.3 + 0.02 * radius + 0.05 * speed) ** 2 * np.maximum(gap - 1, 0) ** 2
    jump = ((b_v - a_v) ** 2).sum(1)
    # a bounce somewhere in the gap: the path is two straight lines, and only where they meet isn't known
    bounce = jump / 12 * np.minimum(gap, LONGEST_BOUNCE) ** 2
    spread = (0.5 + 0.1 * radius) ** 2 + 0.25 * variance * gap**2 + wander + bounce
    widest = (2.0 + WIDEST_RADII * radius) ** 2
    jump_spread = 2 * variance + (0.7 + 0.1 * radius + 0.3 * speed) ** 2 * np.maximum(gap, 1)
    distance = (miss**2).sum(1) / np.minimum(spread, widest)
    look = np.array(
        [
            appearance_cost(tails[i].color[None], np.array([tails[i].area]), heads[j].color[None], np.array([heads[j].area]))[0, 0]
            for i, j in zip(rows, columns, strict=True)
        ]
    )
    cost = distance + np.minimum(jump / jump_spread, BOUNCE_COST) + look + np.log(np.minimum(spread, widest)) + 0.05 * gap
    return np.where(distance <= 16.0, cost, np.inf)
