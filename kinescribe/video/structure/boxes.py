"""MP4 and MOV: tables that have to agree on how many pictures there are, and fragments that follow each other (ISO/IEC 14496-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from .damage import Damage

__all__ = ["damage_of_boxes"]

_TOP = {b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"udta", b"uuid", b"sidx", b"ssix", b"mfra", b"meta"} | {
    b"pdin",
    b"prft",
    b"emsg",
}
_IN_FRAGMENT = {b"mfhd", b"traf", b"pssh", b"uuid", b"free", b"skip", b"meta"}
_IN_TRACK = {b"tfhd", b"tfdt", b"trun", b"sbgp", b"sgpd", b"subs", b"saiz", b"saio", b"senc", b"uuid", b"free", b"skip", b"meta"}
_LARGEST = 1 << 28  # bytes of one table; more is left unread

Box = tuple[bytes, int, int, int]  # kind, where it starts, where its content starts and ends


def damage_of_boxes(stream: BinaryIO, size: int) -> Damage | None:
    """Tables of a picture track that contradict each other, or a fragment that isn't whole or in its turn."""
    top = list(_boxes(stream, 0, size))
    kinds = [kind for kind, *_ in top]
    movies = [box for box in top if box[0] == b"moov"]
    for _, _, start, end in movies:
        for track in _boxes(stream, start, end):
            if track[0] == b"trak" and (found := _track(stream, track, size)) is not None:
                return found
    if b"moof" not in kinds and not any(box[0] == b"mvex" for movie in movies for box in _boxes(stream, movie[2], movie[3])):
        return None
    return _fragments(stream, top, size)


def _boxes(stream: BinaryIO, at: int, end: int) -> Iterator[Box]:
    """The boxes from `at` to `end`; one that sticks out ends there."""
    while at + 8 <= end:
        stream.seek(at)
        header = stream.read(16)
        if len(header) < 8:
            return
        length, kind = struct.unpack(">I4s", header[:8])
        content = at + 8
        if length == 1 and len(header) == 16:
            length, content = struct.unpack(">Q", header[8:])[0], at + 16
        elif length == 0:
            length = end - at
        if length < content - at:
            return
        yield kind, at, content, min(at + length, end)
        at += length


def _find(stream: BinaryIO, box: Box, *kinds: bytes) -> Box | None:
    """The first box along a way of kinds."""
    for kind in kinds:
        inner = next((one for one in _boxes(stream, box[2], box[3]) if one[0] == kind), None)
        if inner is None:
            return None
        box = inner
    return box


def _track(stream: BinaryIO, track: Box, size: int) -> Damage | None:
    """Whether the tables of a picture track agree, and its pictures lie in the file, each in a place of its own."""
    handler = _find(stream, track, b"mdia", b"hdlr")
    if handler is None or _content(stream, handler)[8:12] != b"vide":
        return None
    table = _find(stream, track, b"mdia", b"minf", b"stbl")
    if table is None:
        return Damage(None, "its picture track has no table of pictures")
    inside = {kind: (kind, at, start, end) for kind, at, start, end in _boxes(stream, table[2], table[3])}
    sizes = inside.get(b"stsz") or inside.get(b"stz2")
    if sizes is None:
        return Damage(None, "its picture track has no table of sizes")
    head = _content(stream, sizes, 12)
    count = struct.unpack(">I", head[8:12])[0] if len(head) == 12 else 0
    counts = {"sizes": count}
    for kind, what in ((b"stts", "times"), (b"ctts", "delays")):
        if kind in inside:
            counts[what] = sum(row[0] for row in _rows(stream, inside[kind], ">II"))
    chunks = inside.get(b"stco") or inside.get(b"co64")
    runs = list(_rows(stream, inside[b"stsc"], ">III")) if b"stsc" in inside else []
    if runs and chunks is not None:
        last = len(_starts(stream, chunks))
        ends = [*(row[0] for row in runs[1:]), last + 1]
        if any(end <= row[0] for row, end in zip(runs, ends, strict=True)) or runs[0][0] != 1:
            return Damage(None, "its tables contradict each other on where pictures lie")
        counts["places"] = sum(row[1] * (end - row[0]) for row, end in zip(runs, ends, strict=True))
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{what} of {number}" for what, number in counts.items())
        return Damage(None, f"its tables contradict each other: {said} pictures")
    if "places" in counts and chunks is not None and sizes[0] == b"stsz" and count:
        return _places(stream, sizes, chunks, runs, size)
    return None


