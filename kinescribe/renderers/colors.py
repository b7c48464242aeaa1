"""One colour an object, the same in every picture."""

from __future__ import annotations

__all__ = ["COLORS", "color_of", "text_color_of"]

COLORS = (
    "#e6194b",
    "#1f77d0",
    "#1f9d3a",
    "#f58231",
    "#8e35c9",
    "#00a5b5",
    "#d6309f",
    "#8c5a1e",
    "#b5a400",
    "#3b4cc0",
    "#5b8c00",
    "#6f6f6f",
    "#a8002f",
    "#0b4f9c",
    "#0f6b3d",
    "#b8560b",
    "#5a1a8a",
    "#0e6f78",
    "#8c1d66",
    "#c48a4a",
    "#7d7000",
    "#7a86d8",
    "#3f6200",
    "#404040",
)
"""Twelve hues and then twelve darker or paler ones, all dark enough to be read on white and light enough to be seen on black."""


def color_of(object_id: int) -> str:
    """The colour of an object, ``#rrggbb``; it depends on the id alone and repeats after all are used."""
    return COLORS[(object_id - 1) % len(COLORS)]


def text_color_of(color: str) -> str:
    """Black or white, whichever is easier to read on a colour ``#rrggbb`` (luma by ITU-R BT.601)."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 112 else "#ffffff"
