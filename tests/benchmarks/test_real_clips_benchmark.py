import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest

from kinescribe.errors import NothingFoundError
from kinescribe.evaluation import read_truth
from kinescribe.video import VideoWriter, open_video

FRAMES = np.arange(20)
INTERVAL = 0.04
SCALE = 200.0
GRAVITY = 9.81
TIMES = FRAMES * INTERVAL
TOSS = np.stack([15.0 + 5.0 * FRAMES, 118.0 - SCALE * (3.9 * TIMES - GRAVITY / 2 * TIMES**2) / 2.0], axis=1)
SLIDE = np.stack([10.0 + 6.0 * FRAMES, np.full(20, 40.0)], axis=1)


def draw(path, color):
    rng = np.random.default_rng(1)
    columns, rows = np.meshgrid(np.arange(160), np.arange(120))
    for x, y in path:
        cover = np.clip(7.5 - np.hypot(columns - x, rows - y), 0, 1)[..., None]
        image = 60 + rng.normal(0, 1.5, (120, 160, 3))
        yield np.clip(image * (1 - cover) + np.array(color) * cover, 0, 255).astype(np.uint8)


def lay_out(folder: Path, name: str, path, images: bool, color=(40, 220, 240)):
    """One clip in the layout of the data; every other frame is marked."""
    clip = folder / "real" / name
    clip.mkdir(parents=True)
    (clip / "clip.json").write_text(json.dumps({"frame_interval_s": INTERVAL, "pixels_per_unit": [SCALE / 2, SCALE / 2]}))
    marks = "".join(f"{i},ball,{path[i, 0]:.3f},{path[i, 1]:.3f}\n" for i in range(0, 20, 2))
    (clip / "truth.csv").write_text("frame,object,x_px,y_px\n" + marks)
    if images:
        (clip / "frames").mkdir()
        for i, image in enumerate(draw(path, color)):
            cv2.imwrite(str(clip / "frames" / f"{i:05d}.png"), image)
    else:
        with VideoWriter(clip / "video.mp4") as writer:
            for i, image in enumerate(draw(path, color)):
                writer.write(image, i / 30)


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import real_clips

    return real_clips


@pytest.fixture
def data(tmp_path: Path):
    lay_out(tmp_path, "balltoss", TOSS, images=True)
    lay_out(tmp_path, "slide", SLIDE, images=False)
    return tmp_path


def replace_pipeline(monkeypatch, extract_states):
    module = ModuleType("kinescribe.pipeline")
    module.extract_states = extract_states
    monkeypatch.setitem(sys.modules, "kinescribe.pipeline", module)
    monkeypatch.setattr("kinescribe.pipeline", module, raising=False)


def states_of(path, offset=0.0):
    box = {"bbox_x": path[:, 0] - 7, "bbox_y": path[:, 1] - 7, "bbox_w": np.full(20, 14.0), "bbox_h": np.full(20, 14.0)}
    columns = {"frame": FRAMES, "object_id": np.ones(20, int), "x_px": path[:, 0] + offset, "y_px": path[:, 1] + offset, **box}
    return SimpleNamespace(columns=columns)


def figures(file: Path):
    return {(record["case"], record["measure"]): record for record in json.loads(file.read_text())}


def test_figures_of_known_states(benchmark, data, tmp_path, monkeypatch, capsys):
    seen = {}

    def extract_states(source, *, frame_interval):
        seen[Path(source).name] = frame_interval
        return states_of(TOSS if Path(source).name == "frames" else SLIDE, offset=4.0)

    replace_pipeline(monkeypatch, extract_states)
    assert benchmark.main(["--data", str(data), "--json", str(tmp_path / "out.json"), "--overlays", str(tmp_path / "look")]) == 0
    assert seen == {"frames": INTERVAL, "video.mp4": INTERVAL}
    found = figures(tmp_path / "out.json")
    assert found["balltoss/ball", "coverage"]["value"] == 1.0
    assert found["balltoss/ball", "coverage"]["goal"] == 0.95
    assert found["slide/ball", "median_error"]["value"] == pytest.approx(0.0, abs=1e-3)
    assert found["slide", "spurious"]["goal"] == 2.0
    assert found["balltoss/ball", "gravity"]["value"] == pytest.approx(GRAVITY, rel=1e-2)
    assert found["balltoss/ball", "gravity_relative_error"]["goal"] == 0.03
    assert ("slide/ball", "gravity") not in found
    assert found["all", "mean_coverage"]["value"] == 1.0
    assert "| slide " in capsys.readouterr().out
    assert [sum(1 for _ in open_video(tmp_path / "look" / f"{name}.mp4")) for name in ("balltoss", "slide")] == [20, 20]


def test_clips_without_states_count_as_zero_and_a_crash_is_told(benchmark, data, tmp_path, monkeypatch, capsys):
    def extract_states(source, *, frame_interval):
        if Path(source).name == "frames":
            raise NothingFoundError("nothing moves")
        raise RuntimeError("a defect")

    replace_pipeline(monkeypatch, extract_states)
    assert benchmark.main(["--data", str(data), "--json", str(tmp_path / "out.json")]) == 1
    found = figures(tmp_path / "out.json")
    assert [found[f"{name}/ball", "coverage"]["value"] for name in ("balltoss", "slide")] == [0.0, 0.0]
    assert found["balltoss/ball", "median_error"]["value"] is None
    assert found["balltoss/ball", "gravity_relative_error"]["value"] is None
    told = capsys.readouterr()
    assert "balltoss: nothing moves" in told.err
    assert "RuntimeError: a defect" in told.err
    assert "goals met; missed:" in told.out


def test_default_settings_find_both_balls(benchmark, data, tmp_path):
    assert benchmark.main(["--data", str(data), "--json", str(tmp_path / "out.json")]) == 0
    found = figures(tmp_path / "out.json")
    for name in ("balltoss", "slide"):
        assert found[f"{name}/ball", "coverage"]["value"] >= 0.9
        assert found[f"{name}/ball", "median_error"]["value"] < 0.5
        assert found[name, "spurious"]["value"] == 0.0
    assert found["balltoss/ball", "gravity_relative_error"]["value"] < 0.03


def test_an_unknown_clip_is_named_with_those_there_are(benchmark, data):
    with pytest.raises(SystemExit, match=r"no clip slid in .*; available: balltoss, slide"):
        benchmark.main(["--data", str(data), "--only", "slid"])


@pytest.mark.data
@pytest.mark.parametrize(("clip", "name", "gravity"), [("balltoss", "ball", 10.27), ("truck_projectile", "mass_A", 9.65)])
def test_the_marks_give_the_published_gravity(benchmark, clip, name, gravity):
    folder = Path(__file__).parents[3] / "shared" / "data" / "real" / clip
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    marks = read_truth(folder / "truth.csv")[name]
    description = json.loads((folder / "clip.json").read_text())
    assert benchmark.physical_check("gravity", marks.frames, marks.positions, description) == pytest.approx(gravity, abs=0.005)
