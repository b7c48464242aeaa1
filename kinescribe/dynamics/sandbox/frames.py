"""What goes through the pipe: a short text of plain data and plain arrays of numbers, each of a size that is said before it comes.

A frame is a head (mark, serial number, bytes of text, number of arrays, bytes in all), the text in JSON, of every array its kind, its
number of axes and its shape, and then of every array its numbers in C order; each of these parts is filled up to whole words of 8 bytes.
Nothing in it names a class or a function, and nothing is ever unpickled.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["HEAD", "MOST_TEXT", "Frame", "FrameError", "decoded", "encoded", "head"]

MARK = b"KSL1"
HEAD = struct.Struct("<4sIQIIQ")
KINDS = (np.dtype("<f8"), np.dtype("<i8"), np.dtype("?"), np.dtype("u1"))
_KIND_OF = {"f": 0, "i": 1, "u": 1, "b": 2}
_BYTES = 3  # pictures, which would be eight times as large as integers
MOST_TEXT = 262_144
MOST_ARRAYS = 1_024
MOST_AXES = 4
_SHAPE = struct.Struct(f"<BB6x{MOST_AXES}Q")  # kind, axes, sides; sides that there are none of are 1

Array = NDArray[Any]


class FrameError(Exception):
    """Bytes that are no frame, or another one than was asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A request or a reply.

    Attributes:
        serial: of the request; its reply bears the same.
        text: plain data.
        arrays: of floats, integers, bytes or truth values; their memory is nobody else's.
    """

    serial: int
    text: Mapping[str, Any]
    arrays: Sequence[Array] = field(default=())


def encoded(frame: Frame) -> bytes:
    """The frame's bytes. Raises FrameError, or the ValueError of `json`, for what no frame can carry."""
    text = json.dumps(frame.text, allow_nan=False).encode()
    if len(text) > MOST_TEXT or len(frame.arrays) > MOST_ARRAYS:
        raise FrameError("too much text, or too many arrays")
    shapes, numbers = [], []
    for one in frame.arrays:
        plain = np.asarray(one)
        kind = _BYTES if plain.dtype == np.uint8 else _KIND_OF.get(plain.dtype.kind)
        if kind is None or plain.ndim > MOST_AXES:
            raise FrameError(f"an array of {plain.dtype} with {plain.ndim} axes")
        shapes.append(_SHAPE.pack(kind, plain.ndim, *plain.shape, *(1,) * (MOST_AXES - plain.ndim)))
        numbers.append(_filled(plain.astype(KINDS[kind], copy=False).tobytes()))
    body = b"".join([_filled(text), *shapes, *numbers])
    return HEAD.pack(MARK, 0, frame.serial, len(text), len(frame.arrays), len(body)) + body


def head(data: bytes | bytearray, most: int) -> tuple[int, int, int, int]:
    """Serial number, bytes of text, arrays and bytes to come, from the bytes of a head. Raises FrameError beyond `most` bytes."""
    mark, spare, serial, text, arrays, size = HEAD.unpack(data)
    if mark != MARK or spare:
        raise FrameError("no frame")
    if text > MOST_TEXT or arrays > MOST_ARRAYS or size > most or size < _words(text) + arrays * _SHAPE.size:
        raise FrameError(f"a frame of {size} bytes with {text} of text and {arrays} arrays, where {most} bytes were the most")
    return int(serial), int(text), int(arrays), int(size)


def decoded(serial: int, text: int, arrays: int, body: bytearray) -> Frame:
    """The frame of a body as long as its head says, whose memory the arrays keep. Raises FrameError where its parts don't add up to its
    size, or the text is no plain data.
    """
    try:
        said = json.loads(body[:text], parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise FrameError("a text that is no JSON") from None
    if not isinstance(said, dict):
        raise FrameError("a text that is no object")
    found = []
    shapes = _words(text)
    at = shapes + arrays * _SHAPE.size
    for k in range(arrays):
        kind, axes, *sides = _SHAPE.unpack_from(body, shapes + k * _SHAPE.size)
        if kind >= len(KINDS) or axes > MOST_AXES:
            raise FrameError(f"an array of kind {kind} with {axes} axes")
        # in Python's integers, which don't overflow
        count = 1
        for side in sides:
            count *= side
        size = count * KINDS[kind].itemsize
        if size > len(body) - at or max(sides) > len(body):
            raise FrameError(f"an array {tuple(sides[:axes])} is larger than what came")
        if any(side != 1 for side in sides[axes:]):
            raise FrameError("an array with more sides than axes")
        one = np.frombuffer(body, KINDS[kind], count, at) if count else np.empty(0, KINDS[kind])
        if kind == 2 and count and int(one.view(np.uint8).max()) > 1:
            raise FrameError("truth values other than 0 and 1")
        found.append(one.reshape(sides[:axes]))
        at += _words(size)
    if at != len(body):
        raise FrameError(f"a frame of {len(body)} bytes whose parts are {at}")
    return Frame(serial, said, tuple(found))


def _words(size: int) -> int:
    """Bytes that so many bytes take up in whole words."""
    return size + -size % 8


def _filled(content: bytes) -> bytes:
    return content + bytes(-len(content) % 8)


def _no_constant(word: str) -> None:
    raise ValueError(word)
