"""Sprites from an object's best frames: averaged on a finer grid, and sharpened until they render as the video looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.compositor import placed, placement, softened
from kinescribe.renderers.matte import Matte
from kinescribe.renderers.poses import Pose
from kinescribe.renderers.scene import SceneObject, Sprite

__all__ = ["Cutout", "sprite_of"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
FINENESS = 2
LARGE_PX = 300  # sides of an object that has pixels enough
ROUNDS = 6  # of sharpening: each halves what is left
MARGIN_PX = 3


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """An object in one frame.

    Attributes:
        pose: there. x, y: of the window's first pixel.
        image: (h, w, 3) the picture. plate: (h, w, 3) what is behind. matte: how much the object covers.
    """

    pose: Pose
    x: int
    y: int
    image: Float32
    plate: Float32
    matte: Matte


def sprite_of(thing: SceneObject, cutouts: Sequence[Cutout]) -> Sprite:
    """The sprite that renders these cutouts best; `thing` tells whether it turns, and its size."""
    angle = cutouts[0].pose.angle if thing.turns else 0.0
    angle = angle if np.isfinite(angle) else 0.0
    reach = _reach(thing, cutouts, angle)
    fineness = FINENESS if reach.max() - reach.min() < LARGE_PX else 1
    low, high = reach
    shape = tuple(int(side) for side in np.ceil((high - low) * fineness).astype(int) + 1)[::-1]
    anchor = (float(-low[0] * fineness), float(-low[1] * fineness))
    sprite = Sprite(np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32), anchor, angle, fineness)
    four = np.zeros((*shape, 4), np.float32)
    targets = [np.dstack([_own_light(one, one.matte.alpha), one.matte.alpha]) for one in cutouts]
    maps = [placement(thing, sprite, one.pose) for one in cutouts]
    weight = np.full(shape, 1e-3, np.float32)
    for one, (linear, shift) in zip(cutouts, maps, strict=True):
        weight += _back(np.ones(one.matte.alpha.shape, np.float32), linear, shift, one, shape)
    for _ in range(ROUNDS):
        sprite = Sprite(four[..., :3], four[..., 3], anchor, angle, fineness)
        soft = softened(sprite)
        change = np.zeros_like(four)
        for one, target, (linear, shift) in zip(cutouts, targets, maps, strict=True):
            change += _back(target - _rendered(soft, linear, shift, one), linear, shift, one, shape)
        four += change / weight[..., None]
        four[..., 3] = np.clip(four[..., 3], 0.0, 1.0)
        # no brighter than white, covered as far as it is
        four[..., :3] = np.clip(four[..., :3], 0.0, 255.0 * four[..., 3:])
    return Sprite(np.ascontiguousarray(four[..., :3]), np.ascontiguousarray(four[..., 3]), anchor, angle, fineness)


def _own_light(one: Cutout, alpha: Float32) -> Float32:
    """What of the picture is the object's: the rest shines through from behind."""
    light = one.image - (1.0 - alpha[..., None]) * one.plate
    return np.where(alpha[..., None] > 0.0, light, 0.0).astype(np.float32)


def _rendered(soft: Float32, linear: Float, shift: Float, one: Cutout) -> Float32:
    """(h, w, 4) the sprite in the cutout's window."""
    h, w = one.matte.alpha.shape
    out = np.zeros((h, w, 4), np.float32)
    layer = placed(soft, linear, shift - (one.x, one.y), (w, h))
    if layer is not None:
        lh, lw = layer.alpha.shape
        out[layer.y : layer.y + lh, layer.x : layer.x + lw] = np.dstack([layer.color, layer.alpha])
    return out


def _back(values: Float32, linear: Float, shift: Float, one: Cutout, shape: tuple[int, ...]) -> Float32:
    """Values of the cutout's window on the sprite's grid (h, w)."""
    matrix = np.column_stack([linear, shift - (one.x, one.y)])
    # warpAffine with WARP_INVERSE_MAP reads, for every sprite pixel, the place in the window that the map leads to
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(values, matrix, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_CONSTANT), np.float32)


def _reach(thing: SceneObject, cutouts: Sequence[Cutout], angle: float) -> Float:
    """Low and high corner (2, 2) of what the mattes cover, in the object's own frame at `angle`, px from its centroid."""
    lows, highs = [], []
    for one in cutouts:
        y, x = np.nonzero(one.matte.alpha > 0.0)
        points = np.stack([x + one.x - one.pose.x, y + one.y - one.pose.y], axis=1)
        if thing.turns and np.isfinite(one.pose.angle):
            c, s = np.cos(angle - one.pose.angle), np.sin(angle - one.pose.angle)
            points = points @ np.array([[c, s], [-s, c]])
        lows.append(points.min(axis=0))
        highs.append(points.max(axis=0))
    # one bad matte must not make the sprite large
    low, high = np.percentile(lows, 10, axis=0), np.percentile(highs, 90, axis=0)
    return np.stack([low - MARGIN_PX, high + MARGIN_PX])
