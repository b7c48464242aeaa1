"""Which pixels differ from the background, judged by the noise that was measured there."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.background import Background
from kinescribe.perception.lighting import Lighting, points

__all__ = ["Foreground", "ForegroundModel"]

SEED_SIGMAS = 6.0  # a blob must reach this somewhere …
GROW_SIGMAS = 3.5  # … and extends as far as this
SMALLEST_SEED_PX = 3
LEAST_OFFSET = 1.0  # grey levels; less is left in


@dataclass(frozen=True, slots=True, eq=False)
class Foreground:
    """One frame against the background.

    Attributes:
        labels: int32, shape (H, W), 0 is background, k belongs to the k-th blob.
        stats: int32, shape (blobs + 1, 5), x, y, width, height, area of each label (as `cv2.connectedComponentsWithStats` gives it).
        seeds: blob labels that hold at least three pixels above the upper threshold.
        offset: (3,), BGR brightness offset of the frame that was taken out.
    """

    labels: NDArray[np.int32]
    stats: NDArray[np.int32]
    seeds: NDArray[np.int64]
    offset: NDArray[np.float32]

    @classmethod
    def of(cls, extent: NDArray[np.uint8], strong: NDArray[np.bool_], offset: NDArray[np.float32]) -> Foreground:
        """The blobs of `extent`, 0 or more, that hold enough pixels of `strong`, both (H, W); no pixel is in the latter alone."""
        from kinescribe.perception.classical.compiled import foreground as compiled  # numba takes its time to come in

        labels = np.zeros(extent.shape, np.int32)
        stats, seeds = compiled.components(extent, strong.view(np.uint8), labels)
        return cls(labels, stats, np.flatnonzero(seeds >= SMALLEST_SEED_PX), offset)


class ForegroundModel:
    """Background difference with hysteresis: both thresholds are multiples of each pixel's own noise.

    Attributes:
        smooth_plate: uint8, shape (H, W, 3), the plate after smoothing by a 3 × 3 binomial kernel.
        high, low: uint8, shape (H, W), grey levels that the strongest channel's difference must exceed: in a seed, in a blob.
        reach: `smooth_plate` less and plus `low`, within 0 … 255.
    """

    def __init__(self, background: Background) -> None:
        self.background = background
        plate = np.clip(background.plate.round(), 0, 255).astype(np.uint8)
        self.smooth_plate = np.asarray(cv2.GaussianBlur(plate, (3, 3), 0), np.uint8)
        # a soft edge that jitters by a fraction of a pixel differs by that fraction of its slope
        self.high = self._threshold(SEED_SIGMAS)
        self.low = self._threshold(GROW_SIGMAS)
        margin = np.broadcast_to(self.low[..., None], plate.shape)
        self.reach = (
            np.asarray(cv2.subtract(self.smooth_plate, margin), np.uint8),
            np.asarray(cv2.add(self.smooth_plate, margin), np.uint8),
        )
        # pixels on a grid, at least one of each side however small the picture
        self._grid = tuple(slice(min(2, side - 1), None, 8) for side in plate.shape[:2])
        self._lighting = Lighting(plate[points(plate.shape[:2])], plate.shape[:2], float(np.median(background.sigma)))
        self._sparse = 2 * plate[self._grid].astype(np.uint16).ravel()  # doubled

    def _threshold(self, sigmas: float) -> NDArray[np.uint8]:
        # the largest of three channels exceeds the channels' RMS by 1.3 on average
        return np.asarray(np.clip(np.ceil(1.3 * sigmas * self.background.smooth_sigma), 2, 254), np.uint8)

    def level(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture in the plate's light, for all that compares the two; the picture itself where light hasn't changed but evenly."""
        light = self._lighting.of(image)
        return image if light is None else light.level(image)

    def exposure_offset(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The frame's overall brightness offset against the plate, (3,), grey levels."""
        from kinescribe.perception import compiled_stack  # numba takes its time to come in

        found = np.empty((1, 3), np.int32)
        compiled_stack.shifts(np.ascontiguousarray(image[self._grid]).reshape(1, -1), self._sparse, found)
        return np.asarray(found[0] / 4, np.float32)

    def segment(self, image: NDArray[np.uint8]) -> Foreground:
        """Blobs of pixels that differ from the background, in whose light the picture is."""
        offset = self.exposure_offset(image)
        return Foreground.of(*self.masks(image, offset), offset)

    def masks(self, image: NDArray[np.uint8], offset: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """What exceeds the lower threshold, small gaps closed, 0 or 1, and what exceeds the upper one, both (H, W)."""
        from kinescribe.perception.classical.compiled import foreground as compiled

        levels = np.empty((0, 3), np.uint8)
        if np.abs(offset).max() >= LEAST_OFFSET:
            levels = np.asarray(np.clip(np.arange(256, dtype=np.float32)[:, None] - offset, 0, 255).round(), np.uint8)
        weak, strong = np.zeros((2, *self.low.shape), np.uint8)
        low, high = np.ascontiguousarray(self.low), np.ascontiguousarray(self.high)
        reach = (_rows(self.reach[0]), _rows(self.reach[1]))
        compiled.exceed(_rows(image), levels, _rows(self.smooth_plate), reach, low, high, weak, strong)
        closed = cv2.morphologyEx(weak, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        return np.asarray(closed, np.uint8), strong.view(np.bool_)

    def within(self, window: tuple[slice, slice]) -> ForegroundModel:
        """The model for a part of the picture."""
        part = copy(self)
        part.smooth_plate, part.low, part.high = self.smooth_plate[window], self.low[window], self.high[window]
        part.reach = (self.reach[0][window], self.reach[1][window])
        return part


def _rows(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The channels of a pixel side by side, (H, 3W)."""
    return np.ascontiguousarray(picture).reshape(len(picture), -1)
