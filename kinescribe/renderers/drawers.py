"""The renderers that come with kinescribe: from sprites, and from nothing but shape and colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.compositor import compose
from kinescribe.renderers.poses import Pose
from kinescribe.renderers.scene import Scene

__all__ = ["ShapeRenderer", "SpriteRenderer"]

Picture = NDArray[np.uint8]


class SpriteRenderer:
    """Objects as they look in the video; those without sprites from shape and colour."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def draw(self, poses: Sequence[Pose], *, onto: Picture | None = None, opacity: float = 1.0) -> Picture:
        """As `Renderer.draw`."""
        return compose(self.scene, poses, onto=onto, opacity=opacity)


class ShapeRenderer(SpriteRenderer):
    """Discs, boxes, rods and outlines in each object's colour: what the numbers say. What has no shape keeps its sprite."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene.with_objects([replace(one, sprites=()) for one in scene.objects.values() if one.drawable]))
