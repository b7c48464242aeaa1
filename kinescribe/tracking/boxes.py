"""Detections of which only boxes are known, as box detectors and benchmarks of tracking have them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kinescribe.errors import UsageError
from kinescribe.perception.detections import Detections, MaskCrop

__all__ = ["detections_from_boxes"]

CENTRE_SIGMA = 0.05  # of the box's width and height: so well does a box detector place the middle


def detections_from_boxes(frame: int, time_s: float, boxes: ArrayLike, scores: ArrayLike | None = None) -> Detections:
    """What a tracker can know of N boxes: middle, size and score; no colour, an area as large as the box, and no masks.

    Args:
        frame, time_s: index of the frame, and its time, s.
        boxes: (N, 4), x0, y0, x1, y1, px; `xyxy` of `supervision.Detections`.
        scores: (N,), in [0, 1]; 1 if not given.

    Raises:
        UsageError: boxes of another shape, a box that isn't finite or has no width or height, or another number of scores than of boxes.
    """
    corners = np.asarray(boxes, np.float64)
    if corners.size == 0:
        corners = np.zeros((0, 4))
    if corners.ndim != 2 or corners.shape[1] != 4:
        raise UsageError(f"frame {frame}: boxes of shape {corners.shape}; each is x0, y0, x1, y1, so that N of them have (N, 4)")
    n = len(corners)
    certain = np.ones(n) if scores is None else np.asarray(scores, np.float64)
    if certain.shape != (n,):
        raise UsageError(f"frame {frame}: {certain.size} scores for {n} boxes; each box needs one of its own")
    sides = corners[:, 2:] - corners[:, :2]
    wrong = np.flatnonzero(~(np.isfinite(corners).all(1) & (sides > 0).all(1)))
    if len(wrong):
        raise UsageError(
            f"frame {frame}: box {corners[wrong[0]].tolist()} has no width or no height; boxes are x0, y0, x1, y1, with x1 > x0, y1 > y0"
        )
    return Detections(
        frame,
        time_s,
        boxes=corners,
        centroids=0.5 * (corners[:, :2] + corners[:, 2:]),
        covariances=(CENTRE_SIGMA * sides)[:, :, None] ** 2 * np.eye(2),
        areas=sides.prod(1),
        sizes=np.sort(sides, axis=1)[:, ::-1],
        angles=np.full(n, np.nan),
        angle_sigmas=np.full(n, np.nan),
        colors=np.zeros((n, 3)),
        contrasts=np.zeros(n),
        scores=certain,
        truncated=np.zeros(n, bool),
        masks=[MaskCrop(0, 0, np.zeros((0, 0), bool))] * n,
        phrases=[""] * n,
        shapes=["box"] * n,
    )
