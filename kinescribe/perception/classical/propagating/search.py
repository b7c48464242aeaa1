"""Finding a thing by its look where it may have gone further than flow can follow."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.classical.propagating.windows import Field, Image, Window

__all__ = ["CostMap", "Portrait"]

SIDE = 14.0  # px, square root of a portrait's area
RING = 2  # px, on all sides
ALONE = 0.5  # weight of standing out from what is around
STRAY = 0.5  # cost of a search radius off the expected place, in costs of a chance place


@dataclass(frozen=True, slots=True, eq=False)
class CostMap:
    """How unlike the portrait each place is.

    Attributes:
        costs: mean squared difference, CIELAB², at a grid of displacements.
        origin: displacement of the first, (x, y), image px.
        step: between neighbours, (x, y), image px.
        chance: that of a place without the thing.
    """

    costs: Field
    origin: NDArray[np.float64]
    step: NDArray[np.float64]
    chance: float

    def at(self, displacement: NDArray[np.float64]) -> float:
        """The least cost within a step of a displacement (x, y), image px; infinite off the map."""
        column, row = np.rint((displacement - self.origin) / self.step).astype(int)
        near = self.costs[max(row - 1, 0) : max(row + 2, 0), max(column - 1, 0) : max(column + 2, 0)]
        return float(near.min()) if near.size else float("inf")

    def best(self, expected: NDArray[np.float64], radius: float) -> tuple[NDArray[np.float64], float]:
        """The displacement of least cost, places far from the expected one dearer, and its cost."""
        rows, columns = np.indices(self.costs.shape)
        off_x, off_y = columns * self.step[0] + self.origin[0] - expected[0], rows * self.step[1] + self.origin[1] - expected[1]
        dearer = self.costs + STRAY * self.chance * (off_x**2 + off_y**2) / radius**2
        row, column = np.unravel_index(int(dearer.argmin()), dearer.shape)
        return np.array([column, row]) * self.step + self.origin, float(self.costs[row, column])


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A thing in one frame, small.

    Attributes:
        window: that it fills, in image px and px of the portrait.
        colors: CIELAB, (rows, columns, 3).
        mask: coverage, (rows, columns).
    """

    window: Window
    colors: Field
    mask: Field

    @classmethod
    def of(cls, image: Image, x: int, y: int, coverage: Field) -> Portrait:
        """Of the thing whose mask begins at image pixel (x, y)."""
        height, width = coverage.shape
        scale = min(1.0, SIDE / max(float(np.sqrt(coverage.sum())), 1.0))
        edge = round(RING / scale)
        window = Window(x - edge, y - edge, width + 2 * edge, height + 2 * edge, 0, 0)
        window = Window(window.x, window.y, window.width, window.height, *(max(round(v * scale), 3) for v in (window.width, window.height)))
        return cls(window, window.colors(image), window.mask(x, y, coverage))

    def costs(self, image: Image, expected: NDArray[np.float64], radius: float) -> CostMap:
        """Compare with all places within `radius` (image px) of a displacement (x, y) from where it was."""
        window = self.window
        step = np.array([window.width / window.columns, window.height / window.rows])
        # its middle stays in the picture
        corner, extent = np.array([window.x, window.y]), np.array([window.width, window.height])
        low, high = -corner - extent / 2, np.array(image.shape[1::-1]) - corner - extent / 2
        first = np.floor(np.clip(expected - radius, low, high) / step).astype(int)
        count = np.ceil(np.clip(expected + radius, low, high) / step).astype(int) - first
        origin = np.rint(first * step)
        size = window.columns + int(count[0]), window.rows + int(count[1])
        across, down = np.rint(np.array(size) * step).astype(int)
        field = Window(window.x + int(origin[0]), window.y + int(origin[1]), int(across), int(down), *size)
        colors = field.colors(image)
        differences = self._compared(colors, self.colors, self.mask)
        around = (1 - cv2.dilate((self.mask > 0.1).astype(np.float32), np.ones((3, 3), np.uint8))).astype(np.float32)
        mean = np.broadcast_to((self.colors * self.mask[..., None]).sum((0, 1)) / max(float(self.mask.sum()), 1e-6), self.colors.shape)
        contrast = float((((self.colors - mean) ** 2).sum(-1) * around).sum() / max(float(around.sum()), 1e-6))
        chance = float(np.median(differences))
        if around.sum() >= 8 and contrast > 1:
            alone = np.clip(1 - self._compared(colors, mean.astype(np.float32), around) / contrast, 0, 1)
            differences = differences + np.float32(ALONE * chance) * alone
        return CostMap(differences.astype(np.float32), origin, step, max(chance, 1e-3))

    def _compared(self, colors: Field, portrait: Field, weight: Field) -> Field:
        mask = np.repeat(weight[..., None], 3, axis=-1).astype(np.float32)
        sums = cv2.matchTemplate(colors, np.ascontiguousarray(portrait), cv2.TM_SQDIFF, mask=np.sqrt(mask))
        return np.asarray(np.maximum(sums, 0) / max(float(weight.sum()), 1e-6), np.float32)
