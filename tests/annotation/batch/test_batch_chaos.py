"""Runs that are killed at any moment come, resumed, to the bytes of a run in peace; benchmarks/annotate_chaos.py does fifty rounds."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from tiny_videos import draw, draw_folder


@pytest.mark.slow  # a dozen whole runs with processes of their own
@pytest.mark.skipif(sys.platform == "win32", reason="groups of processes are killed otherwise there")
def test_killed_at_any_moment_and_resumed_the_data_set_is_that_of_a_run_in_peace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "benchmarks"))
    chaos = importlib.import_module("annotate_chaos").chaos
    clips = draw_folder(tmp_path / "clips", 2)
    options = ["--format", "coco,yolo,mot", "--workers", "1", "--picture-stride", "6", "--no-report"]
    told = chaos(clips, draw(tmp_path / "other.mp4", 50), tmp_path / "work", 6, options, seed=7)
    assert (told.rounds, told.different, told.left, told.codes) == (6, {}, {}, {})
    assert told.kills >= 1  # moments are shares of a run that was timed before: a machine that gets faster is done by then
