"""A states table from a file, with or without its sidecar."""

from __future__ import annotations

import csv
import difflib
import io
import logging
import os
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kinescribe.errors import InputError, UsageError
from kinescribe.states.border import unknown
from kinescribe.states.by_hand import in_pixels, may_lack, what_is_not_known
from kinescribe.states.cells import parse_extra, parse_own
from kinescribe.states.checks import HEADER_ROWS, Problem, column_problems, show
from kinescribe.states.metadata import WAY_OUT, Metadata, from_json
from kinescribe.states.schema import BY_NAME, COLUMNS, table_schema
from kinescribe.states.table import States
from kinescribe.states.writing import sidecar_path, unescape

__all__ = ["PARQUET", "Table", "TableError", "load", "near", "read", "schema_notes"]

log = logging.getLogger(__name__)

PARQUET = b"PAR1"  # at the beginning and the end of such a file
_SHOWN = 4


class TableError(InputError):
    """A file that can be opened and is no states table."""


@dataclass(slots=True)
class Table:
    """What a file holds, sound or not: complete columns, its metadata, every problem that was met, and by row its line in a text file."""

    columns: dict[str, NDArray[Any]]
    meta: Metadata
    problems: list[Problem]
    lines: list[int] | None = None


def read(path: str | os.PathLike[str]) -> States:
    """Read a table that `States.to_csv` or `States.to_parquet` wrote, or one made by hand with the same columns.

    Of a CSV the columns `frame`, `time_s`, `object_id`, `x` and `y` must be there; others of ours are unknown where they are missing, and
    columns that are not ours are kept. Without a sidecar the calibration is unknown (`meta.calibration` is None), and y is taken to point
    up; a table that has `x_px` and `y_px` in place of `x` and `y`, or the same numbers in both, is in pixels, y down. What is amiss short
    of an error is warned of and stands in `meta.warnings`.

    Raises:
        UsageError: what is no path.
        InputError: a file that is missing, unreadable, not UTF-8, not CSV, or a cell that is not allowed, by row and column.
    """
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"{path!r} is no path of a states table: give one, such as 'states.csv'")
    source = Path(path)
    table = load(source)
    told = {"path": str(source), "rows": len(table.columns["frame"]), "problems": len(table.problems)}
    log.debug("a table is read", extra={"fields": told})
    errors = [problem for problem in table.problems if problem.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more: kinescribe validate {source})" if len(errors) > 1 else ""
        raise TableError(f"{source}: {errors[0]}{more}")
    for problem in table.problems:
        line = f"{source.name}: {problem}"
        warnings.warn(line, UserWarning, stacklevel=2)
        table.meta.warn(line)
    return States.from_checked(table.columns, table.meta)


def load(path: Path) -> Table:
    """All that a file holds. Raises InputError, and `TableError` where the file can be opened and has no states table's columns."""
    if path.suffix.lower() == ".parquet":
        from kinescribe.states.parquet import load_parquet

        return load_parquet(path)
    cells, lines = _cells(path)
    columns: dict[str, NDArray[Any]] = {}
    problems: list[Problem] = []
    for name in [*BY_NAME, *(name for name in cells if name not in BY_NAME)]:
        if name not in cells:
            columns[name] = unknown(BY_NAME[name].dtype, len(cells["frame"]))
            continue
        own = BY_NAME.get(name)
        columns[name], wrong = parse_own(own, cells[name]) if own else parse_extra(name, cells[name])
        problems += wrong
    meta, notes, described = _metadata(sidecar_path(path), cells)
    in_pixels(columns, cells, meta)
    told = {(problem.row, problem.column) for problem in problems}
    sure = not any(column in ("frame", "time_s", "object_id") for _, column in told)
    problems += [problem for problem in column_problems(columns, across=sure) if (problem.row, problem.column) not in told]
    absent = [name for name in BY_NAME if name not in cells and not may_lack(name, cells)]
    if not sidecar_path(path).exists() or (not described and meta.calibration is None):
        # made by hand: of what is missing only that is told which changes what the numbers mean
        beside = sidecar_path(path)
        lacking = f"no calibration in {beside.name}" if beside.exists() else "no sidecar .meta.json"
        notes.append(what_is_not_known(cells, meta, lacking))
    elif absent and described:
        notes.append(f"no column {_list(absent)}: unknown")
    found = with_lines(problems, lines) + [Problem(None, None, note, "warning") for note in notes]
    return Table(columns, meta, found, lines)


def with_lines(problems: list[Problem], lines: list[int] | None) -> list[Problem]:
    """The problems with the lines of their rows; `lines` by row from the first below the header, None where there are none."""
    if lines is None:
        return problems
    return [one if one.row is None else replace(one, line=lines[one.row - HEADER_ROWS]) for one in problems]


