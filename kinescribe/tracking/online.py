"""The tracker for those who can't wait for the end of the video: each frame is decided when it comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.perception.detections import Detections
from kinescribe.tracking.association import assign_pairs
from kinescribe.tracking.by_id import tracks_by_id
from kinescribe.tracking.follower import STEADY, Follower, Pieces, Sightings
from kinescribe.tracking.gating import near_pairs
from kinescribe.tracking.joining import COST_LIMIT, LONGEST_GAP, Ends, farthest_join, gap_costs
from kinescribe.tracking.tracks import Track

__all__ = ["OnlineTracker"]

Index = NDArray[np.int64]
Rows = NDArray[np.intp]

GLIMPSE = 4  # sightings; what has fewer in a whole video is chance


class OnlineTracker:
    """Association frame by frame: what the offline tracker does first, and its joining of pieces across gaps with the past alone.

    Args:
        least_observations: sightings after which a thing has an id; what is there in the first frame has one at once.
        longest_gap: ticks (usual frame intervals) that a thing may be unseen and keep its id.
        frame_interval: seconds a tick; the median of the intervals so far if not given.

    Raises:
        UsageError: a number of sightings below 1, or a negative gap or interval.
    """

    def __init__(self, least_observations: int = 2, longest_gap: float = LONGEST_GAP, frame_interval: float | None = None) -> None:
        if not (least_observations >= 1 and longest_gap >= 0 and (frame_interval is None or frame_interval > 0)):
            given = f"least_observations={least_observations}, longest_gap={longest_gap}, frame_interval={frame_interval}"
            raise UsageError(f"no tracker with {given}: they are ≥ 1, ≥ 0 and > 0 (or None)")
        self.least_observations = least_observations
        self.longest_gap = longest_gap
        self.frame_interval = frame_interval
        self._follower = Follower(STEADY._replace(longest_miss=min(STEADY.longest_miss, longest_gap)))
        self._lost = self._follower.pieces
        self._intervals: deque[float] = deque(maxlen=31)
        self._time: float | None = None
        self._now = 0.0
        self._given = 0

    def update(self, detections: Detections) -> Index:
        """The track ids of the next frame's N detections, (N,), from 1 on; −1 where it isn't a track yet.

        Raises:
            UsageError: a frame from before the last one.
        """
        first = self._time is None
        now = self._tick(detections)
        ended = self._follower.advance(now)
        if len(ended.tags):
            self._lost = self._lost.joined(ended.take(np.flatnonzero(ended.tags >= 0)))
        if len(self._lost.tags):
            self._lost = self._lost.take(np.flatnonzero(now - self._lost.clocks <= self.longest_gap))
        rows = self._follower.see(_sightings(detections))
        pieces = self._follower.pieces
        ripe = np.flatnonzero((pieces.tags < 0) & ((pieces.counts >= self.least_observations) | first))
        gone = self._name(ripe) if len(ripe) else np.zeros(0, np.intp)
        out = pieces.tags[rows]
        if len(gone):
            self._follower.drop(np.isin(np.arange(len(pieces.tags)), gone))
        return out

    def track(self, detections: Sequence[Detections], size: tuple[int, int]) -> list[Track]:
        """The tracks in a video whose consecutive frames have these detections, decided frame by frame, whatever was seen before.

        So that it can stand where a tracker of whole videos is asked for; `size` tells it nothing.
        """
        anew = OnlineTracker(self.least_observations, self.longest_gap, self.frame_interval)
        ids = [anew.update(here) for here in detections]
        sure = [here.take(given > 0) for here, given in zip(detections, ids, strict=True)]
        tracks = tracks_by_id(sure, [given[given > 0] for given in ids], least=min(GLIMPSE, max(1, len(detections) - 1)))
        return [replace(track, track_id=k + 1) for k, track in enumerate(tracks)]

    def _tick(self, detections: Detections) -> float:
        if self._time is not None:
            passed = detections.time_s - self._time
            if not passed >= 0:
                raise UsageError(
                    f"frame {detections.frame} is of {detections.time_s:g} s, the one before of {self._time:g} s; hand them in order"
                )
            self._intervals.append(passed)
            interval = self.frame_interval or median(self._intervals)
            self._now += passed / interval if interval > 0 else 1.0
        self._time = detections.time_s
        return self._now

    def _name(self, ripe: Rows) -> Rows:
        """Give ids to the pieces in these rows: those of tracks that they go on from, or new ones.

        Returns:
            rows of unseen pieces that a new one took the id of.
        """
        pieces = self._follower.pieces
        unseen = np.flatnonzero((pieces.tags >= 0) & (pieces.clocks < self._now))
        tails = pieces.take(unseen).joined(self._lost)
        i, j = self._join(tails, pieces.take(ripe))
        pieces.tags[ripe[j]] = tails.tags[i]
        new = ripe[pieces.tags[ripe] < 0]
        pieces.tags[new] = np.arange(self._given + 1, self._given + 1 + len(new))
        self._given += len(new)
        self._lost = self._lost.take(np.setdiff1d(np.arange(len(self._lost.tags)), i - len(unseen)))
        return unseen[i[i < len(unseen)]]

    def _join(self, tails: Pieces, heads: Pieces) -> tuple[Rows, Rows]:
        if not len(tails.tags):
            return np.zeros(0, np.intp), np.zeros(0, np.intp)
        before, after = _ends(tails, last=True), _ends(heads, last=False)
        # what was seen for two frames can't vouch for twenty
        longest = np.minimum(self.longest_gap, 3.0 + 1.5 * tails.counts)
        speeds = 0.5 * (np.hypot(*before.velocities.T) + np.hypot(*after.velocities.T).max())
        reach = farthest_join(np.maximum(before.radii, after.radii.max()), speeds, longest)
        found = []
        for rows, columns in near_pairs(before.positions, reach, after.positions):
            gaps = after.clocks[columns] - before.clocks[rows]
            fits = (gaps > 0) & (gaps <= longest[rows])
            rows, columns = rows[fits], columns[fits]
            found.append((rows, columns, gap_costs(before.take(rows), after.take(columns))))
        rows, columns, costs = (np.concatenate(values) for values in zip(*found, strict=True))
        return assign_pairs(rows, columns, costs, COST_LIMIT)


def _sightings(detections: Detections) -> Sightings:
    radii = np.sqrt(np.maximum(detections.areas, 1.0) / np.pi)
    return Sightings(detections.centroids, detections.covariances, detections.areas, radii, detections.colors)


def _ends(pieces: Pieces, *, last: bool) -> Ends:
    seen = pieces.last
    if last:
        return Ends(pieces.clocks, pieces.positions, pieces.velocities, pieces.velocity_variances, seen.radii, seen.colors, seen.areas)
    return Ends(
        pieces.first_clocks, pieces.first_positions, pieces.velocities, pieces.velocity_variances, seen.radii, seen.colors, seen.areas
    )
