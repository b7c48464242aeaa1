"""Where options or damage leave few frames of a video, the run says that this is the likely reason for what is missing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kinescribe.cli import main
from kinescribe.evaluation import scenes
from kinescribe.video.writer import VideoWriter


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """A video in which nothing moves, but for noise, in 60 frames."""
    path = tmp_path_factory.mktemp("still") / "still.mp4"
    rng = np.random.default_rng(0)
    picture = np.full((120, 160, 3), 120.0)
    with VideoWriter(path) as writer:
        for k in range(60):
            writer.write(np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8), k / 30)
    return path


@pytest.fixture(scope="module")
def pucks(tmp_path_factory):
    path = tmp_path_factory.mktemp("pucks") / "pucks.mp4"
    scenes.two_pucks_collision(frame_count=80).write(path)
    return path


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--stride", "30"], "only 2 frames were looked at (--stride 30), likely too few: give a smaller --stride"),
        (["--end", "0.1"], "only 3 frames were looked at (--end 0.1), likely too few: give a later --end"),
    ],
)
def test_nothing_found_in_few_frames_names_the_options(still, tmp_path, capsys, words, told):
    assert main(["extract", str(still), "-o", str(tmp_path / "a.csv"), *words]) == 4
    err = capsys.readouterr().err
    assert err.startswith("kinescribe: error: ")
    assert told in err
    assert err.count("\n") == 1
    assert "tripod" not in err
    assert not list(tmp_path.iterdir())


def test_nothing_found_in_a_whole_video_says_nothing_of_frames(still, tmp_path, capsys):
    assert main(["extract", str(still), "-o", str(tmp_path / "a.csv")]) == 4
    err = capsys.readouterr().err
    assert "looked at" not in err
    assert "tripod" in err


def test_nothing_found_in_what_damage_left_names_the_damage(still, tmp_path, capsys):
    broken = tmp_path / "broken.mpg"
    import av

    with av.open(str(still)) as source, av.open(str(broken), "w") as target:  # a container that needs no end
        stream = target.add_stream("mpeg2video", rate=30)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for frame in source.decode(video=0):
            target.mux(stream.encode(frame.reformat(format="yuv420p")))
        target.mux(stream.encode())
    data = broken.read_bytes()
    broken.write_bytes(data[: len(data) // 5])
    code = main(["extract", str(broken), "-o", str(tmp_path / "a.csv")])
    err = capsys.readouterr().err
    assert code == 4, err
    assert "likely too few" in err


def test_objects_of_so_few_rows_are_warned_of_in_the_sidecar_too(pucks, tmp_path, capsys):
    words = ["extract", str(pucks), "-o", str(tmp_path / "a.csv"), "--stride", "40"]
    assert main([*words, "--strict"]) == 5
    err = capsys.readouterr().err
    (line,) = [line for line in err.splitlines() if "too few to tell" in line]
    assert line.startswith("kinescribe: warning: object")
    assert "with --stride 40 2 frames were looked at; give a smaller --stride" in line
    told = json.loads((tmp_path / "a.meta.json").read_text())["warnings"]
    assert line.removeprefix("kinescribe: warning: ") in told
