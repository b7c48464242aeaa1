"""A worker loads models once for all of its videos, and each video's folder is that of a worker that does it alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import small_models

from kinescribe.annotation.batch import work as working
from kinescribe.annotation.batch.jobs import Job, Products
from kinescribe.evaluation import scenes
from kinescribe.perception.kept import KeptParts
from kinescribe.settings import ExtractionSettings


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The models that were loaded."""
    from kinescribe.perception.grounded_sam.runtime import Runtime

    models: list[Any] = []
    place = Runtime.place

    def told(self: Any, model: Any, *rest: Any) -> Any:
        models.append(model)
        return place(self, model, *rest)

    monkeypatch.setattr(Runtime, "place", told)
    return models


def test_models_are_loaded_once_a_worker(tmp_path: Path, placed: list[Any], monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "owl").mkdir()
    small_models.write_owlv2(tmp_path / "owl")
    videos = [tmp_path / "first.mp4", tmp_path / "second.mp4"]
    scenes.falling_ball(frame_count=4, width=96, height=96).write(videos[0])
    scenes.falling_ball(frame_count=5, width=96, height=96).write(videos[1])
    asked = {"objects": "red ball: 0.01", "backend": "owlv2", "detector": f"owlv2:{tmp_path / 'owl'}", "verifier": "none", "device": "cpu"}
    settings = ExtractionSettings.of({**asked, "segmenter": "none", "propagator": "none", "ends": False}).to_dict()

    def made(video: Path, worker: str) -> dict[str, bytes]:
        folder, staging = tmp_path / worker / video.stem, tmp_path / "staging"
        folder.parent.mkdir(exist_ok=True)
        job = Job(video.name, str(video), str(folder), str(staging), settings, products=Products(report=False))
        outcome = working.work(job, lambda *_: None)
        assert outcome.state == "done", outcome.reason
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    alone = []
    for number, video in enumerate(videos):
        monkeypatch.setattr(working, "_KEPT", KeptParts())
        alone.append(made(video, f"alone {number}"))
    once = len(placed) // 2
    placed.clear()
    monkeypatch.setattr(working, "_KEPT", KeptParts())
    assert [made(video, "both") for video in videos] == alone
    assert len(placed) == once > 0
