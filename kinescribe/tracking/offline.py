"""The default tracker: all frames are known before anything is decided."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.perception.detections import Detections
from kinescribe.tracking.follower import FREE, STEADY
from kinescribe.tracking.linking import link_tracklets
from kinescribe.tracking.observations import Observations, flatten
from kinescribe.tracking.seeds import find_fast_paths
from kinescribe.tracking.tracklets import track_frame_by_frame
from kinescribe.tracking.tracks import Track

__all__ = ["OfflineTracker", "SteadyTracker", "to_track"]

MOTIONS = {"free": FREE, "steady": STEADY}
WHOLE_LOG_AREA = 0.2  # a sighting whose area differs more from the median is hidden in part, or one with something else


class OfflineTracker:
    """Association over the whole video: safe pieces first, then small fast things, then what belongs together across gaps.

    Args:
        least_observations: shorter tracks are dropped as chance.
        motion: "free" for bodies that may bounce or be hit; "steady" for those that mostly keep their course, such as people and vehicles:
            many alike that pass each other are then told apart better.

    Raises:
        UsageError: another motion.
    """

    def __init__(self, least_observations: int = 4, motion: str = "free") -> None:
        if motion not in MOTIONS:
            raise UsageError(f"unknown motion '{motion}'; available: {', '.join(MOTIONS)}")
        self.least_observations = least_observations
        self.motion = motion

    def track(self, detections: Sequence[Detections], size: tuple[int, int]) -> list[Track]:
        """The tracks in a video of `size` (width, height) px, whose consecutive frames have these detections."""
        seen = flatten(detections)
        if len(seen) == 0:
            return []
        least = min(self.least_observations, max(1, len(detections) - 1))
        pieces = track_frame_by_frame(seen, habits=MOTIONS[self.motion])
        free = np.zeros(len(seen), bool)
        for piece in pieces:
            if len(piece) <= 2:
                free[piece] = True
        fast = find_fast_paths(seen, free, (float(size[0]), float(size[1]))) if free.any() else []
        taken = np.zeros(len(seen), bool)
        for path in fast:
            taken[path] = True
        rest = [piece[~taken[piece]] for piece in pieces]
        chains = link_tracklets(seen, [p for p in rest if len(p) >= 2] + fast)
        singles = [p for p in rest if len(p) == 1]
        if len(detections) <= 2:
            chains += singles
        chains = [chain for chain in chains if len(chain) >= least]
        chains.sort(key=lambda chain: (int(seen.frames[chain[0]]), -len(chain)))
        return [to_track(seen, chain, k + 1) for k, chain in enumerate(chains)]


class SteadyTracker(OfflineTracker):
    """An offline tracker of what mostly keeps its course, as a plug-in of its own."""

    def __init__(self, least_observations: int = 4) -> None:
        super().__init__(least_observations, "steady")


def to_track(seen: Observations, chain: NDArray[np.int64], track_id: int) -> Track:
    """The track made of these observations."""
    rows = [(seen.detections[int(np.searchsorted(seen.starts, i, side="right") - 1)], int(seen.rows[i])) for i in chain]

    def gather(name: str) -> NDArray[np.float64]:
        return np.stack([getattr(d, name)[r] for d, r in rows])

    frames = seen.frames[chain]
    areas = seen.areas[chain]
    cut = np.array([bool(d.truncated[r]) for d, r in rows])
    partial = cut | (np.abs(np.log(areas / np.median(areas[~cut] if (~cut).any() else areas))) > WHOLE_LOG_AREA)
    return Track(
        track_id=track_id,
        frames=frames,
        times=np.array([d.time_s for d, _ in rows]),
        positions=gather("centroids"),
        covariances=gather("covariances"),
        boxes=gather("boxes"),
        areas=gather("areas"),
        sizes=gather("sizes"),
        angles=gather("angles"),
        angle_sigmas=gather("angle_sigmas"),
        colors=gather("colors"),
        contrasts=gather("contrasts"),
        scores=gather("scores"),
        shapes=[d.shapes[r] for d, r in rows],
        phrases=[d.phrases[r] for d, r in rows],
        masks=[d.masks[r] for d, r in rows],
        partial=partial,
        identity_scores=np.ones(len(chain)),
        gaps={int(f): "missed" for f in range(int(frames[0]), int(frames[-1]) + 1) if f not in set(frames.tolist())},
    )
