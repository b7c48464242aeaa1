"""The benchmark of association draws scenes whose detections are of their truth, and counts what trackers say."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import association

    return association


@pytest.mark.parametrize(("kind", "least"), [("people", 0.5), ("discs", 0.8), ("crowd", 0.9)])
def test_scenes_are_seen_as_they_are(benchmark: ModuleType, kind: str, least: float) -> None:
    scene = benchmark.crowd(3, 50, 30) if kind == "crowd" else getattr(benchmark, kind)(3)
    found = total = 0
    for ids, truth, boxes, scores in zip(scene.ids, scene.truth, scene.boxes, scene.scores, strict=True):
        assert len(ids) == len(set(ids.tolist())) == len(truth)
        assert len(boxes) == len(scores)
        assert ((scores >= 0) & (scores <= 1)).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        total += len(truth)
        sides = truth[:, 2:] - truth[:, :2]
        found += int((np.abs(truth[:, None] - boxes[None]) < 0.2 * np.tile(sides, 2)[:, None]).all(-1).any(1).sum())
    assert least * total < found < total  # some are hidden or missed, but most are seen where they are


def test_the_same_seed_draws_the_same_scene(benchmark: ModuleType) -> None:
    for first, second in zip(benchmark.people(5).boxes, benchmark.people(5).boxes, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["online", "offline", "offline, steady"])
def test_ours_answer_with_ids_and_boxes(benchmark: ModuleType, name: str) -> None:
    scene = benchmark.crowd(0, 12, 12, missed=0.0)
    answer = benchmark.answers(name, scene, None)
    assert len(answer) == 12
    for ids, boxes in answer:
        assert boxes.shape == (len(ids), 4)
        assert len(set(ids.tolist())) == len(ids)
    assert sum(len(ids) for ids, _ in answer) >= 0.9 * sum(map(len, scene.ids))


def test_ids_are_numbered_without_gaps(benchmark: ModuleType) -> None:
    first, second, none = benchmark.numbered([np.array([7, 3]), np.array([90, 3]), np.array([], int)])
    assert (first.tolist(), second.tolist(), none.tolist()) == ([1, 0], [2, 0], [])


def test_without_the_other_trackers_it_says_what_to_install(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trackers", None)
    monkeypatch.setattr(sys, "argv", ["association.py"])
    with pytest.raises(SystemExit, match="pip install 'trackers"):
        benchmark.main()


def test_perfect_answers_score_one_and_a_swap_is_counted(benchmark: ModuleType) -> None:
    pytest.importorskip("trackers")
    scene = benchmark.discs(0)
    perfect = list(zip(scene.ids, scene.truth, strict=True))
    assert benchmark.score(scene, perfect) == pytest.approx({"HOTA": 1.0, "MOTA": 1.0, "IDF1": 1.0, "id_switches": 0})
    swapped = [(np.where(ids < 3, 3 - ids, ids) if k > 50 else ids, boxes) for k, (ids, boxes) in enumerate(perfect)]
    assert benchmark.score(scene, swapped)["id_switches"] == 2


def test_figures_are_written(benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trackers = pytest.importorskip("trackers")
    monkeypatch.setattr(benchmark, "COUNTS", (5, 8))
    monkeypatch.setattr(benchmark, "LARGEST", 40)
    records = benchmark.speed(trackers, frames=8)
    benchmark.finish(records, tmp_path / "figures.json")
    written = json.loads((tmp_path / "figures.json").read_text())
    assert {(one["case"], one["measure"]) for one in written} == {
        (f"{count} objects", measure) for count in (5, 8) for measure in ("time_ratio", "update")
    } | {("40 objects", "update"), ("40 objects", "peak_over_square")}
    assert all(one["value"] > 0 for one in written)
