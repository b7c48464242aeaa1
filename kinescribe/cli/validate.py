"""``kinescribe validate``: is this a states table?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["validate"]

SHOWN = 20


def validate(
    table: Annotated[Path, typer.Argument(metavar="STATES.CSV", help="The table; its sidecar NAME.meta.json is read as well.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print all problems as JSON on stdout.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 5 on any warning.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Check a states table: columns, types, ranges, time order, one row per frame and object.

    Exit codes: 0 sound, 3 unreadable or with errors, 5 warnings under --strict.
    """
    from kinescribe import states
    from kinescribe.cli.running import NOT_WHOLE

    problems = sorted(states.validate(table), key=lambda problem: problem.severity)  # errors before warnings
    errors = sum(problem.severity == "error" for problem in problems)
    if as_json:
        records = [{"severity": p.severity, "row": p.row, "column": p.column, "message": p.message} for p in problems]
        print(json.dumps({"table": str(table), "valid": not errors, "problems": records}, indent=2))
    else:
        for problem in problems[:SHOWN]:
            print(f"{table}: {problem.severity}: {problem}", file=sys.stderr)
        if len(problems) > SHOWN:
            print(f"{table}: {len(problems) - SHOWN} more; --json prints all", file=sys.stderr)
        print(f"{table}: {'a sound states table' if not problems else f'{errors} errors, {len(problems) - errors} warnings'}")
    if errors:
        return 3
    return NOT_WHOLE if strict and problems else 0
