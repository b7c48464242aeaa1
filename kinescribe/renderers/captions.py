"""Short words in a picture's corner, or in a strip above it: what one looks at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.lettering import BOLD, FINE, TALL, fitting, font_of

__all__ = ["CHANGED", "PREDICTED", "REAL", "Caption", "in_corner", "strip_above", "strip_height"]

Float32 = NDArray[np.float32]
Picture = NDArray[np.uint8]
Color = tuple[int, int, int]
REAL: Color = (205, 205, 200)
PREDICTED: Color = (60, 175, 255)
CHANGED: Color = (245, 150, 235)
INK: Color = (250, 250, 250)
GROUND: Color = (34, 30, 28)
DIM = 0.72  # opacity of the plate behind words in a corner
SMALLEST, LARGEST = 10, 44  # px: height of letters


@dataclass(frozen=True, slots=True)
class Caption:
    """What a picture shows, in few words.

    Attributes:
        text: one line.
        color: BGR, of the dot before it.
    """

    text: str
    color: Color


def in_corner(picture: Picture, caption: Caption, *, right: bool = False) -> int:
    """Write a caption into the upper left or upper right corner, in place; how many pixels it takes of the width.

    A text that is too long for the picture ends with an ellipsis. Letters that no font here has are drawn as empty boxes.
    """
    height, width = picture.shape[:2]
    size = _size(height)
    margin = max(2, size // 2)
    ink, covered, plate = _tile(caption.text, caption.color, size, max(width - 2 * margin, 1))
    h, w = min(covered.shape[0], height - margin), min(covered.shape[1], width - margin)
    if h <= 0 or w <= 0:
        return 0
    x = width - margin - w if right else margin
    view = picture[margin : margin + h, x : x + w]
    dimmed = view + DIM * plate[:h, :w, None] * (np.array(GROUND, np.float32) - view)
    view[:] = np.clip(dimmed * (1.0 - covered[:h, :w, None]) + ink[:h, :w] + 0.5, 0, 255).astype(np.uint8)
    return int(w + margin)


def strip_height(height: int) -> int:
    """Rows of the strip above a picture of this height; even."""
    tall = round(_size(height) * 1.9)
    return tall + tall % 2


def strip_above(width: int, height: int, caption: Caption) -> Picture:
    """The strip for a picture of this size, uint8 (strip_height(height), width, 3)."""
    strip = np.empty((strip_height(height), width, 3), np.uint8)
    strip[:] = GROUND
    ink, covered, _ = _tile(caption.text, caption.color, _size(height), width)
    y = max((strip.shape[0] - covered.shape[0]) // 2, 0)
    h, w = min(covered.shape[0], strip.shape[0] - y), min(covered.shape[1], width)
    view = strip[y : y + h, :w]
    view[:] = np.clip(view * (1.0 - covered[:h, :w, None]) + ink[:h, :w] + 0.5, 0, 255).astype(np.uint8)
    return strip


def _size(height: int) -> int:
    return int(np.clip(round(height / 26), SMALLEST, LARGEST))


@lru_cache(maxsize=64)
def _tile(text: str, color: Color, size: int, most: int) -> tuple[Float32, Float32, Float32]:
    """A dot and the text, at most so many pixels wide: their light (h, w, 3), how much they cover (h, w), and the rounded plate (h, w)."""
    from PIL import Image, ImageDraw

    font = font_of(text, size * FINE)
    pad, dot, tall = round(0.5 * size * FINE), round(0.55 * size * FINE), round(TALL * size * FINE)
    text = fitting(text, most * FINE - 3 * pad - dot, font.getlength)
    wide = max(min(round(3 * pad + dot + font.getlength(text)), most * FINE), 1)
    small = (max(round(wide / FINE), 1), max(round(tall / FINE), 1))
    layers = [Image.new("L", (wide, tall), 0) for _ in range(3)]
    plate, spot, letters = (ImageDraw.Draw(layer) for layer in layers)
    plate.rounded_rectangle((0, 0, wide - 1, tall - 1), radius=tall // 4, fill=255)
    spot.ellipse((pad, (tall - dot) // 2, pad + dot, (tall + dot) // 2), fill=255)
    letters.text((2 * pad + dot, tall / 2), text, fill=255, font=font, anchor="lm")
    shape, dots, written = (np.asarray(one.resize(small, Image.Resampling.BOX), np.float32) / 255.0 for one in layers)
    written = np.asarray(written**BOLD, np.float32)
    light = dots[..., None] * np.array(color, np.float32) + written[..., None] * np.array(INK, np.float32)
    return np.asarray(light, np.float32), np.minimum(dots + written, 1.0), shape
