"""The states table as CSV (RFC 4180: comma, CRLF, quotes doubled; UTF-8 without a byte order mark) with its sidecar.

Numbers have 9 significant digits, times 9 decimals: far below any σ, and a table that is read and written again comes out byte for byte the
same. An unknown value is an empty cell.

Labels may come from strangers (a model's reply, a phrase), and spreadsheets run a cell that begins with = + - @ as a formula. Such texts
are written with an apostrophe before them, which makes a text of them; `read` takes it off again, other programs see it. Numbers need none.
"""

from __future__ import annotations

import csv
import logging
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from numpy.typing import NDArray

from kinescribe.errors import UsageError, why_not_written

__all__ = ["check_not_protected", "escape", "number_texts", "replaced", "shortest", "sidecar_path", "unescape", "write_csv"]

log = logging.getLogger(__name__)

_TABLE_SUFFIXES = (".csv", ".txt", ".parquet")
_FORMULA_STARTS = tuple("=+-@＝＋－＠")
_CONTROL_STARTS = ("\t", "\r", "\n")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def sidecar_path(path: Path) -> Path:
    """Where a table's metadata lie: ``states.csv`` → ``states.meta.json``."""
    stem = path.stem if path.suffix.lower() in _TABLE_SUFFIXES else path.name
    return path.with_name(f"{stem}.meta.json")


def _dangerous(text: str) -> bool:
    # Leading apostrophes don't count, so that a text and its escaped form are judged alike and the escape can be undone exactly.
    core = text.lstrip("'")
    if core.startswith(_CONTROL_STARTS):
        return True
    return core.lstrip().startswith(_FORMULA_STARTS) and _NUMBER.fullmatch(core) is None


def escape(text: str) -> str:
    """A text that no spreadsheet takes for a formula; `unescape` undoes it."""
    return f"'{text}" if _dangerous(text) else text


def unescape(text: str) -> str:
    """The text that `escape` was given."""
    return text[1:] if text.startswith("'") and _dangerous(text) else text


def number_texts(name: str, values: NDArray[Any], exact: bool = False) -> list[str]:
    """One cell a value; "" for NaN. `exact`: all digits, for columns that are not ours."""
    if values.dtype.kind in "iu":
        return [str(value) for value in values.tolist()]
    # Adding 0.0 turns −0.0, which reads as a slip, into 0.0.
    numbers = (values + 0.0).tolist()
    if name == "time_s":
        return ["" if value != value else shortest(round(value, 9)) for value in numbers]
    if exact:
        return ["" if value != value else shortest(value) for value in numbers]
    return ["" if value != value else f"{value:.9g}" for value in numbers]


def shortest(value: float) -> str:
    """The fewest digits that give the same float again; whole numbers without a point."""
    return repr(value).removesuffix(".0")


def write_csv(stream: TextIO, columns: Mapping[str, NDArray[Any]], own: Iterable[str]) -> None:
    """Write the header and all rows. `own` are the names of our columns; numbers of all others keep all their digits.

    The line ends are CRLF; a stream that translates line ends (text mode on Windows) must have been opened with ``newline=""``.
    """
    ours = set(own)
    cells = []
    for name, values in columns.items():
        if values.dtype.kind == "O":
            cells.append([escape(value) for value in values])
        else:
            cells.append(number_texts(name, values, exact=name not in ours))
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([escape(name) for name in columns])
    writer.writerows(zip(*cells, strict=True))


def check_not_protected(path: Path) -> None:
    """Raise UsageError for a file that is there and may not be written.

    A rename would replace it all the same, for it asks the folder alone; who protects a file means the file, and ``cp`` heeds that too.
    """
    effective = os.access in os.supports_effective_ids
    if path.exists() and not os.access(path, os.W_OK, effective_ids=effective):
        raise UsageError(f"'{path}' is write-protected, and stays as it is; allow writing (chmod u+w), or name another file")


@contextmanager
def replaced(*paths: Path) -> Iterator[list[Path]]:
    """Temporary names beside `paths` that take their places, the first one last, when the block ends well, and are removed if it does not.

    Raises:
        UsageError: a folder is missing or cannot be written, the disk is full, or one of the paths is a folder, a device, a pipe or
            write-protected.
    """
    tag = f"{os.getpid()}.{secrets.token_hex(4)}"
    beside = [path.with_name(f".{path.name}.{tag}.part") for path in paths]
    try:
        for path in paths:
            if path.is_dir():
                raise UsageError(f"cannot write '{path}': it is a folder; name a file in it")
            if path.exists() and not path.is_file():  # a rename would put a file in the place of /dev/null
                raise UsageError(f"cannot write '{path}': it is a device or a pipe; name a file")
            check_not_protected(path)
        yield beside
        for temporary, path in reversed(list(zip(beside, paths, strict=True))):
            size = temporary.stat().st_size
            temporary.replace(path)
            log.info("a file is written", extra={"fields": {"path": str(path), "bytes": size}})
    except OSError as error:
        raise UsageError(f"cannot write '{paths[0]}': {why_not_written(error)}") from error
    finally:
        for temporary in beside:
            # Where a temporary file could not even be made, removing it fails as well; the first error has been told.
            with suppress(OSError):
                temporary.unlink()
