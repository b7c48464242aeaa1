"""One frame drawn again from its states, and windows of it with and without an object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.compositor import layer_of, placement
from kinescribe.renderers.layer import Layer
from kinescribe.renderers.poses import Pose
from kinescribe.renderers.reviewing.ground import Ground
from kinescribe.renderers.scene import Scene, SceneObject

__all__ = ["COVERS", "MOST_SIDES", "Drawn", "Window", "draw", "in_window", "span_of"]

Float32 = NDArray[np.float32]
Boolean = NDArray[np.bool_]
COVERS = 0.05  # alpha from which on a sprite is in a pixel
MOST_SIDES = 4.0  # of the picture, that an object in it may have


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the picture, px: x0 ≤ x < x1, y0 ≤ y < y1."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def cut(self) -> tuple[slice, slice]:
        """What takes it out of an array (H, W, …)."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w)."""
        return self.y1 - self.y0, self.x1 - self.x0


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A frame of the video and what the scene makes of its states.

    Attributes:
        image: float32, shape (H, W, 3), the video's frame, brightness levelled.
        scene: plate and sprites. ground: plate and noise.
        poses: by object. layers: of those that have a sprite in the picture.
        order: ids of the layers from back to front.
    """

    image: Float32
    scene: Scene
    ground: Ground
    poses: Mapping[int, Pose]
    layers: Mapping[int, Layer]
    order: list[int]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width = self.ground.noise.shape
        return width, height

    def at(self, thing: SceneObject, pose: Pose) -> Layer | None:
        """An object in a pose, on this picture's grid."""
        return layer_of(thing, pose, self.size, self.scene.exposure)

    def picture(self) -> Float32:
        """The frame drawn again, (H, W, 3)."""
        out = self.ground.plate.copy()
        for i in self.order:
            layer = self.layers[i]
            h, w = layer.alpha.shape
            view = out[layer.y : layer.y + h, layer.x : layer.x + w]
            view *= 1.0 - layer.alpha[..., None]
            view += layer.color
        return out

    def without(self, object_id: int, window: Window) -> Float32:
        """A window (h, w, 3) of the frame drawn again without one object."""
        out = self.ground.plate[window.cut].copy()
        for i in self.order:
            if i != object_id and meets(self.layers[i], window):
                color, alpha = in_window(self.layers[i], window)
                out = out * (1.0 - alpha[..., None]) + color
        return out

    def others(self, object_id: int, window: Window, reach: int) -> Boolean:
        """(h, w) where another object's sprite is, or nearer to it than `reach` px."""
        out = np.zeros(window.shape, np.uint8)
        for i in self.order:
            if i != object_id and meets(self.layers[i], window):
                out |= (in_window(self.layers[i], window)[1] > COVERS).astype(np.uint8)
        return cv2.dilate(out, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0


def draw(image: Float32, scene: Scene, ground: Ground, poses: Mapping[int, Pose]) -> Drawn:
    """A frame (H, W, 3) beside its states."""
    height, width = ground.noise.shape
    layers: dict[int, Layer] = {}
    for i in scene.ordered([i for i in poses if i in scene.objects]):
        layer = layer_of(scene.objects[i], poses[i], (width, height), scene.exposure)
        if layer is not None and (layer.alpha > COVERS).any():
            layers[i] = layer
    return Drawn(image, scene, ground, poses, layers, list(layers))


def meets(layer: Layer, window: Window) -> bool:
    """Whether a layer has pixels in a window."""
    h, w = layer.alpha.shape
    return layer.x < window.x1 and window.x0 < layer.x + w and layer.y < window.y1 and window.y0 < layer.y + h


def in_window(layer: Layer | None, window: Window) -> tuple[Float32, Float32]:
    """Premultiplied colour (h, w, 3) and alpha (h, w) of a layer in a window."""
    h, w = window.shape
    color, alpha = np.zeros((h, w, 3), np.float32), np.zeros((h, w), np.float32)
    if layer is None or not meets(layer, window):
        return color, alpha
    lh, lw = layer.alpha.shape
    left, top = max(layer.x, window.x0), max(layer.y, window.y0)
    right, bottom = min(layer.x + lw, window.x1), min(layer.y + lh, window.y1)
    into = (slice(top - window.y0, bottom - window.y0), slice(left - window.x0, right - window.x0))
    of = (slice(top - layer.y, bottom - layer.y), slice(left - layer.x, right - layer.x))
    color[into], alpha[into] = layer.color[of], layer.alpha[of]
    return color, alpha


def span_of(layer: Layer, pad: int, size: tuple[int, int]) -> Window:
    """The window of a layer's covered pixels and `pad` px about them, within a picture of this size."""
    ys, xs = np.nonzero(layer.alpha > COVERS)
    x0, y0 = layer.x + int(xs.min()) - pad, layer.y + int(ys.min()) - pad
    x1, y1 = layer.x + int(xs.max()) + 1 + pad, layer.y + int(ys.max()) + 1 + pad
    return Window(max(x0, 0), max(y0, 0), min(x1, size[0]), min(y1, size[1]))


def full_area(drawn: Drawn, thing: SceneObject, pose: Pose) -> float:
    """Sum of alpha of an object's sprite at this size and in the view that shows here, were all of it in the picture, px²."""
    layer = drawn.at(thing, pose)
    width, height = drawn.size
    if layer is None:
        return 0.0
    ys, xs = np.nonzero(layer.alpha > COVERS)
    inside = (
        len(xs) and min(layer.x + xs.min(), layer.y + ys.min()) > 0 and layer.x + xs.max() < width - 1 and layer.y + ys.max() < height - 1
    )
    if inside:
        return float(layer.alpha.sum())
    if thing.sprites:
        # the view that shows here, and by how much the pose stretches it: nothing is drawn, however large that may be
        sprite = thing.view(pose)
        linear, _ = placement(thing, sprite, pose)
        return float(sprite.alpha.sum()) * abs(float(np.linalg.det(linear)))
    # as it would be in the middle of a picture that holds it, or so much of it that next to nothing of it shows here
    sides = [side for side in (pose.length, pose.breadth, *thing.size, *np.ptp(thing.outline or [(0.0, 0.0)], axis=0)) if np.isfinite(side)]
    reach = int(min(2.0 * max(*sides, 8.0), MOST_SIDES * max(width, height)))
    whole = layer_of(thing, replace(pose, x=reach / 2.0, y=reach / 2.0), (reach, reach), drawn.scene.exposure)
    return 0.0 if whole is None else float(whole.alpha.sum())
