from __future__ import annotations

import io

from kinescribe.cli.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_silent_without_a_terminal(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with progress_bar(quiet=False) as report:
        assert report is None
    assert stream.getvalue() == ""


def test_silent_when_quiet(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with progress_bar(quiet=True) as report:
        assert report is None
    assert stream.getvalue() == ""


def test_a_terminal_sees_stages_counts_and_speed(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with progress_bar(quiet=False) as report:
        assert report is not None
        for done in range(1, 31):
            report("background", done, 30)
        report("objects", 7, None)
    text = stream.getvalue()
    for expected in ("background", "30/30", "frames/s", "objects", "7/?"):
        assert expected in text


def test_a_log_is_told_of_stages_and_now_and_then_how_far_they_are(monkeypatch, caplog):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    caplog.set_level("INFO", logger="kinescribe")
    with progress_bar(quiet=False) as report:
        assert report is not None
        report("compile, once", 0, None)
        for done in range(1, 31):
            report("background", done, 30)
        monkeypatch.setattr("kinescribe.cli.progress.TELL_EVERY_S", 0.0)
        report("background", 17, 30)
    told = [(record.getMessage(), record.fields) for record in caplog.records]
    assert told == [
        ("a stage begins", {"stage": "compile, once"}),
        ("a stage begins", {"stage": "background"}),
        ("a stage goes on", {"stage": "background", "done": 17, "of": 30}),
    ]
    assert stream.getvalue() == ""
