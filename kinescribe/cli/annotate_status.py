"""``kinescribe annotate status``: how far a data set has come."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kinescribe.annotation.batch import Status

__all__ = ["tell"]

STATES = ("done", "failed", "running", "queued", "duplicate")


def tell(folders: Sequence[str], *, as_json: bool) -> int:
    """Print it; the exit code: 0 where all is done and whole, else 5.

    Raises:
        UsageError: not one folder.
        InputError: no data set.
    """
    from rich.console import Console

    from kinescribe.annotation.batch import status
    from kinescribe.cli.annotate_summary import print_rows
    from kinescribe.cli.running import NOT_WHOLE
    from kinescribe.settings.flags import with_options

    if len(folders) != 1:
        raise UsageError("name the data set: kinescribe annotate status DATASET")
    found = status(folders[0])
    code = 0 if found.whole else NOT_WHOLE
    if as_json:
        told = found.as_dict()
        wanting = [{**row, "reason": with_options(row["reason"])} for row in told["wanting"]]
        print(json.dumps({**told, "wanting": wanting, "exit_code": code}, indent=2, ensure_ascii=True, allow_nan=False))
        return code
    console = Console(highlight=False)
    counts = ", ".join(f"{found.states[state]} {state}" for state in STATES if found.states.get(state))
    console.print(f"{counts or 'no videos'}; {_at_it(found)}", markup=False, soft_wrap=True)
    if found.wanting:
        print_rows(console, list(found.wanting))
    return code


def _at_it(found: Status) -> str:
    if found.running:
        return "a run is at it"
    if found.running is None:
        return "whether a run is at it can't be told: its lock can't be read"
    return "no run is at it"
