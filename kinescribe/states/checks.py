"""What makes a states table sound: every rule, vectorised, as a list of problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kinescribe.states.metadata import Metadata
from kinescribe.states.schema import COLUMNS, Column

__all__ = ["HEADER_ROWS", "Problem", "all_listed", "capped", "column_problems", "contradictions", "meta_problems", "show"]

Arrays = Mapping[str, NDArray[Any]]
Severity = Literal["error", "warning"]
_most: ContextVar[int | None] = ContextVar("most", default=20)
APART_PX = 0.5  # between places that should be one: a table is written to more digits than that
_SAME_TIME_S = 1e-6
HEADER_ROWS = 2
"""Row of the first line below the header."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        row: as a spreadsheet counts, the header being row 1; None where it concerns no single row.
        column: its name; None where it concerns no single column.
        message: what is wrong, with the value and what is allowed.
        severity: "error" (`read` refuses the table) or "warning".
        line: of the file, as an editor counts, where the row begins; None where there is no row, or no text file.
        count: of rows that it stands for; more than one where the others like it aren't listed.
    """

    row: int | None
    column: str | None
    message: str
    severity: Severity = "error"
    line: int | None = None
    count: int = 1

    def __str__(self) -> str:
        # a cell may hold line breaks: then rows and lines part
        apart = f" (line {self.line})" if self.line is not None and self.line != self.row else ""
        where = [f"row {self.row}{apart}"] if self.row is not None else []
        where += [f"column {show(self.column)}"] if self.column is not None else []
        return f"{', '.join(where)}: {self.message}" if where else self.message


def show(value: object) -> str:
    """A value for a message: on one line, shortened."""
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 42 else f"{text[:38]}...{text[-1]}"


def capped(column: str, items: Sequence[int] | NDArray[np.intp], message: Callable[[int], str]) -> list[Problem]:
    """An error for each of the rows (counted from 0, without the header); after the first 20 only their number, but for `all_listed`."""
    most = _most.get()
    problems = [Problem(int(i) + HEADER_ROWS, column, message(int(i))) for i in items[:most]]
    if most is not None and len(items) > most:
        problems.append(Problem(None, column, f"{len(items) - most} more rows like the one above", count=len(items) - most))
    return problems


@contextmanager
def all_listed() -> Iterator[None]:
    """In the block, every row with a problem is listed."""
    before = _most.set(None)
    try:
        yield
    finally:
        _most.reset(before)


def column_problems(columns: Arrays, across: bool = True) -> list[Problem]:
    """Problems of the values, given complete columns of the right types. At most 20 a rule and column, then a count.

    `across`: compare rows with each other, too, which makes sense only where frames, times and ids are known.
    """
    problems: list[Problem] = []
    for column in COLUMNS:
        problems += _values(column, columns[column.name])
    if across:
        problems += _duplicates(columns["frame"], columns["object_id"])
        problems += _times(columns["frame"], columns["time_s"])
    return problems


def contradictions(columns: Arrays, meta: Metadata) -> list[Problem]:
    """Rows whose x, y and x_px, y_px are different places by the table's own calibration, as warnings."""
    if meta.calibration is None or not len(columns["frame"]):
        return []
    world, image = (np.stack([columns[name] for name in names], axis=1).astype(float) for names in (("x", "y"), ("x_px", "y_px")))
    known = np.flatnonzero(np.isfinite(world).all(axis=1) & np.isfinite(image).all(axis=1))
    away = np.zeros(len(world))
    away[known] = np.hypot(*(meta.calibration.to_pixels(world[known]) - image[known]).T)
    return [
        replace(problem, severity="warning")
        for problem in capped(
            "x_px",
            np.flatnonzero(away > APART_PX),
            lambda i: (
                f"x, y lie {away[i]:.4g} px from x_px, y_px by the table's calibration: leave those empty that aren't meant, "
                "and they follow from the others"
            ),
        )
    ]


