"""The files of a data set's formats: whether they are as they were written, and what somebody has edited in them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from kinescribe.annotation.batch.folders import DataSet
from kinescribe.errors import UsageError
from kinescribe.llm.text import one_line
from kinescribe.states.writing import replaced

__all__ = ["KEPT", "keep_edited", "note_files", "sizes_of"]

KEPT = "kept"
"""Where files go that somebody edited, before a format is written anew."""
_NOTED = "exported.json"


def sizes_of(folder: Path, entries: Iterable[str]) -> dict[str, list[int]]:
    """By entry, a file or folder at the top of a data set, how many files it has and how many bytes; what isn't there is left out."""
    out: dict[str, list[int]] = {}
    for entry in entries:
        sizes = [about.st_size for _, about in _files(folder / entry)]
        if sizes:
            out[entry] = [len(sizes), sum(sizes)]
    return out


def note_files(data: DataSet, entries: Iterable[str]) -> None:
    """Take down size and time of every file that an export has written."""
    noted = {}
    for entry in entries:
        for path, about in _files(data.folder / entry):
            noted[path.relative_to(data.folder).as_posix()] = [about.st_size, about.st_mtime_ns]
    with replaced(data.inner / _NOTED) as (beside,):
        beside.write_text(json.dumps(noted, ensure_ascii=True), encoding="utf-8")


def keep_edited(data: DataSet) -> list[str]:
    """Put copies of files that somebody changed or added since they were written into a folder of their own; a line on them.

    What was taken down is forgotten: until the next export is whole, nobody knows whose its files are.

    Raises:
        UsageError: they can't be copied, and so nothing may be written over them.
    """
    noted = data.inner / _NOTED
    try:
        before = json.loads(noted.read_text(encoding="utf-8"))
        tops = sorted({name.split("/")[0] for name in before})
    except (OSError, ValueError, AttributeError, TypeError):
        return []
    edited = [
        path
        for top in tops
        for path, about in _files(data.folder / top)
        if before.get(path.relative_to(data.folder).as_posix()) != [about.st_size, about.st_mtime_ns]
    ]
    lines = []
    if edited:
        place = _free(data.folder / KEPT)
        try:
            for path in edited:
                target = place / path.relative_to(data.folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)
        except OSError as error:
            shutil.rmtree(place, ignore_errors=True)
            raise UsageError(f"cannot keep what was edited in '{place}': {error.strerror}; make room, or move those files away") from error
        first = one_line(edited[0].relative_to(data.folder).as_posix(), 80)
        more = f" and {len(edited) - 1} more" if len(edited) > 1 else ""
        lines.append(f"'{first}'{more} changed since they were written: as they were before this run they are in '{KEPT}/{place.name}'")
    noted.unlink()
    return lines


def _free(folder: Path) -> Path:
    number = 1
    while (folder / str(number)).exists():
        number += 1
    return folder / str(number)


def _files(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """A file, or all files below a folder; links are not followed."""
    todo = [path]
    while todo:
        here = todo.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(Path(entry.path))
                    else:
                        yield Path(entry.path), entry.stat(follow_symlinks=False)
        except NotADirectoryError:
            yield here, here.lstat()
        except FileNotFoundError:
            continue
