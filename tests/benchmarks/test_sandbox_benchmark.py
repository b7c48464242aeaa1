"""The benchmark of the sandbox compares like with like."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from kinescribe.dynamics.sandbox import complaints
from kinescribe.dynamics.sandbox.syscalls import machine

FOLDER = Path(__file__).parents[2] / "benchmarks"
pytestmark = pytest.mark.skipif(machine() is None, reason="the sandbox needs 64-bit Linux")


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location("sandbox_benchmark", FOLDER / "sandbox.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_its_laws_may_run_in_the_sandbox_and_move(benchmark):
    for source, truth in benchmark.LAWS.values():
        assert complaints(benchmark.BEGIN + source) == []
        clips = benchmark.filmed(benchmark.in_process(source), truth, np.random.default_rng(0))
        assert len(clips) == benchmark.CLIPS
        assert all(np.ptp(clip.x) > 0.1 for clip in clips)
        # something is struck where a law says that something can be
        assert any(clip.impacts for clip in clips) == ("contacts" in source)


def test_records_are_written(benchmark, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["sandbox.py", "--rollouts", "40", "--repeats", "1", "--json", str(tmp_path / "out.json")])
    monkeypatch.setattr(benchmark, "LAWS", dict(list(benchmark.LAWS.items())[:1]))
    assert benchmark.main() == 0
    records = json.loads((tmp_path / "out.json").read_text())
    assert [record["measure"] for record in records] == ["time in the sandbox over time in process", "start", "one call", "memory"]
    assert all(record["value"] > 0 for record in records)
