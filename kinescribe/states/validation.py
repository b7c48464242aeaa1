"""All that is wrong with a states table, as a list."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.states.checks import Problem, all_listed, column_problems, meta_problems
from kinescribe.states.metadata import Metadata
from kinescribe.states.places import out_of_the_picture
from kinescribe.states.reading import TableError, load, with_lines
from kinescribe.states.table import States
from kinescribe.states.wholeness import lost_or_moved

__all__ = ["validate"]


def validate(table: str | os.PathLike[str] | States, *, every_row: bool = False) -> list[Problem]:
    """Every problem of a table, given as a path or in memory; an empty list for a sound one. Errors first, then warnings.

    Beyond what `read` refuses, table and metadata are compared, and rows are told of that were lost, moved, or lie far outside the picture.

    Args:
        every_row: whether each row is listed; else, of what is wrong in more than 20 rows, the first 20 and the number of the rest.

    Raises:
        UsageError: neither a path nor a table.
        InputError: a file that is missing or cannot be opened. One that is no table is a problem of severity "error".
    """
    if every_row:
        with all_listed():
            return validate(table)
    if isinstance(table, States):
        columns, meta = table.columns, table.meta
        problems = column_problems(columns)
    else:
        if not isinstance(table, str | os.PathLike):
            raise UsageError(f"{table!r} is no states table: give a path, or a kinescribe.States")
        path = Path(table)
        try:
            found = load(path)
        except TableError as error:
            return [Problem(None, None, str(error).removeprefix(f"{path}: "))]
        columns, meta, problems = found.columns, found.meta, found.problems
        return _sorted(columns, [*problems, *with_lines(_beside(columns, meta, problems), found.lines)])
    return _sorted(columns, [*problems, *_beside(columns, meta, problems)])


def _beside(columns: Mapping[str, NDArray[Any]], meta: Metadata, problems: list[Problem]) -> list[Problem]:
    """What the table is held against beyond its cells: its metadata and, where every frame and id is sound, the order of its rows."""
    sure = not any(problem.severity == "error" and problem.column in ("frame", "object_id") for problem in problems)
    return [*meta_problems(columns, meta), *out_of_the_picture(columns, meta), *(lost_or_moved(columns, meta) if sure else [])]


def _sorted(columns: Mapping[str, NDArray[Any]], problems: list[Problem]) -> list[Problem]:
    if not len(columns["frame"]):
        problems.append(Problem(None, None, "the table has no rows", "warning"))
    return sorted(problems, key=lambda problem: problem.severity != "error")
