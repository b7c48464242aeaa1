import configparser

import numpy as np
import pytest
from labelled_scene import FRAMES, HEIGHT, INTERVAL, WIDTH, row, scene, table

from kinescribe.annotation import Item, export


def test_motmetrics_reads_back_the_tracks(tmp_path):
    metrics = pytest.importorskip("motmetrics")
    made = scene(tmp_path)
    export([made.item], tmp_path / "out", ["mot"], stride=0)
    read = metrics.io.loadtxt(str(tmp_path / "out" / "mot" / "train" / "film" / "gt" / "gt.txt"), fmt="mot15-2D")
    found = {(frame - 1, i): [one.X, one.Y, one.Width, one.Height] for (frame, i), one in read.iterrows()}
    assert found == {place: made.box(*place) for place in made.masks}


def test_visibility_classes_and_detections(tmp_path):
    rows = [
        row(0, 4, (-4, 10, 8, 6), detection_score=0.25),
        row(2, 4, status="interpolated", detection_score=0.5),
        row(3, 9, label="other"),
    ]
    export([Item(table(rows), name="a")], tmp_path / "out", ["mot"], stride=0, hidden=True)
    into = tmp_path / "out" / "mot" / "train" / "a"
    assert np.loadtxt(into / "gt" / "gt.txt", delimiter=",").tolist() == [
        [1, 4, 1, 11, 4, 6, 1, 2, 0.5],
        [3, 4, 11, 11, 8, 6, 1, 2, 0],
        [4, 9, 11, 11, 8, 6, 1, 1, 1],
    ]
    assert np.loadtxt(into / "det" / "det.txt", delimiter=",", ndmin=2).tolist() == [[1, -1, 1, 11, 4, 6, 0.25, -1, -1, -1]]
    assert (tmp_path / "out" / "mot" / "classes.txt").read_text().split() == ["other", "thing"]


def test_sequence_information(tmp_path):
    export([scene(tmp_path, name="50% film").item], tmp_path / "out", ["mot"], stride=0)
    names = (tmp_path / "out" / "mot" / "train.txt").read_text("utf-8").split("\n")
    assert names[0] == "name"
    info = configparser.ConfigParser(interpolation=None)
    info.read(tmp_path / "out" / "mot" / "train" / names[1] / "seqinfo.ini", encoding="utf-8")
    about = dict(info["Sequence"])
    assert about["name"] == names[1]
    assert {key: int(about[key]) for key in ("framerate", "seqlength", "imwidth", "imheight")} == {
        "framerate": round(1 / INTERVAL),
        "seqlength": FRAMES,
        "imwidth": WIDTH,
        "imheight": HEIGHT,
    }


def test_a_rate_that_nobody_knows_is_left_out(tmp_path):
    from kinescribe.states import Metadata
    from kinescribe.states.metadata import VideoMeta

    meta = Metadata(video=VideoMeta(name="a.mp4", width=WIDTH, height=HEIGHT))
    export([Item(table([row(0, 1)], meta=meta))], tmp_path / "out", ["mot"], stride=0)
    text = (tmp_path / "out" / "mot" / "train" / "a" / "seqinfo.ini").read_text()
    assert "frameRate" not in text
    assert "seqLength=1\n" in text
