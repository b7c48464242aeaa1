"""Messages of the library, which name arguments as Python has them, with the options that a user typed instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["as_typed", "command_of", "flags_of"]


def command_of(command: Any, argv: Sequence[str]) -> Any:
    """The command that the arguments call: of an application with several, the one that they name."""
    for word in argv:
        inner = getattr(command, "commands", {}).get(word)
        if inner is None and not word.startswith("-"):
            return command
        command = inner or command
    return command


def flags_of(command: Any) -> dict[str, str]:
    """By the name of an argument in Python, and by that of the option itself, the option as it is typed."""
    flags: dict[str, str] = {}
    for option in getattr(command, "params", []):
        long = next((name for name in option.opts if name.startswith("--")), None)
        if long is not None and option.name:
            flags |= {option.name: long, long[2:].replace("-", "_"): long}
    return flags


def as_typed(message: str, flags: Mapping[str, str], argv: Sequence[str]) -> str:
    """As `with_flags`; a name at the very beginning without a ``=`` is an argument too where that option was typed."""
    from kinescribe.settings.flags import with_flags

    first = re.match(r"([a-z_]+)(?= -?[\d.])", message)
    if first is not None and first[1] in flags:
        typed = flags[first[1]]
        if any(word == typed or word.startswith(f"{typed}=") for word in argv):
            message = typed + message[first.end() :]
    return with_flags(message, flags)
