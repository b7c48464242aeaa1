"""All the names that detections gave, for tracks that were joined from them afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kinescribe.perception.detections import Detections
from kinescribe.tracking.tracks import Track

__all__ = ["votes_of"]


def votes_of(
    tracks: Sequence[Track], detections: Sequence[Detections], named: Sequence[Sequence[Mapping[str, float]]]
) -> dict[int, dict[str, float]]:
    """By id of each track the sum of the scores of every name that its detections were given, first names and others.

    Args:
        tracks: made of these detections by any tracker, which need not keep them as they were.
        detections: one a frame.
        named: of each frame, for each detection the score of each name; a frame's list is empty where that isn't known.
    """
    frames = {found.frame: k for k, found in enumerate(detections)}
    out: dict[int, dict[str, float]] = {}
    for track in tracks:
        votes = out.setdefault(track.track_id, {})
        for row, frame in enumerate(track.frames.tolist()):
            for name, score in _given(track, row, detections[frames[frame]], named[frames[frame]]).items():
                votes[name] = votes.get(name, 0.0) + score
    return out


def _given(track: Track, row: int, found: Detections, named: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """The names of the detection that a row was made of: the nearest one of its name."""
    phrase = track.phrases[row]
    same = [k for k, other in enumerate(found.phrases) if other == phrase]
    if named and same:
        away = np.linalg.norm(found.centroids[same] - track.positions[row], axis=1)
        return named[same[int(away.argmin())]]
    return {phrase: float(track.scores[row])} if phrase else {}
