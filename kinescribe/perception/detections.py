"""What was seen in one frame, as a struct of arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Detections", "MaskCrop", "SoftMask"]

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, init=False)
class MaskCrop:
    """A mask cut to its own box, held as single bits: of a long video there are many.

    Attributes:
        x, y: image pixel of the crop's top left corner.
    """

    x: int
    y: int
    _shape: tuple[int, ...]
    _held: NDArray[Any] = field(repr=False)

    def __init__(self, x: int, y: int, pixels: NDArray[np.bool_]) -> None:
        """`pixels`: bool, shape (h, w), copied."""
        plain = isinstance(pixels, np.ndarray) and pixels.dtype == np.bool_  # whatever else a plug-in gives, its check shall see
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)
        object.__setattr__(self, "_shape", pixels.shape if plain else ())
        object.__setattr__(self, "_held", np.packbits(pixels) if plain else pixels)

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width, px."""
        return self._shape or self._held.shape

    @property
    def pixels(self) -> NDArray[np.bool_]:
        """Bool, shape (h, w); an array of the caller's own."""
        if not self._shape:
            return self._held
        return np.unpackbits(self._held, count=math.prod(self._shape)).view(np.bool_).reshape(self._shape)

    def full(self, height: int, width: int) -> NDArray[np.bool_]:
        """The mask in the whole picture, bool, shape (height, width)."""
        out = np.zeros((height, width), bool)
        pixels = self.pixels
        h, w = pixels.shape
        out[self.y : self.y + h, self.x : self.x + w] = pixels
        return out


@dataclass(frozen=True, slots=True, eq=False)
class SoftMask:
    """How much of each pixel a thing covers, as a segmenter judges it, cut to the mask's own box.

    Attributes:
        x, y: image pixel of the crop's top left corner.
        coverage: float32, shape (h, w), in [0, 1]; 0.5 is the outline. Shape (0, 0) where the thing isn't seen.
        score: the segmenter's confidence in the mask, [0, 1].
    """

    x: int
    y: int
    coverage: NDArray[np.float32]
    score: float = 1.0

    @property
    def empty(self) -> bool:
        """Whether no pixel is covered by half or more."""
        return not bool((self.coverage >= 0.5).any())

    def binary(self) -> MaskCrop:
        """The pixels that are covered by half or more, cut to their own box."""
        inside = self.coverage >= 0.5
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        if len(rows) == 0:
            return MaskCrop(self.x, self.y, np.zeros((0, 0), bool))
        crop = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
        return MaskCrop(self.x + int(columns[0]), self.y + int(rows[0]), crop)

    @classmethod
    def of(cls, mask: MaskCrop, score: float = 1.0) -> SoftMask:
        """A mask with hard edges."""
        return cls(mask.x, mask.y, mask.pixels.astype(np.float32), score)


@dataclass(slots=True, eq=False)
class Detections:
    """The N things seen in one frame. All lengths in image pixels, y down, pixel centres at whole numbers.

    Attributes:
        frame, time_s: of the frame they were seen in.
        boxes: (N, 4), x0, y0, x1, y1; the right and lower edges lie one past the last pixel.
        centroids: (N, 2), sub-pixel.
        covariances: (N, 2, 2), of the centroids, px².
        areas: (N,), of the masks, px².
        sizes: (N, 2), length and width of the oriented box, length ≥ width.
        angles: (N,), of the long axis, radians from +x towards +y (clockwise on the screen), in (−π/2, π/2]; NaN where the shape has none.
        angle_sigmas: (N,), one standard deviation; NaN where `angles` is.
        colors: (N, 3), median CIELAB colour (L in 0..100, a, b).
        contrasts: (N,), mean |image − background| inside the mask, in units of the noise's σ.
        scores: (N,), in [0, 1].
        truncated: (N,) bool, the mask touches the picture's edge.
        masks: N crops.
        phrases: N strings, what the detector was asked for; empty where it was not asked.
        shapes: N of "disc", "box", "rod", "blob".
    """

    frame: int
    time_s: float
    boxes: Float = field(default_factory=lambda: np.zeros((0, 4)))
    centroids: Float = field(default_factory=lambda: np.zeros((0, 2)))
    covariances: Float = field(default_factory=lambda: np.zeros((0, 2, 2)))
    areas: Float = field(default_factory=lambda: np.zeros(0))
    sizes: Float = field(default_factory=lambda: np.zeros((0, 2)))
    angles: Float = field(default_factory=lambda: np.zeros(0))
    angle_sigmas: Float = field(default_factory=lambda: np.zeros(0))
    colors: Float = field(default_factory=lambda: np.zeros((0, 3)))
    contrasts: Float = field(default_factory=lambda: np.zeros(0))
    scores: Float = field(default_factory=lambda: np.zeros(0))
    truncated: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    masks: list[MaskCrop] = field(default_factory=list)
    phrases: list[str] = field(default_factory=list)
    shapes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.centroids)

    def take(self, index: Sequence[int] | NDArray[np.intp] | NDArray[np.bool_]) -> Detections:
        """The chosen detections, in the order of `index` (positions, or one bool a detection)."""
        chosen = np.asarray(index)
        positions = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.intp)
        picked: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, np.ndarray):
                picked[item.name] = value[positions]
            elif isinstance(value, list):
                picked[item.name] = [value[i] for i in positions]
            else:
                picked[item.name] = value
        return Detections(**picked)

    def joined(self, other: Detections) -> Detections:
        """These and those of another detector in the same frame."""
        both: dict[str, Any] = {}
        for item in fields(self):
            mine, theirs = getattr(self, item.name), getattr(other, item.name)
            if isinstance(mine, np.ndarray):
                both[item.name] = np.concatenate([mine, theirs])
            else:
                both[item.name] = mine + theirs if isinstance(mine, list) else mine
        return Detections(**both)