def meta_problems(columns: Arrays, meta: Metadata) -> list[Problem]:
    """Problems between a table and its metadata, all of them warnings: they may belong to different tables."""
    present = {int(i) for i in np.unique(columns["object_id"])}
    found = [f"the metadata describe object {i}, of which the table has no row" for i in sorted(set(meta.objects) - present)]
    strangers = sorted({i for event in meta.events for i in event.partners} - present)
    found += [f"an event of the metadata names object {i}, of which the table has no row" for i in strangers]
    found += [
        f"object {i} of the metadata is a point of object {about.part_of}, of which the table has no row"
        for i, about in sorted(meta.objects.items())
        if about.part_of is not None and about.part_of not in present
    ]
    last = None if meta.video is None else meta.video.frame_count
    if last is not None and len(columns["frame"]) and int(columns["frame"].max()) >= last:
        found.append(f"the table has frame {int(columns['frame'].max())}, the video of the metadata {last} frames")
    whole = [*_unknown_to(meta, columns["object_id"]), *(Problem(None, None, message, "warning") for message in found)]
    return [*whole, *contradictions(columns, meta)]


def _unknown_to(meta: Metadata, object_id: NDArray[Any]) -> list[Problem]:
    """The first row of each object that metadata which describe objects don't know."""
    ids, first, counts = np.unique(object_id, return_index=True, return_counts=True)
    strange = {int(row): k for k, row in enumerate(first) if meta.objects and int(ids[k]) not in meta.objects}
    known = [str(i) for i in sorted(meta.objects)]
    told = ", ".join(known[:12]) + (f" and {len(known) - 12} more" if len(known) > 12 else "")

    def tell(row: int) -> str:
        number = int(counts[strange[row]])
        return f"the metadata don't know object {object_id[row]}, which has {number} row{'s' * (number != 1)}; they know {told}"

    return [replace(problem, severity="warning") for problem in capped("object_id", sorted(strange), tell)]


def _values(column: Column, values: NDArray[Any]) -> Iterator[Problem]:
    def tell(wrong: NDArray[np.bool_], rule: str) -> list[Problem]:
        return capped(column.name, np.flatnonzero(wrong), lambda i: f"{show(values[i])}: {rule}")

    if column.dtype == "string":
        if column.allowed:
            known = {"", *column.allowed}
            wrong = np.array([value not in known for value in values], dtype=bool)
            yield from tell(wrong, f"allowed: {', '.join(column.allowed)}, or empty where it is unknown")
        return
    if column.dtype == "number":
        yield from tell(np.isinf(values), "a number must be finite; unknown is an empty cell (NaN)")
    if column.required and column.dtype == "number":
        yield from tell(np.isnan(values), "it must be known in every row")
    if column.minimum is not None:
        wanted = f"from {column.minimum:g} to {column.maximum:g}" if column.maximum is not None else f"{column.minimum:g} or more"
        low = values < column.minimum
        high = values > column.maximum if column.maximum is not None else np.zeros(len(values), bool)
        yield from tell((low | high) & np.isfinite(values), f"allowed: {wanted}")


def _duplicates(frame: NDArray[Any], object_id: NDArray[Any]) -> list[Problem]:
    order = np.lexsort((object_id, frame))
    same = (np.diff(frame[order]) == 0) & (np.diff(object_id[order]) == 0)
    # The sort is stable, so of two equal rows the one that comes later in the table is named.
    repeated = np.sort(order[1:][same])
    return capped(
        "object_id", repeated, lambda i: f"object {object_id[i]} has a second row in frame {frame[i]}; one row a frame and object"
    )


def _times(frame: NDArray[Any], time: NDArray[Any]) -> list[Problem]:
    known = np.flatnonzero(np.isfinite(time))
    order = known[np.argsort(frame[known], kind="stable")]
    same = np.diff(frame[order]) == 0
    step = np.diff(time[order])
    wrong = np.flatnonzero((same & (np.abs(step) > _SAME_TIME_S)) | (~same & (step <= 0)))
    before = {int(order[k + 1]): int(order[k]) for k in wrong}

    def tell(i: int) -> str:
        j = before[i]
        if frame[i] == frame[j]:
            return f"{time[i]:.9g} s for frame {frame[i]}, which has {time[j]:.9g} s in another row; a frame has one time"
        return f"{time[i]:.9g} s in frame {frame[i]} is not after {time[j]:.9g} s in frame {frame[j]}; time must run on"

    return capped("time_s", sorted(before), tell)
