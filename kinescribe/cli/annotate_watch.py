"""What a run over many videos shows while it goes on: bars on a terminal, a line a video elsewhere; both on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kinescribe.cli.interrupts import check
from kinescribe.llm.text import one_line
from kinescribe.settings.flags import with_options

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from kinescribe.annotation.batch.events import Finished, Progressed
    from kinescribe.annotation.batch.jobs import Outcome

__all__ = ["watching"]

Watch = Callable[[Any], None]
STAGES = {"duplicates": "looking for duplicates", "export": "writing the data set", "report": "writing the report"}


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
    from kinescribe.annotation.batch.events import Begun, Finished, Stage

    done = todo = 0
    stage: str | None = None

    def watch(event: Any) -> None:
        nonlocal done, todo, stage
        check()
        if isinstance(event, Begun):
            todo = event.todo
            if todo:
                print(f"{todo} of {event.videos} videos to do, {event.workers} at a time", file=sys.stderr, flush=True)
        elif isinstance(event, Finished):
            done += 1
            print(f"[{done}/{todo}] {_told(event)}", file=sys.stderr, flush=True)
        elif isinstance(event, Stage) and event.stage != stage:
            stage = event.stage
            print(STAGES.get(event.stage, event.stage), file=sys.stderr, flush=True)

    return watch


def escape(text: str) -> str:
    """A text that rich takes for no markup."""
    from rich.markup import escape as escaped

    return escaped(text)


def _told(event: Finished) -> str:
    outcome, name = event.outcome, one_line(event.job.name, 80)
    if outcome.state != "done":
        return f"{name}: {one_line(outcome.kind or outcome.state)}: {_reason(outcome)}"
    objects = f"{outcome.objects} object{'' if outcome.objects == 1 else 's'}"
    return f"{name}: {objects}, {outcome.seconds:.1f} s{f', breaks off: {_reason(outcome)}' if outcome.kind == 'partial' else ''}"


def _reason(outcome: Outcome) -> str:
    reason = with_options(outcome.reason) or "for no reason that was given"
    return one_line(reason, 400)


@contextmanager
def _bars() -> Iterator[Watch]:
    """Bars that are gone when the block ends; failures stay above them."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn(), TimeRemainingColumn())
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, transient=True, speed_estimate_period=3600.0) as bar:
        yield _Bars(bar)


class _Bars:
    """One bar for all videos with the time to go, reckoned from their bytes, and one for each that is at work."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._whole: TaskID | None = None
        self._of_worker: dict[str, TaskID] = {}
        self._of_stage: dict[str, TaskID] = {}
        self._done = self._todo = self._failed = self._frames = 0
        self._reached: dict[str, int] = {}  # a video is looked at more than once: how far the look went that went furthest

    def __call__(self, event: Any) -> None:
        from kinescribe.annotation.batch.events import Begun, Finished, Progressed, Stage, Started

        check()
        if isinstance(event, Begun) and event.todo:
            self._clear()
            self._todo = event.todo
            self._whole = self._bar.add_task("videos", total=max(1, event.bytes), told=f"0/{event.todo}")
        elif isinstance(event, Started):
            self._drop(event.worker)
            self._of_worker[event.worker] = self._bar.add_task(f"  {escape(one_line(event.job.name, 40))}", total=None, told="")
        elif isinstance(event, Progressed) and event.worker in self._of_worker:
            self._progressed(event)
        elif isinstance(event, Finished):
            self._finished(event)
        elif isinstance(event, Stage):
            self._clear(but=event.stage)
            task = self._of_stage.get(event.stage)
            if task is None:
                task = self._of_stage[event.stage] = self._bar.add_task(STAGES.get(event.stage, event.stage), total=None, told="")
            told = f"{event.done}/{event.total}" if event.total else ""
            self._bar.update(task, completed=event.done, total=event.total, told=told)

    def _progressed(self, event: Progressed) -> None:
        reached = self._reached.get(event.job.name, 0)
        self._frames += max(0, event.done - reached)
        self._reached[event.job.name] = max(event.done, reached)
        told = f"{escape(event.stage)} {event.done}/{event.total}" if event.total else f"{escape(event.stage)} {event.done}"
        self._bar.update(self._of_worker[event.worker], total=event.total, completed=event.done, told=told)

    def _finished(self, event: Finished) -> None:
        failed = event.outcome.state == "failed"
        self._done, self._failed = self._done + 1, self._failed + failed
        self._reached.pop(event.job.name, None)
        self._drop(event.worker)
        if failed:
            self._bar.console.print(_told(event), markup=False, soft_wrap=True)
        if self._whole is not None:
            told = f"{self._done}/{self._todo}{f', {self._failed} failed' if self._failed else ''}, {self._frames} frames"
            self._bar.update(self._whole, advance=event.job.bytes, told=told)

    def _drop(self, worker: str) -> None:
        if worker in self._of_worker:
            self._bar.remove_task(self._of_worker.pop(worker))

    def _clear(self, but: str | None = None) -> None:
        """Take away the bars of what is over: of all videos, and of all stages but one."""
        for worker in list(self._of_worker):
            self._drop(worker)
        for stage in self._of_stage.keys() - {but}:
            self._bar.remove_task(self._of_stage.pop(stage))
