"""MPEG transport streams: packets of one length, numbered for each of the streams that they carry (ISO/IEC 13818-1, §2.4.3)."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from .damage import Damage

__all__ = ["count_of_units", "damage_of_transport_stream", "starts_with_key", "width_of_packets"]

_SYNC, _AT_ONCE = 0x47, 20_000  # packets
_VIDEO = set(range(0xE0, 0xF0)) | {0xFD}


def width_of_packets(head: bytes) -> tuple[int, int] | None:
    """Bytes from one packet to the next (188, 192 with a time code before, 204 with a check sum behind) and before the first mark."""
    for width, sync in ((188, 0), (192, 4), (204, 0)):
        if _marks(head, width, sync) >= 4:
            return width, sync
    return None


def _marks(head: bytes, width: int, sync: int) -> int:
    """How many packets follow each other from the first byte on."""
    count = 0
    while sync + count * width < len(head) and head[sync + count * width] == _SYNC:
        count += 1
    return count


def _form(stream: BinaryIO) -> tuple[int, int] | None:
    """As `width_of_packets`, for what is known to be a transport stream: two packets are enough, for the next may be the damaged one."""
    stream.seek(0)
    head = stream.read(1024)
    width, sync = max(((188, 0), (192, 4), (204, 0)), key=lambda form: _marks(head, *form))
    return (width, sync) if _marks(head, width, sync) >= 2 else None


def damage_of_transport_stream(stream: BinaryIO, size: int) -> Damage | None:
    """The first packet that is none, or that isn't the next one of its picture stream; None for files that begin otherwise."""
    form = _form(stream)
    if form is None:
        return None
    width, sync = form
    last: dict[int, int] = {}
    for start in range(0, size // width, _AT_ONCE):
        stream.seek(start * width)
        data = np.frombuffer(stream.read(_AT_ONCE * width), np.uint8)
        packets = data[: data.size // width * width].reshape(-1, width)[:, sync:]
        wrong = np.flatnonzero(packets[:, 0] != _SYNC)
        first = int(wrong[0]) if wrong.size else None
        packets = packets if first is None else packets[:first]
        found = _first_out_of_turn(packets, last)
        if found is not None:
            at = (start + found) * width
            return Damage(at, f"the packet at byte {at} is not the next one of the pictures")
        if first is not None:
            at = (start + first) * width
            return Damage(at, f"there is no packet at byte {at}")
    return None


def starts_with_key(stream: BinaryIO) -> bool:
    """Whether the first packet of pictures is marked as one to start from."""
    form = _form(stream)
    if form is None:
        return False
    stream.seek(0)
    data = np.frombuffer(stream.read(1000 * form[0]), np.uint8)
    packets = data[: data.size // form[0] * form[0]].reshape(-1, form[0])[:, form[1] :]
    begins = np.flatnonzero(_begins_picture(packets))
    return bool(begins.size and _flags(packets)[begins[0]] & 0x40)


def count_of_units(stream: BinaryIO, size: int) -> int:
    """How many units of pictures begin in it: as many as there are pictures, in most files."""
    form = _form(stream)
    if form is None:
        return 0
    width, sync = form
    count = 0
    for start in range(0, size // width, _AT_ONCE):
        stream.seek(start * width)
        data = np.frombuffer(stream.read(_AT_ONCE * width), np.uint8)
        count += int(_begins_picture(data[: data.size // width * width].reshape(-1, width)[:, sync:]).sum())
    return count


def _flags(packets: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Flags of the adaptation fields, 0 where there is none."""
    return np.where((packets[:, 3] & 0x20 > 0) & (packets[:, 4] > 0), packets[:, 5], 0).astype(np.uint8)


def _begins_picture(packets: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which packets begin a unit of a picture stream."""
    payload = np.where(packets[:, 3] & 0x20 > 0, 5 + packets[:, 4].astype(np.int64), 4)
    begins = (packets[:, 1] & 0x40 > 0) & (packets[:, 3] & 0x10 > 0) & (payload < 180)
    at = np.where(begins, payload, 4)
    rows = np.arange(len(packets))
    mark = (packets[rows, at] == 0) & (packets[rows, at + 1] == 0) & (packets[rows, at + 2] == 1)
    found: NDArray[np.bool_] = begins & mark & np.isin(packets[rows, at + 3], list(_VIDEO))
    return found


def _first_out_of_turn(packets: NDArray[np.uint8], last: dict[int, int]) -> int | None:
    """The first packet of a picture stream that has another number than is due; `last` holds each stream's last number."""
    streams = (packets[:, 1].astype(np.int64) & 0x1F) << 8 | packets[:, 2]
    numbers = packets[:, 3].astype(np.int64) & 0x0F
    fresh = _flags(packets) & 0x80 > 0  # told to count anew
    begins = _begins_picture(packets)
    worst: int | None = None
    for one in np.unique(np.concatenate([streams[begins], np.array(list(last), np.int64)])).tolist():
        mine = np.flatnonzero((streams == one) & (packets[:, 3] & 0x10 > 0))
        if not mine.size:
            continue
        steps = np.diff(numbers[mine], prepend=last.get(one, numbers[mine[0]])) % 16
        wrong = (steps > 1) & ~fresh[mine]  # a packet may come twice
        headless = (packets[mine, 1] & 0x40 > 0) & ~begins[mine]
        if (found := mine[wrong | headless]).size and (worst is None or found[0] < worst):
            worst = int(found[0])
        last[one] = int(numbers[mine[-1]])
    return worst