def _places(stream: BinaryIO, sizes: Box, chunks: Box, runs: list[tuple[int, ...]], size: int) -> Damage | None:
    """Whether the chunks of pictures lie in the file and beside each other."""
    head = _content(stream, sizes)
    each, count = struct.unpack(">II", head[4:12])
    lengths = np.frombuffer(head, ">u4", -1, 12).astype(np.int64) if not each else None
    if lengths is not None and len(lengths) < count:
        return Damage(None, f"its table of sizes ends after {len(lengths)} of {count} pictures")
    starts = _starts(stream, chunks)
    first = np.array([row[0] for row in runs] + [len(starts) + 1])
    after = np.cumsum(np.repeat([row[1] for row in runs], np.diff(first)))
    if lengths is not None and len(after) and after[-1] > len(lengths):
        return Damage(None, "its tables contradict each other on where pictures lie")
    total = None if lengths is None else np.concatenate([[0], np.cumsum(lengths)])
    sums = after * each if total is None else total[after]
    ends = starts + np.diff(sums, prepend=0)
    order = np.argsort(starts, kind="stable")
    if (ends > size).any() or (starts[order][1:] < ends[order][:-1]).any():
        return Damage(None, "its tables put pictures where there are none")
    return None


def _starts(stream: BinaryIO, chunks: Box) -> NDArray[np.int64]:
    """Where each chunk of pictures starts, as far as the table goes."""
    data = _content(stream, chunks)
    count = struct.unpack(">I", data[4:8])[0] if len(data) >= 8 else 0
    form, width = (">u8", 8) if chunks[0] == b"co64" else (">u4", 4)
    return np.frombuffer(data, form, min(count, (len(data) - 8) // width), 8).astype(np.int64) if count else np.zeros(0, np.int64)


def _rows(stream: BinaryIO, box: Box, form: str) -> Iterator[tuple[int, ...]]:
    """The rows of a table after its version and count."""
    data = _content(stream, box)
    count = struct.unpack(">I", data[4:8])[0] if len(data) >= 8 else 0
    width = struct.calcsize(form)
    for k in range(min(count, (len(data) - 8) // width)):
        yield struct.unpack_from(form, data, 8 + k * width)


def _content(stream: BinaryIO, box: Box, most: int = _LARGEST) -> bytes:
    stream.seek(box[2])
    return stream.read(min(box[3] - box[2], most))


def _fragments(stream: BinaryIO, top: list[Box], size: int) -> Damage | None:
    """The first fragment that isn't whole or in its turn; damage counts from its own start."""
    number: int | None = None
    for kind, at, start, end in top:
        if kind not in _TOP:
            return Damage(at, f"there is no fragment at byte {at}")
        if kind != b"moof":
            continue
        inner = list(_boxes(stream, start, end))
        header = next((box for box in inner if box[0] == b"mfhd"), None)
        tracks = [box for box in inner if box[0] == b"traf"]
        if header is None or not tracks or any(box[0] not in _IN_FRAGMENT for box in inner) or inner[-1][3] != end:
            return Damage(at, f"the fragment at byte {at} is damaged")
        data = _content(stream, header, 8)
        mine = struct.unpack(">I", data[4:8])[0] if len(data) == 8 else -1
        if number is not None and mine != number + 1:
            return Damage(at, f"the fragment at byte {at} has number {mine}, the one before it {number}")
        number = mine
        for track in tracks:
            parts = list(_boxes(stream, track[2], track[3]))
            if any(box[0] not in _IN_TRACK for box in parts) or not any(box[0] == b"trun" for box in parts) or parts[-1][3] != track[3]:
                return Damage(at, f"the fragment at byte {at} is damaged")
    end = top[-1][3] if top else 0
    return Damage(end, f"there is no fragment at byte {end}") if end + 8 <= size else None
