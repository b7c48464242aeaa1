"""Reading what a pickle would import, without running it.

This says why a file is refused; the wall itself is torch's ``weights_only`` loader, which runs nothing but what rebuilds tensors.
"""

from __future__ import annotations

import pickletools
import re
from typing import IO

__all__ = ["foreign_names"]

# what a table of tensors needs, as torch's weights_only loader allows it
KNOWN = re.compile(
    r"collections\.(OrderedDict|Counter|defaultdict)"
    r"|torch\.(\w+Storage|Size|Tensor|device|bool|bfloat16|u?int\d+|float\d+\w*|complex\d+|q?u?int\d+\w*)"
    r"|torch\._utils\._rebuild_\w+|torch\._tensor\._rebuild_from_type_v2|torch\.nn\.parameter\.\w*Parameter"
    r"|torch\.storage\.(Untyped|Typed)Storage|torch\.serialization\._get_layout|_codecs\.encode"
)
MOST_OPCODES = 5_000_000
UNREADABLE = "an unreadable pickle"


def foreign_names(stream: IO[bytes], count: int = 1) -> list[str]:
    """Names that `count` pickles in a row would import and that no table of tensors needs, in order; empty for a plain table.

    A pickle that can't be read to its end counts as foreign.
    """
    found: list[str] = []
    budget = MOST_OPCODES
    for _ in range(count):
        strings: list[str] = []  # a protocol 4 pickle takes module and name from the stack: the last two strings
        kept: dict[object, str | None] = {}  # what was put aside for later; None for anything but a string
        latest: str | None = None  # what the operation before left on the stack
        try:
            for opcode, argument, _ in pickletools.genops(stream):
                budget -= 1
                if budget < 0:
                    return [*found, "too long a pickle"]
                name = None
                if opcode.name == "MEMOIZE":
                    kept[len(kept)] = latest
                    continue
                if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT"):
                    kept[argument] = latest
                    continue
                latest = None
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
                if name is not None and not KNOWN.fullmatch(name) and name not in found:
                    found.append(name)
        except (ValueError, EOFError, IndexError, KeyError, OverflowError):
            return [*found, UNREADABLE]
    return found
