"""Discs, boxes, rods and polygons on the picture's grid, from where they are and how large: what has no pixels of its own is drawn so."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.geometry import ratio, rotation
from kinescribe.renderers.layer import Layer
from kinescribe.renderers.poses import Pose
from kinescribe.renderers.scene import SHAPES, SceneObject

__all__ = ["coverage", "distance_outside", "drawn_shape", "outline_of"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
FINE = 16  # sub-pixels a side of polygons
LARGEST = 20_000.0  # px, of a side


def drawn_shape(thing: SceneObject, pose: Pose, size: tuple[int, int]) -> Layer | None:
    """An object without a sprite on the grid of a picture of this size (width, height); None where none of it is in it.

    Its sides are the pose's; where those are not known, the object's own.
    """
    length, breadth = (
        mine if np.isfinite(mine) and mine > 0.0 else own for mine, own in zip((pose.length, pose.breadth), thing.size, strict=True)
    )
    reach = 0.5 * float(np.hypot(length, breadth)) + 2.0
    corners = None
    if thing.shape not in SHAPES:
        corners = np.array(thing.outline) * [ratio(length, thing.size[0]), ratio(breadth, thing.size[1])]
        reach = float(np.hypot(*corners.T).max()) + 2.0
    if not np.isfinite([pose.x, pose.y, reach]).all() or reach > LARGEST:
        return None
    low = np.maximum(np.floor([pose.x - reach, pose.y - reach]), 0.0)
    high = np.minimum(np.ceil([pose.x + reach, pose.y + reach]) + 1.0, size)
    if (high <= low).any() or thing.color is None:
        return None
    (x0, y0), (w, h) = low.astype(int), (high - low).astype(int)
    angle = pose.angle if thing.turns and np.isfinite(pose.angle) else 0.0
    alpha = coverage(thing.shape, (pose.x - x0, pose.y - y0), angle, (length, breadth), (int(w), int(h)), corners)
    if thing.edges == "whole":
        alpha = (alpha >= 0.5).astype(np.float32)
    return Layer(int(x0), int(y0), alpha[..., None] * np.array(thing.color, np.float32), alpha)


def coverage(
    shape: str,
    center: tuple[float, float],
    angle: float,
    sides: tuple[float, float],
    size: tuple[int, int],
    corners: Float | None = None,
) -> Float32:
    """How much of each pixel of a window (height, width) a shape covers, in [0, 1].

    Args:
        center: (x, y) px. angle: radians from +x towards +y. sides: (length, breadth), px; of a disc its diameters.
        size: (width, height) of the window.
        corners: (n, 2) of a polygon, px from the centre, at angle 0.
    """
    if corners is not None:
        return _polygon(corners @ rotation(angle).T + center, size)
    # what is thinner than a pixel is drawn a pixel wide, and as much fainter
    drawn = (max(sides[0], 1.0), max(sides[1], 1.0))
    share = float(np.clip(sides[0] / drawn[0], 0.0, 1.0) * np.clip(sides[1] / drawn[1], 0.0, 1.0))
    outside = distance_outside(shape, center, angle, drawn, size)
    return np.asarray(share * np.clip(0.5 - outside, 0.0, 1.0), np.float32)


def distance_outside(shape: str, center: tuple[float, float], angle: float, sides: tuple[float, float], size: tuple[int, int]) -> Float:
    """Distance (height, width) of pixels from a shape's edge, px, negative inside; discs of two diameters are ellipses, to first order."""
    y, x = np.mgrid[: size[1], : size[0]].astype(np.float64)
    c, s = np.cos(angle), np.sin(angle)
    u, v = c * (x - center[0]) + s * (y - center[1]), -s * (x - center[0]) + c * (y - center[1])
    a, b = (max(side / 2.0, 1e-3) for side in sides)
    if shape == "disc":
        radial = np.hypot(u / a, v / b)
        slope = np.maximum(np.hypot(u / a**2, v / b**2), 1e-9)
        return np.asarray(np.where(radial > 1e-6, radial * (radial - 1.0) / slope, -min(a, b)))
    du, dv = np.abs(u) - a, np.abs(v) - b
    return np.asarray(np.hypot(np.maximum(du, 0.0), np.maximum(dv, 0.0)) + np.minimum(np.maximum(du, dv), 0.0))


def outline_of(alpha: Float32, anchor: tuple[float, float], angle: float, fineness: int) -> tuple[tuple[float, float], ...]:
    """The outline of a sprite as a polygon, px of the video from its centroid, turned to angle 0."""
    outlines, _ = cv2.findContours((alpha >= 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return ()
    largest = max(outlines, key=cv2.contourArea)
    corners = cv2.approxPolyDP(largest, 0.5 * fineness, True)[:, 0].astype(float)
    points = (corners - anchor) / fineness @ rotation(angle)
    return tuple((round(float(px), 3), round(float(py), 3)) for px, py in points)


def _polygon(corners: Float, size: tuple[int, int]) -> Float32:
    width, height = size
    fine = np.zeros((height * FINE, width * FINE), np.uint8)
    # OpenCV takes whole numbers, in sixteenths of a sub-pixel here; pixel centres lie at whole numbers in both grids
    points = np.round(((corners + 0.5) * FINE - 0.5) * 16.0)
    cv2.fillPoly(fine, [np.clip(points, -1e8, 1e8).astype(np.int32)], 255, shift=4)
    return np.asarray(fine.reshape(height, FINE, width, FINE).mean(axis=(1, 3), dtype=np.float32) / 255.0)
