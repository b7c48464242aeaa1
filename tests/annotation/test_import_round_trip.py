"""Our own data sets, read back: what goes out for correction comes in again as the same states."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import kinescribe
from kinescribe.annotation import Item, export
from kinescribe.annotation.importing import import_tracks
from kinescribe.evaluation.scenes import falling_ball
from kinescribe.states import Calibration, States


@pytest.fixture(scope="module")
def fallen() -> States:
    scene = falling_ball(frame_count=20)
    return kinescribe.extract_states(scene.images(), times=scene.times, calibration=Calibration.from_scale(100, "m"))


@pytest.fixture(scope="module")
def folder(fallen: States, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("round") / "set"
    export([Item(fallen, name="fall")], out, ["coco", "cvat"], stride=0)
    return out


def interval(states: States) -> float:
    assert states.meta.time is not None
    assert states.meta.time.interval_s is not None
    return states.meta.time.interval_s


def seen(states: States) -> States:
    keep = states["status"] == "observed"
    return States.from_columns({name: values[keep] for name, values in states.columns.items()}, states.meta)


def test_coco_comes_back(fallen: States, folder: Path):
    back = import_tracks(folder / "coco/instances_train.json", calibration=fallen.meta.calibration)
    there = seen(fallen)
    for name in ("frame", "object_id", "label"):
        assert back[name].tolist() == there[name].tolist()
    np.testing.assert_allclose(back["time_s"], there["time_s"], atol=1e-6)
    np.testing.assert_allclose(back["x_px"], there["x_px"], atol=0.1)
    np.testing.assert_allclose(back["y_px"], there["y_px"], atol=0.1)
    np.testing.assert_allclose(back["bbox_h"], there["bbox_h"], atol=1e-3)
    assert back.unit == fallen.unit


def test_cvat_comes_back_and_a_box_moved_there_is_where_it_was_put(fallen: States, folder: Path, tmp_path: Path):
    path = folder / "cvat/fall.xml"
    options = {"frame_interval": interval(fallen), "calibration": fallen.meta.calibration}
    back, there = import_tracks(path, **options), seen(fallen)
    for name in ("frame", "object_id", "label"):
        assert back[name].tolist() == there[name].tolist()
    # boxes hold whole pixels, so that their middles are good to half of one
    np.testing.assert_allclose(back["x_px"], there["x_px"], atol=0.6)
    np.testing.assert_allclose(back["y_px"], there["y_px"], atol=0.6)
    assert "observed" in back["status"].tolist()
    tree = ElementTree.parse(path)
    one = tree.getroot().findall("track/box")[0]
    one.set("keyframe", "1")
    for edge in ("xtl", "xbr"):
        one.set(edge, str(float(one.get(edge, "nan")) + 5))
    moved = tmp_path / "corrected.xml"
    tree.write(moved)
    corrected = import_tracks(moved, **options)
    assert corrected["x_px"][0] == pytest.approx(back["x_px"][0] + 5)
    assert corrected["x_px"][1:].tolist() == back["x_px"][1:].tolist()


def test_coco_gives_the_gravity_of_the_table_that_it_was_made_of(fallen: States, folder: Path):
    back = import_tracks(folder / "coco/instances_train.json", calibration=fallen.meta.calibration)
    ours, theirs = (kinescribe.fit(states, law="free-fall").estimates["gravity"] for states in (fallen, back))
    assert abs(ours.value - theirs.value) < 3 * (ours.sigma + theirs.sigma)


def test_a_track_corrected_in_coco_keeps_its_id(folder: Path, tmp_path: Path):
    data = json.loads((folder / "coco/instances_train.json").read_text())
    ids = {note["track_id"] for note in data["annotations"]}
    data["annotations"][0]["bbox"][0] += 40
    path = tmp_path / "corrected.json"
    path.write_text(json.dumps(data))
    assert set(import_tracks(path).object_ids) == ids
    assert any("the box counts" in line for line in import_tracks(path).meta.warnings)
