"""All detections of a video, laid out flat for the search over the whole of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import Detections

__all__ = ["Observations", "flatten"]

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """M detections in frame order.

    Attributes:
        frames: (M,) int, index of the frame each was seen in.
        clock: (M,), time in units of the video's median frame interval, so that px per tick is px per frame.
        positions, covariances, areas, colors, contrasts: as in `Detections`.
        radii: (M,), of the disc of the same area, px.
        detections: per frame.
        rows: (M,) int, row within the frame's detections.
        starts: (frames + 1,) int, `starts[k]:starts[k + 1]` are the observations of the k-th frame.
        frame_clock: (frames,), the clock at each frame.
    """

    frames: NDArray[np.int64]
    clock: Float
    positions: Float
    covariances: Float
    areas: Float
    radii: Float
    colors: Float
    contrasts: Float
    detections: Sequence[Detections]
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    frame_clock: Float

    def __len__(self) -> int:
        return len(self.frames)

    def of_frame(self, k: int) -> NDArray[np.int64]:
        """Indices of the observations of the k-th frame."""
        return np.arange(self.starts[k], self.starts[k + 1])


def flatten(detections: Sequence[Detections]) -> Observations:
    """Lay out the detections of consecutive frames flat."""
    counts = np.array([len(d) for d in detections], np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)])
    times = np.array([d.time_s for d in detections])
    interval = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    clock = times / interval if interval > 0 else np.arange(len(times), dtype=float)

    def join(name: str, shape: tuple[int, ...]) -> Float:
        return np.concatenate([getattr(d, name) for d in detections] or [np.zeros((0, *shape))])

    areas = join("areas", ())
    return Observations(
        frames=np.repeat(np.array([d.frame for d in detections], np.int64), counts),
        clock=np.repeat(clock, counts),
        positions=join("centroids", (2,)),
        covariances=join("covariances", (2, 2)),
        areas=areas,
        radii=np.sqrt(np.maximum(areas, 1.0) / np.pi),
        colors=join("colors", (3,)),
        contrasts=join("contrasts", ()),
        detections=detections,
        rows=np.concatenate([np.arange(c) for c in counts]) if len(counts) else np.zeros(0, np.int64),
        starts=starts,
        frame_clock=clock,
    )
