import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from kinescribe.video import VideoWriter

h5py = pytest.importorskip("h5py", reason="needs the extra [bench] or [test]")

SIDE = 128
TIMES = np.arange(32) * 0.1
GRID = np.linspace(0.0, 10.0, SIDE)


def draw(positions, radii):
    """PhyWorld's own shading: white ground, red and blue balls with soft edges, rows flipped."""
    image = np.ones((SIDE, SIDE, 3))
    for (x, y), radius, color in zip(positions, radii, [(0, 0, 1), (1, 0, 0)], strict=False):
        squared = (GRID[None, :] - x) ** 2 + (GRID[:, None] - y) ** 2
        cover = np.clip((radius**2 - squared) / (0.03 * radius**2), 0, 1)[..., None]
        image = image * (1 - cover) + np.array(color) * cover
    return (255 * image[::-1]).round().astype(np.uint8)


def write_set(folder: Path, kind: str, clips):
    """Clips of (positions (32, balls, 2), init) in the published layout."""
    folder.mkdir(exist_ok=True)
    with h5py.File(folder / f"{kind}_eval.hdf5", "w") as file:
        videos = file.create_dataset("video_streams/00000", (len(clips),), dtype=h5py.vlen_dtype(np.uint8))
        balls = len(clips[0][1]) // 2
        positions = np.stack([p for p, _ in clips])
        file["position_streams/00000"] = positions[:, :, 0] if balls == 1 else positions
        file["init_streams/00000"] = np.array([init for _, init in clips])
        for i, (path, init) in enumerate(clips):
            movie = folder / "clip.mp4"
            with VideoWriter(movie) as writer:
                for frame, time in zip(path, TIMES, strict=True):
                    writer.write(draw(frame, init[:balls]), time)
            videos[i] = np.frombuffer(movie.read_bytes(), np.uint8)
            movie.unlink()


def uniform(radius, speed, y=5.0):
    return np.stack([radius + 0.5 + speed * TIMES, np.full(32, y)], axis=1)[:, None], (radius, speed)


def collision(speed):
    """Equal balls head-on; they swap velocities when they touch."""
    one = np.minimum(2.0 + speed * TIMES, 8.0 - 2.0 - speed * TIMES)
    return np.stack([np.stack([one, np.full(32, 5.0)], 1), np.stack([8.0 - one, np.full(32, 5.0)], 1)], axis=1), (1.0, 1.0, speed, speed)


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import phyworld_perception

    return phyworld_perception


@pytest.fixture
def data(tmp_path: Path):
    write_set(tmp_path / "phyworld", "uniform_motion", [uniform(1.0, 2.0), uniform(0.8, 5.0), uniform(0.5, 2.0)])
    write_set(tmp_path / "phyworld", "collision", [collision(1.2)])
    falling, init = uniform(1.2, 1.5, y=8.5)
    falling[:, 0, 1] -= 1.25 * TIMES**2
    write_set(tmp_path / "phyworld", "parabola", [(falling, init)])
    return tmp_path


def run(benchmark, data, *extra):
    out = data / "out.json"
    assert benchmark.main(["--data", str(data), "--json", str(out), *extra]) == 0
    return {(record["case"], record["measure"]): record for record in json.loads(out.read_text())}


def test_clips_are_read_split_and_dropped_as_published(benchmark, data):
    from phyworld_data import read_clips

    clips = read_clips(data / "phyworld" / "uniform_motion_eval.hdf5")
    assert [(clip.split, float(clip.radii[0])) for clip in clips] == [("in", 1.0), ("ood", 0.8)]
    assert clips[0].images(3).shape == (3, SIDE, SIDE, 3)
    assert read_clips(data / "phyworld" / "collision_eval.hdf5")[0].positions.shape == (32, 2, 2)


def test_the_plain_centroid_is_right_in_scale_and_axes(benchmark, data):
    found = run(benchmark, data, "--reference-only")
    for case in ("uniform_motion/in/k3", "uniform_motion/ood/k3", "parabola/in/k4", "collision/in/k4"):
        assert found[case, "reference_velocity_error"]["value"] < 0.03
    assert found["uniform_motion/in/whole", "reference_position_error_mean"]["value"] < 0.01


