"""The states table in memory: one numpy array a column, and its metadata."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.errors import UsageError, unknown_value
from kinescribe.states.border import as_column
from kinescribe.states.checks import column_problems
from kinescribe.states.metadata import Metadata, to_json
from kinescribe.states.schema import BY_NAME, COLUMNS, DataType, table_schema
from kinescribe.states.writing import replaced, sidecar_path, write_csv

if TYPE_CHECKING:
    import pandas

__all__ = ["States"]


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """What every object did: n rows, one a frame and object, sorted by frame, then object. Made by `from_columns` or `read`.

    Attributes:
        columns: (n,) arrays by name: all of `COLUMNS`, in that order, then columns that are not ours. Integers are int64, numbers float64
            (NaN unknown), texts objects of str ("" unknown). Read-only.
        meta: where the table comes from, its world frame, events, warnings.
    """

    columns: Mapping[str, NDArray[Any]]
    meta: Metadata

    @classmethod
    def from_columns(cls, columns: Mapping[str, ArrayLike], meta: Metadata | None = None) -> States:
        """Check and copy columns (n,) each. Those of `COLUMNS` that are not given are unknown; others are kept behind them.

        Raises:
            UsageError: a missing `frame`, `time_s`, `object_id`, `x` or `y`, unequal lengths, or the first value that is not allowed.
        """
        missing = [column.name for column in COLUMNS if (column.required or column.expected) and column.name not in columns]
        if missing:
            raise UsageError(f"the states table lacks the column {', '.join(missing)}")
        names = [*BY_NAME, *(name for name in columns if name not in BY_NAME)]
        length = len(np.atleast_1d(np.asarray(columns["frame"])))
        arrays = {name: as_column(name, BY_NAME.get(name), columns.get(name), length) for name in names}
        errors = [problem for problem in column_problems(arrays) if problem.severity == "error"]
        if errors:
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            raise UsageError(f"not a states table: {errors[0]}{more}")
        return cls.from_checked(arrays, meta or Metadata())

    @classmethod
    def from_checked(cls, arrays: Mapping[str, NDArray[Any]], meta: Metadata) -> States:
        """Sort complete columns that are known to be sound. For readers of files; all others want `from_columns`."""
        order = np.lexsort((arrays["object_id"], arrays["frame"]))
        return cls._frozen({name: values[order] for name, values in arrays.items()}, meta)

    @classmethod
    def _frozen(cls, arrays: dict[str, NDArray[Any]], meta: Metadata) -> States:
        for values in arrays.values():
            values.flags.writeable = False
        return cls(arrays, meta)

    def __len__(self) -> int:
        return len(self.columns["frame"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.columns:
            raise unknown_value("column", name, self.columns)
        return self.columns[name]

    def __repr__(self) -> str:
        return f"States({len(self)} rows, {len(self.object_ids)} objects, unit {self.unit or 'unknown'})"

    @property
    def object_ids(self) -> list[int]:
        """All object ids, ascending."""
        return [int(i) for i in np.unique(self.columns["object_id"])]

    @property
    def labels(self) -> dict[int, str]:
        """By object id the label that most of its rows carry; "" where none has one."""
        labels: dict[int, Counter[str]] = {i: Counter() for i in self.object_ids}
        for i, label in zip(self.columns["object_id"].tolist(), self.columns["label"], strict=True):
            if label:
                labels[i][label] += 1
        return {i: votes.most_common(1)[0][0] if votes else "" for i, votes in labels.items()}

    @property
    def unit(self) -> str:
        """The length unit; "" where it is not known."""
        return self.meta.calibration.unit if self.meta.calibration else ""

    @property
    def extra(self) -> dict[str, DataType]:
        """Names and types of the columns that are not ours."""
        return {name: "string" if a.dtype.kind == "O" else "number" for name, a in self.columns.items() if name not in BY_NAME}

    @property
    def schema(self) -> dict[str, Any]:
        """The Frictionless table schema, with the unit of every column."""
        return table_schema(self.meta.calibration, self.extra)

    def of(self, object_id: int) -> States:
        """The rows of one object, in time order, with the same metadata. Raises UsageError for an id that the table does not have."""
        rows = self.columns["object_id"] == object_id
        if not rows.any():
            ids = ", ".join(str(i) for i in self.object_ids)
            raise UsageError(f"no object {object_id} in the states table; it has {ids or 'no rows'}")
        return self._frozen({name: values[rows] for name, values in self.columns.items()}, self.meta)

    def to_csv(self, target: str | os.PathLike[str] | TextIO) -> None:
        """Write RFC 4180 CSV, UTF-8, CRLF line ends; unknown cells are empty.

        To a path: with the sidecar ``NAME.meta.json`` beside it, both under temporary names that are renamed in place, replacing what is
        there. To a text stream: the CSV alone; open it with ``newline=""``.

        Raises:
            UsageError: the file cannot be written.
        """
        if not isinstance(target, str | os.PathLike):
            if not hasattr(target, "write"):
                raise UsageError(f"cannot write the table to {target!r}: give a path, or a text stream that is open for writing")
            write_csv(target, self.columns, BY_NAME)
            return
        path = Path(target)
        text = to_json(self.meta, self.schema)
        # The table's own name appears last: where it exists, so does its sidecar.
        with replaced(path, sidecar_path(path)) as (table, sidecar):
            with table.open("x", encoding="utf-8", newline="") as stream:
                write_csv(stream, self.columns, BY_NAME)
            sidecar.write_text(text, encoding="utf-8")

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write Parquet, schema and metadata inside (no sidecar). Needs the extra ``kinescribe[parquet]``; else raises UsageError."""
        from kinescribe.states.parquet import write_parquet

        if not isinstance(path, str | os.PathLike):
            raise UsageError(f"cannot write the table to {path!r}: give a path")
        write_parquet(self, Path(path))

    def to_pandas(self) -> pandas.DataFrame:
        """A DataFrame of all columns; unknown texts are missing values, as ``pandas.read_csv`` has them."""
        import pandas

        # Before version 3, pandas had no text type of its own.
        text = "str" if int(pandas.__version__.split(".")[0]) >= 3 else "object"
        series = {
            name: pandas.Series([value or None for value in values], dtype=text)
            if values.dtype.kind == "O"
            else pandas.Series(values.copy())
            for name, values in self.columns.items()
        }
        return pandas.DataFrame(series)
