"""Which tracks and detections are near enough to be compared, found without comparing all with all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["near_pairs"]

Float = NDArray[np.float64]
Rows = NDArray[np.intp]

MOST_AT_ONCE = 200_000  # pairs that are in memory together
SMALL = 4096  # pairs of all with all that are simply all compared


def near_pairs(centres: Float, reach: Float, points: Float) -> Iterator[tuple[Rows, Rows]]:
    """The pairs of a centre and a point that lie within its reach in x and in y, and some more.

    Points are sorted into square cells, row by row; what one centre can reach within one row of cells lies in one stretch of them.

    Args:
        centres: (N, 2), finite.
        reach: (N,), > 0.
        points: (M, 2), finite.

    Yields:
        numbers of centres and of points, (K,) each, at most some 200,000 pairs at a time; all pairs of a centre come together, ordered by
        centre, then by point's cell.
    """
    n, m = len(centres), len(points)
    if n * m <= SMALL:
        if n and m:
            yield np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
        return
    low, high = points.min(0), points.max(0)
    # cells of the size of a usual reach, but no more rows of them than would be quick to look through
    cell = max(float(np.median(reach)), float((high - low).max()) / (4 * np.sqrt(m)), 1e-9)
    across, down = np.floor((high - low) / cell).astype(np.intp) + 1
    column, row = np.floor((points - low) / cell).astype(np.intp).T
    keys = row * across + column
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.floor((centres - reach[:, None] - low) / cell)
    last = np.floor((centres + reach[:, None] - low) / cell)
    touches = ((first < [across, down]) & (last >= 0)).all(1)
    left, top = np.clip(first, 0, [across - 1, down - 1]).astype(np.intp).T
    right, bottom = np.clip(last, 0, [across - 1, down - 1]).astype(np.intp).T
    heights = np.where(touches, bottom - top + 1, 0)
    who = np.repeat(np.arange(n), heights)
    at = (_counting(heights) + top[who]) * across
    begin = np.searchsorted(keys, at + left[who])
    lengths = np.searchsorted(keys, at + right[who], side="right") - begin
    for part in _parts(np.bincount(who, lengths, minlength=n)):
        stretch = slice(*np.searchsorted(who, [part.start, part.stop]))
        sizes = lengths[stretch]
        yield np.repeat(who[stretch], sizes), order[np.repeat(begin[stretch], sizes) + _counting(sizes)]


def _counting(lengths: Rows) -> Rows:
    """0, 1, … of each length, one after the other."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _parts(counts: NDArray[Any]) -> Iterator[slice]:
    """Stretches of centres whose pairs are not too many together."""
    total = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = total[start - 1] if start else 0
        stop = max(int(np.searchsorted(total, before + MOST_AT_ONCE, side="right")), start + 1)
        yield slice(start, stop)
        start = stop
