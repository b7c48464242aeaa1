"""How a run over many videos went: a short table for people, JSON for programs."""

from __future__ import annotations

import shlex
from itertools import islice
from typing import TYPE_CHECKING, Any

from kinescribe.llm.text import one_line
from kinescribe.settings.flags import with_options

if TYPE_CHECKING:
    from kinescribe.annotation.batch import Annotated

__all__ = ["as_dict", "print_rows", "print_summary"]

MOST_ROWS = 20


def as_dict(done: Annotated, code: int) -> dict[str, Any]:
    """Plain JSON values."""
    rows = [{"video": row.video, "state": row.state, "kind": row.kind, "reason": with_options(row.reason)} for row in done.failures()]
    return {
        "folder": str(done.folder),
        "videos": done.videos,
        "done": done.done,
        "unchanged": done.unchanged,
        "partial": done.partial,
        "failed": done.failed,
        "duplicates": done.duplicates,
        "waiting": done.waiting,
        "rows": done.rows,
        "objects": done.objects,
        "not_whole": rows,
        "export": done.export,
        "report": None if done.report is None else str(done.report),
        "warnings": done.warnings,
        "notes": done.notes,
        "seconds": round(done.seconds, 3),
        "exit_code": code,
    }


def print_summary(done: Annotated, output: str) -> None:
    """What was done and where it is, and the videos that aren't whole, on stderr."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(stderr=True, highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    counts = {
        "videos": done.videos,
        "done now": done.done - done.adopted,
        "there already": done.unchanged + done.adopted,
        "breaking off": done.partial,
        "failed": done.failed,
        "duplicates": done.duplicates,
    }
    for name in counts:
        table.add_column(name, justify="right")
    table.add_row(*(str(count) for count in counts.values()))
    console.print(table)
    if not done.whole:
        print_rows(console, list(islice(done.failures(), MOST_ROWS + 1)))
        if done.failed:
            console.print("--retry-failed tries those that failed again", markup=False)
    place = shlex.quote(output)
    if done.export is not None:
        numbers = f"{done.export['boxes']} boxes of {len(done.export['classes'])} classes, {done.export['pictures']} pictures"
        console.print(f"data set: {numbers}", markup=False, soft_wrap=True)
        for why, count in done.export["left_out"].items():
            console.print(f"  left out: {count} rows: {why}", markup=False, soft_wrap=True)
    rows = f"{done.rows} rows of {done.objects} objects in all; " if done.rows else ""
    console.print(f"{rows}tables are in {place}, one folder a video below states/ ({done.seconds:.1f} s)", markup=False, soft_wrap=True)
    if done.report is not None:
        console.print(f"look at {done.report}", markup=False, soft_wrap=True)


def print_rows(console: Any, rows: list[Any]) -> None:
    """Videos that want a look, and why."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("video", "what", "why"):
        table.add_column(name, overflow="fold")
    for row in rows[:MOST_ROWS]:
        table.add_row(
            Text(one_line(row.video, 80)), Text(one_line(row.kind or row.state, 40)), Text(one_line(with_options(row.reason) or "", 400))
        )
    console.print(table)
    if len(rows) > MOST_ROWS:
        console.print("and more: `kinescribe annotate status` with --json lists all", markup=False)
