"""What a picture's bytes tell before they are decoded: its size, and whether they are whole.

Decoders make room for whatever size a header claims, fill what is missing with grey, and print their complaints where nobody can
catch them.
"""

from __future__ import annotations

import struct
import zlib

__all__ = ["damage_of_picture", "size_of_picture"]

_PNG = b"\x89PNG\r\n\x1a\n"


def size_of_picture(data: bytes) -> tuple[int, int] | None:
    """Width and height, px, that the header claims; None where it can't be told."""
    try:
        if data.startswith(_PNG):
            return struct.unpack_from(">II", data, 16)
        if data.startswith(b"\xff\xd8"):
            return _size_of_jpeg(data)
        if data.startswith(b"BM"):
            width, height = struct.unpack_from("<ii", data, 18)
            return abs(width), abs(height)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _size_of_webp(data)
        if data[:4] in (b"II*\0", b"MM\0*"):
            return _size_of_tiff(data)
    except struct.error:  # it ends in its header
        return None
    return None


def damage_of_picture(data: bytes) -> str | None:
    """What is wrong with the bytes, half a sentence; None where they are whole, or where their format can't tell."""
    if data.startswith(_PNG):
        return _damage_of_png(data)
    if data.startswith(b"\xff\xd8"):  # an end marker behind the last scan
        return "is cut off: its end is missing" if data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda") else None
    if data.startswith(b"RIFF"):  # WebP
        return "is cut off: its end is missing" if int.from_bytes(data[4:8], "little") + 8 > len(data) else None
    return None


def _damage_of_png(data: bytes) -> str | None:
    """Every chunk has a check sum."""
    at = len(_PNG)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        if zlib.crc32(memoryview(data)[at + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            return f"is damaged: the check sum of what begins at byte {at} is wrong"
        if data[at + 4 : at + 8] == b"IEND":
            return None
        at = end
    return "is cut off: its end is missing"


def _size_of_jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while True:
        mark, kind, length = struct.unpack_from(">BBH", data, at)
        if mark != 0xFF:
            return None
        if kind == 0xFF:  # padding
            at += 1
            continue
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 if 0xD0 <= kind <= 0xD8 or kind == 1 else 2 + length


def _size_of_webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _size_of_tiff(data: bytes) -> tuple[int, int] | None:
    order = "<" if data.startswith(b"II") else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, at)
    found: dict[int, int] = {}
    for k in range(count):
        tag, kind = struct.unpack_from(order + "HH", data, at + 2 + 12 * k)
        if tag in (256, 257):
            (found[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, at + 10 + 12 * k)
    return (found[256], found[257]) if len(found) == 2 else None
