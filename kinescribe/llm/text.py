"""Strange text made fit to be shown."""

from __future__ import annotations

__all__ = ["one_line"]


def one_line(text: str, longest: int = 200) -> str:
    """Without line breaks and control characters, spaces made one, and no longer than so many characters."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text[: 8 * longest]).split())
    return words if len(words) <= longest else words[: longest - 1] + "…"
