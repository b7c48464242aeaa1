"""``kinescribe validate``: is this a states table?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from kinescribe.errors import UsageError

__all__ = ["validate"]

LONGEST = 600  # characters of a line; names and cells in it are whatever the file says


def validate(
    table: Annotated[Path, typer.Argument(metavar="STATES.CSV", help="The table; its sidecar NAME.meta.json is read as well.")],
    limit: Annotated[int, typer.Option(metavar="NUMBER", help="Print at most so many problems, and the number of the rest.")] = 20,
    every: Annotated[bool, typer.Option("--all", help="Print every problem of every row.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON on stdout.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 5 on any warning.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Check a states table: columns, types, ranges, order of time and rows, one row per frame and object, none lost.

    A problem names the row as a spreadsheet counts it, the header being row 1, which is its line in an editor too.
    Exit codes: 0 sound, 3 unreadable or with errors, 5 warnings under --strict.
    """
    if limit < 1:
        raise UsageError(f"limit={limit} must be 1 or more; --all prints every problem")
    from kinescribe import states
    from kinescribe.cli.running import NOT_WHOLE
    from kinescribe.llm.text import one_line

    problems = states.validate(table, every_row=every)  # errors before warnings
    errors, warnings = (sum(one.count for one in problems if one.severity == severity) for severity in ("error", "warning"))
    if as_json:
        records = [
            {"severity": p.severity, "row": p.row, "line": p.line, "column": p.column, "message": p.message, "count": p.count}
            for p in problems
        ]
        told = {"table": str(table), "valid": not errors, "errors": errors, "warnings": warnings, "problems": records}
        print(json.dumps(told, indent=2))
    else:
        name = one_line(str(table), LONGEST)
        shown = problems if every else problems[:limit]
        for problem in shown:
            print(f"{name}: {problem.severity}: {one_line(str(problem), LONGEST)}", file=sys.stderr)
        if len(shown) < len(problems):
            left = sum(problem.count for problem in problems[len(shown) :])
            print(f"{name}: {left} more; --all prints every one, --limit {2 * limit} twice as many", file=sys.stderr)
        counted = f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}"
        print(f"{name}: {counted if problems else 'a sound states table'}")
    if errors:
        return 3
    return NOT_WHOLE if strict and problems else 0


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
