"""The benchmark of reviews puts faults in that are what their names say, and counts what is found."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kinescribe.evaluation.scenes import two_pucks_collision


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import review

    return review


@pytest.fixture
def right(benchmark):
    return benchmark.right_states(two_pucks_collision(frame_count=20))


def of(states, object_id, name="x_px"):
    return states[name][states["object_id"] == object_id]


def test_right_states_are_the_truth(benchmark):
    scene = two_pucks_collision(frame_count=20)
    states = benchmark.right_states(scene)
    for object_id, truth in enumerate(scene.truth.values(), start=1):
        assert of(states, object_id) == pytest.approx(truth.positions[:, 0])
    assert set(states["status"]) == {"observed"}


def test_faults_are_what_they_are_called(benchmark, right):
    assert of(benchmark.shifted(right, 1), 1) - of(right, 1) == pytest.approx([0.0] * 12 + [3.0] * 8)
    assert np.diff(of(benchmark.drifting(right, 1), 1) - of(right, 1)) == pytest.approx([0.08] * 19)
    assert of(benchmark.late(right, 1), 1)[1:] == pytest.approx(of(right, 1)[:-1])
    assert benchmark.invented(right, 1).object_ids == [1, 2, 3]
    assert benchmark.removed(right, 2).object_ids == [1]
    assert len(of(benchmark.stopped(right, 2), 2)) == 10
    swapped = benchmark.swapped(right, 1)
    assert of(swapped, 1)[:10] == pytest.approx(of(right, 1)[:10])
    assert of(swapped, 1)[10:] == pytest.approx(of(right, 2)[10:])
    for wrong in (benchmark.shifted(right, 1), benchmark.late(right, 1), swapped):
        assert len(wrong) == len(right)


def test_what_changes_nothing_is_no_fault(benchmark, right):
    assert not benchmark.possible("one frame late", right, 2)  # it is at rest
    assert benchmark.possible("one frame late", right, 1)
    assert not benchmark.possible("swapped ids", benchmark.removed(right, 2), 1)


def flagged(states, rows):
    """A review that flags these rows, and misses nothing."""
    marks = np.zeros(len(states), bool)
    marks[np.flatnonzero(rows)] = True
    return SimpleNamespace(flagged=marks, missed=())


def test_a_fault_is_found_where_it_is(benchmark, right):
    """Rows before it begins, and those of other objects, are no find."""
    wrong = benchmark.shifted(right, 1)
    mine, late = wrong["object_id"] == 1, wrong["frame"] >= 12
    for rows, found, alarms in ((mine & late, True, 0), (mine & ~late, False, 0), (~mine & late, False, 8), (late, True, 8)):
        told = flagged(wrong, rows)
        assert benchmark.is_found("shifted by 3 px", wrong, right, 1, told) is found
        assert benchmark.alarms_on_others(wrong, right, 1, told) == (alarms, 20)


def test_rows_that_faults_touch(benchmark, right):
    swapped = benchmark.swapped(right, 1)
    assert benchmark.touched(swapped, right).tolist() == (swapped["frame"] >= 10).tolist()
    assert benchmark.alarms_on_others(swapped, right, 1, flagged(swapped, swapped["frame"] > 0)) == (0, 0)
    made = benchmark.invented(right, 1)
    assert benchmark.touched(made, right).tolist() == (made["object_id"] == 3).tolist()
    assert not benchmark.is_found("invented id", made, right, 1, flagged(made, made["object_id"] == 1))
    assert benchmark.is_found("invented id", made, right, 1, flagged(made, made["object_id"] == 3))
    assert not benchmark.touched(benchmark.stopped(right, 2), right).any()
    gone = benchmark.stopped(right, 2)
    assert benchmark.alarms_on_others(gone, right, 2, flagged(gone, gone["frame"] == 5)) == (1, 20)


def test_figures_are_written(benchmark, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "DRAWN", {"two pucks": lambda **options: two_pucks_collision(frame_count=24, **options)})
    monkeypatch.setattr(benchmark, "CAMERAS", {"noise 2": {"noise": 2.0}})
    monkeypatch.setattr(benchmark, "FAULTS", {"shifted by 3 px": benchmark.shifted})
    assert benchmark.main(["--no-real", "--json", str(tmp_path / "figures.json")]) == 0
    records = {(record["case"], record["measure"]): record["value"] for record in json.loads((tmp_path / "figures.json").read_text())}
    assert records == {
        ("drawn/shifted by 3 px", "found"): 1.0,
        ("drawn/shifted by 3 px", "other_rows_flagged"): 0.0,
        ("drawn/right states", "rows_flagged"): 0.0,
    }
    assert "2 of 2 goals met" in capsys.readouterr().out
