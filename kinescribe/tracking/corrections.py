"""Tracks mended once it is known what they are of: joined where two are of one thing, parted where one is of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np

from kinescribe.tracking.identity import after_gap
from kinescribe.tracking.tracks import Track

__all__ = ["merge_tracks", "split_track", "without_frames"]


def merge_tracks(first: Track, second: Track) -> Track:
    """One track of both's sightings; where both have one, the first's stands.

    Where one begins after the other's end, it is only as sure as that one, and less by the gap between them.
    """
    early, late = (first, second) if first.frames[0] <= second.frames[0] else (second, first)
    if late.frames[0] > early.frames[-1]:
        doubt = after_gap(int(late.frames[0] - early.frames[-1]) - 1) * float(early.identity_scores[-1])
        late = replace(late, identity_scores=late.identity_scores * doubt)
        first, second = (early, late) if early is first else (late, early)
    rows = np.flatnonzero(~np.isin(second.frames, first.frames))
    merged = first.joined(second, rows, np.zeros(2), np.zeros(2))
    return replace(merged, gaps={k: v for k, v in merged.gaps.items() if k not in set(merged.frames.tolist())} | _gaps(merged))


def split_track(track: Track, frames: Sequence[int]) -> list[Track]:
    """The track, parted before each of these frames; parts without a sighting are left out. The first keeps the id."""
    bounds = [-np.inf, *sorted(frames), np.inf]
    parts = []
    for low, high in pairwise(bounds):
        rows = np.flatnonzero((track.frames >= low) & (track.frames < high))
        if len(rows):
            part = _take(track, rows)
            parts.append(replace(part, gaps=_gaps(part)))
    return parts


def without_frames(track: Track, first: int, last: int) -> Track | None:
    """The track without its sightings in the frames `first` to `last`, both included; None where none are left."""
    rows = np.flatnonzero((track.frames < first) | (track.frames > last))
    if len(rows) == len(track):
        return track
    if len(rows) == 0:
        return None
    part = _take(track, rows)
    return replace(part, gaps=_gaps(part))


def _take(track: Track, rows: Any) -> Track:
    changed: dict[str, Any] = {}
    for item in fields(track):
        value = getattr(track, item.name)
        if isinstance(value, list):
            changed[item.name] = [value[row] for row in rows]
        elif isinstance(value, np.ndarray):
            changed[item.name] = value[rows]
    return replace(track, **changed)


def _gaps(track: Track) -> dict[int, str]:
    seen = set(track.frames.tolist())
    return {f: track.gaps.get(f, "missed") for f in range(int(track.frames[0]), int(track.frames[-1]) + 1) if f not in seen}
