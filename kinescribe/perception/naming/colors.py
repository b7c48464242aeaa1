"""Colours and their words: what a colour is called, what a word looks like, and how well the two go together."""

from __future__ import annotations

import difflib
import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.errors import UsageError
from kinescribe.perception.naming.color_space import color_difference, lab_from_rgb

__all__ = ["BASIC_COLORS", "MODIFIERS", "color_lab", "is_color", "match_color", "name_color"]

Float = NDArray[np.float64]

SPECIMENS: dict[str, str] = {
    "black": "000000 1a1a1a 22262c 2a241f",
    "grey": "484848 606060 808080 a0a0a0 bcbcbc d2d2d2 6c7480 8a8478 9aa3a8",
    "white": "ffffff ececec f5f0e4 e4ecf2 fffff0",
    "red": "ff0000 c81e1e 8b0000 b22234 c0504a 601418 e04038 a03030",
    "orange": "ff8000 f08c28 d8752a ff6a10 ffa53c e89860",
    "brown": "8b4513 5c3a1e 7a5533 9c6b3f 6b4a3a 3e2714 a5805a 7a3b10",
    "yellow": "ffff00 f0d020 e8d45a c9b037 fff5a0 fffcc8 ffcc10",
    "green": "00ff00 00a000 004a00 228b22 6b8e23 78a878 9acd32 4a6b4a 8ee08e a8c080 20c060",
    "teal": "008080 148f8a 5a9a98 0a5555 20b0a0",
    "cyan": "00ffff 40d8e0 90e4e8 50c8d8",
    "blue": "0000ff 1e50c8 00008b 4682b4 6495ed 88b4e0 2c4a7c 5a7aa0 141f50 0090ff 4050c0 a8d4ea 7cc4f0 c0dcf4",
    "purple": "800080 6a2a9a 9b59b6 8060a8 401850 b088c8 7030e0 a000c0 6a4070",
    "pink": "ffc0cb ff69b4 e88aa0 f4a6b8 d86a8c e75480 ff40d0 d890a8 ff10a0",
}
"""Each basic word with specimens (sRGB, hexadecimal) of how it looks on film: saturated, washed out, in shade."""

BASIC_COLORS = tuple(SPECIMENS)
MODIFIERS: dict[str, tuple[float, float]] = {
    "light": (18.0, 0.75),
    "pale": (22.0, 0.5),
    "bright": (8.0, 1.25),
    "vivid": (0.0, 1.3),
    "deep": (-12.0, 1.1),
    "dark": (-20.0, 0.85),
    "dull": (0.0, 0.55),
}
"""Words before a colour's: what they add to its lightness, and the factor on its chroma."""

SPELLINGS = {"gray": "grey", "turquoise": "cyan", "aqua": "cyan", "violet": "purple", "magenta": "pink", "silver": "grey", "gold": "yellow"}
SHADES = {"dark": (25.0, -1.0), "light": (75.0, 1.0), "pale": (80.0, 1.0), "bright": (75.0, 1.0)}
TOLERANCE, LIGHTNESS_TOLERANCE = 13.0, 1.6


@cache
def _specimens() -> tuple[tuple[str, ...], Float]:
    words = [(word, code) for word, codes in SPECIMENS.items() for code in codes.split()]
    rgb = np.array([[int(code[k : k + 2], 16) / 255 for k in (0, 2, 4)] for _, code in words])
    return tuple(word for word, _ in words), lab_from_rgb(rgb)


def _distances(lab: ArrayLike) -> dict[str, float]:
    """Distance of a colour from the nearest specimen of every basic word."""
    words, labs = _specimens()
    distances: dict[str, float] = {}
    for word, distance in zip(words, color_difference(np.asarray(lab, np.float64), labs), strict=True):
        distances[word] = min(float(distance), distances.get(word, math.inf))
    return distances


def name_color(lab: ArrayLike) -> str:
    """The basic English word for a CIELAB colour (3,): that of the nearest specimen by CIEDE2000."""
    distances = _distances(lab)
    return min(distances, key=distances.__getitem__)


