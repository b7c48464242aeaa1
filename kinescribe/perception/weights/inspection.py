"""What a weights file is, told from its bytes: nothing in it is run, and torch isn't needed."""

from __future__ import annotations

import json
import math
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from kinescribe.errors import InputError
from kinescribe.perception.weights.pickles import foreign_names

__all__ = ["Inspected", "inspect"]

MOST_HEADER_BYTES = 100_000_000  # safetensors' own limit
MOST_PICKLE_BYTES = 64 * 2**20  # the names and shapes of a checkpoint, without its numbers
ITEM_BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 1),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 2),
    **dict.fromkeys(("I32", "U32", "F32"), 4),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 8),
}
AGAIN = "download it again"


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
    try:
        size = path.stat().st_size
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
        beginning = " ".join(head[:60].decode("utf-8", "replace").split())
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
    end = 0
    try:
        for name, entry in json.loads(raw.decode("utf-8")).items():
            if name == "__metadata__":
                continue
            shape = tuple(_natural(n) for n in entry["shape"])
            begin, stop = (_natural(n) for n in entry["data_offsets"])
            if math.prod(shape) * ITEM_BYTES.get(entry["dtype"], 0) > stop - begin:
                raise ValueError(f"'{name}' of shape {list(shape)} has {stop - begin} bytes")
            shapes[name] = shape
            end = max(end, stop)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} has a damaged safetensors header ({' '.join(str(error).split())[:120]}); {AGAIN}") from error
    if not shapes:
        raise InputError(f"{path} holds no tensors; {AGAIN}")
    if 8 + length + end > size:
        raise InputError(f"{path} is cut off: {size} of {8 + length + end} bytes; {AGAIN}")
    return Inspected("safetensors", sum(math.prod(shape) for shape in shapes.values()), shapes)


def _natural(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"{value!r} is no size")
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
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or pickles[0].file_size > MOST_PICKLE_BYTES:
                raise InputError(f"{path} is not as torch writes it (compressed, or its table is too large); refused")
            with archive.open(pickles[0]) as stream:
                foreign = foreign_names(stream)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is a cut off or damaged torch checkpoint ({size} bytes: {error}); {AGAIN}") from error
    _refuse(path, foreign)
    return Inspected("torch", sum(e.file_size for e in entries if "/data/" in e.filename))


def _legacy(path: Path, size: int) -> Inspected:
    """Torch's format before 1.6: five pickles in a row, then the numbers."""
    with path.open("rb") as stream:
        foreign = foreign_names(stream, count=5)
    _refuse(path, foreign)
    return Inspected("legacy torch", size)


def _refuse(path: Path, foreign: list[str]) -> None:
    if foreign:
        named = ", ".join(foreign[:3]) + (" …" if len(foreign) > 3 else "")
        raise InputError(f"{path} holds code besides tensors ({named}); refused: use safetensors, or a file that holds the tensors alone")
