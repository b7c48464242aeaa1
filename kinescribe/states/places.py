"""Rows whose place in the picture can't be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.states.checks import Problem, capped
from kinescribe.states.metadata import Metadata, VideoMeta

__all__ = ["out_of_the_picture"]

Arrays = Mapping[str, NDArray[Any]]

SLACK = 0.05  # of the picture's longer side: what one that was measured may lie beyond its own extent outside the picture
UNSEEN = 1.0  # of the same, where it wasn't seen: a smoother may carry it on, and nobody follows a thing farther than that


def out_of_the_picture(columns: Arrays, meta: Metadata) -> list[Problem]:
    """Rows that lie farther outside the picture than a body that is partly outside can, as warnings.

    A seen row may lie outside by the object's own extent and a little; one that was not seen by as much as the picture's longer side.
    What a law foretold (`predicted`) may go anywhere.

    Args:
        columns: complete.
        meta: without the video's size there is nothing to hold the rows against.
    """
    video = meta.video
    if video is None or not len(columns["frame"]):
        return []
    longer, statuses = float(max(video.width, video.height)), columns["status"]
    unseen = np.array([status in ("interpolated", "occluded") for status in statuses], dtype=bool)
    allowed = np.where(unseen, UNSEEN * longer, SLACK * longer) + _extents(columns, meta)
    allowed[np.array([status == "predicted" for status in statuses], dtype=bool)] = np.inf
    return [replace(problem, severity="warning") for problem in [*_centroids(columns, video, allowed), *_boxes(columns, video, allowed)]]


def _centroids(columns: Arrays, video: VideoMeta, allowed: NDArray[np.float64]) -> list[Problem]:
    away = np.maximum(_outside(columns["x_px"], video.width), _outside(columns["y_px"], video.height))
    return capped(
        "x_px",
        np.flatnonzero(away > allowed),
        lambda i: (
            f"object {columns['object_id'][i]} is at ({columns['x_px'][i]:.6g}, {columns['y_px'][i]:.6g}), "
            f"{away[i]:.4g} px outside the picture of {video.width} x {video.height}; by its size it may be {allowed[i]:.4g} px outside"
        ),
    )


def _boxes(columns: Arrays, video: VideoMeta, allowed: NDArray[np.float64]) -> list[Problem]:
    left, top, wide, high = (columns[f"bbox_{name}"] for name in "xywh")
    gap = np.maximum(np.maximum(-(left + wide), left - video.width), np.maximum(-(top + high), top - video.height))
    return capped(
        "bbox_x",
        np.flatnonzero((gap > 0) & np.isfinite(allowed)),
        lambda i: (
            f"the box of object {columns['object_id'][i]} (from {left[i]:.6g}, {top[i]:.6g}; {wide[i]:.6g} x {high[i]:.6g}) "
            f"shows nothing of the picture of {video.width} x {video.height}"
        ),
    )


def _outside(places: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """How far places along one axis lie outside the picture, px; NaN where unknown. Places count from the centre of the first pixel."""
    away: NDArray[np.float64] = np.maximum(-0.5 - places, places - (length - 0.5))
    return away


def _extents(columns: Arrays, meta: Metadata) -> NDArray[np.float64]:
    """(rows,) the longest side of each row's object, px; of a point of a body, that body's; 0 where unknown."""
    scale = 1.0 if meta.calibration is None else meta.calibration.pixels_per_unit
    sides = np.stack([columns["bbox_w"], columns["bbox_h"], columns["width"] * scale])
    longest = np.max(np.where(np.isfinite(sides), sides, 0.0), axis=0)
    ids, of = np.unique(columns["object_id"], return_inverse=True)
    most = np.zeros(len(ids))
    np.maximum.at(most, of, longest)
    by_id = dict(zip(ids.tolist(), most.tolist(), strict=True))
    bodies = [getattr(meta.objects.get(i), "part_of", None) for i in ids.tolist()]
    whole = [max(by_id[i], by_id.get(body, 0.0)) for i, body in zip(ids.tolist(), bodies, strict=True)]
    return np.array(whole)[of]
