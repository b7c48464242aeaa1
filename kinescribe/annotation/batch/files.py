"""What of a video's file tells that it is still the same: size and time stamps at a glance, its bytes for certain."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from kinescribe.errors import InputError
from kinescribe.video.hashing import sha256_of_file, sha256_of_files

__all__ = ["RACE_NS", "Signature", "hash_of", "signature_at", "signature_of"]

RACE_NS = 2_000_000_000
"""A file that changed within this time of being looked at may change again without another time stamp (FAT counts in 2 s)."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What the file system says of a video.

    Attributes:
        size: bytes, of all pictures of a folder together.
        mtime_ns: last change of the contents; the latest of a folder's.
        count: files.
    """

    size: int
    mtime_ns: int
    count: int = 1


def signature_of(path: Path) -> Signature:
    """Of a file, or of the files of a folder. Raises OSError."""
    about = path.stat()
    if not stat.S_ISDIR(about.st_mode):
        return Signature(about.st_size, about.st_mtime_ns)
    size = count = latest = 0
    with os.scandir(path) as entries:
        for entry in entries:
            one = entry.stat()
            if stat.S_ISREG(one.st_mode):
                size, latest, count = size + one.st_size, max(latest, one.st_mtime_ns), count + 1
    return Signature(size, latest, count)


def signature_at(path: Path) -> Signature | None:
    """As `signature_of`; None where nothing can be told, of which whoever reads the video says why."""
    try:
        return signature_of(path)
    except OSError:
        return None


def hash_of(path: Path) -> str:
    """SHA-256 of a video's bytes, hexadecimal; of a folder over names and contents of its files. Raises `InputError`."""
    try:
        if path.is_dir():
            return sha256_of_files(sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")))
        return sha256_of_file(path)
    except OSError as error:
        raise InputError(f"'{path.name}' can't be read: {error.strerror or error}; check the file and its permissions") from error
