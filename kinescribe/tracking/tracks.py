"""The same thing over time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import MaskCrop

__all__ = ["LEAST_WHOLE", "STATUSES", "TOUCH", "Track"]

Float = NDArray[np.float64]
OPTIONAL = ("ends", "end_covariances")
LEAST_WHOLE = 4  # whole sightings that a path needs to do without the others
TOUCH = 1.35  # two bodies whose centres are nearer than this times the sum of their radii may touch
STATUSES = ("observed", "occluded", "interpolated", "predicted")


@dataclass(slots=True, eq=False)
class Track:
    """One object's observations, in image pixels, y down. n rows, one a frame in which it was seen, in time order.

    Attributes:
        track_id: stable integer from 1.
        frames: (n,) int, frame indices, strictly increasing.
        times: (n,), seconds.
        positions: (n, 2), centroids.
        covariances: (n, 2, 2), of the centroids.
        boxes: (n, 4), x0, y0, x1, y1.
        areas, angles, angle_sigmas, scores, contrasts: (n,) as in `Detections`.
        sizes: (n, 2), as in `Detections`.
        colors: (n, 3), CIELAB.
        shapes, phrases: n strings.
        masks: n crops.
        partial: (n,) bool, seen cut by the picture's edge, half hidden, or as one with another: the centroid isn't the whole body's.
        identity_scores: (n,), confidence in [0, 1] that it is still the same thing.
        angle_period: angles are known up to this, radians: π for a shape that looks the same from behind.
        reach: how far the body reaches from its centroid backwards and forwards along its long axis, px; None where it isn't rigid.
        ends, end_covariances: (n, 2, 2) and (n, 2, 2, 2), where the two ends were seen, px and px²; NaN where not; None for other bodies.
        drift, drift_rate, angle_drift: standard errors that neighbouring frames share, so that no smoothing shows them: of a coordinate,
            px, of its change, px a frame, and of the angle, rad; 0 where nothing tells them.
        gaps: reason by frame index for the frames between first and last without an observation: "occluded" or "missed".
    """

    track_id: int
    frames: NDArray[np.int64]
    times: Float
    positions: Float
    covariances: Float
    boxes: Float
    areas: Float
    sizes: Float
    angles: Float
    angle_sigmas: Float
    colors: Float
    contrasts: Float
    scores: Float
    shapes: list[str]
    phrases: list[str]
    masks: list[MaskCrop]
    partial: NDArray[np.bool_]
    identity_scores: Float
    angle_period: float = np.pi
    reach: tuple[float, float] | None = None
    ends: Float | None = None
    end_covariances: Float | None = None
    drift: float = 0.0
    drift_rate: float = 0.0
    angle_drift: float = 0.0
    gaps: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frames)

    def joined(self, other: Track, rows: NDArray[np.intp], shift: Float, spread: Float) -> Track:
        """The track with some rows of another, their positions moved by `shift` (2,) of standard deviation `spread` (2,), px."""
        order = np.argsort(np.concatenate([self.frames, other.frames[rows]]), kind="stable")
        changed: dict[str, Any] = {}
        for item in fields(self):
            mine, theirs = getattr(self, item.name), getattr(other, item.name)
            if isinstance(mine, list):
                both = mine + [theirs[row] for row in rows]
                changed[item.name] = [both[k] for k in order]
            elif isinstance(mine, np.ndarray):
                added = np.full((len(rows), *mine.shape[1:]), np.nan) if item.name in OPTIONAL else theirs[rows]
                if item.name == "positions":
                    added = added + shift
                elif item.name == "covariances":
                    added = added + np.diag(spread**2)
                changed[item.name] = np.concatenate([mine, added])[order]
        return replace(self, **changed)

    @property
    def shape(self) -> str:
        """The shape that most frames speak for, those in which the body was whole."""
        return Counter(self.shapes).most_common(1)[0][0]

    @property
    def is_part(self) -> bool:
        """Whether it was told from the rest of its body by its colour and its own motion."""
        return "part" in self.phrases

    @property
    def whole(self) -> NDArray[np.bool_]:
        """(n,), the sightings of the whole body, through which its path goes; all, where those are few: a body that changes its size."""
        whole = ~self.partial
        return whole if whole.sum() >= max(LEAST_WHOLE, 0.5 * len(self)) else np.ones(len(self), bool)

    @property
    def radius(self) -> float:
        """Of the disc with the median area, px."""
        return float(np.sqrt(max(float(np.median(self.areas)), 1.0) / np.pi))

    def cut_off(self, size: tuple[int, int]) -> float:
        """Share of the frames in which the edge of a picture of `size` (width, height) cuts the body."""
        low, high = (self.boxes[:, :2] <= 0).any(1), (self.boxes[:, 2:] >= np.array(size)).any(1)
        return float((low | high).mean())
