"""A part of the picture around a thing, at the resolution that the work is done in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Field", "Image", "Window", "box_of", "brought", "lab_of", "placed", "signed_distance"]

Field = NDArray[np.float32]
Image = NDArray[np.uint8]

WORKING_PIXELS = 30_000  # of a window: a thing that fills a third of it is some 100 pixels across
FINEST_PIXELS = 600_000  # of a window, in which outlines are refined
WANTED_SIDE, LARGEST_SCALE = 30.0, 3.0  # working px, of a thing's box; a smaller one is enlarged so far
SMALLEST = 16  # px, side of a window: the flow's pyramid needs as much


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of the picture, which it may jut out of, and its working size.

    Attributes:
        x, y: of its top left pixel, image px.
        width, height: image px.
        columns, rows: working px, at most `WORKING_PIXELS` in all.
    """

    x: int
    y: int
    width: int
    height: int
    columns: int
    rows: int

    @classmethod
    def around(cls, box: tuple[int, int, int, int], margin: int, shape: tuple[int, ...]) -> Window:
        """The box x0, y0, x1, y1 with a margin, clipped to a picture of this shape; a small box is enlarged."""
        height, width = shape[:2]
        x0, y0 = (min(max(v - margin, 0), max(side - SMALLEST, 0)) for v, side in zip(box[:2], (width, height), strict=True))
        x1, y1 = max(min(box[2] + margin, width), x0 + SMALLEST), max(min(box[3] + margin, height), y0 + SMALLEST)
        wanted = float(np.clip(WANTED_SIDE / ((box[2] - box[0]) * (box[3] - box[1])) ** 0.5, 1, LARGEST_SCALE))
        scale = min(wanted, (WORKING_PIXELS / ((x1 - x0) * (y1 - y0))) ** 0.5)
        return cls(x0, y0, x1 - x0, y1 - y0, max(round((x1 - x0) * scale), SMALLEST), max(round((y1 - y0) * scale), SMALLEST))

    def moved(self, dx: int, dy: int) -> Window:
        """The same, elsewhere."""
        return Window(self.x + dx, self.y + dy, self.width, self.height, self.columns, self.rows)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self.columns, self.rows

    @property
    def matrix(self) -> NDArray[np.float64]:
        """From working pixels to image pixels, (3, 3)."""
        sx, sy = self.width / self.columns, self.height / self.rows
        return np.array([[sx, 0, self.x + sx / 2 - 0.5], [0, sy, self.y + sy / 2 - 0.5], [0, 0, 1]])

    def cut(self, image: Image) -> Image:
        """The picture in the window, in full resolution; outside the picture its edge goes on."""
        return np.asarray(_cut(image, self.x, self.y, self.width, self.height, cv2.BORDER_REPLICATE), np.uint8)

    def colors(self, image: Image, part: tuple[slice, ...] = ()) -> Field:
        """CIELAB in working resolution, (rows, columns, 3), or of a part of the window."""
        return lab_of(np.asarray(_resized(self.cut(image), self.size)[part], np.uint8))

    def mask(self, x: int, y: int, coverage: Field) -> Field:
        """A mask whose crop begins at image pixel (x, y) in working resolution; 0 outside the crop."""
        part = _cut(coverage, self.x - x, self.y - y, self.width, self.height, cv2.BORDER_CONSTANT)
        return np.asarray(_resized(part, self.size), np.float32)

    def grown(self, field: Field, size: tuple[int, int] | None = None) -> Field:
        """A field of working resolution in another, by default in full resolution, (height, width)."""
        wanted = size or (self.width, self.height)
        return np.array(_resized(field, wanted), np.float32)

    def finest(self) -> Window:
        """The same window in full resolution, or in the highest that outlines are refined in."""
        scale = min(1.0, (FINEST_PIXELS / (self.width * self.height)) ** 0.5)
        return Window(self.x, self.y, self.width, self.height, round(self.width * scale), round(self.height * scale))


def brought(field: Field, own: Window, earlier: Window, motion: Field, outside: float | None = None) -> Field:
    """A field of window `own` in the next frame's window, where `motion` leads back to pixels of the window `earlier`.

    All in working px; beyond the field's border `outside`, or the border's value.
    """
    rows, columns = motion.shape[:2]
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    change = (np.linalg.inv(own.matrix) @ earlier.matrix).astype(np.float32)
    mode = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    here_x, here_y = (x + motion[..., 0]) * change[0, 0] + change[0, 2], (y + motion[..., 1]) * change[1, 1] + change[1, 2]
    return np.asarray(cv2.remap(field, here_x, here_y, cv2.INTER_LINEAR, borderMode=mode, borderValue=outside or 0.0), np.float32)


def lab_of(image: Image) -> Field:
    """CIELAB, L in 0..100, of a BGR picture."""
    return np.asarray(cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_BGR2LAB), np.float32)


def box_of(coverage: Field) -> tuple[int, int, int, int] | None:
    """x0, y0, x1, y1 of what is covered by half or more, the last two one past it."""
    inside = coverage >= 0.5
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if len(rows) == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def placed(coverage: Field) -> tuple[float, float, float]:
    """Row and column of a mask's middle and the square root of its area, working px."""
    rows, columns = np.nonzero(coverage >= min(0.5, float(coverage.max()) / 2))
    return float(rows.mean()), float(columns.mean()), max(float(np.sqrt(len(rows))), 6.0)


def signed_distance(coverage: Field) -> Field:
    """Distance from the outline, px, positive inside."""
    inside = (coverage >= 0.5).astype(np.uint8)
    if not inside.any():
        return np.full(coverage.shape, -float(max(coverage.shape)), np.float32)
    within, outside = cv2.distanceTransform(inside, cv2.DIST_L2, 5), cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    return np.where(inside > 0, within - 0.5, 0.5 - outside).astype(np.float32)  # it is measured to the next pixel's centre


def _resized(image: Any, size: tuple[int, int]) -> NDArray[Any]:
    if (image.shape[1], image.shape[0]) == size:
        return np.asarray(image)
    method = cv2.INTER_AREA if size[0] < image.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=method), image.dtype)


def _cut(image: Any, x: int, y: int, width: int, height: int, border: int) -> NDArray[Any]:
    rows, columns = image.shape[:2]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + width, columns), min(y + height, rows)
    if x1 <= x0 or y1 <= y0:
        return np.zeros((height, width, *image.shape[2:]), image.dtype)
    part: NDArray[Any] = image[y0:y1, x0:x1]
    if part.shape[:2] == (height, width):
        return part
    return np.asarray(cv2.copyMakeBorder(part, y0 - y, y + height - y1, x0 - x, x + width - x1, border), image.dtype)