@cache
def _known() -> dict[str, str]:
    """Every CSS4 and xkcd colour name, lower case, with its hexadecimal code; CSS4 wins."""
    from matplotlib.colors import CSS4_COLORS, XKCD_COLORS

    named = {name.removeprefix("xkcd:").replace("/", " "): str(code) for name, code in XKCD_COLORS.items()}
    return named | {name: str(code) for name, code in CSS4_COLORS.items()}


def _words(name: str) -> list[str]:
    return name.casefold().replace("-", " ").replace("_", " ").split()


def _find(name: str) -> Float | None:
    words = _words(name)
    known = _known()
    code = known.get("".join(words)) or known.get(" ".join(words))
    if code is not None:
        return lab_from_rgb([int(code[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    if len(words) > 1 and words[0] in MODIFIERS:
        base = _find(" ".join(words[1:]))
        if base is not None:
            lift, factor = MODIFIERS[words[0]]
            return np.array([np.clip(base[0] + lift, 0, 100), factor * base[1], factor * base[2]])
    return None


def is_color(name: str) -> bool:
    """Whether a name is a colour that `color_lab` or `match_color` knows."""
    words = _words(name)
    if len(words) == 1 and (words[0] in SPECIMENS or words[0] in SHADES):  # spares the import of matplotlib
        return True
    return bool(words) and _find(name) is not None


def color_lab(name: str) -> Float:
    """CIELAB (3,) of a colour name: any of CSS4 or xkcd, upper or lower case, and before it light, dark, pale, bright, vivid, deep, dull.

    Raises UsageError, with the nearest name, for any other.
    """
    lab = _find(name)
    if lab is None:
        near = difflib.get_close_matches(" ".join(_words(name)), [*BASIC_COLORS, *_known()], n=1, cutoff=0.6)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise UsageError(f"unknown colour '{name}'; {hint}any CSS4 or xkcd colour name will do, such as {', '.join(BASIC_COLORS)}")
    return lab


def match_color(lab: ArrayLike, name: str) -> float:
    """How well a CIELAB colour (3,) goes by a name, in [0, 1]: 1 the colour itself, 0.5 and more what one may call so, 0 another colour.

    Generous in lightness, for lighting varies. Black, white and grey are judged by lightness and chroma; a bare "dark" or "light" by
    lightness; a name that ends in a basic word, such as "sky blue", half by that word and half by its own colour.
    Raises UsageError for an unknown name.
    """
    color = np.asarray(lab, np.float64)
    words = _words(name)
    if len(words) == 1 and words[0] in SHADES:
        middle, sign = SHADES[words[0]]
        return _step(sign * (float(color[0]) - middle), 8.0)
    last = SPELLINGS.get(words[-1], words[-1]) if words else ""
    if last in SPECIMENS:
        basic = _match_basic(color, last)
        if len(words) == 1:
            return basic
        return (basic + _near(color, color_lab(name))) / 2
    return _near(color, color_lab(name))


def _near(color: Float, target: Float) -> float:
    return math.exp(-0.5 * (float(color_difference(color, target, LIGHTNESS_TOLERANCE)) / TOLERANCE) ** 2)


def _match_basic(color: Float, word: str) -> float:
    """Nearness to the word's specimens against nearness to those of any other word."""
    lightness, chroma = float(color[0]), float(np.hypot(color[1], color[2]))
    if word in ("black", "white", "grey"):
        level = {
            "black": _step(36.0 - lightness, 5.0),
            "white": _step(lightness - 76.0, 5.0),
            "grey": _step(lightness - 22.0, 5.0) * _step(86.0 - lightness, 5.0),
        }[word]
        return level * _step((24.0 if word == "black" else 17.0) - chroma, 3.5)
    distances = _distances(color)
    own = distances.pop(word)
    return math.exp(-0.5 * (own / (1.6 * TOLERANCE)) ** 2) * _step(min(distances.values()) - own + 4.0, 3.0)


def _step(value: float, width: float) -> float:
    """A soft step from 0 to 1 about zero."""
    return 0.5 * (1 + math.tanh(value / (2 * width)))
