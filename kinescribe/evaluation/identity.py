"""Who is who: identity switches, and the error of a heading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.evaluation.coverage import MAX_OFFSET_PX, Truth

__all__ = ["HeadingScore", "heading_error", "identity_switches"]

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HeadingScore:
    """Absolute heading errors in degrees, folded to ±180°.

    Attributes:
        median_deg, mean_deg: in [0, 180]; NaN without a frame.
        flipped: fraction of frames over 90° off, head taken for tail.
        frames: frames in which both headings are known.
    """

    median_deg: float
    mean_deg: float
    flipped: float
    frames: int


def identity_switches(frames: ArrayLike, object_ids: ArrayLike, x_px: ArrayLike, y_px: ArrayLike, truth: dict[str, Truth]) -> list[int]:
    """The frames in which an id is on another object than when it was last on one.

    In every frame ids and marks are paired so that the summed distance is least; pairs over 25 px apart are no pairs. Two ids that swap
    owners in one frame make one switch, and so does their swap back. Columns as for `score_states`.
    """
    from scipy.optimize import linear_sum_assignment

    frame, ids = np.asarray(frames, np.int64), np.asarray(object_ids, np.int64)
    position = np.stack([np.asarray(x_px, float), np.asarray(y_px, float)], axis=1)
    finite = np.isfinite(position).all(axis=1)
    frame, ids, position = frame[finite], ids[finite], position[finite]
    names = list(truth)
    marked = {name: dict(zip(truth[name].frames.tolist(), truth[name].positions, strict=True)) for name in names}
    owner: dict[int, str] = {}
    switches = []
    for index in np.unique(frame).tolist():
        rows = np.flatnonzero(frame == index)
        here = [name for name in names if index in marked[name]]
        if not here:
            continue
        marks = np.array([marked[name][index] for name in here])
        distance = np.hypot(*np.moveaxis(position[rows][:, None] - marks, -1, 0))
        # a far pair costs no more than none, so that it never tears a near pair apart
        pairs = [(ids[rows[r]], here[c]) for r, c in zip(*linear_sum_assignment(np.minimum(distance, MAX_OFFSET_PX)), strict=True)
                 if distance[r, c] < MAX_OFFSET_PX]  # fmt: skip
        if any(owner.get(int(i), name) != name for i, name in pairs):
            switches.append(index)
        owner.update({int(i): name for i, name in pairs})
    return switches


def heading_error(frames: ArrayLike, angles: ArrayLike, truth: Truth) -> HeadingScore:
    """Error of one id's heading against the marks.

    Args:
        frames: (n,), no frame twice.
        angles: (n,), radians counter-clockwise from +x with y up; NaN unknown. Pixel tables, whose y points down, count clockwise: negate.
        truth: marks with headings.
    """
    frame, angle = np.asarray(frames, np.int64), np.asarray(angles, float)
    _, here, there = np.intersect1d(frame, truth.frames, return_indices=True)
    difference = np.rad2deg(angle[here] - truth.headings[there])
    difference = difference[np.isfinite(difference)]
    if not len(difference):
        return HeadingScore(float("nan"), float("nan"), float("nan"), 0)
    error = np.abs((difference + 180.0) % 360.0 - 180.0)
    return HeadingScore(float(np.median(error)), float(error.mean()), float(np.mean(error > 90.0)), len(error))
