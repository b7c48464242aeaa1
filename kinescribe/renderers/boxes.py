"""Upright boxes about objects, by frame: those that a table has, and what follows from size and angle where it has none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.poses import Pose, PoseTable
from kinescribe.states import States

__all__ = ["FARTHEST", "boxes_by_frame"]

Float32 = NDArray[np.float32]
FARTHEST = 1e6  # px: a table may hold any number; a box never lies farther out


def boxes_by_frame(states: States, table: PoseTable, shapes: Mapping[int, str]) -> dict[int, Float32]:
    """By frame number (n, 4) boxes x0, y0, x1, y1 of its poses in their order, from edge to edge of their pixels.

    Args:
        table: of the same states. shapes: by object.
    """
    columns = np.stack([states[name] for name in ("bbox_x", "bbox_y", "bbox_w", "bbox_h")], axis=1)
    own: dict[int, dict[int, Float32]] = defaultdict(dict)
    for k in np.flatnonzero(np.isfinite(columns).all(axis=1)):
        x, y, w, h = columns[k]
        box = np.clip([x, y, x + w, y + h], -FARTHEST, FARTHEST)
        own[int(states["frame"][k])][int(states["object_id"][k])] = box.astype(np.float32)
    return {
        int(frame): _boxes_about(poses, own.get(int(frame), {}), shapes) for frame, poses in zip(table.frames, table.poses, strict=True)
    }


def _boxes_about(poses: tuple[Pose, ...], given: Mapping[int, Float32], shapes: Mapping[int, str]) -> Float32:
    """(n, 4) boxes that hold the objects, from edge to edge of their pixels: their own where they are known, else from size and angle.

    A table may hold any number; a box never lies farther out than `FARTHEST`.
    """
    out = []
    for pose in poses:
        if pose.object_id in given:
            out.append(given[pose.object_id])
            continue
        half = np.minimum(_half_sides(pose, shapes.get(pose.object_id, "")), FARTHEST)
        middle = np.array([pose.x, pose.y]) + 0.5
        out.append(np.concatenate([middle - half, middle + half]))
    return np.clip(np.array(out, np.float64), -FARTHEST, FARTHEST).reshape(-1, 4).astype(np.float32)


def _half_sides(pose: Pose, shape: str) -> NDArray[np.float64]:
    """Half of the width and height of the upright box about an object; whichever way it is turned, where that isn't known."""
    length, breadth = (0.5 * side if np.isfinite(side) else 4.0 for side in (pose.length, pose.breadth))
    if shape == "disc":
        return np.full(2, max(length, breadth))
    if np.isfinite(pose.angle):
        c, s = abs(np.cos(pose.angle)), abs(np.sin(pose.angle))
        return np.array([c * length + s * breadth, s * length + c * breadth])
    return np.full(2, np.hypot(length, breadth))