def perfect(shift=0.0, labels_swapped=False):
    """An extract_states that finds each colour's centroid by itself; `shift` moves every x by that much a frame."""

    def extract_states(images, *, times, calibration):
        from phyworld_data import weighted_centroids

        balls = 2 if (images[0][..., 0].astype(int) - images[0][..., 2] > 100).any() else 1
        pixels = weighted_centroids(images, balls)
        world = np.stack([calibration.points(pixels[:, ball]) for ball in range(balls)], axis=1)
        world[..., 0] += shift * np.arange(len(images))[:, None]
        order = range(balls)[::-1] if labels_swapped else range(balls)
        count = len(images)
        columns = {
            "frame": np.tile(np.arange(count), balls),
            "object_id": np.repeat(np.arange(1, balls + 1), count),
            "x": np.concatenate([world[:, b, 0] for b in order]),
            "y": np.concatenate([world[:, b, 1] for b in order]),
            "x_px": np.concatenate([pixels[:, b, 0] for b in order]),
            "y_px": np.concatenate([pixels[:, b, 1] for b in order]),
            "vx": np.full(balls * count, np.nan),
        }
        return SimpleNamespace(columns=columns)

    return extract_states


def replace_pipeline(monkeypatch, extract_states):
    module = ModuleType("kinescribe.pipeline")
    module.extract_states = extract_states
    monkeypatch.setitem(sys.modules, "kinescribe.pipeline", module)
    monkeypatch.setattr("kinescribe.pipeline", module, raising=False)


def test_states_equal_to_the_reference_score_as_the_reference(benchmark, data, monkeypatch):
    replace_pipeline(monkeypatch, perfect(labels_swapped=True))
    found = run(benchmark, data)
    for (case, measure), record in found.items():
        if measure in ("velocity_error", "position_error_mean"):
            assert record["value"] == pytest.approx(record["reference"], abs=1e-6), case
        if measure == "coverage":
            assert record["value"] == 1.0
        if measure in ("clips_with_a_ball_lost", "ids_beyond_the_balls"):
            assert record["value"] == 0.0
    uniform_three = found["uniform_motion/ood/k3", "velocity_error"]
    assert uniform_three["goal"] == pytest.approx(0.8 * uniform_three["reference"], rel=1e-4)
    # no vx in these states: the smoothed reading counts the ball as standing still
    assert found["uniform_motion/in/k3", "velocity_error_smoothed"]["value"] == pytest.approx(2.0, abs=1e-3)


def test_a_drift_of_the_states_shows_as_velocity(benchmark, data, monkeypatch):
    replace_pipeline(monkeypatch, perfect(shift=0.05))
    found = run(benchmark, data, "--only", "uniform_motion", "--whole", "1")
    for k in (2, 3, 4):
        assert found[f"uniform_motion/in/k{k}", "velocity_error"]["value"] == pytest.approx(0.5, abs=0.05)


def test_default_settings_find_the_balls_in_three_frames(benchmark, data):
    found = run(benchmark, data, "--whole", "1")
    for case in ("uniform_motion/in/k3", "parabola/in/k3", "collision/in/k3"):
        assert found[case, "clips_with_a_ball_lost"]["value"] == 0.0, case
        assert found[case, "velocity_error"]["value"] < 0.05, case
    assert found["uniform_motion/in/whole", "coverage"]["value"] == 1.0
    assert found["uniform_motion/in/whole", "position_error_mean"]["value"] < 0.02


def test_missing_files_end_with_one_line(benchmark, tmp_path):
    (tmp_path / "phyworld").mkdir()
    with pytest.raises(SystemExit, match=r"no file '.*uniform_motion_eval\.hdf5'"):
        benchmark.main(["--data", str(tmp_path), "--reference-only"])


@pytest.mark.data
def test_the_plain_centroid_gives_the_published_figures(benchmark, tmp_path):
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not (folder / "phyworld").is_dir():
        pytest.skip(f"needs {folder}")
    out = tmp_path / "out.json"
    assert benchmark.main(["--data", str(folder), "--json", str(out), "--reference-only", "--only", "uniform_motion", "--whole", "1"]) == 0
    found = {record["case"]: record["value"] for record in json.loads(out.read_text()) if record["measure"] == "reference_velocity_error"}
    assert round(found["uniform_motion/in/k3"], 4) == 0.0039
    assert round(found["uniform_motion/ood/k3"], 4) == 0.0051
