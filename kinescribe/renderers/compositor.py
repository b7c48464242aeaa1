"""A picture from a scene and where its objects are: every sprite is turned, scaled and moved to a fraction of a pixel, and laid over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.poses import Pose
from kinescribe.renderers.scene import Scene, SceneObject, Sprite

__all__ = ["Layer", "compose", "layer_of", "placed", "softened"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Picture = NDArray[np.uint8]
FARTHEST = 1e6  # px from the picture: beyond, warping would overflow


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A sprite on the picture's own grid.

    Attributes:
        x, y: of its first pixel in the picture.
        color: (h, w, 3) premultiplied, BGR. alpha: (h, w).
    """

    x: int
    y: int
    color: Float32
    alpha: Float32

    def over(self, picture: Float32, opacity: float = 1.0) -> None:
        """Lay it over a picture (H, W, 3) in place."""
        h, w = self.alpha.shape
        view = picture[self.y : self.y + h, self.x : self.x + w]
        view *= 1.0 - opacity * self.alpha[..., None]
        view += opacity * self.color


def compose(scene: Scene, poses: Sequence[Pose], *, onto: Float32 | None = None, opacity: float = 1.0) -> Picture:
    """The picture of the scene's objects in these poses.

    Args:
        poses: of objects in any order; those that the scene doesn't have are left out, and so is what lies outside the picture.
        onto: float32 (H, W, 3) in place of the plate.
        opacity: of the objects, in [0, 1].

    Returns:
        uint8, shape (H, W, 3), BGR.
    """
    picture = (scene.plate if onto is None else onto).copy()
    known = {pose.object_id: pose for pose in poses if pose.object_id in scene.objects}
    height, width = picture.shape[:2]
    for object_id in scene.ordered(list(known)):
        layer = layer_of(scene.objects[object_id], known[object_id], (width, height))
        if layer is not None:
            layer.over(picture, opacity)
    out: Picture = np.clip(picture + 0.5, 0.0, 255.0).astype(np.uint8)
    return out


def layer_of(thing: SceneObject, pose: Pose, size: tuple[int, int]) -> Layer | None:
    """An object on the grid of a picture of this size (width, height); None where none of it is in it."""
    sprite = thing.view(pose.angle)
    return placed(softened(sprite), *placement(thing, sprite, pose), size)


def placement(thing: SceneObject, sprite: Sprite, pose: Pose) -> tuple[Float, Float]:
    """The affine map of sprite pixels to picture pixels: (2, 2) and (2,)."""
    stretch = np.array([_ratio(pose.length, thing.size[0]), _ratio(pose.breadth, thing.size[1])])
    turned = pose.angle - sprite.angle if thing.turns and np.isfinite(pose.angle) else 0.0
    if thing.turns and np.isfinite(sprite.angle):
        # sides are stretched along the object's own axes, which lie askew in the sprite
        linear = _rotation(turned) @ _rotation(sprite.angle) @ np.diag(stretch) @ _rotation(-sprite.angle) / sprite.fineness
    else:
        linear = _rotation(turned) @ np.diag(stretch) / sprite.fineness
    return linear, np.array([pose.x, pose.y]) - linear @ np.array(sprite.anchor)


def softened(sprite: Sprite) -> Float32:
    """(h, w, 4) colour and alpha as the video's pixels see them: each gathers light from all sprite pixels that it covers."""
    four = np.dstack([sprite.color, sprite.alpha])
    if sprite.fineness == 1:
        return four
    n = sprite.fineness
    kernel = np.convolve(np.full(n, 1.0 / n), np.full(2, 0.5)) if n % 2 == 0 else np.full(n, 1.0 / n)
    return np.asarray(cv2.sepFilter2D(four, -1, kernel, kernel, borderType=cv2.BORDER_CONSTANT), np.float32)


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


def _rotation(angle: float) -> Float:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])


def _ratio(now: float, then: float) -> float:
    return now / then if np.isfinite(now) and now > 0.0 and then > 0.0 else 1.0
