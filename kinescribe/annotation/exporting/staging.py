"""A data set is made in a folder of its own inside the target, and takes its place there when it is whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kinescribe.errors import InputError, UsageError
from kinescribe.states.writing import replaced

__all__ = ["RECORD", "staged"]

RECORD = "export.json"
"""Names what an export wrote, and how; written last."""
_STAGING = ".export.part"


@contextmanager
def staged(folder: Path, entries: Sequence[str], replace: bool) -> Iterator[tuple[Path, dict[str, Any]]]:
    """An empty folder to write in, and what its record is to hold; both take their place in `folder` when the block ends well.

    What an earlier export wrote is replaced; if the block fails, or is killed, it stays as it was. One export into a folder at a time.

    Args:
        folder: made where it isn't there.
        entries: files and folders at the top of the data set that are going to be written.
        replace: an earlier export in this folder may be replaced.

    Raises:
        UsageError: an entry is there and no export wrote it; an earlier export that mustn't be replaced; the folder can't be written.
    """
    earlier = _earlier(folder, entries, replace)
    made = not folder.exists()
    staging = folder / _STAGING
    try:
        # what a run left that was killed
        shutil.rmtree(staging, ignore_errors=True)
        new = staging / "new"
        new.mkdir(parents=True)
        record: dict[str, Any] = {}
        yield new, record
        _take_place(folder, staging, earlier, record)
    except OSError as error:
        if isinstance(error, InputError):
            raise
        raise UsageError(f"cannot write the data set '{folder}': {error.strerror or error}; write to a folder that is yours") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if made:
            with suppress(OSError):  # it isn't empty where all went well
                folder.rmdir()


def _earlier(folder: Path, entries: Sequence[str], replace: bool) -> list[str]:
    """Entries of an earlier export."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"cannot write the data set '{folder}': it is a file; name a folder")
    earlier: list[str] = []
    if (folder / RECORD).exists():
        try:
            data = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            earlier, whole = data["entries"], data["complete"]
            # names only, so that a record that somebody changed can't have other folders removed
            sound = isinstance(whole, bool) and all(Path(name).name == name and name not in ("", ".", "..") for name in earlier)
        except (OSError, ValueError, KeyError, TypeError):
            sound = False
        if not sound:
            raise UsageError(f"'{folder / RECORD}' is no record of an export; move it away, or name another folder")
        if whole and not replace:
            raise UsageError(f"'{folder}' holds a data set already; give replace=True to write it anew, or name another folder")
    strange = [name for name in entries if name not in earlier and (folder / name).exists()]
    if strange:
        raise UsageError(f"'{folder / strange[0]}' is there, and no export wrote it; move it away, or name another folder")
    return earlier


def _take_place(folder: Path, staging: Path, earlier: Sequence[str], record: dict[str, Any]) -> None:
    entries = sorted(path.name for path in (staging / "new").iterdir())
    # a run that is killed from here on leaves a record that says so, and the next one may replace all of it
    _write(folder, {"complete": False, "entries": sorted({*earlier, *entries})})
    old = staging / "old"
    old.mkdir()
    for name in earlier:
        if (folder / name).exists():
            (folder / name).rename(old / name)
    for name in entries:
        (staging / "new" / name).rename(folder / name)
    _write(folder, {"complete": True, "entries": entries, **record})


def _write(folder: Path, record: dict[str, Any]) -> None:
    with replaced(folder / RECORD) as (beside,):
        beside.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", errors="backslashreplace")
