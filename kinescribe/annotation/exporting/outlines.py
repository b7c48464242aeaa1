"""What an object covers: its mask, or the outline that follows from its shape, size and angle, or its box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kinescribe.annotation.exporting.rows import Row
from kinescribe.perception.rle import decode_counts
from kinescribe.renderers.boxes import FARTHEST
from kinescribe.renderers.geometry import rotation
from kinescribe.renderers.poses import Pose

__all__ = ["Outline", "outline_of"]

Float = NDArray[np.float64]
_CORNERS = 32  # of the polygon that stands for a disc: its area is 0.6 % below the disc's
_WITHIN_PIXEL = 0.25  # readers round a corner or cut its decimals off: a quarter of a pixel in, both find the pixel


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """What an object covers in the picture.

    Attributes:
        kind: what it was made from: a mask, the shape with size and angle, or the box.
        rle: COCO's compressed run lengths, of a mask only.
        polygon: (n, 2) corners, px from the picture's top left corner, y down, cut to the picture; of shapes and boxes only.
        area: px².
    """

    kind: Literal["mask", "shape", "box"]
    rle: dict[str, Any] | None
    polygon: Float | None
    area: float

    def one_polygon(self) -> Float:
        """(n, 2) corners of a single polygon: the parts of a mask, and its holes, hang together by seams without width."""
        if self.polygon is not None:
            return self.polygon
        assert self.rle is not None
        return _around(decode_counts((self.rle["size"][0], self.rle["size"][1]), self.rle["counts"]))


def outline_of(row: Row, size: tuple[int, int], counts: str | None) -> Outline:
    """The outline of one row. `counts`: the run lengths of its mask; empty masks count as none."""
    if counts is not None:
        rle = {"size": [size[1], size[0]], "counts": counts}
        area = int(decode_counts((size[1], size[0]), counts).sum())
        if area:
            return Outline("mask", rle, None, float(area))
    corners = None if row.pose is None else _corners(row.pose, row.shape)
    if corners is not None:
        corners = _cut(corners, size)
        if len(corners) >= 3:
            return Outline("shape", None, corners, _area(corners))
    x, y, w, h = row.box
    return Outline("box", None, np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]]), w * h)


def _corners(pose: Pose, shape: str) -> Float | None:
    """Corners of a disc, box or rod; None where size or angle isn't known, or the shape tells no outline."""
    if not (0 < pose.breadth < FARTHEST and 0 < pose.length < FARTHEST) or max(abs(pose.x), abs(pose.y)) > FARTHEST:
        return None  # a table may hold any number
    if shape not in ("disc", "box", "rod"):
        return None
    if shape == "disc":
        turn = np.linspace(0.0, 2.0 * np.pi, _CORNERS, endpoint=False)
        own, angle = np.stack([np.cos(turn), np.sin(turn)], axis=1), pose.angle if np.isfinite(pose.angle) else 0.0
    elif np.isfinite(pose.angle):
        own, angle = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]), pose.angle
    else:
        return None
    placed: Float = (own * [0.5 * pose.length, 0.5 * pose.breadth]) @ rotation(angle).T + [pose.x + 0.5, pose.y + 0.5]
    return placed


def _cut(corners: Float, size: tuple[int, int]) -> Float:
    """What of a convex polygon lies in the picture (Sutherland and Hodgman 1974), (n, 2); n is 0 where nothing does."""
    for axis, bound, sign in ((0, 0.0, 1.0), (0, float(size[0]), -1.0), (1, 0.0, 1.0), (1, float(size[1]), -1.0)):
        depth = sign * (corners[:, axis] - bound)
        kept: list[Float] = []
        for k in range(len(corners)):
            here, there = corners[k - 1], corners[k]
            if (depth[k - 1] > 0) != (depth[k] > 0):
                kept.append(here + (there - here) * depth[k - 1] / (depth[k - 1] - depth[k]))
            if depth[k] > 0:
                kept.append(there)
        corners = np.array(kept).reshape(-1, 2)
    return np.clip(corners, 0.0, size)


def _area(corners: Float) -> float:
    x, y = corners.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2.0)


def _around(mask: NDArray[np.bool_]) -> Float:
    import cv2

    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    loops = sorted((loop[:, 0].astype(float) for loop in found), key=len, reverse=True)
    joined = loops[0]
    for loop in loops[1:]:
        away = np.linalg.norm(joined[:, None] - loop[None], axis=2)
        i, j = np.unravel_index(int(away.argmin()), away.shape)
        joined = np.concatenate([joined[: i + 1], np.roll(loop, -j, axis=0), loop[j : j + 1], joined[i:]])
    while len(joined) < 3:  # a single pixel, or a line of them, is a polygon too
        joined = np.concatenate([joined, joined[-1:]])
    return joined + _WITHIN_PIXEL
