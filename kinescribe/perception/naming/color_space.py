"""sRGB to CIELAB, and how different two colours look."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["color_difference", "lab_from_rgb"]

Float = NDArray[np.float64]

WHITE_D65 = np.array([0.95047, 1.0, 1.08883])
XYZ_FROM_RGB = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])


def lab_from_rgb(rgb: ArrayLike) -> Float:
    """CIELAB (D65; L in 0..100) of sRGB in [0, 1], shape (…, 3) to (…, 3). IEC 61966-2-1 and CIE 15."""
    coded = np.asarray(rgb, np.float64)
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    ratio = linear @ XYZ_FROM_RGB.T / WHITE_D65
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def color_difference(lab1: ArrayLike, lab2: ArrayLike, lightness_tolerance: float = 1.0) -> Float:
    """CIEDE2000, broadcast over (…, 3); 2 is just noticed side by side, 20 is another colour.

    `lightness_tolerance` is the formula's k_L: above 1 a difference in lightness, such as by shade or exposure, counts less.
    Source: Luo, Cui and Rigg, Color Research & Application 26 (2001) 340.
    """
    l1, a1, b1 = np.moveaxis(np.asarray(lab1, np.float64), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(lab2, np.float64), -1, 0)
    chroma7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(chroma7 / (chroma7 + 25.0**7))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.mod(np.arctan2(b1, a1), 2 * np.pi), np.mod(np.arctan2(b2, a2), 2 * np.pi)
    turn = np.where(np.abs(h2 - h1) <= np.pi, h2 - h1, h2 - h1 - 2 * np.pi * np.sign(h2 - h1))
    turn = np.where(c1 * c2 == 0, 0.0, turn)
    d_light, d_chroma, d_hue = l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(turn / 2)
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    hue = np.where(c1 == 0, h2, h1 + turn / 2)
    weight = (
        1
        - 0.17 * np.cos(hue - np.pi / 6)
        + 0.24 * np.cos(2 * hue)
        + 0.32 * np.cos(3 * hue + np.radians(6))
        - 0.2 * np.cos(4 * hue - np.radians(63))
    )
    s_light = lightness_tolerance * (1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2))
    s_chroma, s_hue = 1 + 0.045 * chroma, 1 + 0.015 * chroma * weight
    degrees = np.mod(np.degrees(hue), 360)
    rotation = np.radians(60 * np.exp(-(((degrees - 275) / 25) ** 2)))
    coupling = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * np.sin(rotation)
    x, y, z = d_light / s_light, d_chroma / s_chroma, d_hue / s_hue
    difference: Float = np.sqrt(np.maximum(x**2 + y**2 + z**2 + coupling * y * z, 0.0))
    return difference
