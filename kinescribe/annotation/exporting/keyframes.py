"""The fewest boxes from which a straight line gives all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.annotation.exporting.rows import Row

__all__ = ["WITHIN_PX", "keyframes"]

WITHIN_PX = 1.0
"""Boxes of masks are whole pixels: less would make key frames of their rounding."""


def keyframes(rows: list[Row]) -> set[int]:
    """Frames of one track's boxes, in time order, between which all others lie on a straight line, to within a pixel a side.

    First and last of every unbroken run are among them, and so is every box that is hidden or verified where the one before wasn't, or the
    other way round. Source: Ramer 1972, Douglas and Peucker 1973.
    """
    if not rows:
        return set()
    sides = np.array([[row.box[0], row.box[1], row.box[0] + row.box[2], row.box[1] + row.box[3]] for row in rows])
    frames = np.array([row.frame for row in rows])
    starts = [0]
    for k in range(1, len(rows)):
        one, other = rows[k - 1], rows[k]
        if other.frame != one.frame + 1 or (other.hidden, other.verified) != (one.hidden, one.verified):
            starts.append(k)
    kept: set[int] = set()
    for first, after in zip(starts, [*starts[1:], len(rows)], strict=True):
        kept |= _ends(frames, sides, first, after - 1)
    return {int(frames[k]) for k in kept}


def _ends(frames: NDArray[np.int64], sides: NDArray[np.float64], first: int, last: int) -> set[int]:
    kept, todo = {first, last}, [(first, last)]
    while todo:
        a, b = todo.pop()
        if b - a < 2:
            continue
        share = ((frames[a + 1 : b] - frames[a]) / (frames[b] - frames[a]))[:, None]
        away = np.abs(sides[a + 1 : b] - (sides[a] + share * (sides[b] - sides[a]))).max(axis=1)
        if away.max() > WITHIN_PX:
            middle = a + 1 + int(away.argmax())
            kept.add(middle)
            todo += [(a, middle), (middle, b)]
    return kept
