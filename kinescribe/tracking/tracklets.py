"""Short, safe pieces of track: frame after frame, by predicted motion, colour and size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.tracking.follower import Follower, Sightings
from kinescribe.tracking.observations import Observations

__all__ = ["track_frame_by_frame"]

Index = NDArray[np.int64]


def track_frame_by_frame(seen: Observations, allowed: NDArray[np.bool_] | None = None) -> list[Index]:
    """Link observations of neighbouring frames.

    Args:
        seen: all observations.
        allowed: (M,) bool, which of them take part.

    Returns:
        for every tracklet the indices of its observations, in time order; single observations among them.
    """
    follower = Follower()
    pieces: list[list[int]] = []
    order: list[int] = []
    everything = Sightings(seen.positions, seen.covariances, seen.areas, seen.radii, seen.colors)
    for k in range(len(seen.frame_clock)):
        here = seen.of_frame(k)
        if allowed is not None:
            here = here[allowed[here]]
        order += follower.advance(float(seen.frame_clock[k])).tolist()
        if not len(here):
            continue
        for index, number in zip(here.tolist(), follower.see(everything.take(here)).tolist(), strict=True):
            if number == len(pieces):
                pieces.append([])
            pieces[number].append(index)
    return [np.array(pieces[number], np.int64) for number in [*order, *follower.numbers.tolist()]]
