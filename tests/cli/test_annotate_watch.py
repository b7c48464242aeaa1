"""What a run over many videos shows as it goes on, and that nothing out of a file reaches the terminal as it is."""

from __future__ import annotations

import io
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from kinescribe.annotation.batch.events import Begun, Finished, Stage, Started
from kinescribe.annotation.batch.jobs import Job, Outcome
from kinescribe.annotation.batch.manifest import Manifest
from kinescribe.cli.annotate_summary import print_rows
from kinescribe.cli.annotate_watch import _Bars, _lines

HOSTILE = "\x1b]0;mine\x07\x1b[31mred\n[bold]line[/bold]"


def job(name: str) -> Job:
    return Job(name, f"/videos/{name}", f"/data/{name}", f"/work/{name}", {})


def test_each_stage_is_told_once_whatever_its_progress_begins_at(capsys: pytest.CaptureFixture[str]):
    watch = _lines()
    for event in (Stage("duplicates", 1, 3), Stage("duplicates", 2, 3), Stage("duplicates", 3, 3), Begun(1, 1, 5, 1)):
        watch(event)
    for event in (Stage("export"), Stage("export", 0, 4), Stage("export", 4, 4), Stage("report", 2, 2)):
        watch(event)
    assert capsys.readouterr().err.splitlines() == [
        "looking for duplicates",
        "1 of 1 videos to do, 1 at a time",
        "writing the data set",
        "writing the report",
    ]


def test_a_stage_keeps_its_bar_and_takes_away_what_is_over():
    bar = Progress(console=Console(file=io.StringIO()), disable=True)
    watch = _Bars(bar)

    def shown() -> list[tuple[int, str, float]]:
        return [(task.id, task.description.strip(), task.completed) for task in bar.tasks]

    watch(Stage("duplicates", 1, 3))
    ((first, _, _),) = shown()
    watch(Stage("duplicates", 2, 3))
    assert shown() == [(first, "looking for duplicates", 2)]
    watch(Begun(1, 1, 5, 1))
    watch(Started(job("a.mp4"), "worker 1"))
    assert [name for _, name, _ in shown()] == ["videos", "a.mp4"]
    watch(Stage("export", 0, 2))
    watch(Stage("export", 1, 2))
    watch(Stage("report", 0, None))
    assert [name for _, name, _ in shown()] == ["videos", "writing the report"]


def by_line(capsys: pytest.CaptureFixture[str]) -> str:
    _lines()(Finished(job("a.mp4"), "worker 1", Outcome("failed", HOSTILE, HOSTILE)))
    return capsys.readouterr().err


def by_bar(capsys: pytest.CaptureFixture[str]) -> str:
    out = io.StringIO()
    bar = Progress(console=Console(file=out, force_terminal=True, color_system=None), disable=True)
    _Bars(bar)(Finished(job("a.mp4"), "worker 1", Outcome("failed", HOSTILE, HOSTILE)))
    return out.getvalue()


def by_status(capsys: pytest.CaptureFixture[str]) -> str:
    """A manifest that somebody else wrote."""
    from kinescribe.cli import main

    with tempfile.TemporaryDirectory() as name:
        inner = Path(name) / ".kinescribe"
        inner.mkdir()
        with Manifest(inner / "manifest.sqlite", "run") as manifest:
            manifest.queue(["a.mp4"])
        database = sqlite3.connect(inner / "manifest.sqlite")
        insert = "INSERT INTO log (at, run, video, state, kind, reason) VALUES ('', '', 'a.mp4', 'failed', ?, ?)"
        database.execute(insert, (HOSTILE, HOSTILE))
        database.commit()
        database.close()
        assert main(["annotate", "status", name]) == 5
    return capsys.readouterr().out


@pytest.mark.parametrize("show", [by_line, by_bar, by_status])
def test_kind_and_reason_of_a_failure_reach_the_terminal_as_text_alone(show: Callable[[Any], str], capsys: pytest.CaptureFixture[str]):
    shown = show(capsys)
    assert "[bold]line[/bold]" in " ".join(shown.split())
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_a_row_without_kind_and_reason_has_its_state(capsys: pytest.CaptureFixture[str]):
    from kinescribe.annotation.batch.manifest import Row

    out = io.StringIO()
    print_rows(Console(file=out, width=80), [Row("a.mp4", HOSTILE)])
    assert "a.mp4" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_the_status_says_where_it_cant_tell_whether_a_run_is_at_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The lock of somebody else may be closed to us; a folder in its place can't be opened by anybody."""
    from kinescribe.cli import main

    inner = tmp_path / ".kinescribe"
    inner.mkdir()
    with Manifest(inner / "manifest.sqlite", "run") as manifest:
        manifest.queue(["a.mp4"])
    assert main(["annotate", "status", str(tmp_path)]) == 5
    assert capsys.readouterr().out == "1 queued; no run is at it\n"
    (inner / "run.lock").mkdir()
    assert main(["annotate", "status", str(tmp_path)]) == 5
    assert capsys.readouterr().out == "1 queued; whether a run is at it can't be told: its lock can't be read\n"
