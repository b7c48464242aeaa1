"""Objects marked in a still picture: outlined in their colours, numbered, with where they came from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.boxes import FARTHEST
from kinescribe.renderers.colors import color_of, text_color_of
from kinescribe.renderers.geometry import rotation
from kinescribe.renderers.lettering import put, written
from kinescribe.renderers.poses import Pose

__all__ = ["bgr", "insides", "mark", "tag"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Picture = NDArray[np.uint8]
Color = tuple[int, int, int]
SHIFT = 4  # bits of a pixel's fraction, as OpenCV's lines take them
APART = 2.0  # px from an object's edge to its outline, so that the edge itself is seen
HALO: Color = (255, 255, 255)  # a thin light line on either side, for objects and grounds of the outline's own colour
DIM, FAINT = 0.45, 0.75  # opacity of the outline and of the number of what was not seen in the frame itself


def bgr(color: str) -> Color:
    """A colour ``#rrggbb`` as BGR."""
    return int(color[5:7], 16), int(color[3:5], 16), int(color[1:3], 16)


def insides(size: tuple[int, int], poses: Sequence[Pose], shapes: Mapping[int, str]) -> Float32:
    """Where discs, boxes and rods lie whose outline is known, (H, W) in [0, 1]: what other marks should leave free to look at."""
    mask = np.zeros(size, np.uint8)
    for pose in poses:
        outline = _own_outline(pose, shapes.get(pose.object_id, ""), apart=0.0)
        if outline is not None:
            cv2.fillPoly(mask, [_fixed(outline)], 255, cv2.LINE_AA, SHIFT)
    return np.asarray(mask / np.float32(255.0), np.float32)


def mark(picture: Picture, poses: Sequence[Pose], boxes: Float32, shapes: Mapping[int, str], points: Collection[int], letters: int) -> None:
    """Outline and number objects, in place; what was not seen in this very frame is dimmed.

    Args:
        picture: uint8 (H, W, 3), BGR.
        poses: in this picture's own pixels.
        boxes: (n, 4) x0, y0, x1, y1 of the poses, in their order.
        shapes: by object; a disc gets a circle, a box or rod one that is turned with it, all else its upright box.
        points: ids of what is a point of a body: a dot.
        letters: height of the numbers, px.
    """
    height, width = picture.shape[:2]
    within: Float = np.clip(np.asarray(boxes, float), -FARTHEST, FARTHEST)
    shown = [k for k, box in enumerate(within) if box[0] < width and box[1] < height and box[2] > 0.0 and box[3] > 0.0]
    thick = max(1, round(height / 170))
    for k in shown:
        pose, target = poses[k], picture if poses[k].seen else picture.copy()
        if pose.object_id in points:
            outline = _ring(pose, thick + 1.5)
        else:
            own = _own_outline(pose, shapes.get(pose.object_id, ""), APART)
            outline = _upright(within[k]) if own is None else own
        for paint, line in ((HALO, thick + 2), (bgr(color_of(pose.object_id)), thick)):
            cv2.polylines(target, [_fixed(outline)], True, paint, line, cv2.LINE_AA, SHIFT)
        if target is not picture:
            picture[:] = np.round(DIM * target + (1.0 - DIM) * picture.astype(np.float32)).astype(np.uint8)
    _number([poses[k] for k in shown], within[shown], picture, letters)


def _number(poses: Sequence[Pose], boxes: Float, picture: Picture, letters: int) -> None:
    """Each object's number beside it, where there is most room."""
    tags: list[Float] = []
    for k, (pose, box) in enumerate(zip(poses, boxes, strict=True)):
        label = tag(pose.object_id, letters)[: picture.shape[0], : picture.shape[1]]
        h, w = label.shape[:2]
        x, y = _free_place(box, (h, w), (picture.shape[0], picture.shape[1]), np.vstack([np.delete(boxes, k, axis=0), *tags]))
        tags.append(np.array([[x, y, x + w, y + h]], float))
        view = picture[y : y + h, x : x + w]
        view[:] = label if pose.seen else cv2.addWeighted(view, 1.0 - FAINT, label, FAINT, 0.0)


def tag(object_id: int, letters: int) -> Picture:
    """An object's number on a plate of its colour, uint8 (h, w, 3); letters so many px high."""
    covered = written(str(object_id), letters, 40 * letters)
    pad = max(2, letters // 4)
    plate = np.empty((round(1.3 * letters), covered.shape[1] + 2 * pad, 3), np.uint8)
    plate[:] = bgr(color_of(object_id))
    put(plate, covered, pad, round((plate.shape[0] - covered.shape[0]) / 2), bgr(text_color_of(color_of(object_id))))
    return plate


def _own_outline(pose: Pose, shape: str, apart: float) -> Float | None:
    """Points (n, 2) of a closed line so far outside a disc, box or rod; None where its size or angle isn't known, or for another shape."""
    half = np.minimum(0.5 * np.array([pose.length, pose.breadth]), FARTHEST) + apart
    if not np.isfinite(half).all():
        return None
    if shape == "disc":
        return _ring(pose, float(half.max()))
    if shape in ("box", "rod") and np.isfinite(pose.angle):
        return np.asarray(_center(pose) + (half * [[-1, -1], [1, -1], [1, 1], [-1, 1]]) @ rotation(pose.angle).T)
    return None


def _upright(box: Float) -> Float:
    (x0, y0), (x1, y1) = box[:2] - 0.5 - APART, box[2:] - 0.5 + APART
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def _ring(pose: Pose, radius: float) -> Float:
    turns = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
    return np.asarray(_center(pose) + radius * np.stack([np.cos(turns), np.sin(turns)], axis=1))


def _center(pose: Pose) -> Float:
    return np.clip([pose.x, pose.y], -FARTHEST, FARTHEST)


def _fixed(points: Float) -> NDArray[np.int32]:
    """Points (n, 2) in OpenCV's fixed point, (n, 1, 2)."""
    return np.asarray(np.round(points * 2**SHIFT), np.int32).reshape(-1, 1, 2)


def _free_place(box: Float, size: tuple[int, int], picture: tuple[int, int], others: Float) -> tuple[int, int]:
    """Upper left corner (x, y) for a tag beside a box: where it hides least of the other boxes (n, 4), and lies whole in the picture."""
    (h, w), (height, width) = size, picture
    gap = APART + 2.0
    middle = 0.5 * (box[:2] + box[2:])
    columns = (box[2] + gap, box[0] - gap - w, middle[0] - w / 2, box[0], box[2] - w)
    rows = (box[1] - gap - h, box[3] + gap, middle[1] - h / 2)
    corners = np.array([(x, y) for y in rows for x in columns])
    corners = np.clip(corners, 0.0, np.maximum((width - w, height - h), 0.0)).round()

    def hidden(of: Float) -> Float:
        sides = np.minimum(of[None, :, 2:], corners[:, None] + (w, h)) - np.maximum(of[None, :, :2], corners[:, None])
        return np.asarray(np.maximum(sides, 0.0).prod(axis=2).sum(axis=1), np.float64)

    # of equals the first
    x, y = corners[int(np.argmin(hidden(others) + 0.5 * hidden(box[None])))]
    return int(x), int(y)
