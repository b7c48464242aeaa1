"""Texts of a file's cells to columns, with a problem for every cell that cannot be read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.states.border import text_fault, unknown
from kinescribe.states.checks import Problem, capped, show
from kinescribe.states.schema import Column, DataType
from kinescribe.states.writing import shortest, unescape

__all__ = ["parse_extra", "parse_own"]

# What a number of a foreign column looks like. Leading zeros and more digits than a float holds mean a code, which is a text.
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_SAFE_LENGTH = 16


def parse_own(column: Column, cells: Sequence[str]) -> tuple[NDArray[Any], list[Problem]]:
    """One of our columns: its values, unknown (0 for integers) where a cell cannot be read, and a problem for each such cell."""
    if column.dtype == "string":
        return _texts(column.name, cells)
    convert, wanted = (_integer, "a whole number") if column.dtype == "integer" else (_number, "a number")
    quick = _quick(column.dtype, cells)
    if quick is not None:
        return quick, []
    values = unknown(column.dtype, len(cells))
    wrong: list[int] = []
    for i, cell in enumerate(cells):
        value = convert(cell)
        if value is None:
            wrong.append(i)
        else:
            values[i] = value
    hint = "" if column.required else "; leave the cell empty where it is unknown"
    return values, capped(column.name, wrong, lambda i: f"{show(cells[i])} is not {wanted}{hint}")


def parse_extra(name: str, cells: Sequence[str]) -> tuple[NDArray[Any], list[Problem]]:
    """A column that is not ours: float64 where every cell that is not empty is a plain number, else texts, unchanged."""
    filled = [cell for cell in cells if cell]
    if filled and all(_is_plain_number(cell) for cell in filled):
        return np.array([float(cell) if cell else math.nan for cell in cells]), []
    return _texts(name, cells)


def _is_plain_number(cell: str) -> bool:
    if _PLAIN_NUMBER.fullmatch(cell) is None or math.isinf(float(cell)):
        return False
    return len(cell) <= _SAFE_LENGTH or shortest(float(cell)) == cell


def _quick(dtype: DataType, cells: Sequence[str]) -> NDArray[Any] | None:
    """The whole column at once; None where a cell needs a second look."""
    if any("_" in cell for cell in cells):  # Python reads 1_000 as a number; nobody else does.
        return None
    try:
        if dtype == "integer":
            return np.array([int(cell) for cell in cells], dtype=np.int64)
        values = np.array([float(cell) if cell else math.nan for cell in cells], dtype=np.float64)
    except (ValueError, OverflowError):
        return None
    return None if np.isinf(values).any() else values


def _number(cell: str) -> float | None:
    if not cell.strip():
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        return None
    return None if "_" in cell or math.isinf(value) else value


def _integer(cell: str) -> int | None:
    # 3.0 is what a column of whole numbers becomes in pandas when another row of it was empty.
    value = _number(cell)
    if value is None or not value.is_integer() or abs(value) >= 2.0**53:
        return None
    return int(value)


def _texts(name: str, cells: Sequence[str]) -> tuple[NDArray[Any], list[Problem]]:
    values = np.empty(len(cells), dtype=object)
    values[:] = [unescape(cell) for cell in cells]
    faults: dict[int, str] = {}
    for i, value in enumerate(values):
        fault = text_fault(value)
        if fault:
            faults[i] = fault
            values[i] = ""
    return values, capped(name, list(faults), _tell(cells, faults))


def _tell(cells: Sequence[str], faults: dict[int, str]) -> Callable[[int], str]:
    return lambda i: f"{show(cells[i])} {faults[i]}"
