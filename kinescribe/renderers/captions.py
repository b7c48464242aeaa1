"""Short words in a picture's corner, or in a strip above it: what one looks at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.fonts import font_for

__all__ = ["CHANGED", "PREDICTED", "REAL", "Caption", "in_corner", "strip_above", "strip_height"]

Float32 = NDArray[np.float32]
Picture = NDArray[np.uint8]
Color = tuple[int, int, int]
REAL: Color = (205, 205, 200)
PREDICTED: Color = (60, 175, 255)
CHANGED: Color = (245, 150, 235)
INK: Color = (250, 250, 250)
GROUND: Color = (34, 30, 28)
DIM = 0.62  # opacity of what lies behind words in a corner
SMALLEST, LARGEST = 9, 44  # px: height of letters


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
    tile, alpha = _tile(caption.text, caption.color, size, max(width - 2 * margin, 1))
    h, w = min(alpha.shape[0], height - margin), min(alpha.shape[1], width - margin)
    if h <= 0 or w <= 0:
        return 0
    x = width - margin - w if right else margin
    view = picture[margin : margin + h, x : x + w]
    mixed = view * (1.0 - alpha[:h, :w, None]) + tile[:h, :w] * alpha[:h, :w, None]
    view[:] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
    return int(w + margin)


def strip_height(height: int) -> int:
    """Rows of the strip above a picture of this height; even."""
    tall = round(_size(height) * 1.9)
    return tall + tall % 2


def strip_above(width: int, height: int, caption: Caption) -> Picture:
    """The strip for a picture of this size, uint8 (strip_height(height), width, 3)."""
    strip = np.empty((strip_height(height), width, 3), np.uint8)
    strip[:] = GROUND
    tile, alpha = _tile(caption.text, caption.color, _size(height), width)
    h, w = alpha.shape
    y = max((strip.shape[0] - h) // 2, 0)
    h, w = min(h, strip.shape[0] - y), min(w, width)
    strip[y : y + h, :w] = np.where(alpha[:h, :w, None] > 0.0, tile[:h, :w], GROUND)
    return strip


def _size(height: int) -> int:
    return int(np.clip(round(height / 26), SMALLEST, LARGEST))


@lru_cache(maxsize=64)
def _tile(text: str, color: Color, size: int, most: int) -> tuple[Float32, Float32]:
    """Colour (h, w, 3) and alpha (h, w) of a rounded plate with a dot and the text, at most so many pixels wide."""
    from PIL import Image, ImageDraw, ImageFont, features

    path = font_for(text, shaping=features.check("raqm")) or font_for("a", shaping=False)
    fine = 3  # drawn larger, for smooth edges
    font = ImageFont.truetype(path, size * fine) if path else ImageFont.load_default(size * fine)
    pad, dot = round(0.5 * size * fine), round(0.55 * size * fine)
    tall = round(1.55 * size * fine)
    text = _fitting(text, most * fine - 3 * pad - dot, lambda words: float(font.getlength(words)))
    wide = min(round(3 * pad + dot + font.getlength(text)), most * fine)
    plate = Image.new("L", (max(wide, 1), tall), 0)
    ImageDraw.Draw(plate).rounded_rectangle((0, 0, wide - 1, tall - 1), radius=tall // 4, fill=255)
    ink = Image.new("RGB", plate.size, GROUND[::-1])
    pen = ImageDraw.Draw(ink)
    pen.ellipse((pad, (tall - dot) // 2, pad + dot, (tall + dot) // 2), fill=color[::-1])
    pen.text((2 * pad + dot, tall / 2), text, fill=INK[::-1], font=font, anchor="lm")
    small = (max(round(wide / fine), 1), max(round(tall / fine), 1))
    rgb = np.asarray(ink.resize(small, Image.Resampling.BOX), np.float32)
    shape = np.asarray(plate.resize(small, Image.Resampling.BOX), np.float32) / 255.0
    # letters are opaque, what lies around them lets the picture through
    inked = np.abs(rgb - np.array(GROUND[::-1], np.float32)).max(axis=2) / 220.0
    return np.ascontiguousarray(rgb[..., ::-1]), (shape * np.clip(DIM + inked, 0.0, 1.0)).astype(np.float32)


def _fitting(text: str, most: float, width_of: object) -> str:
    """As much of the text as is no wider."""
    assert callable(width_of)
    if width_of(text) <= most:
        return text
    while text and width_of(f"{text}…") > most:
        text = text[:-1]
    return f"{text.rstrip()}…" if text else ""
