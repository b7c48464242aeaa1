"""Pieces of track joined across occlusions and missed frames, with both sides of the gap known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.association import MOST, assign_pairs, look_cost
from kinescribe.tracking.joining import COST_LIMIT, LONGEST_GAP, Ends, gap_costs
from kinescribe.tracking.observations import Observations

__all__ = ["link_tracklets"]

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Rows = NDArray[np.intp]

ENDS = 6  # observations of a piece's end that tell its velocity
WHOLE_LOG_AREA = 0.12  # of the piece's median: what differs more is cut, hidden or merged
ALIKE = 2.0  # what two looks of one body may cost
MOST_AT_ONCE = 200_000  # pairs of pieces that are in memory together
STRAYS = 3  # last sightings of a piece that may be something else's


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
            others = [pieces[j] for j in after if j != k and len(pieces[j]) > count]
            if others and _follows(_ends(seen, [sure], last=True), _ends(seen, others, last=False)):
                piece = sure
                break
        out.append(piece)
    return out


def _doubtful(seen: Observations, sure: Index, strays: Index) -> bool:
    """Whether what ends a piece is unlike the rest of it in colour or size."""
    color, area = np.median(seen.colors[sure], axis=0), np.median(seen.areas[sure], keepdims=True)
    return bool((look_cost(color, area, seen.colors[strays], seen.areas[strays]) >= MOST).all())


def _follows(tail: Ends, heads: Ends) -> bool:
    """Whether one of the heads goes on from the one tail, and looks like it."""
    like = look_cost(tail.colors, tail.areas, heads.colors, heads.areas) < ALIKE
    alike = heads.take(np.flatnonzero(like & (heads.clocks > tail.clocks)))
    return bool((gap_costs(tail.take(np.zeros(len(alike.clocks), np.intp)), alike) < COST_LIMIT).any())


def _link_once(seen: Observations, pieces: list[Index]) -> list[Index]:
    if len(pieces) < 2:
        return pieces
    tails, heads = _ends(seen, pieces, last=True), _ends(seen, pieces, last=False)
    found = []
    for rows, columns in _in_time(seen, pieces):
        costs = gap_costs(tails.take(rows), heads.take(columns))
        near = costs < COST_LIMIT
        found.append((rows[near], columns[near], costs[near]))
    if not found:
        return pieces
    rows, columns, costs = (np.concatenate(values) for values in zip(*found, strict=True))
    i, j = assign_pairs(rows, columns, costs, COST_LIMIT)
    successor = dict(zip(i.tolist(), j.tolist(), strict=True))
    starts = set(range(len(pieces))) - set(successor.values())
    out = []
    for k in sorted(starts):
        chain = [pieces[k]]
        while k in successor:
            k = successor[k]
            chain.append(pieces[k])
        out.append(np.concatenate(chain))
    return out


def _in_time(seen: Observations, pieces: list[Index]) -> Iterator[tuple[Rows, Rows]]:
    """The pairs of pieces of which the second begins after the first has ended, and soon enough; some at a time, never all with all."""
    begin, end = np.array([seen.clock[p[0]] for p in pieces]), np.array([seen.clock[p[-1]] for p in pieces])
    # what was seen for two frames can't vouch for twenty
    longest = np.minimum(LONGEST_GAP, 3.0 + 1.5 * np.array([len(p) for p in pieces], float))
    order = np.argsort(begin, kind="stable")
    first = np.searchsorted(begin[order], end, side="right")
    last = np.searchsorted(begin[order], end + longest, side="right")
    counts = np.maximum(last - first, 0)
    part = np.cumsum(counts) // MOST_AT_ONCE
    for rows in np.split(np.arange(len(pieces)), np.flatnonzero(np.diff(part)) + 1):
        size = counts[rows]
        who = np.repeat(rows, size)
        columns = order[np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size) + first[who]]
        gap = begin[columns] - end[who]
        fits = (gap > 0) & (gap <= np.minimum(longest[who], longest[columns]))
        if fits.any():
            yield who[fits], columns[fits]


def _ends(seen: Observations, pieces: list[Index], *, last: bool) -> Ends:
    """The last, or first, ends of pieces, each ≥ 1 observation."""
    return Ends(*(np.array(values, np.float64) for values in zip(*(_end(seen, piece, last=last) for piece in pieces), strict=True)))


def _end(seen: Observations, piece: Index, *, last: bool) -> tuple[float, Float, Float, float, float, Float, float]:
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
    return (
        float(at),
        z[-1] if last else z[0],
        velocity,
        variance,
        radius,
        np.median(seen.colors[piece], axis=0),
        float(np.median(seen.areas[piece])),
    )
