from pathlib import Path

import cv2
import numpy as np
import pytest
import supervision
import yaml
from labelled_scene import FRAMES, HEIGHT, WIDTH, row, scene, table

from kinescribe.annotation import Item, export


def read_back(folder, part="train"):
    """Its data set, and detections by frame."""
    data = supervision.DetectionDataset.from_yolo(
        str(folder / "images" / part), str(folder / "labels" / part), str(folder / "data.yaml"), force_masks=False
    )
    return data, {int(Path(path).stem[-6:]): detections for path, _, detections in data}


def test_supervision_reads_back_the_boxes(tmp_path):
    made = scene(tmp_path)
    export([made.item], tmp_path / "out", ["yolo"])
    data, found = read_back(tmp_path / "out")
    assert data.classes == ["+cart é", "red ball"]
    assert len(data) == FRAMES
    for frame, detections in found.items():
        here = sorted((i for at, i in made.masks if at == frame), reverse=True)
        order = np.argsort(detections.class_id)
        truth = np.array([made.box(frame, i) for i in here]) @ np.array([[1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]])
        assert detections.xyxy[order] == pytest.approx(truth, abs=1e-4)
        assert [data.classes[k] for k in detections.class_id[order]] == [made.states.labels[i] for i in here]


def test_supervision_reads_back_the_segments(tmp_path):
    made = scene(tmp_path)
    export([made.item], tmp_path / "out", ["yolo-seg"])
    for frame, detections in read_back(tmp_path / "out")[1].items():
        here = sorted((i for at, i in made.masks if at == frame), reverse=True)
        assert len(detections) == len(here)  # an object in two parts stays one
        for i, mask in zip(here, detections.mask[np.argsort(detections.class_id)], strict=True):
            if i == 3:
                assert np.array_equal(mask, made.masks[frame, i])
            else:  # the seam between the two parts is drawn as a line
                wrong = mask ^ made.masks[frame, i]
                assert wrong.sum() <= 4
                assert not (made.masks[frame, i] & ~mask).any()


@pytest.mark.parametrize("whole", [np.floor, np.round])
def test_readers_that_cut_decimals_off_and_those_that_round_draw_the_same_mask(tmp_path, whole):
    made = scene(tmp_path)
    export([made.item], tmp_path / "out", ["yolo-seg"], stride=0)
    for frame in range(FRAMES):
        lines = (tmp_path / "out" / "labels" / "train" / f"film_{frame:06d}.txt").read_text().splitlines()
        points = np.array(next(line for line in lines if line.startswith("1 ")).split()[1:], np.float32).reshape(-1, 2) * [WIDTH, HEIGHT]
        drawn = cv2.fillPoly(np.zeros((HEIGHT, WIDTH), np.uint8), [whole(points).astype(np.int32)], 1)
        assert np.array_equal(drawn, made.masks[frame, 3])


def test_a_picture_without_objects_has_an_empty_file(tmp_path):
    export([Item(table([row(1, 1)]), name="a")], tmp_path / "out", ["yolo"], stride=0)
    files = sorted((tmp_path / "out" / "labels" / "train").iterdir())
    assert [file.name for file in files] == [f"a_{k:06d}.txt" for k in range(FRAMES)]
    assert [bool(file.read_text()) for file in files] == [k == 1 for k in range(FRAMES)]


def test_all_numbers_stay_shares_of_the_picture(tmp_path):
    rows = [row(0, 1, (-5, 40, 20, 20), shape="disc", width=20.0, height=20.0), row(1, 1, (60, -3, 9, 9))]
    for name in ("yolo", "yolo-seg"):
        export([Item(table(rows), name="a")], tmp_path / name, [name], stride=0)
        for file in (tmp_path / name / "labels" / "train").iterdir():
            numbers = np.array(file.read_text().split()[1:], float)
            assert np.all((numbers >= 0) & (numbers <= 1))


@pytest.mark.parametrize("name", ["a: b", "- x", "=1+1", '"quoted" \\ back', "naïve ☃", "yes", "# no", "{a}", "@home", "12"])
def test_yaml_gives_back_any_name(tmp_path, name):
    export([Item(table([row(0, 1, label=name)]), name="a")], tmp_path / "out", ["yolo"], stride=0)
    data = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text("utf-8"))
    assert data == {"train": "images/train", "nc": 1, "names": {0: name}}
