"""Whether a file is shorter than its own structure says.

A download that stopped or a camera that lost power leaves a file which a demuxer reads to its end without any complaint.
Container formats store lengths, though, and these give it away.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from .structure.transport import width_of_packets

__all__ = ["missing_end"]

_PADDING = {b"free", b"skip", b"wide", b"udta"}
_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067


def missing_end(path: Path) -> str | None:
    """Say in half a sentence how a file is cut short, or None where its structure is whole or says nothing.

    Knows ISO base media (MP4, MOV), Matroska and WebM, RIFF (AVI) and MPEG transport streams. A transport stream that is cut
    exactly between two of its packets can't be told from a whole one.

    Raises:
        OSError: the file can't be read.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(1024)
        if head[4:8] in {b"ftyp", b"moov", b"mdat", b"styp", b"wide", b"free"}:
            expected = _end_of_boxes(stream, size)
        elif head[:4] == b"\x1a\x45\xdf\xa3":
            expected = _end_of_segment(stream, size)
        elif head[:4] == b"RIFF":
            expected = _end_of_riff(stream, size)
        else:
            expected = _end_of_packets(head, size)
    if expected is None or expected <= size:
        return None
    return f"the file ends {expected - size} bytes short of what its own structure says"


def _end_of_boxes(stream: BinaryIO, size: int) -> int | None:
    """End of the last box of ISO/IEC 14496-12, §4.2."""
    at = 0
    while at + 8 <= size:
        stream.seek(at)
        header = stream.read(16)
        length, kind = struct.unpack(">I4s", header[:8])
        if length == 0:  # up to the end of the file
            return None
        if length == 1 and len(header) == 16:
            length = struct.unpack(">Q", header[8:])[0]
        if length < 8 or not kind.isalnum():  # bytes behind the last box that are no box
            return None
        if at + length > size:
            return None if kind in _PADDING else at + length
        at += length
    return None


def _end_of_riff(stream: BinaryIO, size: int) -> int:
    """End of the last RIFF chunk; an AVI of over a gigabyte has several."""
    at = end = 0
    while at < size:
        stream.seek(at)
        header = stream.read(8)
        if len(header) < 8 or header[:4] != b"RIFF":
            break
        end = at + 8 + struct.unpack("<I", header[4:])[0]
        at = end + end % 2  # the padding byte, which the last chunk may do without
    return end


def _end_of_segment(stream: BinaryIO, size: int) -> int | None:
    """End of the segment of RFC 8794 and RFC 9559; None where a live recorder left its length open."""
    at = 0
    for expected in (_EBML, _SEGMENT):
        if at >= size:  # a header that claims more than there is; seeking so far may not even be possible
            return at
        stream.seek(at)
        data = stream.read(12)
        identity = int.from_bytes(data[:4], "big")
        width = 9 - data[4].bit_length() if len(data) == 12 and data[4] else 0
        if identity != expected or width == 0:
            return None
        length = int.from_bytes(data[4 : 4 + width], "big") & ((1 << 7 * width) - 1)
        if length == (1 << 7 * width) - 1:
            return None
        at += 4 + width + length
    return at


def _end_of_packets(head: bytes, size: int) -> int | None:
    """End of the last packet of a transport stream."""
    form = width_of_packets(head)
    return None if form is None else -(-size // form[0]) * form[0]
