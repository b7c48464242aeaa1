"""GIF89a: blocks that follow each other up to a trailer."""

from __future__ import annotations

from typing import BinaryIO

from .damage import Damage, only_zeros

__all__ = ["damage_of_gif"]

_LONGEST = 1 << 18  # bytes of a picture that are looked through
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
    odd, places = list[int](), list[tuple[int, int, int, int]]()
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
        start = stream.tell()
        lengths = _pieces(stream)
        if lengths is None:
            found = Damage(at, "the file ends in a block")
            break
        if kind[0] == _IMAGE:
            pixels = int.from_bytes(descriptor[4:6], "little") * int.from_bytes(descriptor[6:8], "little")
            places.append((at, start - 1, stream.tell() - start, pixels))
            if lengths - {255}:
                odd.append(at)
    if odd and 2 * len(odd) <= len(places) and (found is None or found.offset is None or odd[0] < found.offset):
        return Damage(odd[0], f"the picture at byte {odd[0]} comes in other pieces than the rest")
    usual = sorted(length for _, _, length, _ in places)[len(places) // 2] if places else 0
    for at, start, length, pixels in places:  # one that has swallowed the next is longer than others, and has data behind its end
        if 1.5 * usual < length < _LONGEST and _misses_its_end(stream, start, length, pixels):
            return Damage(at, f"the picture at byte {at} has data behind its end")
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


def _misses_its_end(stream: BinaryIO, start: int, length: int, pixels: int) -> bool:
    """Whether a picture's data end before they should, or go on behind its last pixel; `start` is where the size of its codes stands."""
    stream.seek(start)
    size = stream.read(1)[0]
    pieces = stream.read(length)
    data, at = bytearray(), 0
    while at < len(pieces) and pieces[at]:
        data += pieces[at + 1 : at + 1 + pieces[at]]
        at += 1 + pieces[at]
    if not 1 <= size <= 11:
        return False
    clear, width, following, fresh = 1 << size, size + 1, (1 << size) + 2, True
    lengths = [1] * (clear + 2)  # of what each code stands for
    held = bits = read = done = before = 0
    while True:
        while bits < width:
            if read == len(data):
                return False
            held |= data[read] << bits
            bits, read = bits + 8, read + 1
        code = held & ((1 << width) - 1)
        held, bits = held >> width, bits - width
        if code == clear + 1:
            return read + 1 < len(data)
        if code == clear:
            width, following, fresh = size + 1, clear + 2, True
            del lengths[clear + 2 :]
            continue
        if code > len(lengths) - (fresh or following == 4096):
            return True
        if not fresh and following < 4096:
            lengths.append(lengths[before] + 1)
            following += 1
            if following == 1 << width and width < 12:
                width += 1
        fresh, before = False, code
        done += lengths[code]
        if done > pixels:
            return True


def _table(flags: int) -> int:
    """Bytes of the colour table that the flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
