"""Names of videos as names of files, on any system."""

from __future__ import annotations

import hashlib
import re

__all__ = ["slug_of"]

_LONGEST = 80  # bytes: with the frame's number and a suffix it stays far below the 255 that file systems take
_RESERVED = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}


def slug_of(name: str) -> str:
    """A name as part of file names on any system: letters, digits, - _ and dots; what had to be changed gets the name's hash behind it."""
    kept = re.sub(r"[^\w.-]+", "_", name).lstrip(".-")
    short = kept.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore").rstrip(".")
    if short == name and short.split(".")[0].casefold() not in _RESERVED:
        return short
    return f"{short}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}".lstrip("-")
