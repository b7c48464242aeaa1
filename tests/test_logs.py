"""What a run tells of itself: records as lines, as JSON, and from one process to another."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys

import pytest

from kinescribe.logs import JsonLines, forward, hand_on, level_for_workers, set_up

log = logging.getLogger("kinescribe.something")


@pytest.fixture
def shown(capsys):
    """Records from info on, as lines on stderr."""
    end = set_up(logging.INFO)
    yield lambda: capsys.readouterr().err.splitlines()
    end()


def test_records_are_lines_with_their_fields(shown):
    log.info("a stage is done", extra={"fields": {"stage": "detect", "frames": 3}})
    log.debug("not this one")
    (line,) = shown()
    assert line.startswith("kinescribe: info: ")
    assert line.endswith(" s: a stage is done | stage=detect frames=3")


def test_what_comes_out_of_files_can_make_no_lines_of_its_own(shown):
    log.info("an object is kept", extra={"fields": {"label": "a\nkinescribe: error: \x1b[31mnot true\u202e"}})
    (line,) = shown()
    assert "\\nkinescribe: error: \\x1b[31mnot true\\u202e" in line


def test_nothing_is_shown_before_and_after(capsys):
    end = set_up(logging.DEBUG)
    assert level_for_workers() == logging.DEBUG
    end()
    log.info("nobody asked")
    assert capsys.readouterr().err == ""
    assert level_for_workers() is None


def test_importing_the_package_sets_nothing_up():
    asked = "import logging, kinescribe.pipeline, kinescribe.states; print(logging.root.handlers, logging.getLogger('kinescribe').handlers)"
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=120)
    assert ran.stdout.split("\n")[0] == "[] []"


def test_all_that_is_said_becomes_json():
    out = io.StringIO()
    lines = JsonLines(out)
    lines.write("wrote a.csv\nkinescribe: warning: of 'x'\nkinescribe: par")
    lines.write("tial: breaks off\n\n")
    lines.say("info", "e", time=1, level=object, frames=3)
    said = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(one["level"], one["event"]) for one in said] == [
        ("info", "wrote a.csv"), ("warning", "of 'x'"), ("warning", "breaks off"), ("info", "e"),
    ]  # fmt: skip
    assert said[2]["kind"] == "partial"
    assert said[3]["time"].endswith("+00:00")  # a field can't take the place of what every line has
    assert said[3]["time_"] == 1
    assert said[3]["frames"] == 3
    assert not lines.isatty()


def test_records_of_another_process_go_on_here(capsys):
    sent: list[dict[str, object]] = []
    end = forward(sent.append, logging.DEBUG)
    log.debug("done %d", 3, extra={"fields": {"a": 1, "b": object}})
    end()
    assert json.loads(json.dumps(sent)) == [
        {"level": "debug", "logger": "kinescribe.something", "event": "done 3", "fields": {"a": 1, "b": "<class 'object'>"}}
    ]
    end = set_up(logging.DEBUG)
    hand_on({**sent[0], "event": "100 %s"}, video="v.mp4")
    hand_on({})  # one that lacks everything is no defect of ours
    end()
    assert "100 %s | a=1 b=<class 'object'> video=v.mp4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--log-level", "loud"], "unknown log level 'loud'; available:"),
        (["-v", "--log-level", "info"], "--log-level info and -v both say"),
    ],
)
def test_levels_are_checked(words, message, capsys):
    from kinescribe.cli import main

    assert main(["validate", "nothing.csv", *words]) == 2
    assert message in capsys.readouterr().err
