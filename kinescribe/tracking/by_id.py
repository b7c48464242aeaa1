"""Tracks whose ids a propagator or a concept tracker has given already."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import Detections
from kinescribe.tracking.observations import flatten
from kinescribe.tracking.offline import to_track
from kinescribe.tracking.tracks import Track

__all__ = ["tracks_by_id"]


def tracks_by_id(detections: Sequence[Detections], ids: Sequence[NDArray[np.int64]], *, least: int = 1) -> list[Track]:
    """One track for each id, which it keeps, by first frame.

    Args:
        detections: of consecutive frames.
        ids: (N,) of each frame's detections; no id twice in a frame.
        least: tracks with fewer sightings are left out.

    Raises:
        ValueError: an id that is in one frame twice, or numbers of ids and detections that differ.
    """
    for found, here in zip(detections, ids, strict=True):
        if len(found) != len(here) or len(set(here.tolist())) != len(here):
            raise ValueError(f"frame {found.frame}: {len(found)} detections have the ids {here.tolist()}; each needs one of its own")
    seen = flatten(detections)
    every = np.concatenate([*ids, np.zeros(0, np.int64)])
    chains = [(int(one), np.flatnonzero(every == one)) for one in np.unique(every)]
    chains = sorted((pair for pair in chains if len(pair[1]) >= least), key=lambda pair: (int(seen.frames[pair[1][0]]), -len(pair[1])))
    return [to_track(seen, chain, number) for number, chain in chains]
