from pathlib import Path

import pytest
import supervision
from defusedxml import ElementTree
from labelled_scene import FRAMES, row, scene, table

from kinescribe.annotation import Item, export


def test_supervision_reads_back_the_boxes(tmp_path):
    made = scene(tmp_path)
    export([made.item], tmp_path / "out", ["voc"], stride=2)
    data = supervision.DetectionDataset.from_pascal_voc(
        str(tmp_path / "out" / "images" / "train"), str(tmp_path / "out" / "voc" / "Annotations")
    )
    frames = range(0, FRAMES, 2)
    assert len(data) == len(frames)
    for path, _, detections in data:
        frame = int(Path(path).stem[-6:])
        found = {data.classes[k]: box.tolist() for k, box in zip(detections.class_id, detections.xyxy, strict=True)}
        truth = {made.states.labels[i]: made.box(frame, i) for at, i in made.masks if at == frame}
        assert found == {label: [x, y, x + w, y + h] for label, (x, y, w, h) in truth.items()}


def test_flags_and_tracks(tmp_path):
    rows = [row(0, 5, (-4, 10, 8, 6), status="occluded"), row(0, 6, (2, 2, 9, 9))]
    export([Item(table(rows), name="a")], tmp_path / "out", ["voc"], stride=0, hidden=True)
    root = ElementTree.parse(tmp_path / "out" / "voc" / "Annotations" / "a_000000.xml").getroot()
    flags = [[int(thing.findtext(name)) for name in ("track_id", "truncated", "occluded", "difficult")] for thing in root.iter("object")]
    assert flags == [[5, 1, 1, 0], [6, 0, 0, 0]]
    lists = (tmp_path / "out" / "voc" / "ImageSets" / "Main" / "train.txt").read_text().split()
    assert lists == [f"a_{k:06d}" for k in range(FRAMES)]


@pytest.mark.parametrize("box", [(63.6, 47.7, 5, 5), (0, 0, 0.2, 0.3), (10.5, 10.5, 0.4, 0.4), (-9, -9, 9.01, 9.01)])
def test_the_smallest_box_is_one_pixel_in_the_picture(tmp_path, box):
    export([Item(table([row(0, 1, box)]), name="a")], tmp_path / "out", ["voc"], stride=0)
    found = ElementTree.parse(tmp_path / "out" / "voc" / "Annotations" / "a_000000.xml").getroot().find("object/bndbox")
    x0, y0, x1, y1 = (int(found.findtext(name)) for name in ("xmin", "ymin", "xmax", "ymax"))
    assert 1 <= x0 <= x1 <= 64
    assert 1 <= y0 <= y1 <= 48


@pytest.mark.parametrize("label", ["<b>&amp;", "a]]>b", "é ☃", "=cmd", "tab\there", "bell\x07\x1b", "no\ufffecharacter"])
def test_any_label_stays_sound_xml(tmp_path, label):
    export([Item(table([row(0, 1, label=label)]), name="a")], tmp_path / "out", ["voc", "cvat"], stride=0)
    root = ElementTree.parse(tmp_path / "out" / "voc" / "Annotations" / "a_000000.xml").getroot()
    name = root.findtext("object/name")
    assert name == {"tab\there": "tab here", "bell\x07\x1b": "bell", "no\ufffecharacter": "no character"}.get(label, label)
    assert ElementTree.parse(tmp_path / "out" / "cvat" / "a.xml").getroot().find("track").get("label") == name
