"""A thing as it was seen in one frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.classical.propagating.search import Portrait
from kinescribe.perception.classical.propagating.windows import Field, Image, Window

__all__ = ["Sighting", "middle_of", "moved"]

MARGIN = 0.5  # sizes of the thing, around it
LEAST_MARGIN = 20  # px


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """Where a thing lay and how it looked.

    Attributes:
        x, y: image pixel that the mask's crop begins at.
        coverage: the mask, (h, w).
        middle: its centroid (x, y), image px.
        portrait: to find it again by.
    """

    x: int
    y: int
    coverage: Field
    middle: NDArray[np.float64]
    portrait: Portrait

    @classmethod
    def of(cls, image: Image, x: int, y: int, coverage: Field) -> Sighting:
        """In this picture."""
        return cls(x, y, coverage, middle_of(x, y, coverage), Portrait.of(image, x, y, coverage))

    def window(self, shape: tuple[int, ...], shift: NDArray[np.float64]) -> Window:
        """Around the thing, displaced by whole pixels (x, y), in a picture of this shape."""
        height, width = self.coverage.shape
        margin = max(LEAST_MARGIN, int(MARGIN * np.sqrt(height * width)))
        x, y = self.x + int(shift[0]), self.y + int(shift[1])
        return Window.around((x, y, x + width, y + height), margin, shape)


def moved(homography: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where a point (x, y) lies after a homography."""
    x, y, w = homography @ np.array([point[0], point[1], 1.0])
    return np.array([x / w, y / w])


def middle_of(x: int, y: int, coverage: Field) -> NDArray[np.float64]:
    """Centroid (x, y) of a mask whose crop begins at image pixel (x, y)."""
    mass = max(float(coverage.sum()), 1e-6)
    columns, rows = np.arange(coverage.shape[1]), np.arange(coverage.shape[0])
    return np.array([x + float(coverage.sum(0) @ columns) / mass, y + float(coverage.sum(1) @ rows) / mass])
