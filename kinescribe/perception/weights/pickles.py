"""Reading what a pickle would import, without running it.

This says why a file is refused; the wall itself is torch's ``weights_only`` loader, which runs nothing but what rebuilds tensors.
"""

from __future__ import annotations

import pickletools
import re
import warnings
from typing import IO, Any, cast

__all__ = ["MOST_BYTES", "foreign_names"]

# what a table of tensors needs, as torch's weights_only loader allows it
KNOWN = re.compile(
    r"collections\.(OrderedDict|Counter|defaultdict)"
    r"|torch\.(\w+Storage|Size|Tensor|device|bool|bfloat16|u?int\d+|float\d+\w*|complex\d+|q?u?int\d+\w*)"
    r"|torch\._utils\._rebuild_(tensor|tensor_v2|tensor_v3|parameter|parameter_with_state)"
    r"|torch\._tensor\._rebuild_from_type_v2|torch\.nn\.parameter\.\w*Parameter"
    r"|torch\.storage\.(Untyped|Typed)Storage|torch\.serialization\._get_layout|_codecs\.encode"
)
MOST_BYTES = 64 * 2**20  # the names and shapes of a checkpoint, without its numbers
MOST_OPCODES = 1_000_000  # the largest public checkpoints need some 50,000
MOST_FOREIGN = 8
LONGEST_NAME = 200
UNREADABLE = "an unreadable pickle"


class _Bounded:
    """A stream that gives `most` bytes in all; a pickle may claim to hold a string of any length."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._left = stream, most

    def read(self, count: int) -> bytes:
        if not 0 <= count <= self._left:
            raise ValueError(f"{count} bytes are more than a table has")
        return self._took(self._stream.read(count))

    def readline(self) -> bytes:
        return self._took(self._stream.readline(self._left))

    def _took(self, data: bytes) -> bytes:
        self._left -= len(data)
        return data


def foreign_names(stream: IO[bytes], count: int = 1) -> list[str]:
    """Names that `count` pickles in a row would import and that no table of tensors needs, in order; empty for a plain table.

    A pickle that can't be read to its end counts as foreign. At most `MOST_BYTES` are read, and the first `MOST_FOREIGN` names given.
    """
    found: list[str] = []
    bounded = cast(Any, _Bounded(stream, MOST_BYTES))
    budget = MOST_OPCODES
    for _ in range(count):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of escapes in strings that no table has
                budget = _read_one(bounded, found, budget)
        except (ValueError, EOFError, IndexError, KeyError, OverflowError, MemoryError):
            return [*found, UNREADABLE]
        if budget < 0:
            return [*found, "too long a pickle"]
        if len(found) >= MOST_FOREIGN:
            return found
    return found


def _read_one(stream: IO[bytes], found: list[str], budget: int) -> int:
    """Add the foreign names of one pickle to `found`; what is left of the budget of operations, below 0 where it was too small."""
    strings: list[str] = []  # a protocol 4 pickle takes module and name from the stack: the last two strings
    kept: dict[object, str | None] = {}  # what was put aside for later; None for anything but a string
    latest: str | None = None  # what the operation before left on the stack, where that is a string
    for opcode, argument, _ in pickletools.genops(stream):
        budget -= 1
        if budget < 0 or len(found) >= MOST_FOREIGN:
            return budget
        if opcode.name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
            kept[len(kept) if opcode.name == "MEMOIZE" else argument] = latest
            continue
        name = latest = None
        if opcode.name in ("GLOBAL", "INST"):
            name = str(argument).replace(" ", ".", 1)
        elif opcode.name == "STACK_GLOBAL":
            name = ".".join(strings[-2:]) or "an unnamed import"
        elif opcode.name in ("EXT1", "EXT2", "EXT4"):
            name = "a registered extension"
        elif opcode.name in ("GET", "BINGET", "LONG_BINGET"):
            latest = kept.get(argument)
        elif isinstance(argument, str):
            latest = argument
        if latest is not None:
            strings = [*strings[-1:], latest]
        if name is not None and (len(name) > LONGEST_NAME or not KNOWN.fullmatch(name)) and name[:LONGEST_NAME] not in found:
            found.append(name[:LONGEST_NAME])
    return budget
