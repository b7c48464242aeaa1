"""Which rows of a table go into a data set, with boxes that lie in the picture."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from kinescribe.annotation.exporting.classes import Classes
from kinescribe.renderers.poses import Pose, PoseTable
from kinescribe.states import States

__all__ = ["VERIFIED", "Row", "parts_of", "rows_of"]

VERIFIED = ("yes", "corrected")
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Row:
    """One object in one frame.

    Attributes:
        frame, object_id: as in the table.
        class_index: number of its class, from 0.
        box: left, top, width, height, px from the picture's top left corner, y down, cut to the picture.
        inside: share of the uncut box that lies in the picture, (0, 1].
        hidden: it wasn't seen in this frame; the place is filled in.
        verified: whoever looked twice said yes to its label, or corrected it.
        score: the detector's, [0, 1]; None where not known.
        shape: as in the table. pose: its place, angle and size in the picture; None where not known.
    """

    frame: int
    object_id: int
    class_index: int
    box: Box
    inside: float
    hidden: bool
    verified: bool
    score: float | None
    shape: str
    pose: Pose | None


def parts_of(states: States) -> set[int]:
    """Ids of what is a point of a body, such as a rod's end: not an object of its own."""
    return {i for i, about in states.meta.objects.items() if about.part_of is not None}


def rows_of(
    states: States, size: tuple[int, int], classes: Classes, *, verified_only: bool = False, hidden: bool = False
) -> tuple[list[Row], Counter[str]]:
    """Rows that go in, by frame, then object; and how many don't, by reason.

    An object has one label: the one that most of its rows carry. What is foretold stays out, and so does what a second look found not to be
    there.

    Args:
        size: (width, height) of the picture.
        verified_only: only rows whose label was verified.
        hidden: rows of objects that weren't seen, too (occluded, interpolated).
    """
    labels, parts = states.labels, parts_of(states)
    table = PoseTable.of(states)
    poses = {(int(frame), pose.object_id): pose for frame, at in zip(table.frames.tolist(), table.poses, strict=True) for pose in at}
    boxes = np.stack([states[name] for name in ("bbox_x", "bbox_y", "bbox_w", "bbox_h")], axis=1)
    names = ("frame", "object_id", "status", "label_verified", "detection_score", "shape")
    out: list[Row] = []
    left: Counter[str] = Counter()
    for k, (frame, i, status, verdict, score, shape) in enumerate(zip(*(states[name].tolist() for name in names), strict=True)):
        index = classes.of_label.get(labels[i])
        reason = _stays_out(i in parts, index is None, status, verdict, verified_only=verified_only, hidden=hidden)
        pose = poses.get((frame, i))
        whole = _box(tuple(boxes[k].tolist()), pose, shape) if not reason else None
        if not reason and whole is None:
            reason = "no box and no size"
        box = _cut(whole, size) if whole else None
        if not reason and box is None:
            reason = "outside the picture"
        if reason or index is None or whole is None or box is None:
            left[reason] += 1
            continue
        out.append(
            Row(
                frame,
                i,
                index,
                box,
                (box[2] / whole[2]) * (box[3] / whole[3]),
                status in ("occluded", "interpolated"),
                verdict in VERIFIED,
                None if score != score else score,
                shape,
                pose,
            )
        )
    return out, left


def _stays_out(part: bool, unwanted: bool, status: str, verdict: str, *, verified_only: bool, hidden: bool) -> str:
    """Why a row stays out, in a few words; "" where it goes in."""
    if part:
        return "a point of a body"
    if unwanted:
        return "a label that isn't wanted"
    if status == "predicted":
        return "foretold, not seen"
    if verdict == "no":
        return "a second look found nothing there"
    if verified_only and verdict not in VERIFIED:
        return "its label isn't verified"
    if not hidden and status in ("occluded", "interpolated"):
        return "not seen in this frame"
    return ""


def _box(own: tuple[float, ...], pose: Pose | None, shape: str) -> Box | None:
    """The upright box about an object, from edge to edge of its pixels: its own, else from its size and angle; None where these lack."""
    if np.isfinite(own).all():
        return (own[0], own[1], own[2], own[3]) if own[2] > 0 and own[3] > 0 else None
    if pose is None or not (pose.length > 0 and pose.breadth > 0):
        return None
    if shape == "disc":
        half_x = half_y = 0.5 * max(pose.length, pose.breadth)
    elif np.isfinite(pose.angle):
        c, s = abs(np.cos(pose.angle)), abs(np.sin(pose.angle))
        half_x, half_y = 0.5 * (c * pose.length + s * pose.breadth), 0.5 * (s * pose.length + c * pose.breadth)
    else:
        return None
    # positions count from the first pixel's centre, boxes from its corner
    return (float(pose.x + 0.5 - half_x), float(pose.y + 0.5 - half_y), float(2 * half_x), float(2 * half_y))


def _cut(box: Box, size: tuple[int, int]) -> Box | None:
    x0, y0 = max(box[0], 0.0), max(box[1], 0.0)
    x1, y1 = min(box[0] + box[2], float(size[0])), min(box[1] + box[3], float(size[1]))
    return (x0, y0, x1 - x0, y1 - y0) if x1 - x0 > 0 and y1 - y0 > 0 else None
