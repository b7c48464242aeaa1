"""The world frame: from image pixels to lengths that mean something, and back.

World = L · (pixel − origin). Image pixels have y down. The world's x axis is the image's x axis turned by `angle_rad`, counter-clockwise as
seen on the screen (the convention of Open Source Physics Tracker); its y axis stands a quarter turn counter-clockwise from that (y up), or
clockwise (y down) in the plain pixel frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.errors import UsageError
from kinescribe.states.parsing import Point, parse_stick

__all__ = ["Calibration"]

Float = NDArray[np.float64]
_MAX_UNIT = 40
_TINY = 1e-100  # squares of scales must stay finite


@dataclass(frozen=True, slots=True)
class Calibration:
    """A similarity between image pixels and the world. The plain pixel frame is one too: `Calibration.pixels()`.

    Attributes:
        pixels_per_unit: image pixels that one world unit spans, > 0.
        unit: the length unit in words: "m", "cm", "px".
        origin_px: image pixel (x, y) at which the world's origin lies; the centre of the top left pixel is (0, 0).
        angle_rad: from the image's x axis to the world's, counter-clockwise on the screen.
        y_up: the world's y axis points up on the screen (at angle 0).

    Raises:
        UsageError: a scale that is not positive and finite, an empty unit, a scale other than 1 in pixels.
    """

    pixels_per_unit: float
    unit: str
    origin_px: Point = (0.0, 0.0)
    angle_rad: float = 0.0
    y_up: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.unit, str):
            raise UsageError(f"a length unit is a word such as m, cm, mm or in, not {self.unit!r}")
        scale = _finite("pixels per unit", self.pixels_per_unit)
        if scale <= 0:
            raise UsageError(
                f"pixels per unit must be more than 0, not {scale:g}: it is the number of image pixels that one {self.unit} spans"
            )
        if not _TINY < scale < 1 / _TINY:
            raise UsageError(f"pixels per unit {scale:g} is out of all proportion; choose another unit")
        unit = self.unit.strip()
        if not unit or len(unit) > _MAX_UNIT or not unit.isprintable():
            raise UsageError(f"a length unit is a word such as m, cm, mm or in, not {self.unit[:_MAX_UNIT]!r}")
        if unit == "px" and scale != 1:
            raise UsageError(f"one px is one px, not {scale:g}: leave the scale out, or name the world's unit, such as m or cm")
        x, y = _pair("the origin", self.origin_px)
        object.__setattr__(self, "pixels_per_unit", scale)
        object.__setattr__(self, "unit", unit)
        object.__setattr__(self, "origin_px", (x, y))
        object.__setattr__(self, "angle_rad", _finite("the axis angle", self.angle_rad))

    @classmethod
    def pixels(cls) -> Calibration:
        """The identity: unit px, origin at the top left pixel, y down."""
        return cls(1.0, "px", y_up=False)

    @classmethod
    def from_scale(cls, pixels_per_unit: float, unit: str, origin: Point | None = None, angle_deg: float = 0.0) -> Calibration:
        """A world with y up, from a known scale. `origin` in image pixels (default: the top left pixel), `angle_deg` counter-clockwise."""
        return cls(pixels_per_unit, unit, origin or (0.0, 0.0), math.radians(_finite("the axis angle", angle_deg)))

    @classmethod
    def from_stick(cls, length: float, unit: str, p0: Point, p1: Point, origin: Point | None = None, angle_deg: float = 0.0) -> Calibration:
        """A world with y up, from a stick of known `length` whose ends are seen at the image pixels `p0` and `p1`.

        The stick gives the scale alone, not the axes' direction.

        Raises:
            UsageError: a length that is not positive, or two ends at the same pixel.
        """
        stick = _finite("the stick's length", length)
        if stick <= 0:
            raise UsageError(f"the stick's length must be more than 0, not {stick:g} {unit}")
        (x0, y0), (x1, y1) = _pair("the stick's first end", p0), _pair("the stick's second end", p1)
        span = math.hypot(x1 - x0, y1 - y0)
        if span == 0:
            raise UsageError(f"the stick's two ends are the same pixel ({x0:g},{y0:g}): give both ends, as '0.30 m: 120,400 480,402'")
        return cls.from_scale(span / stick, unit, origin, angle_deg)

    @classmethod
    def parse_stick(cls, text: str, origin: Point | None = None, angle_deg: float = 0.0) -> Calibration:
        """As `from_stick`, from a text like ``0.30 m: 120,400 480,402``. Raises UsageError for any other form."""
        return cls.from_stick(*parse_stick(text), origin=origin, angle_deg=angle_deg)

    @property
    def is_pixels(self) -> bool:
        """No scale: lengths are in image pixels."""
        return self.unit == "px"

    @property
    def matrix(self) -> Float:
        """The linear part L, (2, 2), world units per pixel: world = L · (pixel − origin)."""
        c, s = math.cos(self.angle_rad), math.sin(self.angle_rad)
        rows = [[c, -s], [-s, -c]] if self.y_up else [[c, -s], [s, c]]
        return np.array(rows) / self.pixels_per_unit

    def points(self, pixels: ArrayLike) -> Float:
        """Image pixels (…, 2) to world positions (…, 2)."""
        return self.vectors(_float(pixels) - np.array(self.origin_px))

    def to_pixels(self, world: ArrayLike) -> Float:
        """World positions (…, 2) to image pixels (…, 2)."""
        # L is a rotation or reflection over the scale, so its inverse is its transpose times the scale squared.
        out: Float = _float(world) @ self.matrix * self.pixels_per_unit**2 + np.array(self.origin_px)
        return out

    def vectors(self, vectors: ArrayLike) -> Float:
        """Displacements, velocities or accelerations (…, 2): from px, px/s or px/s², y down, to the world's."""
        out: Float = _float(vectors) @ self.matrix.T
        return out

    def covariances(self, covariances: ArrayLike) -> Float:
        """Covariances of points or vectors (…, 2, 2): C → L C Lᵀ."""
        linear = self.matrix
        out: Float = linear @ _float(covariances) @ linear.T
        return out

    def lengths(self, lengths: ArrayLike) -> Float:
        """Lengths in px, any shape, to world units."""
        return _float(lengths) / self.pixels_per_unit

    def areas(self, areas: ArrayLike) -> Float:
        """Areas in px², any shape, to world units squared."""
        return _float(areas) / self.pixels_per_unit**2

    def angles(self, image_angles: ArrayLike) -> Float:
        """Directions in the image to directions in the world, radians, any shape, not wrapped.

        In the image an angle runs from +x towards +y, clockwise on the screen. In the world it runs from +x towards +y too, which is
        counter-clockwise on the screen where y is up: ``angles(atan2(dy, dx))`` is the direction of ``vectors((dx, dy))``.
        """
        turned = _float(image_angles) + self.angle_rad
        return -turned if self.y_up else turned

    def angle_rates(self, image_rates: ArrayLike) -> Float:
        """Angular velocities in the image (rad/s, from +x towards +y) to the world's, any shape."""
        rates = _float(image_rates)
        return -rates if self.y_up else rates


def _float(values: ArrayLike) -> Float:
    return np.asarray(values, dtype=np.float64)


def _pair(name: str, value: Any) -> Point:
    """`value` as two finite floats, or a UsageError that names it."""
    try:
        x, y = value
    except (TypeError, ValueError):
        raise UsageError(f"{name} must be an image pixel (x, y), not {value!r}") from None
    return _finite(f"x of {name}", x), _finite(f"y of {name}", y)


def _finite(name: str, value: Any) -> float:
    """`value` as a finite float, or a UsageError that names it."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise UsageError(f"{name} must be a number, not {value!r}") from None
    if not math.isfinite(number):
        raise UsageError(f"{name} must be a finite number, not {number}")
    return number
