"""What a run over many videos shows while it goes on: bars on a terminal, a line a video elsewhere; both on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kinescribe.cli.interrupts import check
from kinescribe.llm.text import one_line

if TYPE_CHECKING:
    from kinescribe.annotation.batch.engines import Finished

__all__ = ["watching"]

Watch = Callable[[Any], None]


@contextmanager
def watching(*, quiet: bool) -> Iterator[Watch]:
    """A function that is told what happens. Under `quiet` it shows nothing; interrupts get through in any case."""
    if quiet:
        yield lambda event: check()
    elif sys.stderr.isatty():
        with _bars() as watch:
            yield watch
    else:
        yield _lines()


def _lines() -> Watch:
    """A line for each video that is done, which a log keeps."""
    from kinescribe.annotation.batch.annotate import Begun, Finishes
    from kinescribe.annotation.batch.engines import Finished

    done = todo = 0

    def watch(event: Any) -> None:
        nonlocal done, todo
        check()
        if isinstance(event, Begun):
            todo = event.todo
            if todo:
                print(f"{todo} of {event.videos} videos to do, {event.workers} at a time", file=sys.stderr, flush=True)
        elif isinstance(event, Finished):
            done += 1
            print(f"[{done}/{todo}] {_told(event)}", file=sys.stderr, flush=True)
        elif isinstance(event, Finishes):
            print(f"writing the {'data set' if event.stage == 'export' else event.stage}", file=sys.stderr, flush=True)

    return watch


def _told(event: Finished) -> str:
    outcome, name = event.outcome, one_line(event.job.name, 80)
    if outcome.state != "done":
        return f"{name}: {outcome.kind}: {outcome.reason}"
    objects = f"{outcome.objects} object{'' if outcome.objects == 1 else 's'}"
    return f"{name}: {objects}, {outcome.seconds:.1f} s{f', breaks off: {outcome.reason}' if outcome.kind == 'partial' else ''}"


@contextmanager
def _bars() -> Iterator[Watch]:
    """One bar for all videos with the time to go, reckoned from their bytes, and one for each that is at work."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from kinescribe.annotation.batch.annotate import Begun, Finishes
    from kinescribe.annotation.batch.engines import Finished, Progressed, Started

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn(), TimeRemainingColumn())
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, transient=True, speed_estimate_period=3600.0) as bar:
        whole: TaskID | None = None
        of_worker: dict[str, TaskID] = {}
        done = todo = failed = frames = 0
        at: dict[str, int] = {}  # a video is looked at more than once: how far the look went that went furthest

        def watch(event: Any) -> None:
            nonlocal whole, done, todo, failed, frames
            check()
            if isinstance(event, Begun) and event.todo:
                todo = event.todo
                whole = bar.add_task("videos", total=max(1, event.bytes), told=f"0/{todo}")
            elif isinstance(event, Started):
                if event.worker in of_worker:
                    bar.remove_task(of_worker.pop(event.worker))
                of_worker[event.worker] = bar.add_task(f"  {escape(one_line(event.job.name, 40))}", total=None, told="")
            elif isinstance(event, Progressed) and event.worker in of_worker:
                reached = at.get(event.job.name, 0)
                frames += max(0, event.done - reached)
                at[event.job.name] = max(event.done, reached)
                count = f"{event.done}/{event.total}" if event.total else f"{event.done}"
                bar.update(of_worker[event.worker], total=event.total, completed=event.done, told=f"{escape(event.stage)} {count}")
            elif isinstance(event, Finished):
                done, failed = done + 1, failed + (event.outcome.state == "failed")
                at.pop(event.job.name, None)
                if event.worker in of_worker:
                    bar.remove_task(of_worker.pop(event.worker))
                if event.outcome.state == "failed":
                    bar.console.print(_told(event), markup=False, soft_wrap=True)
                if whole is not None:
                    told = f"{done}/{todo}{f', {failed} failed' if failed else ''}, {frames} frames"
                    bar.update(whole, advance=event.job.bytes, told=told)
            elif isinstance(event, Finishes):
                for task in of_worker.values():
                    bar.remove_task(task)
                of_worker.clear()
                bar.add_task(f"writing the {'data set' if event.stage == 'export' else event.stage}", total=None, told="")

        yield watch
