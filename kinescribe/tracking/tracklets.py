"""Short, safe pieces of track: frame after frame, by predicted motion, colour and size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.follower import FREE, Follower, Habits, Sightings
from kinescribe.tracking.observations import Observations

__all__ = ["track_frame_by_frame"]

Index = NDArray[np.int64]


def track_frame_by_frame(seen: Observations, allowed: NDArray[np.bool_] | None = None, habits: Habits = FREE) -> list[Index]:
    """Link observations of neighbouring frames.

    Args:
        seen: all observations.
        allowed: (M,) bool, which of them take part.
        habits: what is expected of things.

    Returns:
        for every tracklet the indices of its observations, in time order; single observations among them.
    """
    follower = Follower(habits)
    pieces: list[list[int]] = []
    order: list[int] = []
    everything = Sightings(seen.positions, seen.covariances, seen.areas, seen.radii, seen.colors)
    for k in range(len(seen.frame_clock)):
        here = seen.of_frame(k)
        if allowed is not None:
            here = here[allowed[here]]
        order += follower.advance(float(seen.frame_clock[k])).tags.tolist()
        if not len(here):
            continue
        rows = follower.see(everything.take(here))
        tags = follower.pieces.tags
        new = np.flatnonzero(tags < 0)
        tags[new] = np.arange(len(pieces), len(pieces) + len(new))
        pieces += [[] for _ in new]
        for index, tag in zip(here.tolist(), tags[rows].tolist(), strict=True):
            pieces[tag].append(index)
    return [np.array(pieces[tag], np.int64) for tag in [*order, *follower.pieces.tags.tolist()]]
