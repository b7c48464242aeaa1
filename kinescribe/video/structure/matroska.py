"""Matroska and WebM: elements in elements, which tile their parents (RFC 8794, RFC 9559)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from .damage import Damage, only_zeros

__all__ = ["damage_of_matroska"]

_EBML, _SEGMENT, _CLUSTER, _TRACKS = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1654AE6B
_TRACK, _TRACK_NUMBER, _BLOCK_GROUP, _BLOCK, _SIMPLE_BLOCK = 0xAE, 0xD7, 0xA0, 0xA1, 0xA3
_ANYWHERE = {0xEC, 0xBF}  # void, check sum
# SeekHead, Info, Tracks, Cluster, Cues, Tags, Attachments, Chapters
_IN_SEGMENT = {0x114D9B74, 0x1549A966, _TRACKS, _CLUSTER, 0x1C53BB6B, 0x1254C367, 0x1941A469, 0x1043A770} | _ANYWHERE
# Timestamp, Position, PrevSize, SilentTracks, EncryptedBlock
_IN_CLUSTER = {0xE7, 0xA7, 0xAB, 0x5854, 0xAF, _BLOCK_GROUP, _SIMPLE_BLOCK} | _ANYWHERE


@dataclass(frozen=True, slots=True)
class _Element:
    """Its identity, where it starts, where its content starts and ends; `end` is None where a live recorder left it open."""

    identity: int
    at: int
    content: int
    end: int | None


def damage_of_matroska(stream: BinaryIO, size: int) -> Damage | None:
    """The first element that is none, that doesn't belong where it stands, or that sticks out of its parent."""
    at = 0
    while at < size:
        head = _read(stream, at)
        if head is None or head.identity not in {_EBML, _SEGMENT} | _ANYWHERE:
            return None if at and only_zeros(stream, at) else Damage(at, f"there is no element at byte {at}")
        if head.identity == _SEGMENT:
            found = _segment(stream, head, size)
            if found is not None or head.end is None:
                return found
        at = size if head.end is None else head.end
    return None


def _segment(stream: BinaryIO, segment: _Element, size: int) -> Damage | None:
    end = min(size, segment.end or size)
    at, tracks = segment.content, set[int]()
    while at < end:
        child = _read(stream, at)
        if child is None or child.identity not in _IN_SEGMENT:
            return Damage(at, f"there is no element at byte {at}")
        if child.end is not None and child.end > end:
            if child.identity != _CLUSTER:
                return Damage(at, f"the element at byte {at} is longer than the file")
            return _cluster(stream, child, end, tracks)[1] or Damage(end, "the last cluster is longer than the file")
        if child.identity == _CLUSTER:
            at, found = _cluster(stream, child, end, tracks)
            if found is not None:
                return found
            continue
        if child.end is None:
            return Damage(at, f"the element at byte {at} has no length")
        if child.identity == _TRACKS:
            tracks |= _numbers(stream, child)
        at = child.end
    return None


def _cluster(stream: BinaryIO, cluster: _Element, most: int, tracks: set[int]) -> tuple[int, Damage | None]:
    """Where it ends, and its first damage."""
    end = most if cluster.end is None else min(cluster.end, most)
    at = cluster.content
    while at < end:
        child = _read(stream, at)
        if child is None:
            return at, Damage(at, f"there is no element at byte {at}")
        if child.identity in _IN_SEGMENT - _ANYWHERE and cluster.end is None:
            return at, None
        if child.identity not in _IN_CLUSTER:
            return at, Damage(at, f"there is no block at byte {at}")
        if child.end is None or child.end > end:
            return at, Damage(at, f"the block at byte {at} is longer than what holds it")
        block = child
        if child.identity == _BLOCK_GROUP:
            first = _read(stream, child.content)
            while first is not None and first.end is not None and first.end < child.end and first.identity != _BLOCK:
                first = _read(stream, first.end)
            if first is None or first.identity != _BLOCK or first.end is None or first.end > child.end:
                return at, Damage(at, f"there is no block at byte {child.content}")
            block = first
        if block.identity in (_BLOCK, _SIMPLE_BLOCK) and tracks and _number(stream, block.content) not in tracks:
            return at, Damage(at, f"the block at byte {at} belongs to no track")
        at = child.end
    return at, None


def _numbers(stream: BinaryIO, tracks: _Element) -> set[int]:
    """The numbers of all tracks; none where that can't be told."""
    out = set[int]()
    at = tracks.content
    while tracks.end is not None and at < tracks.end:
        entry = _read(stream, at)
        if entry is None or entry.end is None or entry.end > tracks.end:
            return set()
        inner = entry.content
        while entry.identity == _TRACK and inner < entry.end:
            part = _read(stream, inner)
            if part is None or part.end is None or part.end > entry.end:
                return set()
            if part.identity == _TRACK_NUMBER:
                stream.seek(part.content)
                out.add(int.from_bytes(stream.read(min(8, part.end - part.content)), "big"))
            inner = part.end
        at = entry.end
    return out


def _number(stream: BinaryIO, at: int) -> int:
    stream.seek(at)
    data = stream.read(8)
    width = 9 - data[0].bit_length() if data and data[0] else 0
    return int.from_bytes(data[:width], "big") & ((1 << 7 * width) - 1) if width else -1


def _read(stream: BinaryIO, at: int) -> _Element | None:
    """The header of an element; None where there is none."""
    stream.seek(at)
    data = stream.read(12)
    width = 9 - data[0].bit_length() if data and data[0] else 9
    if width > 4 or len(data) <= width or not data[width]:
        return None
    more = 9 - data[width].bit_length()
    if len(data) < width + more:
        return None
    length = int.from_bytes(data[width : width + more], "big") & ((1 << 7 * more) - 1)
    content = at + width + more
    open_end = length == (1 << 7 * more) - 1
    return _Element(int.from_bytes(data[:width], "big"), at, content, None if open_end else content + length)
