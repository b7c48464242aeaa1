"""What a weights file is, told from its bytes: nothing in it is run, and torch isn't needed."""

from __future__ import annotations

import json
import math
import struct
import zipfile
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from kinescribe.errors import InputError
from kinescribe.perception.weights.pickles import MOST_BYTES, foreign_names
from kinescribe.perception.weights.regular import size_of
from kinescribe.perception.weights.wording import plain

__all__ = ["Inspected", "inspect"]

MOST_HEADER_BYTES = 8_000_000  # some 70,000 tensors; safetensors' own limit is 100 MB, of which JSON makes gigabytes
MOST_DIMENSIONS = 16
ITEM_BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 1),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 2),
    **dict.fromkeys(("I32", "U32", "F32"), 4),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 8),
}
AGAIN = "download it again"
DAMAGED_ZIP = (
    zipfile.BadZipFile,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    MemoryError,
    struct.error,
    IndexError,
)
"""What the zipfile module raises on bytes that are no whole archive."""
OF_A_KIND = "torch._utils._rebuild_"


@dataclass(frozen=True, slots=True)
class Inspected:
    """A file that can be opened.

    Attributes:
        format: safetensors, torch (a zip archive), or legacy torch (a bare pickle).
        most_elements: numbers that it can hold at most.
        shapes: of each tensor, by name; empty where the format doesn't tell without torch.
    """

    format: str
    most_elements: int
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)


def inspect(path: Path) -> Inspected:
    """What kind of weights file this is, by its contents, whatever it is called.

    Raises:
        InputError: it is empty, cut off, a web page, a git-lfs pointer, text, a pickle with code, or no weights at all.
    """
    size = size_of(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(1024)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from error
    if not size:
        raise InputError(f"{path} is empty; {AGAIN}")
    if head.startswith(b"PK"):
        return _zip(path, size)
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return _legacy(path, size)
    length = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and 2 <= length <= MOST_HEADER_BYTES:
        return _safetensors(path, size, length)
    if head[8:9] == b"{" and MOST_HEADER_BYTES < length < size:
        raise InputError(f"{path} begins with a header of {length} bytes, which no model has; {AGAIN}")
    raise InputError(f"{path} {_other(head)}")


def _other(head: bytes) -> str:
    """What a file is that holds no weights, and what to do."""
    text = head.lstrip().lower()
    if text.startswith(b"version https://git-lfs"):
        return "is a git-lfs pointer, not the weights themselves: fetch them with `git lfs pull`, or with `hf download`"
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return (
            f"is a web page saved under that name, not weights; {AGAIN} from the file's own link, and accept the licence first where asked"
        )
    if text.startswith((b"\x1f\x8b", b"bzh", b"7z\xbc\xaf", b"\xfd7zxz", b"\x28\xb5\x2f\xfd")):
        return "is a compressed archive; unpack it first"
    if all(byte in b"\t\n\r\f\x1b" or byte >= 32 for byte in head):
        beginning = plain(" ".join(head[:60].decode("utf-8", "replace").split()))
        return f"is text, not weights (it begins '{beginning}'); {AGAIN}"
    return f"is neither safetensors nor a torch checkpoint; {AGAIN}"


def _safetensors(path: Path, size: int, length: int) -> Inspected:
    """Format: eight bytes with the header's length, the header as JSON, the numbers (https://huggingface.co/docs/safetensors)."""
    if 8 + length > size:
        raise InputError(f"{path} is cut off: it has {size} bytes and its header alone {8 + length}; {AGAIN}")
    with path.open("rb") as stream:
        stream.seek(8)
        raw = stream.read(length)
    shapes: dict[str, tuple[int, ...]] = {}
    spans: list[tuple[int, int]] = []
    try:
        for name, entry in json.loads(raw.decode("utf-8")).items():
            if name == "__metadata__":
                continue
            shapes[name], span = _entry(name, entry)
            spans.append(span)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, MemoryError) as error:
        raise InputError(f"{path} has a damaged safetensors header ({plain(error, 120)}); {AGAIN}") from error
    if not shapes:
        raise InputError(f"{path} holds no tensors; {AGAIN}")
    spans.sort()
    if any(begin < stop for (_, stop), (begin, _) in pairwise(spans)):
        raise InputError(f"{path} has a damaged safetensors header (tensors that share their bytes); {AGAIN}")
    end = spans[-1][1]
    if 8 + length + end > size:
        raise InputError(f"{path} is cut off: {size} of {8 + length + end} bytes; {AGAIN}")
    return Inspected("safetensors", sum(math.prod(shape) for shape in shapes.values()), shapes)


def _entry(name: str, entry: dict[str, Any]) -> tuple[tuple[int, ...], tuple[int, int]]:
    """A tensor's shape and where its bytes begin and stop. Raises what a stranger's JSON makes it raise."""
    if len(entry["shape"]) > MOST_DIMENSIONS:
        raise ValueError(f"'{plain(name)}' has {len(entry['shape'])} dimensions")
    shape = tuple(_natural(n) for n in entry["shape"])
    begin, stop = (_natural(n) for n in entry["data_offsets"])
    if entry["dtype"] not in ITEM_BYTES:
        raise ValueError(f"'{plain(name)}' is of the unknown kind {plain(entry['dtype'], 20)}")
    if math.prod(shape) * ITEM_BYTES[entry["dtype"]] != stop - begin:
        raise ValueError(f"'{plain(name)}' of shape {list(shape)} has {stop - begin} bytes")
    return shape, (begin, stop)


def _natural(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"{plain(repr(value), 40) if not isinstance(value, int) else 'a number'} is no size")
    return value


def _zip(path: Path, size: int) -> Inspected:
    """Torch's archive since 1.6: NAME/data.pkl with the names and shapes, NAME/data/* with the numbers, uncompressed."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
            if any("/code/" in entry.filename or entry.filename.endswith("/constants.pkl") for entry in entries):
                raise InputError(f"{path} is a TorchScript program, not a table of weights; refused, for it holds code")
            if len(pickles) != 1:
                raise InputError(f"{path} is a zip archive, but not torch's; unpack it, or {AGAIN}")
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or pickles[0].file_size > MOST_BYTES:
                raise InputError(f"{path} is not as torch writes it (compressed, or its table is too large); refused")
            with archive.open(pickles[0]) as stream:
                foreign = foreign_names(stream)
    except InputError:
        raise
    except DAMAGED_ZIP as error:
        raise InputError(f"{path} is a cut off or damaged torch checkpoint ({size} bytes: {plain(error)}); {AGAIN}") from error
    _refuse(path, foreign)
    numbers = sum(entry.file_size for entry in entries if "/data/" in entry.filename)
    if numbers > size:
        raise InputError(f"{path} claims {numbers} bytes of numbers and has {size}; {AGAIN}")
    return Inspected("torch", numbers)


def _legacy(path: Path, size: int) -> Inspected:
    """Torch's format before 1.6: five pickles in a row, then the numbers."""
    with path.open("rb") as stream:
        foreign = foreign_names(stream, count=5)
    _refuse(path, foreign)
    return Inspected("legacy torch", size)


def _refuse(path: Path, foreign: list[str]) -> None:
    if not foreign:
        return
    named = ", ".join(plain(name) for name in foreign[:3]) + (" …" if len(foreign) > 3 else "")
    if all(name.startswith(OF_A_KIND) for name in foreign):
        raise InputError(f"{path} holds tensors that are not plain tables of numbers ({named}); use safetensors")
    raise InputError(f"{path} holds code besides tensors ({named}); refused: use safetensors, or a file that holds the tensors alone")
