"""What a renderer plug-in must offer (entry-point group `kinescribe.renderers`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.poses import Pose
from kinescribe.renderers.scene import Scene

__all__ = ["Renderer", "RendererFactory"]


@runtime_checkable
class Renderer(Protocol):
    """Draws the objects of the scene that it was made for."""

    def draw(self, poses: Sequence[Pose], *, onto: NDArray[np.uint8] | None = None, opacity: float = 1.0) -> NDArray[np.uint8]:
        """The picture, uint8 (H, W, 3), BGR, of objects in these poses.

        Objects that the scene doesn't have, and what lies outside the picture, are left out.

        Args:
            onto: a picture to draw on, which is left as it is; None: what is behind the objects.
            opacity: of the objects, in [0, 1].
        """


class RendererFactory(Protocol):
    """What the entry point leads to: the class itself, as a rule."""

    def __call__(self, scene: Scene) -> Renderer:
        """A renderer of this scene."""
