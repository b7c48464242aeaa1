"""Shapes by their exact distance: anti-aliased coverage at sub-pixel positions, and the grounds that they lie on."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

__all__ = [
    "COLORS",
    "Coverage",
    "disc_coverage",
    "edge_coverage",
    "paint",
    "phyworld_disc_coverage",
    "rectangle_coverage",
    "textured",
    "window",
]

Float = NDArray[np.float64]
Image = NDArray[np.float32]

COLORS: dict[str, tuple[int, int, int]] = {
    "black": (28, 26, 25),
    "white": (244, 244, 244),
    "grey": (128, 128, 128),
    "red": (48, 44, 208),
    "orange": (38, 132, 236),
    "brown": (38, 72, 122),
    "yellow": (44, 206, 240),
    "green": (70, 156, 52),
    "teal": (150, 150, 20),
    "blue": (204, 92, 36),
    "purple": (160, 50, 120),
    "pink": (178, 130, 244),
}
"""Colour words and the BGR that stands for them in drawn scenes."""

Coverage = tuple[slice, slice, Float]
"""Rows and columns of the picture, and the covered fraction of each of their pixels, in [0, 1]."""


def window(center: tuple[float, float], reach: float, height: int, width: int) -> tuple[slice, slice, Float, Float]:
    """Rows and columns within `reach` px of `center`, cut to the picture, with the x (1, w) and y (h, 1) of their pixels relative to it."""
    x0, x1 = (min(max(value, 0), width) for value in (math.floor(center[0] - reach), math.ceil(center[0] + reach) + 1))
    y0, y1 = (min(max(value, 0), height) for value in (math.floor(center[1] - reach), math.ceil(center[1] + reach) + 1))
    x = np.arange(x0, x1, dtype=np.float64)[None, :] - center[0]
    y = np.arange(y0, y1, dtype=np.float64)[:, None] - center[1]
    return slice(y0, y1), slice(x0, x1), x, y


def edge_coverage(distance: Float, normal_x: Float | float, normal_y: Float | float) -> Float:
    """The share of a pixel that lies inside a straight edge, exactly.

    `distance` (…) from the pixel's centre to the edge, px, positive inside; the edge's unit normal. Seen along an edge a pixel is
    a trapezoid, whose integral this is.
    """
    nx, ny = np.abs(normal_x), np.abs(normal_y)
    foot, top = np.maximum((nx + ny) / 2, 0.5), np.abs(nx - ny) / 2  # at a disc's very middle the normal is none
    far = np.minimum(np.abs(distance), foot)
    slope = np.maximum(foot - top, 1e-12)
    half = np.where(far <= top, far, top + ((foot - top) ** 2 - (foot - far) ** 2) / (2 * slope)) / (foot + top)
    share: Float = 0.5 + np.sign(distance) * half
    return share


def disc_coverage(center: tuple[float, float], radius: float, height: int, width: int) -> Coverage:
    """A disc, whose rim is taken as straight within a pixel, at the rim's mean place in it."""
    rows, columns, x, y = window(center, radius + 1.5, height, width)
    reach = np.maximum(np.hypot(x, y), 1e-12)
    return rows, columns, edge_coverage(radius - 1 / (24 * radius) - reach, x / reach, y / reach)


def phyworld_disc_coverage(center: tuple[float, float], radius: float, height: int, width: int) -> Coverage:
    """A disc with PhyWorld's edge: clip((R² − d²) / (0.03 R²), 0, 1)."""
    rows, columns, x, y = window(center, radius + 1.0, height, width)
    return rows, columns, np.clip((radius**2 - x**2 - y**2) / (0.03 * radius**2), 0.0, 1.0)


def rectangle_coverage(
    center: tuple[float, float], size: tuple[float, float], angle: float, rounding: float, height: int, width: int
) -> Coverage:
    """A rectangle of size (length, width) px with its long axis at `angle` (radians, clockwise on the screen) and rounded corners.

    Sharp ones are what lies between two pairs of straight edges, which holds for strings thinner than a pixel too.
    """
    half = np.array(size) / 2
    rounding = min(rounding, float(half.min()))
    rows, columns, x, y = window(center, float(np.hypot(*half)) + 1.5, height, width)
    cos, sin = math.cos(angle), math.sin(angle)
    u, v = x * cos + y * sin, y * cos - x * sin
    if rounding <= 0:
        along = edge_coverage(half[0] - u, cos, sin) + edge_coverage(half[0] + u, cos, sin) - 1
        across = edge_coverage(half[1] - v, sin, cos) + edge_coverage(half[1] + v, sin, cos) - 1
        return rows, columns, np.maximum(along, 0.0) * np.maximum(across, 0.0)
    du, dv = np.abs(u) - (half[0] - rounding), np.abs(v) - (half[1] - rounding)
    distance = rounding - np.hypot(np.maximum(du, 0), np.maximum(dv, 0)) - np.minimum(np.maximum(du, dv), 0)
    corner, reach = (du > 0) & (dv > 0), np.maximum(np.hypot(du, dv), 1e-12)
    nu = np.where(corner, du / reach, du > dv) * np.sign(u)
    nv = np.where(corner, dv / reach, du <= dv) * np.sign(v)
    return rows, columns, edge_coverage(distance, nu * cos - nv * sin, nu * sin + nv * cos)


def paint(image: Image, coverage: Coverage, color: tuple[float, float, float] | Image) -> None:
    """Lay a colour (or one colour a pixel, (h, w, 3)) over a picture in place, by coverage."""
    rows, columns, alpha = coverage
    weight = alpha[..., None].astype(np.float32)
    image[rows, columns] += weight * (np.asarray(color, np.float32) - image[rows, columns])


def textured(height: int, width: int, color: tuple[float, float, float], strength: float, seed: int) -> Image:
    """A ground of one colour with soft mottling of `strength` grey levels (one σ), (H, W, 3) float32."""
    rng = np.random.default_rng([seed, 7])
    image = np.tile(np.asarray(color, np.float32), (height, width, 1))
    if strength > 0:
        for scale, share in ((max(height, width) / 12, 0.8), (max(height, width) / 60, 0.45), (1.6, 0.4)):
            layer = gaussian_filter(rng.standard_normal((height, width)), scale, mode="reflect")
            image += (strength * share / max(float(layer.std()), 1e-12) * (layer - layer.mean()))[..., None].astype(np.float32)
    return image
