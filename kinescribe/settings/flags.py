"""Messages of the library, which name settings as Python has them, with the options that one types instead."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .extraction import FIELDS

__all__ = ["extraction_flags", "with_flags", "with_options"]


def extraction_flags() -> dict[str, str]:
    """By the name of a setting the option as it is typed, which every command that has it calls the same."""
    return {name: f"--{name.replace('_', '-')}" for name in FIELDS}


def with_flags(message: str, flags: Mapping[str, str]) -> str:
    """The message with ``name=value`` as ``--name value``, and ``name=True`` and ``name=`` as ``--name``. What is in quotes stays."""
    if not flags:
        return message
    names = "|".join(sorted(map(re.escape, flags), key=len, reverse=True))

    def flag(match: re.Match[str]) -> str:
        return flags[match[1]] + (" " if re.match(r"[^\s,;:)]", match.string[match.end() :]) else "")

    return re.sub(rf"(?<![\w.'\"=&?/-])({names})=(?:True\b)?", flag, message)


def with_options(reason: str | None) -> str | None:
    """Why a video isn't whole, with options of extraction as they are typed."""
    return None if reason is None else with_flags(reason, extraction_flags())
