"""A stranger's text in a message: short, on one line, without what would steer a terminal."""

from __future__ import annotations

__all__ = ["plain"]

LONGEST = 80


def plain(text: object, longest: int = LONGEST) -> str:
    """Text of any origin as one line of at most `longest` printable characters; what isn't printable is written as an escape."""
    whole = text if isinstance(text, str) else str(text)
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in whole[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
