"""Sprites from an object's best frames: averaged on a finer grid, and sharpened until they render as the video looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.compositor import instants, placed, placement
from kinescribe.renderers.matte import Matte, carried
from kinescribe.renderers.poses import Pose
from kinescribe.renderers.scene import SHAPES, SceneObject, Sprite
from kinescribe.renderers.shapes import coverage

__all__ = ["Cutout", "sprite_of", "whole_sprite_of"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Boolean = NDArray[np.bool_]
FINENESS = 2
LARGE_PX = 300  # sides of an object that has pixels enough
ROUNDS = 6  # of sharpening: each halves what is left
MARGIN_PX = 3
SEEN = 0.5  # of one cut-out's pixel, that a sprite's pixel must have been seen to be known


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """An object in one frame.

    Attributes:
        pose: there. x, y: of the window's first pixel.
        image: uint8 (h, w, 3), the picture. plate: (h, w, 3) what is behind. matte: how much the object covers.
        known: (h, w) pixels in which nothing but the object and the plate is seen.
    """

    pose: Pose
    x: int
    y: int
    image: NDArray[np.uint8]
    plate: Float32
    matte: Matte
    known: Boolean

    def light(self) -> Float32:
        """(h, w, 4): what of the picture is the object's, for the rest shines through from behind; and how much it covers."""
        alpha = self.matte.alpha[..., None]
        own = np.where(alpha > 0.0, self.image - (1.0 - alpha) * self.plate, 0.0)
        return np.concatenate([own, alpha], axis=2).astype(np.float32)


def sprite_of(thing: SceneObject, cutouts: Sequence[Cutout], exposure: float = 0.0) -> Sprite:
    """The sprite that renders these cutouts best; `thing` tells whether it turns, and its size. exposure: as of a scene."""
    angle, size = _middle(thing, cutouts)
    reach = _reach(thing, cutouts, angle)
    fineness = FINENESS if reach.max() - reach.min() < LARGE_PX else 1
    low, high = reach
    shape = tuple(int(side) for side in np.ceil((high - low) * fineness).astype(int) + 1)[::-1]
    anchor = (float(-low[0] * fineness), float(-low[1] * fineness))

    def made(four: Float32) -> Sprite:
        return Sprite(np.ascontiguousarray(four[..., :3]), np.ascontiguousarray(four[..., 3]), anchor, angle, fineness, size)

    four = np.zeros((*shape, 4), np.float32)
    blank = made(four)
    targets = [one.light() for one in cutouts]
    weights = [one.known.astype(np.float32) for one in cutouts]
    maps = [[placement(thing, blank, pose) for pose in instants(thing, one.pose, exposure)] for one in cutouts]
    weight = np.zeros(shape, np.float32)
    for one, known, places in zip(cutouts, weights, maps, strict=True):
        weight += _back(known, places, one, shape)
    for _ in range(ROUNDS):
        soft = made(four).soft
        change = np.zeros_like(four)
        for one, target, known, places in zip(cutouts, targets, weights, maps, strict=True):
            change += _back((target - _rendered(soft, places, one)) * known[..., None], places, one, shape)
        four += change / (weight + 1e-3)[..., None]
        four[..., 3] = np.clip(four[..., 3], 0.0, 1.0)
        # no brighter than white, covered as far as it is
        four[..., :3] = np.clip(four[..., :3], 0.0, 255.0 * four[..., 3:])
    return _completed(thing, made(four), weight)


def whole_sprite_of(thing: SceneObject, cutouts: Sequence[Cutout]) -> Sprite:
    """The sprite of what is drawn at whole pixels without soft edges: the same picture in every frame, moved by whole pixels."""
    places = np.array([[one.pose.x, one.pose.y] for one in cutouts])
    # the part of a pixel by which centroid and grid differ is the same in all frames, but for noise: its circular mean
    rest = np.angle(np.exp(2j * np.pi * places).mean(axis=0)) / (2.0 * np.pi)
    corners = np.array([[one.x, one.y] for one in cutouts]) - np.round(places - rest)
    sides = np.array([one.matte.alpha.shape[::-1] for one in cutouts])
    low, high = np.percentile(corners, 10, axis=0).astype(int), np.percentile(corners + sides, 90, axis=0).astype(int)
    stack = np.full((len(cutouts), high[1] - low[1], high[0] - low[0], 4), np.nan, np.float32)
    for one, corner, layer in zip(cutouts, corners.astype(int), stack, strict=True):
        light = np.where(one.known[..., None], np.dstack([one.image, one.matte.body]), np.nan)
        x, y = corner - low
        h, w = one.known.shape
        into = layer[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)]
        into[...] = light[max(-y, 0) :, max(-x, 0) :][: into.shape[0], : into.shape[1]]
    seen = np.isfinite(stack[..., 3]).sum(axis=0)
    alpha = np.nanmedian(np.where(seen > 0, stack[..., 3], 0.0), axis=0) >= 0.5
    color = np.nanmedian(np.where((seen > 0)[..., None], stack[..., :3], 0.0), axis=0)
    four = np.dstack([color * alpha[..., None], alpha]).astype(np.float32)
    anchor = (float(rest[0] - low[0]), float(rest[1] - low[1]))
    angle, size = _middle(thing, cutouts)
    sprite = Sprite(np.ascontiguousarray(four[..., :3]), np.ascontiguousarray(four[..., 3]), anchor, angle, 1, size)
    return _completed(thing, sprite, seen.astype(np.float32))


