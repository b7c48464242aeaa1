"""What stands on the command line of ``annotate``, as the library takes it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from kinescribe.errors import UsageError

__all__ = ["classes", "formats", "memory", "shard", "split", "workers"]

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE | re.ASCII)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_PARTS = ("train", "val", "test")


def formats(given: Sequence[str] | None) -> list[str]:
    """Names parted by commas, or given one by one."""
    if given is None:
        return ["states"]
    return [name.strip() for text in given for name in text.split(",") if name.strip()]


def workers(text: str) -> int | str:
    """A number, or "auto"."""
    if text.strip().lower() == "auto":
        return "auto"
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--workers '{text}' must be a whole number from 1, or 'auto'") from None


def memory(text: str | None) -> float | None:
    """Bytes of "4GB", "500M", "0"; units are powers of 1024."""
    if text is None:
        return None
    match = _SIZE.fullmatch(text.strip())
    if match is None or (text.strip("0. ") and not match[2]):
        raise UsageError(f"--max-memory '{text}' must be a size with its unit, such as 4GB or 500MB, or 0 for no limit")
    size = float(match[1]) * float(1024 ** _POWERS[match[2].lower()])
    if not math.isfinite(size) or 0 < size < 2**26:
        raise UsageError(f"--max-memory '{text}' must be 64MB or more, or 0 for no limit")
    return size


def shard(text: str | None) -> tuple[int, int] | None:
    """Which of how many, of "3/8"."""
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text, re.ASCII)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"--shard '{text}' must be I/N, the i-th of n parts, from 1/1, such as 3/8")
    return int(match[1]), int(match[2])


def split(text: str | None) -> dict[str, float] | None:
    """Fractions of "train=0.8,val=0.1,test=0.1", or of "0.8,0.1,0.1" in that order."""
    if text is None:
        return None
    out: dict[str, float] = {}
    parts = [part.strip() for part in text.split(",")]
    for k, part in enumerate(parts):
        name, equals, number = part.rpartition("=")
        if not equals and k < len(_PARTS):
            name = _PARTS[k]
        try:
            if not name or name in out:
                raise ValueError
            out[name.strip()] = float(number)
        except ValueError:
            raise UsageError(f"--split '{text}' must be fractions, such as train=0.8,val=0.1,test=0.1") from None
    return out


def classes(given: Sequence[str] | None) -> dict[str, Any] | None:
    """By label or pattern the class's name, [name, number], or None to leave it out."""
    if not given:
        return None
    out: dict[str, Any] = {}
    for text in given:
        label, equals, name = text.rpartition("=")
        if not equals:
            raise UsageError(f"--class '{text}' must be LABEL=NAME, such as '*ball*=ball', or LABEL= to leave it out")
        if label in out:
            raise UsageError(f"--class '{text}': '{label}' has a class already; give it one")
        match = re.fullmatch(r"(.+):(\d{1,9})", name, re.ASCII)
        out[label] = [match[1], int(match[2])] if match else name or None
    return out
