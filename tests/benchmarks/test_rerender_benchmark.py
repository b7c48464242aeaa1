"""The benchmark of re-rendering, on a clip in the layout of the real ones; and the parser that reads PhyWorld's frames."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kinescribe.video import VideoWriter

N, W, H = 30, 160, 120


@pytest.fixture(autouse=True)
def _path(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))


@pytest.fixture
def clip(tmp_path) -> Path:
    """A bright ball before a dark wall, its marks two pixels to the right of its centre."""
    folder = tmp_path / "data" / "real" / "ball"
    folder.mkdir(parents=True)
    xs, ys = 20.0 + 4.0 * np.arange(N), 60.0 + 20 * np.sin(0.3 * np.arange(N))
    with VideoWriter(folder / "video.mp4", crf=4) as writer:
        for k in range(N):
            image = np.full((H, W, 3), 40, np.uint8)
            cv2.circle(image, (round(xs[k] * 16), round(ys[k] * 16)), 9 * 16, (60, 220, 240), -1, cv2.LINE_AA, 4)
            writer.write(image, k / 25)
    rows = "\n".join(f"{k},ball,{xs[k] + 2:.3f},{ys[k]:.3f}" for k in range(N))
    (folder / "truth.csv").write_text(f"frame,object,x_px,y_px\n{rows}\n")
    (folder / "clip.json").write_text(json.dumps({"frame_interval_s": 0.04}))
    return tmp_path / "data"


def test_a_clip_is_drawn_again_better_than_the_oracle_does(clip, tmp_path, capsys):
    import rerender

    arguments = ["--data", str(clip), "--only", "real", "--json", str(tmp_path / "a.json"), "--states", str(tmp_path / "kept"),
                 "--pictures", str(tmp_path / "pictures")]  # fmt: skip
    assert rerender.main(arguments) == 0
    found = {record["measure"]: record for record in json.loads((tmp_path / "a.json").read_text())}
    assert found["ratio_to_oracle"]["value"] < 1.2
    assert found["gain"]["value"] > 15.0
    assert found["gain"]["goal"] == 10.0
    assert "2 of 2 goals met" in capsys.readouterr().out
    assert len(list((tmp_path / "pictures" / "ball").glob("*.png"))) == 6
    # the states are kept, and those of a wrong table are told by it
    kept = tmp_path / "kept" / "real_ball.csv"
    kept.write_text(kept.read_text().replace("observed", "predicted"))
    with pytest.raises(Exception, match="seen whole"):
        rerender.main(arguments)


def test_what_was_not_found_misses_the_goals(clip, tmp_path):
    import rerender

    truth = clip / "real" / "ball" / "truth.csv"
    truth.write_text(truth.read_text() + "\n".join(f"{k},ghost,{5 + k % 7 * 20},{5 + k % 5 * 20}" for k in range(N)) + "\n")
    rerender.main(["--data", str(clip), "--only", "real", "--json", str(tmp_path / "a.json")])
    ghost = [record for record in json.loads((tmp_path / "a.json").read_text()) if record["case"] == "ball/ghost"]
    assert {record["measure"]: record["value"] for record in ghost}["ratio_to_oracle"] is None
    assert all(record["goal"] is not None for record in ghost if record["measure"] != "psnr")


def test_the_parser_reads_as_the_published_one_does():
    from phyworld_rendering import parsed

    images = np.full((2, 256, 256, 3), 255, np.uint8)
    for k in range(2):
        cv2.circle(images[k], (60 + 10 * k, 100), 20, (0, 0, 255), -1)
        cv2.circle(images[k], (180 - 10 * k, 100), 15, (255, 0, 0), -1)
    both = parsed(images, 2)
    np.testing.assert_allclose(both[0], [[60 / 25.6, 10 - 100 / 25.6], [180 / 25.6, 10 - 100 / 25.6]], atol=1e-9)
    np.testing.assert_allclose(np.diff(both, axis=0)[0, :, 0], [10 / 25.6, -10 / 25.6], atol=1e-9)
    assert np.isnan(parsed(np.full((1, 256, 256, 3), 255, np.uint8), 1)).all()


def test_speed_of_rendering_is_told(capsys, tmp_path, monkeypatch):
    import rendering

    monkeypatch.setattr(rendering, "SIZE", (320, 180))
    assert rendering.main(["--frames", "3", "--rounds", "1", "--json", str(tmp_path / "a.json")]) == 0
    records = json.loads((tmp_path / "a.json").read_text())
    assert [record["case"] for record in records] == ["sprites/fineness1", "sprites/fineness2", "sprites/fineness2/exposure"]
    assert all(record["value"] > 0 for record in records)
