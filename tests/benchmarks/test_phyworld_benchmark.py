import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from test_phyworld_perception_benchmark import TIMES, uniform, write_set

h5py = pytest.importorskip("h5py", reason="needs the extra [bench] or [test]")


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import phyworld

    return phyworld


def falling(radius, speed):
    path, init = uniform(radius, speed, y=9.0 - radius)
    path[:, 0, 1] -= 1.25 * TIMES**2
    return path, init


def test_the_law_is_found_and_foretells_from_three_frames(benchmark, tmp_path):
    folder = tmp_path / "phyworld"
    write_set(folder, "parabola", [falling(0.9, 1.5), falling(1.1, 2.5), falling(1.2, 3.0)])
    shutil.copy(folder / "parabola_eval.hdf5", folder / "parabola_train.hdf5")
    out = tmp_path / "out.json"
    assert benchmark.main(["--data", str(tmp_path), "--json", str(out), "--only", "parabola", "--draws", "1"]) == 0
    found = {(record["case"], record["measure"]): record["value"] for record in json.loads(out.read_text())}
    assert found["parabola", "gravity_error"] < 0.01
    assert found["parabola/in/k3", "velocity_error"] < 0.02  # the drawn pictures are half as wide as PhyWorld's
    assert found["parabola/in/k3", "velocity_error_spread"] == 0.0


def test_a_ball_that_is_not_found_stands_still(benchmark):
    from phyworld_data import Clip

    positions, (radius, speed) = uniform(1.0, 2.0)
    clip = Clip("one", "uniform_motion", b"", positions, np.array([radius]), np.array([speed]))
    path = benchmark.predicted(clip, None, None, {})
    assert (path == positions[0]).all()
    errors = benchmark.errors_of(clip, [None], None, {})
    assert errors[0][0] == pytest.approx(2.0)
