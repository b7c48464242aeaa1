"""The benchmark of real clips finds the law of a clip whose law is known, here of one that is drawn."""

import json
from pathlib import Path

import numpy as np
import pytest

from kinescribe.states import Calibration, Metadata, States

INTERVAL, SCALE, GRAVITY = 0.05, 100.0, 9.0
FRAMES = np.arange(20)
TIMES = FRAMES * INTERVAL


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import real_laws

    return real_laws


def toss(mark_gravity: float = GRAVITY):
    return np.stack([30.0 + SCALE * 2.0 * TIMES, 400.0 - SCALE * (6.0 * TIMES - mark_gravity / 2 * TIMES**2)], axis=1)


def lay_out(root: Path, name: str, marks, label: str):
    folder = root / "real" / name
    folder.mkdir(parents=True)
    about = {
        "frame_interval_s": INTERVAL,
        "pixels_per_unit": [SCALE, SCALE],
        "length_unit": "m",
        "origin_px": [0.0, 480.0],
        "axis_angle_deg": 0.0,
    }
    (folder / "clip.json").write_text(json.dumps(about))
    lines = "".join(f"{i},{label},{x:.3f},{y:.3f}\n" for i, (x, y) in enumerate(marks.tolist()))
    (folder / "truth.csv").write_text("frame,object,x_px,y_px\n" + lines)


def write_table(folder: Path, name: str, path, noise: float = 0.2):
    folder.mkdir(exist_ok=True)
    calibration = Calibration.from_scale(SCALE, "m", (0.0, 480.0), 0.0)
    seen = path + np.random.default_rng(1).normal(0, noise, path.shape)
    world = calibration.points(seen)
    sigma = np.full(len(path), noise / SCALE)
    columns = {
        "frame": FRAMES, "time_s": TIMES, "object_id": np.ones(len(path), int), "x": world[:, 0], "y": world[:, 1],
        "x_px": seen[:, 0], "y_px": seen[:, 1], "sigma_x": sigma, "sigma_y": sigma,
    }  # fmt: skip
    States.from_columns(columns, Metadata(calibration=calibration)).to_csv(folder / f"{name}.csv")


def figures(target: Path):
    return {(record["case"], record["measure"]): record for record in json.loads(target.read_text())}


def run(benchmark, tmp_path, *more):
    target = tmp_path / "figures.json"
    code = benchmark.main(["--data", str(tmp_path), "--tables", str(tmp_path / "tables"), "--json", str(target), *more])
    assert code == 0
    return figures(target)


def test_a_toss_gives_its_law_and_its_gravity(benchmark, tmp_path, capsys):
    lay_out(tmp_path, "balltoss", toss(), "ball")
    write_table(tmp_path / "tables", "balltoss", toss())
    found = run(benchmark, tmp_path)
    assert found["balltoss", "law_of_the_expected_kind"]["value"] == 1
    gravity = found["balltoss", "gravity"]
    assert gravity["value"] == pytest.approx(GRAVITY, rel=0.01)
    assert gravity["reference"] == pytest.approx(GRAVITY, rel=1e-4)
    assert found["balltoss", "gravity_relative_error"]["value"] < 0.01
    assert "2 of 2 goals met" in capsys.readouterr().out


def test_marks_that_say_otherwise_miss_the_goal(benchmark, tmp_path, capsys):
    lay_out(tmp_path, "truck_projectile", toss(GRAVITY), "mass_A")
    # 4 % less, which stays within reach of the marks
    write_table(tmp_path / "tables", "truck_projectile", toss(0.96 * GRAVITY))
    found = run(benchmark, tmp_path)
    assert set(found) == {("truck_projectile", "gravity_relative_error"), ("truck_projectile", "gravity")}
    assert found["truck_projectile", "gravity_relative_error"]["value"] == pytest.approx(0.04, abs=0.008)
    assert "truck_projectile gravity_relative_error" in capsys.readouterr().out


def test_a_law_of_another_kind_and_an_object_that_is_not_found_are_told(benchmark, tmp_path, capsys):
    lay_out(tmp_path, "badminton", toss(), "mass_A")
    write_table(tmp_path / "tables", "badminton", toss() + 300.0)
    found = run(benchmark, tmp_path)
    assert found["badminton", "law_of_the_expected_kind"]["value"] == 0
    assert "badminton: no object near the marks of mass_A" in capsys.readouterr().out


def test_the_period_is_that_of_the_fitted_motion(benchmark):
    from kinescribe.dynamics.api import fit
    from kinescribe.evaluation import Truth

    times = np.arange(80) * INTERVAL
    path = np.stack([300.0 + 100.0 * np.cos(2 * np.pi * times / 1.5), np.full(80, 200.0)], axis=1)
    calibration = Calibration.from_scale(SCALE, "m", (0.0, 480.0), 0.0)
    marks = Truth(np.arange(80), path, np.full(80, np.nan))
    slow = Truth(np.arange(80), np.stack([300.0 + 100.0 * np.cos(2 * np.pi * times / 1.6), path[:, 1]], axis=1), np.full(80, np.nan))
    found = fit(benchmark.marks_clip(marks, calibration, INTERVAL), "anchored-spring")
    ours, theirs = benchmark.period_of(found, slow, calibration, INTERVAL)
    assert ours == pytest.approx(1.5, rel=1e-3)
    assert theirs == pytest.approx(1.6, rel=1e-3)


def test_an_unknown_clip_ends_with_one_line(benchmark, tmp_path):
    lay_out(tmp_path, "balltoss", toss(), "ball")
    with pytest.raises(SystemExit, match=r"no clip nowhere in .*; laws are known of: badminton, balltoss"):
        benchmark.main(["--data", str(tmp_path), "--only", "nowhere"])
