"""What goes through the pipe: a short text of plain data and plain arrays of numbers, each of a size that is said before it comes.

A frame is a head (mark, serial number, bytes of text, number of arrays, bytes in all), the text in JSON, and of every array its kind, its
shape and its numbers in C order. Nothing in it names a class or a function, and nothing is ever unpickled.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["HEAD", "Frame", "FrameError", "decoded", "encoded", "head"]

MARK = b"KSL1"
HEAD = struct.Struct("<4sQIIQ")
_KIND = struct.Struct("<BB")
KINDS = (np.dtype("<f8"), np.dtype("<i8"), np.dtype("?"))
MOST_TEXT = 262_144
MOST_ARRAYS = 1_024
MOST_AXES = 4

Array = NDArray[Any]


class FrameError(Exception):
    """Bytes that are no frame, or another one than was asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A request or a reply.

    Attributes:
        serial: of the request; its reply bears the same.
        text: plain data.
        arrays: of floats, integers or truth values; their memory is nobody else's.
    """

    serial: int
    text: Mapping[str, Any]
    arrays: Sequence[Array] = field(default=())


def encoded(frame: Frame) -> bytes:
    """The frame's bytes. Raises FrameError for what no frame can carry."""
    text = json.dumps(frame.text, allow_nan=False).encode()
    if len(text) > MOST_TEXT or len(frame.arrays) > MOST_ARRAYS:
        raise FrameError("too much text, or too many arrays")
    parts = [text]
    for one in frame.arrays:
        plain = np.asarray(one)
        kind = {"f": 0, "i": 1, "u": 1, "b": 2}.get(plain.dtype.kind)
        if kind is None or plain.ndim > MOST_AXES:
            raise FrameError(f"an array of {plain.dtype} with {plain.ndim} axes")
        plain = np.ascontiguousarray(plain, KINDS[kind]).reshape(plain.shape)
        parts.append(_KIND.pack(kind, plain.ndim) + struct.pack(f"<{plain.ndim}Q", *plain.shape) + plain.tobytes())
    size = sum(map(len, parts))
    return b"".join([HEAD.pack(MARK, frame.serial, len(text), len(frame.arrays), size), *parts])


def head(data: bytes, most: int) -> tuple[int, int, int, int]:
    """Serial number, bytes of text, arrays and bytes to come, from the bytes of a head. Raises FrameError beyond `most` bytes."""
    mark, serial, text, arrays, size = HEAD.unpack(data)
    if mark != MARK:
        raise FrameError("no frame")
    if text > MOST_TEXT or arrays > MOST_ARRAYS or size > most or size < text:
        raise FrameError(f"a frame of {size} bytes with {text} of text and {arrays} arrays, where {most} bytes were the most")
    return int(serial), int(text), int(arrays), int(size)


def decoded(serial: int, text: int, arrays: int, body: bytes | bytearray) -> Frame:
    """The frame of a body. Raises FrameError where its parts don't add up to its size, or the text is no plain data."""
    view = memoryview(body)
    try:
        said = json.loads(bytes(view[:text]), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise FrameError("a text that is no JSON") from None
    if not isinstance(said, dict):
        raise FrameError("a text that is no object")
    found = []
    at = text
    for _ in range(arrays):
        one, at = _array(view, at)
        found.append(one)
    if at != len(view):
        raise FrameError(f"{len(view) - at} bytes too many")
    return Frame(serial, said, tuple(found))


def _array(view: memoryview, at: int) -> tuple[Array, int]:
    """The array that begins at a byte, and where the next one does."""
    try:
        kind, axes = _KIND.unpack_from(view, at)
        at += _KIND.size
        if kind >= len(KINDS) or axes > MOST_AXES:
            raise FrameError(f"an array of kind {kind} with {axes} axes")
        shape = struct.unpack_from(f"<{axes}Q", view, at)
    except struct.error:
        raise FrameError("an array without its head") from None
    at += 8 * axes
    # in Python's integers, which don't overflow
    size = math.prod(shape) * KINDS[kind].itemsize
    if size > len(view) - at or any(side > len(view) for side in shape):
        raise FrameError(f"an array {shape} is larger than what came")
    content = view[at : at + size]
    if kind == 2 and size and int(np.frombuffer(content, np.uint8).max()) > 1:
        raise FrameError("truth values other than 0 and 1")
    # a copy, so that it can be written to and is aligned
    return np.frombuffer(content, KINDS[kind]).reshape(shape).copy(), at + size


def _no_constant(word: str) -> None:
    raise ValueError(word)
