"""A picture from a scene and where its objects are: every sprite is turned, scaled and moved to a fraction of a pixel, and laid over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.boxes import FARTHEST
from kinescribe.renderers.geometry import ratio, rotation
from kinescribe.renderers.layer import Layer, mean_layer
from kinescribe.renderers.poses import Pose
from kinescribe.renderers.scene import Scene, SceneObject, Sprite
from kinescribe.renderers.shapes import drawn_shape

__all__ = ["compose", "instants", "layer_of", "placed", "placement"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Picture = NDArray[np.uint8]
MOST_INSTANTS = 33  # of one exposure
MOST_SMEAR = 200.0  # px, of one exposure
SHRUNK = 0.7  # sprite pixels to the picture's, below which several are gathered into one before they are placed
HARDLY = 0.5  # px: what turns by less between its ends is drawn upright where pixels are whole
ANOTHER_SIZE = 1.5  # times as large or small: a plain object is then drawn from its shape, whose edges stretching doesn't blur


def compose(scene: Scene, poses: Sequence[Pose], *, onto: Picture | None = None, opacity: float = 1.0) -> Picture:
    """The picture of the scene's objects in these poses.

    Args:
        poses: of objects in any order; those that the scene doesn't have are left out, and so is what lies outside the picture.
        onto: uint8 (H, W, 3) in place of the plate; it is left as it is.
        opacity: of the objects, in [0, 1].

    Returns:
        uint8, shape (H, W, 3), BGR.
    """
    picture = (scene.picture if onto is None else onto).copy()
    known = {pose.object_id: pose for pose in poses if pose.object_id in scene.objects}
    height, width = picture.shape[:2]
    for object_id in scene.ordered(list(known)):
        layer = layer_of(scene.objects[object_id], known[object_id], (width, height), scene.exposure)
        if layer is not None:
            layer.over(picture, opacity)
    return picture


def layer_of(thing: SceneObject, pose: Pose, size: tuple[int, int], exposure: float = 0.0) -> Layer | None:
    """An object on the grid of a picture of this size (width, height); None where none of it is in it.

    Args:
        exposure: seconds about the pose's own instant for which the shutter is open.
    """
    sprite = None if _from_shape(thing, pose) else thing.view(pose)
    moments = instants(thing, pose, exposure)
    if sprite is not None and len(moments) > 1 and not _turns_within(thing, pose, exposure):
        # one that only moves is drawn once, and smeared
        offsets = np.array([[moment.x - pose.x, moment.y - pose.y] for moment in moments])
        linear, shift = placement(thing, sprite, pose)
        return _smeared(_gathered(sprite, linear), linear, shift, offsets, size)
    layers = []
    for moment in moments:
        if sprite is None:
            layer = drawn_shape(thing, moment, size)
        else:
            linear, shift = placement(thing, sprite, moment)
            layer = placed(_gathered(sprite, linear), linear, shift, size)
            layer = _hardened(layer) if layer is not None and thing.edges == "whole" else layer
        if layer is not None:
            layers.append(layer)
    return None if not layers else layers[0] if len(layers) == 1 else mean_layer(layers)


def instants(thing: SceneObject, pose: Pose, exposure: float) -> list[Pose]:
    """Poses within one exposure, so close that no part of the object moves by more than about a pixel from one to the next."""
    if exposure <= 0.0:
        return [pose]
    turning = pose.turning if thing.turns else 0.0
    half_length = pose.length / 2.0 if np.isfinite(pose.length) else 0.0
    path = (float(np.hypot(*pose.velocity)) + abs(turning) * half_length) * exposure
    if not np.isfinite(path) or path < 0.5:
        return [pose]
    count = min(int(np.ceil(path)) + 1, MOST_INSTANTS)
    # what crosses more than that in one exposure leaves no trace that could be told from nothing
    speed = float(np.hypot(*pose.velocity))
    exposure = min(exposure, MOST_SMEAR / speed) if speed > 0.0 else exposure
    # the middles of equal parts, so that their mean is the exposure's
    return [
        replace(pose, x=pose.x + t * pose.velocity[0], y=pose.y + t * pose.velocity[1], angle=pose.angle + t * turning)
        for t in exposure * ((np.arange(count) + 0.5) / count - 0.5)
    ]


def placement(thing: SceneObject, sprite: Sprite, pose: Pose) -> tuple[Float, Float]:
    """The affine map of sprite pixels to picture pixels: (2, 2) and (2,)."""
    shown = [mine if np.isfinite(mine) and mine > 0.0 else own for mine, own in zip(sprite.size, thing.size, strict=True)]
    stretch = np.array([ratio(pose.length, shown[0]), ratio(pose.breadth, shown[1])])
    turned = pose.angle - sprite.angle if thing.turns and np.isfinite(pose.angle) else 0.0
    if thing.edges == "whole" and sprite.fineness == 1 and abs(np.sin(turned / 2.0)) * max(sprite.alpha.shape) < HARDLY:
        turned = 0.0
    if thing.turns and np.isfinite(sprite.angle):
        # sides are stretched along the object's own axes, which lie askew in the sprite
        linear = rotation(turned) @ rotation(sprite.angle) @ np.diag(stretch) @ rotation(-sprite.angle) / sprite.fineness
    else:
        linear = rotation(turned) @ np.diag(stretch) / sprite.fineness
    shift = np.array([pose.x, pose.y]) - linear @ np.array(sprite.anchor)
    if thing.edges == "whole" and sprite.fineness == 1 and not turned:
        shift = np.round(shift)
    return linear, shift


def _gathered(sprite: Sprite, linear: Float) -> Float32:
    """The softened sprite, blurred by as much as it will shrink, so that no pixel of it falls between those of the picture."""
    # by how much one step in the sprite's x, and in its y, moves in the picture
    across, down = (max(float(np.hypot(*linear[:, k])), 1e-6) for k in (0, 1))
    if min(across, down) * sprite.fineness >= SHRUNK:
        return sprite.soft
    widest = 2 * max(sprite.alpha.shape) + 1
    sides = tuple(int(min(max(round(1.0 / side), 1), widest)) | 1 for side in (across, down))
    return np.asarray(cv2.blur(sprite.soft, sides, borderType=cv2.BORDER_CONSTANT), np.float32)


def placed(four: Float32, linear: Float, shift: Float, size: tuple[int, int]) -> Layer | None:
    """A softened sprite (h, w, 4) on the grid of a picture of this size (width, height)."""
    h, w = four.shape[:2]
    corners = np.array([[-1, -1], [w, -1], [-1, h], [w, h]], float) @ linear.T + shift
    if not np.isfinite(corners).all() or np.abs(corners).max() > FARTHEST:
        return None
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, size)
    if (high <= low).any():
        return None
    matrix = np.column_stack([linear, shift - low])
    extent = tuple(int(side) for side in high - low)
    warped = np.asarray(cv2.warpAffine(four, matrix, extent, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), np.float32)
    return Layer(int(low[0]), int(low[1]), warped[..., :3], warped[..., 3])


def _smeared(soft: Float32, linear: Float, shift: Float, offsets: Float, size: tuple[int, int]) -> Layer | None:
    """A softened sprite, the mean over places that differ by these offsets (n, 2), px."""
    pad = int(np.ceil(np.abs(offsets).max())) + 1
    # what lies just outside the picture is smeared into it
    layer = placed(soft, linear, shift + pad, (size[0] + 2 * pad, size[1] + 2 * pad))
    if layer is None:
        return None
    kernel = np.zeros((2 * pad + 1, 2 * pad + 1), np.float32)
    low = np.floor(offsets).astype(int)
    rest = offsets - low
    for dx in (0, 1):
        for dy in (0, 1):
            weight = np.abs(1 - dx - rest[:, 0]) * np.abs(1 - dy - rest[:, 1]) / len(offsets)
            # a filter correlates: what moves right looks to the left
            np.add.at(kernel, (pad - low[:, 1] - dy, pad - low[:, 0] - dx), weight.astype(np.float32))
    four = cv2.copyMakeBorder(np.dstack([layer.color, layer.alpha]), pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    four = cv2.filter2D(four, -1, kernel, borderType=cv2.BORDER_CONSTANT)
    x0, y0 = layer.x - 2 * pad, layer.y - 2 * pad
    left, top = max(-x0, 0), max(-y0, 0)
    cut: Float32 = np.asarray(four, np.float32)[top : max(size[1] - y0, 0), left : max(size[0] - x0, 0)]
    return Layer(x0 + left, y0 + top, cut[..., :3], cut[..., 3]) if cut.size else None


def _turns_within(thing: SceneObject, pose: Pose, exposure: float) -> bool:
    """Its ends turn by more than about a pixel while the shutter is open, or its pixels are whole."""
    half = pose.length / 2.0 if np.isfinite(pose.length) else 0.0
    return thing.edges == "whole" or (thing.turns and abs(pose.turning) * half * exposure > 1.0)


def _hardened(layer: Layer) -> Layer:
    """Every pixel wholly the object's or not at all."""
    alpha = (layer.alpha >= 0.5).astype(np.float32)
    color = np.where(alpha[..., None] > 0.0, layer.color / np.maximum(layer.alpha, 0.5)[..., None], 0.0)
    return Layer(layer.x, layer.y, color.astype(np.float32), alpha)


def _from_shape(thing: SceneObject, pose: Pose) -> bool:
    """It has no sprite; or it is plain, and so much larger or smaller than its sprite that stretching would show."""
    if not thing.sprites:
        return True
    if not (thing.plain and thing.drawable):
        return False
    ratios = [ratio(now, then) for now, then in zip((pose.length, pose.breadth), thing.size, strict=True)]
    return max(*ratios, *(1.0 / one for one in ratios)) > ANOTHER_SIZE
