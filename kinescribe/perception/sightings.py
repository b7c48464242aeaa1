"""What a second look at the video, with the tracks known, found of each of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import MaskCrop

__all__ = ["Path", "Sightings", "body_spans", "long_axis", "placed"]

Float = NDArray[np.float64]
LEAST_ELONGATION = 1.25


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """One track as the first look has it, in image pixels.

    Attributes:
        frames: (n,) int, strictly increasing.
        positions: (n, 2), centroids.
        areas: (n,), px².
        boxes: (n, 4), x0, y0, x1, y1.
        masks: n, each cut to its box.
        usable: (n,) bool, whole bodies: neither cut by the picture's edge nor merged with others.
    """

    frames: NDArray[np.int64]
    positions: Float
    areas: Float
    boxes: Float
    masks: list[MaskCrop]
    usable: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """Where a track's sprite was found, m rows in frame order.

    Attributes:
        frames: (m,) int.
        positions, covariances: (m, 2) and (m, 2, 2), px.
        turns, turn_sigmas: (m,), radians against the sprite, clockwise on the screen; NaN where its look doesn't tell.
        gains: (m,), see `Pose.gain`.
        visible: (m,), share inside the picture.
        ends: (m, 2, 2), where the body's two ends were found by their own looks, backward and forward end along `axis`, px; NaN where not.
        end_covariances: (m, 2, 2, 2), px².
        body: bool, (h, w), the sprite's mask. anchor: (2,), x, y of the body's centroid in it.
        shared: (k,) int, those of the frames in which the first look saw this body and another as one, or one beneath the other.
    """

    frames: NDArray[np.int64]
    positions: Float
    covariances: Float
    turns: Float
    turn_sigmas: Float
    gains: Float
    visible: Float
    ends: Float
    end_covariances: Float
    body: NDArray[np.bool_]
    anchor: Float
    shared: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def axis(self) -> float:
        """Direction of the body's long axis in the sprite, radians, clockwise on the screen; NaN for a body about as wide as long."""
        return long_axis(self.body)

    def spans(self, axis: float) -> Float:
        """How far the body reaches from its centroid, px: backwards and forwards along a direction in the sprite, then across it, (4,)."""
        return body_spans(self.body, self.anchor, axis)

    def mask_at(self, row: int) -> tuple[int, int, NDArray[np.bool_]]:
        """The body's mask where it was found: x, y of its top left corner and the pixels, cut to what is set."""
        turn = 0.0 if np.isnan(self.turns[row]) else float(self.turns[row])
        return placed(self.body.astype(np.float32), self.anchor, self.positions[row], turn, 0.5)


def placed(alpha: NDArray[np.float32], anchor: Float, position: Float, turn: float, least: float) -> tuple[int, int, NDArray[np.bool_]]:
    """Where a sprite's alpha (h, w) exceeds `least` once its anchor lies at a position of the picture, turned by so many radians.

    Returns:
        x, y of the top left corner and the pixels, cut to what is set; one pixel that isn't where none is.
    """
    import cv2

    h, w = alpha.shape
    c, s = np.cos(turn), np.sin(turn)
    rotation = np.array([[c, -s], [s, c]])
    shift = position - rotation @ anchor
    corners = rotation @ np.array([[0, w, 0, w], [0, 0, h, h]]) + shift[:, None]
    corner = np.floor(corners.min(axis=1)).astype(int) - 1
    size = np.ceil(corners.max(axis=1)).astype(int) + 2 - corner
    matrix = np.column_stack([rotation, shift - corner])
    there = np.asarray(cv2.warpAffine(alpha, matrix, size.tolist())) > least
    rows, columns = np.flatnonzero(there.any(1)), np.flatnonzero(there.any(0))
    if len(rows) == 0:
        return int(corner[0]), int(corner[1]), np.zeros((1, 1), bool)
    cut = there[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
    return int(corner[0] + columns[0]), int(corner[1] + rows[0]), cut


def long_axis(body: NDArray[np.bool_]) -> float:
    """Direction of a mask's long axis, radians, clockwise on the screen; NaN for one about as wide as long."""
    ys, xs = np.nonzero(body)
    if len(xs) < 5:
        return float("nan")
    (xx, xy), (_, yy) = np.cov(np.stack([xs, ys]))
    major, minor = (xx + yy) / 2 + np.array([1, -1]) * np.hypot((xx - yy) / 2, xy)
    if major < LEAST_ELONGATION**2 * max(minor, 1 / 12):
        return float("nan")
    return float(0.5 * np.arctan2(2 * xy, xx - yy))


def body_spans(body: NDArray[np.bool_], anchor: Float, axis: float) -> Float:
    """How far a mask reaches from a point (2,), px: backwards and forwards along a direction, then to both sides of it, (4,)."""
    ys, xs = np.nonzero(body)
    dx, dy = xs - anchor[0], ys - anchor[1]
    along, across = dx * np.cos(axis) + dy * np.sin(axis), -dx * np.sin(axis) + dy * np.cos(axis)
    # half a pixel beyond the last one's centre; a stray pixel is no end
    low, high = np.percentile(along, [0.5, 99.5])
    left, right = np.percentile(across, [0.5, 99.5])
    return np.array([-low, high, -left, right]) + 0.5
