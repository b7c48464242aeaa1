"""What comes in from outside to one column of the right type, or an error that names the cell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.errors import UsageError
from kinescribe.states.checks import show
from kinescribe.states.schema import Column, DataType

__all__ = ["MAX_TEXT", "as_column", "text_fault", "unknown"]

MAX_TEXT = 10_000
_WHOLE_LIMIT = 2.0**53


def unknown(dtype: DataType, length: int) -> NDArray[Any]:
    """A column of which nothing is known: NaN or "". Integers have no such value; they come out as 0 and are always required."""
    if dtype == "string":
        return np.full(length, "", dtype=object)
    return np.full(length, np.nan) if dtype == "number" else np.zeros(length, np.int64)


def as_column(name: str, column: Column | None, values: ArrayLike | None, length: int) -> NDArray[Any]:
    """A fresh (length,) array of the column's type; `column` is None for one that is not ours, `values` None for an unknown one."""
    if values is None:
        return unknown(column.dtype if column else "string", length)
    array = np.asarray(values)
    if array.shape != (length,):
        raise UsageError(f"column '{name}' has shape {array.shape}; every column must be ({length},) as 'frame' is")
    dtype = column.dtype if column else ("number" if array.dtype.kind in "iufb" else "string")
    if dtype == "string":
        return _texts(name, array)
    if array.dtype.kind not in "iufbO":
        raise UsageError(f"column '{name}' holds {array.dtype}, not numbers")
    try:
        numbers = np.array(array, dtype=np.float64) if dtype == "number" or array.dtype.kind in "fO" else array
    except (TypeError, ValueError) as error:
        raise UsageError(f"column '{name}' holds what is not a number: {error}") from None
    return numbers if dtype == "number" else _whole(name, numbers)


def _whole(name: str, numbers: NDArray[Any]) -> NDArray[np.int64]:
    if numbers.dtype.kind == "f":
        wrong = np.flatnonzero(~(np.isfinite(numbers) & (numbers == np.round(numbers)) & (np.abs(numbers) < _WHOLE_LIMIT)))
        if len(wrong):
            raise UsageError(f"column '{name}' must hold whole numbers, not {show(numbers[wrong[0]])} (item {wrong[0]})")
    elif numbers.dtype.kind == "u" and len(numbers) and numbers.max() > np.iinfo(np.int64).max:
        raise UsageError(f"column '{name}' holds {numbers.max()}, which is too large")
    return numbers.astype(np.int64)


def _texts(name: str, array: NDArray[Any]) -> NDArray[Any]:
    out = np.empty(len(array), dtype=object)
    for i, value in enumerate(array.tolist()):
        if value is None or (isinstance(value, float) and math.isnan(value)):
            out[i] = ""
            continue
        if not isinstance(value, str):
            raise UsageError(f"column '{name}' must hold texts, not {show(value)} (item {i})")
        fault = text_fault(value)
        if fault:
            raise UsageError(f"column '{name}', item {i}: {show(value)} {fault}")
        out[i] = value
    return out


def text_fault(text: str) -> str | None:
    """Why a text cannot stand in a cell; None where it can."""
    if len(text) > MAX_TEXT:
        return f"has {len(text)} characters; at most {MAX_TEXT}"
    if "\0" in text:
        return "holds the character U+0000, which no text file should"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "holds half a surrogate pair, which UTF-8 cannot carry"
    return None
