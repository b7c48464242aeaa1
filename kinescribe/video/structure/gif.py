"""GIF89a: blocks that follow each other up to a trailer."""

from __future__ import annotations

from typing import BinaryIO

from .damage import Damage, only_zeros

__all__ = ["damage_of_gif"]

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B


def damage_of_gif(stream: BinaryIO, size: int) -> Damage | None:
    """The first block that is none. A picture counts as damaged from its descriptor on.

    The data of a picture come in pieces of 255 bytes and a last one, in files of all usual programs: where that holds for most
    pictures, others are damaged, for a chain of pieces that has lost its links finds its way back sooner or later.
    """
    stream.seek(0)
    head = stream.read(13)
    if len(head) < 13:
        return Damage(0, "the file ends in its header")
    stream.seek(13 + _table(head[10]))
    odd, pictures = list[int](), 0
    found: Damage | None = None
    while True:
        at = stream.tell()
        kind = stream.read(1)
        if not kind:
            found = Damage(size, "the file ends before its trailer")
            break
        if kind[0] == _TRAILER:
            found = None if only_zeros(stream, at + 1) else Damage(at + 1, "data follow the mark of its end")
            break
        if kind[0] == _EXTENSION:
            stream.seek(1, 1)
        elif kind[0] == _IMAGE:
            descriptor = stream.read(9)
            stream.seek(_table(descriptor[8]) + 1 if len(descriptor) == 9 else 0, 1)
        else:
            found = Damage(at, f"there is no block at byte {at}")
            break
        lengths = _pieces(stream)
        if lengths is None:
            found = Damage(at, "the file ends in a block")
            break
        if kind[0] == _IMAGE:
            pictures += 1
            if lengths - {255}:
                odd.append(at)
    if odd and 2 * len(odd) <= pictures and (found is None or found.offset is None or odd[0] < found.offset):
        return Damage(odd[0], f"the picture at byte {odd[0]} comes in other pieces than the rest")
    return found


def _pieces(stream: BinaryIO) -> set[int] | None:
    """Lengths of the pieces of a block but the last; None where the file ends before."""
    lengths, last = set[int](), 0
    while True:
        length = stream.read(1)
        if not length:
            return None
        if not length[0]:
            return lengths
        if last:
            lengths.add(last)
        last = length[0]
        stream.seek(last, 1)  # past the end, too, without a word: the next read tells


def _table(flags: int) -> int:
    """Bytes of the colour table that the flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
