"""What is found damaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["Damage", "only_zeros"]


@dataclass(frozen=True, slots=True)
class Damage:
    """A place where a file contradicts itself.

    Attributes:
        offset: bytes before it; None where the contradiction has no place.
        reason: half a sentence.
    """

    offset: int | None
    reason: str


def only_zeros(stream: BinaryIO, start: int, most: int = 1 << 20) -> bool:
    """Whether nothing but zeros follows, as where space was reserved; looks at `most` bytes."""
    stream.seek(start)
    return not stream.read(most).strip(b"\0")
