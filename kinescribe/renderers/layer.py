"""What is laid over a picture: colours and how much they cover, on the picture's own grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Layer", "mean_layer"]

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """An object on the picture's own grid.

    Attributes:
        x, y: of its first pixel in the picture.
        color: (h, w, 3) premultiplied, BGR. alpha: (h, w).
    """

    x: int
    y: int
    color: Float32
    alpha: Float32

    def over(self, picture: NDArray[np.uint8], opacity: float = 1.0) -> None:
        """Lay it over a picture (H, W, 3) in place."""
        h, w = self.alpha.shape
        view = picture[self.y : self.y + h, self.x : self.x + w]
        # half a level, so that the cast to whole levels rounds
        mixed = view * (1.0 - opacity * self.alpha[..., None]) + (opacity * self.color + 0.5)
        view[...] = np.clip(mixed, 0.0, 255.0)


def mean_layer(layers: list[Layer]) -> Layer:
    """The mean of layers, each of which covers nothing outside its own window: what an open shutter gathers."""
    x0, y0 = min(one.x for one in layers), min(one.y for one in layers)
    x1, y1 = max(one.x + one.alpha.shape[1] for one in layers), max(one.y + one.alpha.shape[0] for one in layers)
    color, alpha = np.zeros((y1 - y0, x1 - x0, 3), np.float32), np.zeros((y1 - y0, x1 - x0), np.float32)
    for one in layers:
        at = (slice(one.y - y0, one.y - y0 + one.alpha.shape[0]), slice(one.x - x0, one.x - x0 + one.alpha.shape[1]))
        color[at] += one.color
        alpha[at] += one.alpha
    share = np.float32(1.0 / len(layers))
    return Layer(x0, y0, color * share, alpha * share)
