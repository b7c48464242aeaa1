"""Words as smooth grey pictures, in a font that has their letters."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.fonts import font_for

if TYPE_CHECKING:
    from PIL import ImageFont

__all__ = ["BOLD", "FINE", "TALL", "fitting", "font_of", "put", "written"]

Float32 = NDArray[np.float32]
Picture = NDArray[np.uint8]
FINE = 4  # times as large as shown letters are drawn, for smooth edges
TALL = 1.55  # height of a line, of the letters' size
BOLD = 0.75  # below 1, points and thin strokes of small letters stand out


def font_of(text: str, size: float) -> ImageFont.FreeTypeFont | Any:
    """A PIL font of a size, px, that has every letter of a text; where there is none, one that shows empty boxes."""
    from PIL import ImageFont, features

    path = font_for(text, shaping=features.check("raqm")) or font_for("a", shaping=False)
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


def fitting(text: str, most: float, width_of: Callable[[str], float]) -> str:
    """As much of the text as is no wider, with an ellipsis where it is cut."""
    if width_of(text) <= most:
        return text
    while text and width_of(f"{text}…") > most:
        text = text[:-1]
    return f"{text.rstrip()}…" if text else ""


@lru_cache(maxsize=512)
def written(text: str, size: int, most: int) -> Float32:
    """How much a line of text covers of each pixel, (h, w) in [0, 1]; letters `size` px high, cut to `most` px with an ellipsis."""
    from PIL import Image, ImageDraw

    font = font_of(text, size * FINE)
    text = fitting(text, most * FINE, font.getlength)
    wide, tall = max(min(round(font.getlength(text)), most * FINE), 1), round(TALL * size * FINE)
    layer = Image.new("L", (wide, tall), 0)
    ImageDraw.Draw(layer).text((0, tall / 2), text, fill=255, font=font, anchor="lm")
    small = layer.resize((max(round(wide / FINE), 1), max(round(tall / FINE), 1)), Image.Resampling.BOX)
    return np.asarray((np.asarray(small, np.float32) / 255.0) ** BOLD, np.float32)


def put(picture: Picture, covered: Float32, x: int, y: int, color: tuple[int, int, int]) -> None:
    """Lay a colour, BGR, over a picture, uint8 (H, W, 3), in place, as much as `covered` says; its corner is (x, y)."""
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + covered.shape[1], picture.shape[1]), min(y + covered.shape[0], picture.shape[0])
    if right <= left or bottom <= top:
        return
    alpha = covered[top - y : bottom - y, left - x : right - x, None]
    view = picture[top:bottom, left:right]
    view[:] = np.clip(view * (1.0 - alpha) + alpha * np.array(color, np.float32) + 0.5, 0, 255).astype(np.uint8)
