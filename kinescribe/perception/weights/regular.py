"""Paths and files of which nothing is known: one can't be looked at, a pipe would be waited for, a device read for ever."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kinescribe.errors import InputError

__all__ = ["entries", "is_file", "is_folder", "read_bytes", "size_of"]


def is_folder(path: Path) -> bool:
    """Whether there is a folder that can be reached; pathlib's raises for a name that is too long and for one behind a locked folder."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: Path) -> bool:
    """The same for a regular file."""
    return os.path.isfile(path)  # noqa: PTH113


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, by name. Raises `InputError` where that can't be read."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder} can't be read: {error.strerror or error}") from error


def size_of(path: Path) -> int:
    """Bytes of a regular file.

    Raises:
        InputError: there is none, it can't be reached, or is a folder, a pipe or a device.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from error
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path} can't be read: it is no regular file")
    return found.st_size


def read_bytes(path: Path, most: int) -> bytes:
    """All of a regular file. Raises `InputError` where it is none, can't be read, or has more than `most` bytes."""
    size_of(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from error
    if len(content) > most:
        raise InputError(f"{path} has over {most} bytes, more than such a file may have")
    return content
