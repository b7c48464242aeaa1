"""The benchmark of the accelerated classical detector runs on a CPU and writes what it promises."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import classical_gpu

    return classical_gpu


def test_every_stage_is_timed_and_both_sides_find_the_same(benchmark, tmp_path, capsys):
    target = tmp_path / "figures.json"
    code = benchmark.main(["--quick", "--sizes", "96x72", "--batches", "1,3", "--bodies", "2", "--repeats", "1", "--json", str(target)])
    assert code == 0
    assert "on cpu" in capsys.readouterr().out
    records = {(record["case"], record["measure"]): record for record in json.loads(target.read_text())}
    stages = ["median", "whole background", *(f"{stage}/batch {size}" for stage in benchmark.STAGES for size in (1, 3))]
    for stage in stages:
        time, ratio = (records[f"96x72/{stage}", measure] for measure in ("time_per_frame", "speed_ratio"))
        assert time["unit"] == "ms"
        assert time["reference"] / time["value"] == pytest.approx(ratio["value"], rel=1e-4)
    assert records["96x72", "largest_difference_of_centroids"]["value"] < 1e-3


def test_a_side_that_finds_more_is_told(benchmark):
    from kinescribe.perception import Detections

    one = Detections(0, 0.0)
    assert benchmark.difference_of([one], [one]) == 0
    two = Detections(0, 0.0, centroids=[[1.0, 2.0]])
    assert benchmark.difference_of([one], [two]) == float("inf")


@pytest.mark.parametrize("wrong", [["--sizes", "32x32"], ["--batches", "0"], ["--batches", "a"], ["--sizes", "640"]])
def test_senseless_options_are_refused(benchmark, wrong):
    with pytest.raises(SystemExit):
        benchmark.main(["--quick", *wrong])
