"""The states table as Parquet: the same columns, schema and metadata inside the file, under the key ``kinescribe``."""

from __future__ import annotations

from importlib import import_module
from io import SEEK_END
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from kinescribe.errors import InputError, UsageError, pip_install
from kinescribe.states.border import as_column, unknown
from kinescribe.states.by_hand import in_pixels, may_lack, what_is_not_known
from kinescribe.states.checks import Problem, column_problems
from kinescribe.states.metadata import Metadata, from_json, to_json
from kinescribe.states.reading import PARQUET, Table, TableError, near, schema_notes
from kinescribe.states.schema import BY_NAME, COLUMNS
from kinescribe.states.writing import replaced

if TYPE_CHECKING:
    from kinescribe.states.table import States

__all__ = ["check_library", "load_parquet", "write_parquet"]

_KEY = b"kinescribe"


def _pyarrow() -> Any:
    try:
        import_module("pyarrow.parquet")
        return import_module("pyarrow")
    except ImportError as error:
        raise UsageError(f"Parquet needs pyarrow ({error}): {pip_install('parquet')}") from error


def check_library() -> None:
    """Raise UsageError, with what to install, where Parquet can't be read or written."""
    _pyarrow()


def write_parquet(states: States, path: Path) -> None:
    """Write the table; what is unknown is null. Raises UsageError without pyarrow, or where the file cannot be written."""
    arrow = _pyarrow()
    described = {field["name"]: field for field in states.schema["fields"]}
    arrays, fields = [], []
    for name, values in states.columns.items():
        kind = {"i": arrow.int64(), "f": arrow.float64(), "O": arrow.string()}[values.dtype.kind]
        empty = values == "" if values.dtype.kind == "O" else np.isnan(values)
        arrays.append(arrow.array(values, type=kind, mask=empty))
        about = {key: described[name][key] for key in ("description", "unit") if key in described[name]}
        fields.append(arrow.field(name, kind, metadata=about))
    schema = arrow.schema(fields, metadata={_KEY: to_json(states.meta, states.schema).encode()})
    with replaced(path) as (beside,):
        arrow.parquet.write_table(arrow.Table.from_arrays(arrays, schema=schema), str(beside))


def load_parquet(path: Path) -> Table:
    """All that a Parquet file holds. Raises InputError as the CSV's reader does."""
    arrow = _pyarrow()
    try:
        with path.open("rb") as stream:
            _check_magic(path, stream)
            table = arrow.parquet.read_table(stream)
    except arrow.ArrowException as error:
        raise TableError(f"{path}: is damaged Parquet ({str(error).splitlines()[0].rstrip('.')}); write the table again") from None
    except TableError:
        raise
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror or error}{near(path)}") from error
    names = table.column_names
    wanted = [column.name for column in COLUMNS if column.required or column.expected]
    missing = [name for name in wanted if name not in names and not may_lack(name, names)]
    if missing:
        raise TableError(f"{path}: no column '{missing[0]}'; a states table needs frame, time_s, object_id, x, y (or x_px, y_px)")
    columns = {}
    for name in [*BY_NAME, *(name for name in names if name not in BY_NAME)]:
        own = BY_NAME.get(name)
        try:
            cells = table.column(name).to_numpy() if name in names else None
            columns[name] = as_column(name, own, cells, len(table)) if own or cells is not None else unknown("string", len(table))
        except UsageError as error:
            raise TableError(f"{path}: {error}") from None
    raw = (table.schema.metadata or {}).get(_KEY)
    if raw is None:
        meta, notes = Metadata(), list[str]()
    else:
        meta, schema, notes = from_json(raw.decode("utf-8", "replace"), f"{path} (metadata)", "write the table again")
        notes += schema_notes(schema, meta, names, "the metadata")
    in_pixels(columns, names, meta)
    if raw is None:
        notes.append(what_is_not_known(names, meta, "no metadata of kinescribe inside"))
    return Table(columns, meta, column_problems(columns) + [Problem(None, None, note, "warning") for note in notes])


def _check_magic(path: Path, stream: IO[bytes]) -> None:
    """Raise TableError for a file that doesn't begin and end as Parquet does, and go back to its beginning."""
    begins = stream.read(len(PARQUET)) == PARQUET
    size = stream.seek(0, SEEK_END)
    stream.seek(max(size - len(PARQUET), 0))
    ends = size >= 3 * len(PARQUET) and stream.read(len(PARQUET)) == PARQUET
    stream.seek(0)
    if begins and not ends:
        raise TableError(f"{path}: is Parquet that breaks off: its end is missing; give a whole copy, or write the table again")
    if not begins:
        what = "is empty" if not size else "is no Parquet file, whatever its name says"
        raise TableError(f"{path}: {what}; a table in CSV is called .csv, and 'kinescribe extract -o NAME.parquet' writes Parquet")
