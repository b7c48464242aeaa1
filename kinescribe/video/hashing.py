"""Fingerprints of videos, so that a table of states can name what it was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError

__all__ = ["sha256_of_file", "sha256_of_files"]


def sha256_of_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal, read in blocks.

    Raises:
        InputError: the file can't be read; its `strerror` is the bare reason.
    """
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        made = InputError(f"cannot read '{path}': {error.strerror or error}; check the file and its permissions")
        made.strerror = error.strerror  # for callers that word it themselves, as they find it in any OSError
        raise made from error


def sha256_of_files(paths: Iterable[Path]) -> str:
    """SHA-256 over names and contents of files in the given order, hexadecimal: the same for a copy of their folder.

    Raises:
        InputError: a file can't be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode("utf-8", "surrogateescape") + b"\0")
        digest.update(bytes.fromhex(sha256_of_file(path)))
    return digest.hexdigest()
