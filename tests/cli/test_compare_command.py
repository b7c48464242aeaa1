from __future__ import annotations

import csv
import io
import json

import cv2
import numpy as np
import pytest

from kinescribe.evaluation import compare_videos
from kinescribe.evaluation.scenes import two_pucks_collision
from kinescribe.video import VideoWriter, open_video


@pytest.fixture(scope="module")
def pair(tmp_path_factory, drawn):
    """The real video, and a prediction: the same with the pucks a frame late."""
    folder = tmp_path_factory.mktemp("pair")
    frames = list(open_video(drawn))
    with VideoWriter(folder / "predicted.mp4", crf=10) as writer:
        for frame in frames:
            writer.write(frames[max(frame.index - 1, 0)].image, frame.time_s)
    return drawn, folder / "predicted.mp4"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_table_of_all_measures(run, pair):
    ran = run("compare", *pair)
    assert (ran.code, ran.err) == (0, "")
    found = compare_videos(*pair)
    rows = {line[:24].strip(): line[24:].split() for line in ran.out.splitlines()}
    assert rows["MAE"][0] == f"{found.mae:.6f}"
    assert rows["PSNR (dB)"][0] == f"{found.psnr:.2f}"
    worst = min(found.frames, key=lambda frame: frame.ssim)
    assert rows["SSIM"] == [f"{found.ssim:.4f}", f"{worst.ssim:.4f}", str(worst.real_frame)]
    assert rows["spatial IoU"] == [f"{found.physics_iq.spatial_iou:.3f}"]
    assert "LPIPS" not in rows
    assert f"12 pairs of 12 real and 12 predicted frames, {found.width} x {found.height} px" in ran.out


def test_json_holds_the_same(run, pair):
    ran = run("compare", *pair, "--json", "-o", "frames.csv")
    told = json.loads(ran.out)
    found = compare_videos(*pair)
    assert (ran.code, told["exit_code"], told["outputs"]) == (0, 0, {"frames": "frames.csv"})
    assert told["measures"]["psnr"] == pytest.approx(found.psnr)
    assert told["measures"]["physics_iq"]["spatiotemporal_iou"] == pytest.approx(found.physics_iq.spatiotemporal_iou)
    assert told["measures"]["lpips"] is None
    assert told["frames"] == {"real": 12, "predicted": 12, "compared": 12}
    assert len(told["by_frame"]) == 12


def test_measures_by_frame_as_csv(run, pair, tmp_path):
    ran = run("compare", *pair, "-o", "frames.csv")
    assert (ran.code, ran.err) == (0, "wrote frames.csv\n")
    assert "PSNR" in ran.out
    rows = list(csv.DictReader((tmp_path / "frames.csv").open(newline="")))
    assert [int(row["real_frame"]) for row in rows] == list(range(12))
    assert float(rows[5]["ssim"]) == pytest.approx(compare_videos(*pair).frames[5].ssim, rel=1e-8)
    assert list(tmp_path.iterdir()) == [tmp_path / "frames.csv"]
    assert run("compare", *pair, "-o", "frames.csv").code == 2
    assert run("compare", *pair, "-o", "frames.csv", "--overwrite", "--quiet").err == ""


def test_csv_on_stdout_leaves_the_table_to_stderr(run, pair):
    ran = run("compare", *pair, "-o", "-")
    assert ran.code == 0
    assert len(list(csv.DictReader(io.StringIO(ran.out)))) == 12
    assert "PSNR" in ran.err


def test_frames_and_offset(run, pair):
    told = json.loads(run("compare", *pair, "--frames", "3:7", "--json").out)
    assert [row["real_frame"] for row in told["by_frame"]] == [3, 4, 5, 6]
    interval = two_pucks_collision(frame_count=12).times[1]
    ran = run("compare", *pair, "--offset", -interval, "--json")
    told = json.loads(ran.out)
    assert [(row["real_frame"], row["predicted_frame"]) for row in told["by_frame"]] == [(k, k + 1) for k in range(11)]
    assert told["measures"]["psnr"] > compare_videos(*pair).psnr + 3
    assert "1 of 12 frames have no partner" in ran.err
    assert run("compare", *pair, "--offset", -interval, "--strict").code == 5


