"""`kinescribe scene` and `kinescribe render`: from a video and its table to a folder, and back to video."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kinescribe.states import Calibration, Metadata, States, VideoMeta
from kinescribe.video import VideoWriter, open_video

N, W, H = 16, 96, 64


@pytest.fixture
def drop(tmp_path: Path) -> tuple[Path, Path]:
    """A ball that crosses a grey picture, and its table."""
    video, table = tmp_path / "drop.mp4", tmp_path / "drop.states.csv"
    xs = 12.0 + 4.5 * np.arange(N)
    with VideoWriter(video) as writer:
        for k in range(N):
            image = np.full((H, W, 3), 90, np.uint8)
            cv2.circle(image, (round(xs[k] * 16), 32 * 16), 7 * 16, (30, 200, 240), -1, cv2.LINE_AA, 4)
            writer.write(image, k / 25)
    one = np.ones(N)
    States.from_columns(
        {"frame": np.arange(N), "time_s": np.arange(N) / 25, "object_id": np.ones(N, int), "label": ["ball"] * N, "x": xs, "y": 32 * one,
         "x_px": xs, "y_px": 32 * one, "width": 14 * one, "height": 14 * one, "shape": ["disc"] * N, "status": ["observed"] * N},
        Metadata(calibration=Calibration.pixels(), video=VideoMeta(name="drop.mp4", width=W, height=H, frame_count=N)),
    ).to_csv(table)  # fmt: skip
    return video, table


def test_a_scene_and_back(run, drop, tmp_path):
    video, table = map(str, drop)
    ran = run("scene", video, table, "-o", str(tmp_path / "scene"), "--json")
    assert ran.code == 0
    told = json.loads(ran.out)
    assert told["objects"] == [{"id": 1, "label": "ball", "sprites": 1, "depth": 0, "turns": False, "edges": "soft"}]
    ran = run("render", table, "--scene", str(tmp_path / "scene"), "-o", str(tmp_path / "again.mp4"))
    assert ran.code == 0
    for one, other in zip(open_video(tmp_path / "again.mp4"), open_video(video), strict=True):
        assert np.abs(one.image.astype(float) - other.image).mean() < 2.0
    assert f"wrote {tmp_path / 'again.mp4'}" in ran.err


def test_outputs_are_not_replaced_unasked(run, drop, tmp_path):
    video, table = map(str, drop)
    words = ("scene", video, table, "-o", str(tmp_path / "scene"), "-q")
    assert run(*words).code == 0
    again = run(*words)
    assert again.code == 2
    assert "holds something already" in again.err
    assert run(*words, "--overwrite").code == 0
    (tmp_path / "there.mp4").write_bytes(b"mine")
    kept = run("render", table, "--scene", str(tmp_path / "scene"), "-o", str(tmp_path / "there.mp4"))
    assert kept.code == 2
    assert (tmp_path / "there.mp4").read_bytes() == b"mine"
    assert "add --overwrite" in kept.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["render", "{table}", "--scene", "{folder}", "-o", "{folder}/a.mp4"], 3, "`kinescribe scene` makes one"),
        (["render", "{table}", "--scene", "{folder}", "-o", "{folder}/a.avi"], 2, "must end in .mp4"),
        (["render", "{folder}/no.csv", "--scene", "{folder}", "-o", "{folder}/a.mp4"], 3, "no.csv"),
        (["scene", "{folder}/no.mp4", "{table}", "-o", "{folder}/scene"], 3, "no.mp4"),
        (["scene", "{video}", "{video}", "-o", "{folder}/scene"], 3, "drop.mp4"),
        (["scene", "{video}", "{table}", "-o", "{folder}/a/b"], 2, "there is no folder"),
    ],
)
def test_wrong_input_is_one_line(run, drop, tmp_path, words, code, said):
    video, table = drop
    names = {"video": video, "table": table, "folder": tmp_path}
    ran = run(*(word.format(**names) for word in words))
    assert ran.code == code
    lines = ran.err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]