def _middle(thing: SceneObject, cutouts: Sequence[Cutout]) -> tuple[float, tuple[float, float]]:
    """Angle, the one nearest to the mean direction, and median sides of what the cutouts show."""
    sides = np.array([[one.pose.length, one.pose.breadth] for one in cutouts])
    known = np.isfinite(sides).any(axis=0)
    size = tuple(float(np.nanmedian(sides[:, k])) if known[k] else float("nan") for k in range(2))
    angles = np.array([one.pose.angle for one in cutouts])
    angles = angles[np.isfinite(angles)]
    if not thing.turns or not len(angles):
        return 0.0, (size[0], size[1])
    mean = np.exp(1j * angles).mean()
    return float(angles[np.abs(np.angle(np.exp(1j * angles) * np.conj(mean))).argmin()]), (size[0], size[1])


def _rendered(soft: Float32, places: Sequence[tuple[Float, Float]], one: Cutout) -> Float32:
    """(h, w, 4) the sprite in the cutout's window, the mean over its exposure."""
    h, w = one.known.shape
    out = np.zeros((h, w, 4), np.float32)
    for linear, shift in places:
        layer = placed(soft, linear, shift - (one.x, one.y), (w, h))
        if layer is not None:
            lh, lw = layer.alpha.shape
            out[layer.y : layer.y + lh, layer.x : layer.x + lw] += np.dstack([layer.color, layer.alpha])
    return out * np.float32(1.0 / len(places))


def _back(values: Float32, places: Sequence[tuple[Float, Float]], one: Cutout, shape: tuple[int, ...]) -> Float32:
    """Values of the cutout's window on the sprite's grid (h, w), the mean over its exposure."""
    out = np.zeros((*shape, *values.shape[2:]), np.float32)
    # warpAffine with WARP_INVERSE_MAP reads, for every sprite pixel, the place in the window that the map leads to
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for linear, shift in places:
        matrix = np.column_stack([linear, shift - (one.x, one.y)])
        out += cv2.warpAffine(values, matrix, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_CONSTANT)
    return out * np.float32(1.0 / len(places))


def _completed(thing: SceneObject, sprite: Sprite, weight: Float32) -> Sprite:
    """The sprite with what was hidden in every frame, but is the object's, painted as its nearest known pixel."""
    hidden = weight < SEEN
    body = ((sprite.alpha >= 0.5) & ~hidden).astype(np.uint8)
    if not hidden.any() or not body.any():
        return sprite
    alpha = np.where(hidden, _extent(thing, sprite, body), sprite.alpha)
    if not (hidden & (alpha > 0.0)).any():
        return replace(sprite, alpha=alpha, color=sprite.color * (alpha > 0.0)[..., None])
    # solid pixels tell the colour; those at the rim are mixed with what is behind
    solid = cv2.erode(body, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    source = solid if solid.any() else body
    nearest = carried(sprite.color, source > 0)
    return replace(sprite, alpha=alpha, color=np.where(hidden[..., None], nearest * alpha[..., None], sprite.color))


def _extent(thing: SceneObject, sprite: Sprite, body: NDArray[np.uint8]) -> Float32:
    """(h, w) what the object covers, as its shape has it; where that isn't known the convex hull of what was seen."""
    if thing.shape in SHAPES and np.isfinite(sprite.size).all() and min(sprite.size) > 0.0:
        sides = (sprite.size[0] * sprite.fineness, sprite.size[1] * sprite.fineness)
        height, width = body.shape
        return coverage(thing.shape, sprite.anchor, sprite.angle if thing.turns else 0.0, sides, (width, height))
    outlines, _ = cv2.findContours(body, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.fillPoly(np.zeros_like(body), [cv2.convexHull(np.concatenate(outlines))], 1), np.float32)


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
