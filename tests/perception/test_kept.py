"""Models stay loaded from one video to the next, and no video's files tell which videos came before it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import small_models
import small_video_models
import test_sam_segmenters
from scripted import ScriptedDetector

import kinescribe as ks
from kinescribe import plugins
from kinescribe.errors import InputError, NothingFoundError, UsageError
from kinescribe.evaluation import scenes
from kinescribe.perception.backends import Choice, Stack
from kinescribe.perception.kept import KeptParts
from kinescribe.perception.on_demand import RuntimeOnDemand
from kinescribe.pipeline import extract_states

ANYTHING = "red ball: 0.01, black cart | trolley: 0.01"  # random weights are sure of nothing
STACKS: dict[str, dict[str, Any]] = {
    "boxes, masks, memory": {
        "backend": "grounded-sam",
        "detector": "grounding-dino:{gd}",
        "segmenter": "sam2:{sam2}",
        "propagator": "sam2-video:{sam2}",
    },
    "boxes and masks": {"backend": "owlv2", "detector": "owlv2:{owl}", "segmenter": "sam:{sam}", "propagator": "none"},
    "one model": {"backend": "sam3", "concept_tracker": "sam3-video:{sam3}"},
}
ROLES = {
    "boxes, masks, memory": {"detector", "segmenter", "propagator"},
    "boxes and masks": {"detector", "segmenter"},
    "one model": {"concept_tracker"},
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("weights")
    makers: dict[str, Callable[[Path], Any]] = {
        "gd": small_models.write_grounding_dino,
        "owl": small_models.write_owlv2,
        "sam": test_sam_segmenters.write_sam,
        "sam2": small_video_models.write_sam2_video,
        "sam3": lambda folder: small_video_models.write_sam3_video(folder, seed=3),
    }
    for name, make in makers.items():
        (root / name).mkdir()
        make(root / name)
    return {name: str(root / name) for name in makers}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three videos of different lengths, sizes and things."""
    root = tmp_path_factory.mktemp("videos")
    paths = [root / f"{name}.mp4" for name in ("pucks", "ball", "cart")]
    scenes.two_pucks_collision(frame_count=9, width=160, height=120).write(paths[0])
    scenes.falling_ball(frame_count=7, width=96, height=96).write(paths[1])
    scenes.two_pucks_collision(frame_count=6, width=120, height=120, seed=3).write(paths[2])
    return paths


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The classes of the models that were loaded, and put on a device."""
    from kinescribe.perception.grounded_sam.runtime import Runtime

    names: list[str] = []
    place = Runtime.place

    def told(self: Any, model: Any, *rest: Any) -> Any:
        names.append(type(model).__name__)
        return place(self, model, *rest)

    monkeypatch.setattr(Runtime, "place", told)
    return names


def options(stack: str, folders: dict[str, str], **changes: Any) -> dict[str, Any]:
    named = {name: value.format(**folders) for name, value in STACKS[stack].items()}
    return {"objects": ANYTHING, "verifier": "rules", "device": "cpu", "ends": False, **named, **changes}


def files(video: Path, folder: Path, **given: Any) -> dict[str, bytes]:
    """Table, sidecar and masks of a video, as they are written."""
    folder.mkdir(parents=True)
    extract_states(video, **given, masks=folder / "states.masks.jsonl.gz").to_csv(folder / "states.csv")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("stack", STACKS)
def test_a_video_gives_the_same_bytes_whatever_came_before_it(
    stack: str, folders: dict[str, str], videos: list[Path], placed: list[str], tmp_path: Path
):
    given = options(stack, folders)
    fresh = {video: files(video, tmp_path / "fresh" / video.stem, **given) for video in videos}
    assert len({made["states.csv"] for made in fresh.values()}) == len(videos), "videos that look alike show nothing"
    placed.clear()
    kept = KeptParts()
    loaded: list[int] = []
    for number, video in enumerate([videos[0], videos[1], videos[2], videos[0]]):
        assert files(video, tmp_path / "kept" / str(number), **given, kept=kept) == fresh[video]
        loaded.append(len(placed))
    assert set(kept.roles) == ROLES[stack] if stack != "one model" else set(kept.roles) <= ROLES[stack]
    if stack != "one model":
        assert len(set(loaded)) == 1, "later videos load nothing"
