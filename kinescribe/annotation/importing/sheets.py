"""Rows of delimited text, whatever delimits them, and the numbers in their cells."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kinescribe.errors import InputError
from kinescribe.llm.text import one_line

__all__ = ["Sheet", "delimiter_of", "header_of", "is_number", "rows_of", "shown"]

Row = tuple[int, list[str]]  # as a spreadsheet counts them, from 1
_QUOTED = re.compile(r'"[^"]*"')
_UNKNOWN = frozenset(("", "nan", "none", "na", "n/a", "null", "-"))
_LOOKED_AT = 5  # lines that tell the delimiter


def shown(text: object) -> str:
    """A strange value in quotes, for a message."""
    return f"'{one_line(str(text), 40)}'"


def delimiter_of(text: str) -> str | None:
    """Tab, semicolon or comma, whichever comes first to stand twice in one of the first lines; None: spaces."""
    lines = [line for line in text[: 1 << 16].splitlines() if line.strip()][:_LOOKED_AT]
    bare = [_QUOTED.sub("", line) for line in lines]
    return next((mark for mark in "\t;," if any(line.count(mark) >= 2 for line in bare)), None)


def rows_of(path: Path, text: str) -> Iterator[Row]:
    """All rows that aren't empty, cells stripped. Raises InputError for what is not delimited text."""
    delimiter = delimiter_of(text)
    if delimiter is None:
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield number, line.split()
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"{path}: row {number}: not delimited text: {error}; export it again") from None
        stripped = [cell.strip() for cell in cells]
        if any(stripped):
            yield number, stripped


def header_of(path: Path, rows: Iterator[Row]) -> list[str]:
    """The cells of the first row. Raises InputError where there is none."""
    first = next(rows, None)
    if first is None:
        raise InputError(f"{path}: is empty; export the tracks again")
    return first[1]


def is_number(cell: str) -> bool:
    """Whether a cell holds a number, with a decimal point or comma, or says that one is unknown."""
    if cell.lower() in _UNKNOWN:
        return True
    try:
        float(cell.replace(",", ".").replace("−", "-"))
    except ValueError:
        return False
    return "_" not in cell


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows under a header, whose cells are fetched by column.

    Attributes:
        path: for messages.
        names: of the columns.
        rows: the rows under the header.
        decimal_comma: a comma in a number is its decimal point, for commas don't delimit the cells.
    """

    path: Path
    names: Sequence[str]
    rows: Iterator[Row]
    decimal_comma: bool

    def column(self, *names: str) -> int:
        """The index of the first of `names` that the sheet has, whatever the case; −1 where it has none."""
        low = [name.lower() for name in self.names]
        return next((low.index(name.lower()) for name in names if name.lower() in low), -1)

    def __iter__(self) -> Iterator[Row]:
        """The rows. Raises InputError for one that has cells without a column or too few of them."""
        width = len(self.names)
        for number, cells in self.rows:
            if len(cells) > width and any(cells[width:]):
                hint = "" if self.decimal_comma else "; decimal commas want semicolons or tabs between the cells"
                raise InputError(f"{self.path}: row {number} has {len(cells)} cells, the header {width}{hint}; export it again")
            yield number, cells + [""] * (width - len(cells))

    def number(self, number: int, cells: Sequence[str], column: int) -> float:
        """A cell as a number; NaN where it is unknown or there is no such column (−1).

        Raises:
            InputError: anything else, infinity too, by row and column.
        """
        if column < 0:
            return math.nan
        cell = cells[column]
        try:
            value = float(cell)
        except ValueError:
            if cell.lower() in _UNKNOWN:
                return math.nan
            text = cell.replace("−", "-")
            if self.decimal_comma and "." not in text:
                text = text.replace(",", ".")
            try:
                value = float(text)
            except ValueError:
                raise self.fault(number, column, f"{shown(cell)} is no number; mend the cell, or empty it where it is unknown") from None
        if math.isinf(value) or "_" in cell:
            raise self.fault(number, column, f"{shown(cell)} is no finite number; mend the cell, or empty it where it is unknown")
        return value

    def fault(self, number: int, column: int, message: str) -> InputError:
        """The error for one cell."""
        return InputError(f"{self.path}: row {number}, column {shown(self.names[column])}: {message}")
