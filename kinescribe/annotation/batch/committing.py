"""A video's results take their place whole or not at all, and are on the disk before anything says that they are."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kinescribe.errors import UsageError

__all__ = ["RECORD", "InTheWay", "Recorded", "check_free", "commit", "files_in", "intact", "recorded", "replaced", "write_record"]

RECORD = "record.json"
"""In a video's folder: which key its results have, and their sizes; so that they are known again without the manifest."""
_MOST_RECORD_BYTES = 2**20
_ALWAYS = ("states.csv", "summary.json")  # among the results of any video


class InTheWay(UsageError):
    """Something that no run made is where results belong."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a video's folder says of itself: key, bytes by name, why it breaks off, and how much there is."""

    key: str
    files: Mapping[str, int]
    partial: str | None
    rows: int
    objects: int
    warnings: int


def files_in(staging: Path) -> dict[str, int]:
    """Sizes of the files in a folder, by name."""
    return {path.name: path.stat().st_size for path in sorted(staging.iterdir())}


def write_record(staging: Path, video: str, made: Recorded) -> Recorded:
    """Write the record of what was made in `staging`; the same, with the record's own size."""
    text = json.dumps({"video": video, **asdict(made)}, indent=2, ensure_ascii=True) + "\n"
    (staging / RECORD).write_text(text, encoding="utf-8", newline="\n")
    return replace(made, files={**made.files, RECORD: len(text)})


def check_free(folder: Path) -> None:
    """Raise InTheWay where something is in the place of results that no run made."""
    if not os.path.lexists(folder):
        return
    if not folder.is_dir() or (not (folder / RECORD).exists() and any(folder.iterdir())):
        raise InTheWay(f"'{folder}' is there, and no run made it; move it away, or give another -o")


def replaced(staging: Path) -> Path:
    """Where `commit` keeps the earlier results for the moment in which it replaces them."""
    return staging.with_name(f"{staging.name}.old")


def commit(staging: Path, folder: Path) -> None:
    """Put `staging` in the place of `folder`, which an earlier run may have made, durably; where that fails, the earlier one stays.

    Raises:
        InTheWay: something is there that no run made.
        OSError: what the file system says.
    """
    for path in sorted(staging.iterdir()):
        _sync(path)
    _sync(staging)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InTheWay(f"'{folder.parent}' can't be made: a file is in the way; move it away, or give another -o") from None
    check_free(folder)
    if os.path.lexists(folder):
        # a name of our own in the work folder: a run that is killed between the two leaves it there to be cleared away
        old = replaced(staging)
        folder.rename(old)
        try:
            staging.rename(folder)
        except OSError:
            if not os.path.lexists(folder):  # else somebody else's results are in place
                old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        staging.rename(folder)
    _sync(folder.parent)


def intact(folder: str, files: Mapping[str, int]) -> bool:
    """Whether all files are there with the sizes that they should have."""
    if not files:
        return False
    try:
        with os.scandir(folder) as entries:
            there = {entry.name: entry.stat().st_size for entry in entries if entry.name in files}
    except OSError:
        return False
    return there == files


def recorded(folder: Path) -> Recorded | None:
    """What the record in a folder says, where all files are there; None else."""
    try:
        if (folder / RECORD).stat().st_size > _MOST_RECORD_BYTES:
            return None
        raw: Any = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        files = {str(name): int(size) for name, size in raw["files"].items()}
        files[RECORD] = (folder / RECORD).stat().st_size
        partial = raw["partial"]
        out = Recorded(
            str(raw["key"]), files, None if partial is None else str(partial), int(raw["rows"]), int(raw["objects"]), int(raw["warnings"])
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):  # somebody's edit
        return None
    return out if all(name in files for name in _ALWAYS) and intact(str(folder), files) else None


def _sync(path: Path) -> None:
    """Have the system write a file, or a folder's entries, to the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows can't open folders, and writes their entries by itself
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