def _cells(path: Path) -> tuple[dict[str, list[str]], list[int]]:
    """The texts of all cells by column, every row of one length, the columns that must be there among them; the line of every row."""
    text = _text(path)
    if not text.strip():
        raise TableError(f"{path}: is empty; a states table has at least a header")
    if text.lstrip().startswith(("{", "[")):
        sidecar = " (a sidecar? name the table beside it)" if path.name.endswith(".meta.json") else ""
        raise TableError(f"{path}: is JSON{sidecar}; a states table is CSV, as 'kinescribe extract' writes it, or .parquet")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows, begins, line = [], [], 1
    try:
        for row in reader:
            rows.append(row)
            begins.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise TableError(f"{path}: line {reader.line_num}: not CSV (RFC 4180): {error}") from None
    while rows and not rows[-1]:
        rows.pop()
    header = [unescape(name) for name in rows[0]]
    _check_header(path, header)
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            at = f" (line {begins[number - 1]})" if begins[number - 1] != number else ""
            raise TableError(f"{path}: row {number}{at} has {len(row)} cells, the header {len(header)}; quote a text that holds a comma")
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(header)}, begins[1 : len(rows)]


def _check_header(path: Path, header: list[str]) -> None:
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise TableError(f"{path}: the cells are separated by {'semicolons' if ';' in header[0] else 'tabs'}; save it as CSV with commas")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise TableError(f"{path}: the column {show(twice[0])} is there {header.count(twice[0])} times; leave one")
    for column in COLUMNS:
        if (column.required or column.expected) and column.name not in header and not may_lack(column.name, header):
            near = difflib.get_close_matches(column.name, [name for name in header if name not in BY_NAME], n=1, cutoff=0.5)
            hint = f"; is it {show(near[0])}? rename it" if near else ""
            raise TableError(
                f"{path}: no column '{column.name}'{hint}; a states table needs frame, time_s, object_id, x, y (or x_px, y_px)"
            )


def _text(path: Path, *, as_csv: bool = True) -> str:
    """The file's text. Spreadsheets put a byte order mark before UTF-8; it is taken off. `as_csv`: what it should be; else a sidecar."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror or error}{near(path)}") from error
    way_out = "save it as CSV in UTF-8" if as_csv else WAY_OUT
    if data.startswith(PARQUET) and data.endswith(PARQUET):
        raise TableError(f"{path}: is Parquet; give it a name that ends in .parquet")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise TableError(f"{path}: is UTF-16; {way_out}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        if b"\0" in data:  # which no text holds, and nearly every other file does
            what = "a states table is CSV, as 'kinescribe extract' writes it, or .parquet" if as_csv else way_out
            raise TableError(f"{path}: is no text file (byte 0x{data[error.start]:02x} in line {line}); {what}") from None
        raise TableError(f"{path}: line {line}: the byte 0x{data[error.start]:02x} is not UTF-8; {way_out}") from None


def _metadata(path: Path, header: Collection[str]) -> tuple[Metadata, list[str], bool]:
    """The sidecar, what to warn of, and whether it describes the columns, as ours do; one by hand may hold the calibration alone."""
    if not path.exists():
        return Metadata(), [], False
    try:
        meta, schema, notes = from_json(_text(path, as_csv=False), str(path))
    except InputError as error:
        raise TableError(str(error)) from None
    described = "fields" in schema
    return meta, notes + (schema_notes(schema, meta, header, path.name) if described else []), described


def schema_notes(schema: Mapping[str, Any], meta: Metadata, header: Collection[str], name: str) -> list[str]:
    """Where the schema in the metadata contradicts the table's columns or the calibration; `name` is what to call the metadata."""
    if "fields" not in schema:
        return [f"{name} holds no 'fields': it does not describe the columns"]
    described = {field["name"]: field.get("unit") for field in schema["fields"]}
    strangers = [column for column in described if column not in header]
    notes = [f"{name} describes the column {_list(strangers)}, which the table lacks; is it this table's?"] if strangers else []
    meant = {field["name"]: field.get("unit") for field in table_schema(meta.calibration)["fields"]}
    for column, unit in described.items():
        if column in meant and unit != meant[column]:
            notes.append(
                f"{name} gives {column} in {unit or 'no unit'}, and its calibration {meant[column] or 'none'}; the calibration counts"
            )
    return notes


def near(path: Path) -> str:
    """For a message on a table that can't be opened: those that may have been meant; "" where nothing comes near."""
    try:
        if path.is_dir():
            tables = sorted(one.name for one in path.iterdir() if one.suffix.lower() in (".csv", ".parquet"))
            return f"; name a table in it, such as '{path / tables[0]}'" if tables else "; it holds no table either"
        if path.exists():
            return ""
        names = difflib.get_close_matches(path.name, [one.name for one in path.parent.iterdir()], n=1)
    except OSError:
        return ""
    return f"; did you mean '{path.with_name(names[0])}'?" if names else ""


def _list(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
