"""The states table as Parquet: the same columns, schema and metadata inside the file, under the key ``kinescribe``."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.errors import InputError, UsageError, pip_install
from kinescribe.states.border import as_column, unknown
from kinescribe.states.checks import Problem, column_problems
from kinescribe.states.metadata import Metadata, from_json, to_json
from kinescribe.states.reading import Table, TableError, schema_notes
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
            table = arrow.parquet.read_table(stream)
    except arrow.ArrowException as error:
        raise TableError(f"{path}: not Parquet: {str(error).splitlines()[0]}") from None
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror or error}") from error
    names = table.column_names
    missing = [column.name for column in COLUMNS if (column.required or column.expected) and column.name not in names]
    if missing:
        raise TableError(f"{path}: no column '{missing[0]}'; a states table needs frame, time_s, object_id, x, y")
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
        meta, notes = Metadata(), ["no metadata of kinescribe inside, so unit and origin are not known"]
    else:
        meta, schema, notes = from_json(raw.decode("utf-8", "replace"), f"{path} (metadata)")
        notes += schema_notes(schema, meta, names, "the metadata")
    return Table(columns, meta, column_problems(columns) + [Problem(None, None, note, "warning") for note in notes])
