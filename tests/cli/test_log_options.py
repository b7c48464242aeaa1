"""Every command tells what goes on where it is asked to, on stderr; under --log-json that is JSON and nothing else."""

from __future__ import annotations

import json

import pytest
import typer

from kinescribe.cli import annotate_dataset, extract_states
from kinescribe.cli.app import app


def objects(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_run_tells_its_stages_and_what_it_keeps(run, drawn, tmp_path):
    ran = run(drawn, "-o", tmp_path / "a.csv", "-vv", "-q", entry=extract_states)
    assert ran.code == 0
    assert ran.out == ""
    told = ran.err.splitlines()
    assert all(line.startswith(("kinescribe: info: ", "kinescribe: debug: ")) for line in told)
    for words in (
        "the video is open | video=",
        "stage background is done | stage=background frames=",
        "an object is kept | object=1",
        "a file is written",
    ):
        assert any(words in line for line in told), words
    quiet = run(drawn, "-o", tmp_path / "b.csv", "-q", entry=extract_states)
    assert quiet.err == ""
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_a_log_file_tells_of_stages_and_that_loops_are_compiled(run, drawn, tmp_path, monkeypatch):
    """What a bar shows on a terminal stands in a log too; without ``-v`` neither does."""
    monkeypatch.setattr("kinescribe.perception.looking.are_kept", lambda: False)
    ran = run(drawn, "-o", tmp_path / "a.csv", "-v", "-q", entry=extract_states)
    begun = [line.split("a stage begins | stage=")[1] for line in ran.err.splitlines() if "a stage begins" in line]
    assert begun[:2] == ["compile, once", "background"]
    assert ran.out == ""
    assert run(drawn, "-o", tmp_path / "b.csv", "-q", entry=extract_states).err == ""


def test_json_is_all_there_is_on_stderr_and_stdout_is_the_datas(run, drawn, tmp_path):
    ran = run(drawn, "-o", "-", "--log-json", entry=extract_states)
    assert ran.code == 0
    assert ran.out.startswith("frame,time_s,")
    assert {"time", "level", "logger", "event"} <= set.intersection(*(set(one) for one in objects(ran.err)))
    failed = run(tmp_path / "none.mp4", "--log-json", "--debug", entry=extract_states)
    (error,) = objects(failed.err)
    assert (error["level"], error["exit_code"], failed.code) == ("error", 3, 3)
    assert "Traceback" in str(error["traceback"])
    (usage,) = objects(run("--log-json", "--strid", "3", entry=extract_states).err)
    assert usage["level"] == "error"


def test_warnings_are_json_too(run, tmp_path):
    (tmp_path / "a.csv").write_text("frame,time_s,object_id,x,y\n0,0,1,1,1\n1,0.1,1,2,1\n")
    ran = run("fit", tmp_path / "a.csv", "--law", "rest", "--log-json")
    assert [one for one in objects(ran.err) if one["level"] == "warning" and "unit is unknown" in str(one["event"])]


def test_workers_records_come_through(run, drawn, tmp_path):
    ran = run(drawn, "-o", tmp_path / "set", "--workers", "1", "--no-report", "--log-json", "--log-level", "debug", entry=annotate_dataset)
    assert ran.code == 0
    told = objects(ran.err)
    assert [one for one in told if one["logger"] == "kinescribe.perception.progress" and one["for"] == drawn.name]


def test_every_command_takes_the_options():
    from typer.main import get_command

    def leaves(command, name=""):
        for key, inner in getattr(command, "commands", {}).items():
            yield from leaves(inner, f"{name} {key}")
        if not hasattr(command, "commands"):
            yield name, command

    found = list(leaves(get_command(app())))
    assert len(found) > 15
    for name, command in found:
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--log-level", "--log-json", "--verbose", "-v"} <= options, name


def test_settings_files_hold_no_log_options(run, tmp_path):
    (tmp_path / "run.toml").write_text('[annotate]\nlog_level = "debug"\n')
    ran = run("annotate", "videos", "--config", tmp_path / "run.toml", "--print-config")
    assert ran.code == 2
    assert "unknown option 'log_level'" in ran.err
    assert isinstance(app(), typer.Typer)


@pytest.mark.parametrize("flag", ["-v", "--log-level=debug"])
def test_library_loggers_are_as_before_when_a_command_is_over(run, tmp_path, flag):
    import logging

    run("validate", tmp_path / "none.csv", flag)
    assert logging.getLogger("kinescribe").handlers == []
    assert logging.getLogger("kinescribe").level == logging.NOTSET
