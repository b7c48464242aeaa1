"""Colours of curves: an object's own, where its words name one, so that the red ball's curve is not blue."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

__all__ = ["curve_colors"]

WORDS = {
    "red": "#d62728", "orange": "#f58231", "brown": "#8c5a1e", "yellow": "#c9a800", "green": "#1f9d3a", "teal": "#0e7f88",
    "cyan": "#00a5c5", "blue": "#1f77d0", "purple": "#8e35c9", "violet": "#8e35c9", "magenta": "#c71585", "pink": "#ee6aa7",
    "grey": "#7f7f7f", "gray": "#7f7f7f", "black": "#1a1a1a",
}  # fmt: skip
"""Dark enough to be seen on white; white itself has none."""
TOO_NEAR = 60.0  # in steps of 1/255 of red, green and blue: colours that can't be told apart
PLAIN = ("#e6194b", "#1f77d0", "#1f9d3a", "#f58231", "#8e35c9", "#00a5b5", "#d6309f", "#8c5a1e", "#b5a400", "#404040")


def curve_colors(labels: Mapping[int, str], shown: Sequence[int], color_of: Callable[[int], str] | None = None) -> dict[int, str]:
    """By object id ``#rrggbb`` for those that are shown.

    An object has the colour that the first colour word of its label says, unless another one shown has the same; the others have
    `color_of`'s, or the next that can't be taken for it.

    Args:
        labels: by object id.
    """
    said = {one: _word(labels.get(one, "")) for one in shown}
    meant = {one: WORDS[word] for one, word in said.items() if word}
    own = {one: color for one, color in meant.items() if list(meant.values()).count(color) == 1}
    colors = dict(own)
    for place, one in enumerate(shown):
        if one not in colors:
            usual = color_of(one) if color_of else PLAIN[place % len(PLAIN)]
            clear = (color for color in (usual, *PLAIN) if all(_apart(color, other) for other in own.values()))
            colors[one] = next((color for color in clear if color not in colors.values()), usual)
    return colors


def _word(label: str) -> str:
    return next((word for word in re.findall(r"[a-z]+", label.lower()) if word in WORDS), "")


def _apart(one: str, other: str) -> bool:
    pairs = [(int(one[k : k + 2], 16), int(other[k : k + 2], 16)) for k in (1, 3, 5)]
    return sum((a - b) ** 2 for a, b in pairs) > TOO_NEAR**2
