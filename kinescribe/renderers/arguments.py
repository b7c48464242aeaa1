"""Arguments that Python lets through, refused in one line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kinescribe.errors import UsageError
from kinescribe.states import States

__all__ = ["check_states", "output_path"]


def check_states(states: Any) -> None:
    """Raise `UsageError` for what is no table."""
    if not isinstance(states, States):
        text = " ".join(repr(states).split())
        raise UsageError(f"states={text[:60]} must be a kinescribe.States, such as kinescribe.states.read('states.csv') gives")


def output_path(what: str, path: Any) -> Path:
    """Where a picture is written. Raises `UsageError` for what is no path."""
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"the {what} can't be written to {path!r}: give a path")
    return Path(path)
