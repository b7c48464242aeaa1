"""Flash video: tags, each followed by its own length."""

from __future__ import annotations

from typing import BinaryIO

from .damage import Damage, only_zeros

__all__ = ["damage_of_flv"]

_AVC = 7
_KINDS = {8, 9, 15, 18}  # sound, picture, and data in two spellings


def damage_of_flv(stream: BinaryIO, size: int) -> Damage | None:
    """The first tag that is none, or whose length stands otherwise behind it."""
    stream.seek(0)
    head = stream.read(9)
    at = int.from_bytes(head[5:9], "big") + 4
    trusted = False  # some programs write no lengths behind tags
    last, codec = at, None
    while at < size:
        stream.seek(at)
        tag = stream.read(11)
        if len(tag) < 11:
            return None if only_zeros(stream, at) else Damage(at, "the file ends in the header of a tag")
        length = int.from_bytes(tag[1:4], "big")
        if tag[0] & 0x1F not in _KINDS or tag[8:11] != b"\0\0\0":
            return None if only_zeros(stream, at) else Damage(last if trusted else at, f"there is no tag at byte {at}")
        if tag[0] & 0x1F == 9 and length >= 2:
            start = stream.read(2)
            if len(start) < 2:
                return Damage(at, "the file ends in a tag")
            first, kind = start
            codec = first & 0x0F if codec is None else codec
            if not first & 0x80 and (not first or first & 0x0F != codec or (codec == _AVC and kind > 2)):  # else of the extended form
                return Damage(at, f"the picture at byte {at} is of no kind")
        stream.seek(at + 11 + length)
        behind = stream.read(4)
        if len(behind) < 4:
            return Damage(at, "the file ends in a tag")
        same = int.from_bytes(behind, "big") == 11 + length
        if trusted and not same:
            return Damage(at, f"the tag at byte {at} has another length than stands behind it")
        trusted = trusted or same
        last, at = at, at + 15 + length
    return None
