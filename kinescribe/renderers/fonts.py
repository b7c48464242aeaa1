"""Which font has the letters of a text: matplotlib's own first, then those of the system; where none has, the id stands alone."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

__all__ = ["font_for", "warn_of_unwritable"]

JOINED_SCRIPTS = (("\u0900", "\u109f"), ("\u1780", "\u18af"))  # of India and around, Khmer, Mongolian: letters change with their neighbours


@cache
def font_for(text: str, *, shaping: bool) -> str | None:
    """Path of a font file that has every letter of the text; None where there is none.

    Args:
        text: one line.
        shaping: whether what draws it can join letters and write from right to left; without, no font will do for Arabic or Hindi.
    """
    if not shaping and any(_needs_shaping(letter) for letter in text):
        return None
    needed = {ord(letter) for letter in text if not _is_invisible(letter)}
    return next((path for path in _font_files() if needed <= _letters(path)), None)


def warn_of_unwritable(texts: Iterable[str], where: str) -> None:
    """Warn, once for all of them, of the texts that no font could write; says nothing of none."""
    shown = ", ".join(f'"{text}"' for text in dict.fromkeys(texts))
    if shown:
        line = f"no font here can write {shown}, so the {where} shows ids alone; install one that can, such as the Noto fonts"
        warnings.warn(line, UserWarning, stacklevel=4)


def _needs_shaping(letter: str) -> bool:
    return unicodedata.bidirectional(letter) in ("R", "AL") or any(low <= letter <= high for low, high in JOINED_SCRIPTS)


def _is_invisible(letter: str) -> bool:
    """Spaces, joiners and the like, and what picks one of a sign's variants."""
    return unicodedata.category(letter) in ("Zs", "Cf") or "\ufe00" <= letter <= "\ufe0f"


def _font_files() -> Iterator[str]:
    """Upright fonts of normal weight first."""
    import matplotlib

    yield str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")
    yield from _system_fonts()


@cache
def _system_fonts() -> tuple[str, ...]:
    from matplotlib.font_manager import findSystemFonts

    def slanted_or_heavy(path: str) -> bool:
        return any(word in Path(path).stem.casefold() for word in ("bold", "italic", "oblique", "black", "light", "thin", "mono", "serif"))

    return tuple(sorted(findSystemFonts(), key=lambda path: (slanted_or_heavy(path), path)))


@cache
def _letters(path: str) -> frozenset[int]:
    """Code points that a font has; none of a font that can't be drawn at any size, as colour emoji, or that is broken."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):  # any file may lie in a font folder: the next font is tried
        return frozenset()
