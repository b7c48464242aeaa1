"""The command on the pages: typed again, it asks for the same."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from kinescribe.annotation.batch import DataSetOptions, RunOptions
from kinescribe.annotation.batch.retyped import changed, retyped
from kinescribe.cli import annotate as command_line
from kinescribe.cli.running import run, single
from kinescribe.settings import ExtractionSettings, Overrides

PLAIN = Overrides(ExtractionSettings())
SETTINGS = ExtractionSettings.of(
    {"objects": "red ball, 'odd' $x", "one_each": True, "detect_every": 5, "frame_interval": 0.1, "ends": False, "angle": -3}
)
HOW = RunOptions(
    workers=3, threads=2, timeout=90.5, max_memory=1.5 * 2**30, retries=0, image_folders=True, engine="ray", address="10.0.0.1:6379",
    exchange="s3://bucket/path",
)  # fmt: skip
INTO = DataSetOptions(
    stride=5, split={"train": 0.8, "val": 0.2}, seed=-3, classes={"*ball*": ["ball", 0], "a=b": ["c d", 1], "shadow*": None},
    labels=["*ball*", "cart; rm"], verified_only=True, hidden=True, pictures="png",
)  # fmt: skip


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KINESCRIBE_MODEL", "KINESCRIBE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def typed(command: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `annotate` of the library is asked for when the command is typed."""
    import kinescribe.annotation.batch as batch

    asked: dict[str, Any] = {}

    def note(sources: Any, output: Any, formats: Any, **options: Any) -> Any:
        asked.update(sources=sources, output=str(output), formats=formats, **options)
        raise typer.Exit(0)

    monkeypatch.setattr(batch, "annotate", note)
    application = single()
    application.command()(command_line.annotate)
    words = shlex.split(command)
    assert words[:2] == ["kinescribe", "annotate"]
    assert run(application, "annotate", words[2:]) == 0
    return asked


def test_all_that_was_settled_comes_back(monkeypatch: pytest.MonkeyPatch):
    command = retyped(
        ["-odd", Path("my videos")], Path("out put"), ["coco", "mot"], Overrides(SETTINGS), HOW, INTO, overlay=True, report=True
    )
    asked = typed(command, monkeypatch)
    assert (asked["sources"], asked["output"], asked["formats"]) == (["./-odd", "my videos"], "out put", ["coco", "mot"])
    assert asked["settings"] == Overrides(SETTINGS)
    assert (asked["run"], asked["data_set"]) == (HOW, INTO)
    assert (asked["overlay"], asked["report"]) == (True, True)
    assert asked["command"] == command, "which says the same"


def test_what_is_at_its_default_is_not_said_and_what_belongs_to_one_run_neither():
    how = RunOptions(retry_failed=True, redo=True, only=("a*",), shard=(1, 2))
    assert retyped(["v"], "d", ["states"], PLAIN, how, DataSetOptions()) == "kinescribe annotate v -o d --format states"
    assert retyped(["v"], "d", ["states"], PLAIN, how, DataSetOptions(), report=False).endswith(" --no-report")


@pytest.mark.parametrize(
    ("size", "says"), [(0, "0"), (2**26, "64MB"), (2**32, "4GB"), (1.5 * 2**30, "1536MB"), (2**40, "1TB"), (10**9, "976562.5KB")]
)
def test_memory_has_a_unit(size: float, says: str):
    assert retyped(["v"], "d", ["states"], PLAIN, RunOptions(max_memory=size), DataSetOptions()).endswith(f" --max-memory {says}")


def test_a_list_of_class_names_keeps_its_order(monkeypatch: pytest.MonkeyPatch):
    command = retyped(["v"], "d", ["coco"], PLAIN, RunOptions(), DataSetOptions(classes=["cart", "ball"]))
    assert list(typed(command, monkeypatch)["data_set"].classes.items()) == [("cart", "cart"), ("ball", "ball")]


@pytest.mark.parametrize("classes", [{"a": "b=c"}, {"a": "b:3"}, {"a": ["b=c", 0]}, ["a=b"]])
def test_classes_that_no_flag_can_say_are_a_comment(classes: Any):
    command = retyped(["v"], "d", ["coco"], PLAIN, RunOptions(), DataSetOptions(classes=classes))
    assert command.startswith("# ")
    assert shlex.split(f"{command} --only x --redo", comments=True) == []


def test_settings_of_single_videos_need_their_file_and_from_python_are_a_comment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config = tmp_path / "my run.toml"
    config.write_text('[annotate]\nworkers = "4"\n[extract]\nobjects = "ball"\nends = false\n[[videos]]\nmatch = "a*"\nobjects = "puck"\n')
    videos = Overrides.read(ExtractionSettings.of({"objects": "ball", "ends": False}), [{"match": "a*", "objects": "puck"}])
    assert retyped(["v"], "d", ["coco"], videos, RunOptions(), DataSetOptions()).startswith("# the settings differ from video to video")
    topped = videos.topped({"one_each": True, "ends": True})
    command = retyped(
        ["v"], "d", ["coco"], topped, RunOptions(), DataSetOptions(), config=str(config), beside=["one_each", "ends"]
    )  # fmt: skip
    assert "--objects" not in command, "as a flag it would hold for all videos"
    asked = typed(command, monkeypatch)
    assert asked["settings"] == topped
    assert asked["run"] == RunOptions(), "a flag went before what the file says, back to the default"


def test_the_model_of_the_environment_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINESCRIBE_MODEL", "qwen2.5vl:7b")
    monkeypatch.setenv("KINESCRIBE_BASE_URL", "http://me:secret@localhost:11434/v1")
    asking = Overrides(ExtractionSettings(objects="auto"))
    command = retyped(["v"], "d", ["states"], asking, RunOptions(), DataSetOptions())
    assert "--vlm-model qwen2.5vl:7b" in command
    assert "localhost:11434" in command
    assert "secret" not in command
    assert "--vlm" not in retyped(["v"], "d", ["states"], PLAIN, RunOptions(), DataSetOptions())


@pytest.mark.parametrize("url", ["sftp://user:secret@host/x@y", "sftp://user:se@cret@host/x", "filecache::sftp://user:sec ret@host/x"])
def test_credentials_are_not_shown(url: str):
    command = retyped([url], "d", ["states"], PLAIN, RunOptions(engine="ray", exchange=url), DataSetOptions())
    assert "user" not in command
    assert "ret" not in command
    assert command.count("…@host/x") == 2
    one = ExtractionSettings(vlm_url=url).command("a.mp4")
    assert "ret" not in one
    assert "…@host/x" in one


def test_options_of_formats_are_told_by_their_flags():
    assert changed(DataSetOptions()) == []
    assert changed(INTO) == [
        "--picture-stride", "--split", "--seed", "--class", "--label", "--verified-only", "--hidden", "--pictures",
    ]  # fmt: skip
