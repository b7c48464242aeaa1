"""A progress bar with frames per second on stderr; without a terminal, lines in the log where one is asked for."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Progress", "progress_bar"]

log = logging.getLogger(__name__)

TELL_EVERY_S = 10.0

Progress = Callable[[str, int, int | None], None]
"""Called with the stage's name, the frames done, and all frames or None where unknown."""


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress | None]:
    """A function that reports progress: on a bar that is gone when the block ends, or, where stderr is no terminal, to the log.

    None under `quiet`, and where there is neither. With a log the bar's place is taken by lines under `quiet` too: what was asked for.
    """
    if quiet or not sys.stderr.isatty():
        yield _to_the_log() if log.isEnabledFor(logging.INFO) else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:.0f} frames/s", style="cyan")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Speed(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        stages: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int | None) -> None:
            if stage not in stages:
                stages[stage] = bar.add_task(stage, total=total)
            bar.update(stages[stage], completed=done, total=total)

        yield report


def _to_the_log() -> Progress:
    """A report that tells when a stage begins, and every ten seconds how far it has come."""
    begun: set[str] = set()
    told = time.monotonic()

    def report(stage: str, done: int, total: int | None) -> None:
        nonlocal told
        fields = {"stage": stage, "done": done, **({} if total is None else {"of": total})}
        if stage not in begun:
            begun.add(stage)
            log.info("a stage begins", extra={"fields": {"stage": stage}})
            told = time.monotonic()
        elif time.monotonic() - told >= TELL_EVERY_S:
            log.info("a stage goes on", extra={"fields": fields})
            told = time.monotonic()

    return report
