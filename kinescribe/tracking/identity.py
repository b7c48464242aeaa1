"""How sure it is that a track goes on with the same thing after it was out of sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.tracks import Track

__all__ = ["after_gap", "with_identity"]

Float = NDArray[np.float64]

SHORT_GAP = 3  # frames that a thing's motion bridges by itself
HALF_LIFE = 150  # frames out of sight that halve the confidence
RECENT = 6  # sightings on either side of a gap that tell place, speed and look
SAME_COLOR = 18.0  # CIELAB distance; what differs more can't have been taken for it
LEAST_SIZE, MOST_SIZE = 0.4, 2.5  # of its area: the same
LONGEST_STEPS, FARTHEST = 10, 12.0  # frames for which its speed counts; its own sizes, that it may get away from sight
FORGOTTEN = 300  # frames out of sight, after which a thing isn't taken for another
MOST_COST = 2.0


def after_gap(unseen: int) -> float:
    """What is left of the confidence, in (0, 1], after so many frames out of sight: half after each 150 beyond the first 3."""
    return float(0.5 ** (max(unseen - SHORT_GAP, 0) / HALF_LIFE))


def with_identity(tracks: Sequence[Track]) -> list[Track]:
    """The tracks, their identity scores lower after each gap, by its length and by what else could have been taken for the thing.

    From a gap of more than three frames on, the score is multiplied by `after_gap` and by the thing's share among all things that look like
    it and went out of sight or came up meanwhile, each weighted with exp(−c): c is how far it was from where it was headed, in units of the
    distance that it could have gone, and how far the two colours differ, in units of the largest difference allowed.

    Args:
        tracks: all of a video's.
    """
    return [_doubted(track, [other for other in tracks if other is not track]) for track in tracks]


def _doubted(track: Track, others: Sequence[Track]) -> Track:
    scores = track.identity_scores.copy()
    for row in _starts(track)[1:]:
        unseen = int(track.frames[row] - track.frames[row - 1]) - 1
        scores[row:] *= after_gap(unseen) * _share(track, row, others)
    return replace(track, identity_scores=scores)


def _starts(track: Track) -> list[int]:
    """The rows with which the track begins and comes back from a long gap."""
    return [0, *(np.flatnonzero(np.diff(track.frames) - 1 > SHORT_GAP) + 1).tolist()]


def _share(track: Track, row: int, others: Sequence[Track]) -> float:
    """The thing's share among those that may be what came back at that row."""
    gone, back = _glimpse(track, row - 1, -1), _glimpse(track, row, 1)
    own = _cost(gone, back)
    weights = [float(np.exp(-cost)) for other in others for cost in _confusions(other, gone, back)]
    sure = float(np.exp(-(MOST_COST if own is None else own)))
    return sure / (sure + sum(weights))


def _confusions(other: Track, gone: _Glimpse, back: _Glimpse) -> list[float]:
    """The cost of the likeliest way in which another thing may be mixed up with the one that was gone; empty where there is none."""
    costs: list[float | None] = []
    earlier = int(np.searchsorted(other.frames, back.frame)) - 1
    seen_all_along = earlier >= 0 and other.frames[earlier] == back.frame - 1 and back.frame in other.frames[earlier + 1 : earlier + 2]
    if earlier >= 0 and not seen_all_along and back.frame - other.frames[earlier] <= FORGOTTEN:
        costs.append(_cost(_glimpse(other, earlier, -1), back))  # what came back is the other
    came = [row for row in _starts(other) if gone.frame < other.frames[row] <= back.frame]
    costs += [_cost(gone, _glimpse(other, row, 1)) for row in came]  # the other is what was gone
    known = [cost for cost in costs if cost is not None]
    return [min(known)] if known else []


class _Glimpse(NamedTuple):
    """A thing where it goes or comes: centre (2,), px, speed (2,), px a frame, area, px², and CIELAB colour (3,)."""

    frame: int
    centre: Float
    step: Float
    area: float
    color: Float


def _glimpse(track: Track, row: int, towards: int) -> _Glimpse:
    """The track at a row, with the speed and look of the sightings before it (−1) or after it (1)."""
    rows = np.arange(max(row - RECENT + 1, 0), row + 1) if towards < 0 else np.arange(row, min(row + RECENT, len(track)))
    near = rows[np.abs(track.frames[rows] - track.frames[row]) <= 2 * RECENT]
    elapsed = float(track.frames[near[-1]] - track.frames[near[0]])
    step = (track.positions[near[-1]] - track.positions[near[0]]) / elapsed if elapsed > 0 else np.zeros(2)
    return _Glimpse(
        int(track.frames[row]),
        track.positions[row],
        np.asarray(step),
        float(np.median(track.areas[near])),
        np.median(track.colors[near], axis=0),
    )


def _cost(gone: _Glimpse, back: _Glimpse) -> float | None:
    """How little the one resembles the other where and how it may be by then, 0 to 2; None where the two can't be one."""
    away, size, speed = max(back.frame - gone.frame, 1), float(np.sqrt(max(back.area, 1.0))), float(np.hypot(*gone.step))
    distance = float(np.hypot(*(back.centre - gone.centre - gone.step * min(away, LONGEST_STEPS))))
    reach = min(3 * size + (0.5 * size + speed) * away, FARTHEST * size + speed * away)
    difference = float(np.linalg.norm(back.color - gone.color))
    difference = 0.0 if np.isnan(difference) else difference
    if distance > reach or difference > SAME_COLOR or not LEAST_SIZE <= back.area / max(gone.area, 1.0) <= MOST_SIZE:
        return None
    return distance / reach + difference / SAME_COLOR