def test_gaussian_ssim(run, pair):
    told = json.loads(run("compare", *pair, "--gaussian-ssim", "--json").out)
    assert told["measures"]["ssim"] == pytest.approx(compare_videos(*pair, gaussian_ssim=True).ssim)


def test_folders_of_pictures_need_a_frame_interval(run, tmp_path):
    for k in range(3):
        cv2.imwrite(str(tmp_path / f"{k:03d}.png"), np.full((16, 16, 3), 40 * k, np.uint8))
    ran = run("compare", tmp_path, tmp_path)
    assert ran.code == 2
    assert "--frame-interval" in ran.err
    told = json.loads(run("compare", tmp_path, tmp_path, "--frame-interval", "0.1", "--json").out)
    assert told["measures"]["mse"] == 0
    assert told["measures"]["psnr"] is None


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["REAL", "no.mp4"], 3, "no.mp4"),
        (["REAL", "small.mp4"], 2, "scale or cut one of them"),
        (["REAL", "PREDICTED", "--frames", "5"], 2, "--frames '5' must be two frame numbers, such as 3:24"),
        (["REAL", "PREDICTED", "--frames", "7:3"], 2, "frames 7:3 hold none"),
        (["REAL", "PREDICTED", "--frames", "70:"], 4, "ends before frame 70"),
        (["REAL", "PREDICTED", "--offset", "60"], 4, "--offset SECONDS moves it"),
        (["REAL", "PREDICTED", "-o", "x.txt"], 2, "must end in .csv"),
        (["REAL", "PREDICTED", "-o", "-", "--json"], 2, "don't go together"),
        (["REAL", "PREDICTED", "--lpips", "no-weights"], 3, "no LPIPS weights at 'no-weights', and none are downloaded"),
        (["REAL", "PREDICTED", "-o", "REAL.csv", "--lpips", "no-weights"], 3, "no LPIPS weights"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(run, pair, tmp_path, words, code, line):
    with VideoWriter(tmp_path / "small.mp4") as writer:
        writer.write(np.zeros((20, 20, 3), np.uint8), 0.0)
    named = {"REAL": pair[0], "PREDICTED": pair[1]}
    ran = run("compare", *(named.get(word, word) for word in words))
    assert (ran.code, ran.out) == (code, "")
    assert line in ran.err
    assert ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "small.mp4"]


def test_a_video_that_breaks_off_ends_with_5(run, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (24, 64, 64, 3), np.uint8)
    with VideoWriter("whole.mp4", crf=0) as writer:
        for k, frame in enumerate(noise):
            writer.write(frame, k / 30)
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: int(len(content) * 0.6)])
    ran = run("compare", "whole.mp4", "cut.mp4", "--json")
    assert ran.code == 5
    assert "partial: 'cut.mp4' breaks off" in ran.err
    assert json.loads(ran.out)["partial"]


def test_lpips_from_weights_on_the_disk(run, pair, tmp_path):
    torch = pytest.importorskip("torch")
    made, state, before = torch.Generator().manual_seed(0), {}, 3
    for number, side in {0: 11, 3: 5, 6: 3, 8: 3, 10: 3}.items():
        state[f"features.{number}.weight"] = torch.randn(2, before, side, side, generator=made)
        state[f"features.{number}.bias"] = torch.zeros(2)
        before = 2
    state |= {f"lin{k}.model.1.weight": torch.ones(1, 2, 1, 1) for k in range(5)}
    torch.save(state, tmp_path / "narrow.pth")
    told = json.loads(run("compare", *pair, "--lpips", "narrow.pth", "--device", "cpu", "--json").out)
    assert told["measures"]["lpips"] == pytest.approx(np.mean([row["lpips"] for row in told["by_frame"]]))
    assert told["measures"]["lpips"] > 0
    assert "LPIPS" in run("compare", *pair, "--lpips", "narrow.pth", "--device", "cpu").out
