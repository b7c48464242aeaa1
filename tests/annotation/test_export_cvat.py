import json
from dataclasses import replace

import numpy as np
import pytest
from defusedxml import ElementTree
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled_scene import FRAMES, HEIGHT, WIDTH, row, scene, table

from kinescribe.annotation import Item, export
from kinescribe.annotation.exporting.keyframes import WITHIN_PX, keyframes
from kinescribe.annotation.exporting.rows import Row


def boxes_of(path):
    """By object id and frame: corners and flags, of a file."""
    found = {}
    for track in ElementTree.parse(path).getroot().iter("track"):
        for box in track.iter("box"):
            attributes = {each.get("name"): each.text for each in box.iter("attribute")}
            place = (int(attributes["object_id"]), int(box.get("frame")))
            assert place not in found
            found[place] = {
                "corners": [float(box.get(name)) for name in ("xtl", "ytl", "xbr", "ybr")],
                "label": track.get("label"),
                "verified": attributes["verified"],
                **{name: box.get(name) for name in ("keyframe", "outside", "occluded")},
            }
    return found


def test_tracks_read_back(tmp_path):
    made = scene(tmp_path)
    export([made.item], tmp_path / "out", ["cvat"], stride=0, hidden=True)
    found = boxes_of(tmp_path / "out" / "cvat" / "film.xml")
    seen = {place: box for place, box in found.items() if box["outside"] == "0"}
    assert sorted((frame, i) for i, frame in seen) == sorted(
        zip(made.states["frame"].tolist(), made.states["object_id"].tolist(), strict=True)
    )
    for (i, frame), box in seen.items():
        assert box["occluded"] == str(int((frame, i) not in made.masks))
        assert box["label"] == made.states.labels[i]
        assert box["verified"] == ("true" if i == 3 and frame < 3 else "false")
        if (frame, i) in made.masks:
            x, y, w, h = made.box(frame, i)
            assert box["corners"] == [x, y, x + w, y + h]
    # the object that is gone is said to be gone, the one that stays to the end isn't
    assert [place for place, box in found.items() if box["outside"] == "1"] == [(7, 4)]


def test_gaps_are_outside(tmp_path):
    export([Item(table([row(0, 1), row(1, 1), row(4, 1), row(5, 1)]), name="a")], tmp_path / "out", ["cvat"], stride=0)
    found = boxes_of(tmp_path / "out" / "cvat" / "a.xml")
    assert {frame: (box["outside"], box["keyframe"]) for (_, frame), box in found.items()} == {
        0: ("0", "1"),
        1: ("0", "1"),
        2: ("1", "1"),
        4: ("0", "1"),
        5: ("0", "1"),
    }


def test_the_task_and_its_labels(tmp_path):
    export([scene(tmp_path).item], tmp_path / "out", ["cvat"], stride=0)
    root = ElementTree.parse(tmp_path / "out" / "cvat" / "film.xml").getroot()
    assert root.findtext("version") == "1.1"
    assert [root.findtext(f"meta/task/{name}") for name in ("size", "start_frame", "stop_frame", "mode")] == [
        str(FRAMES),
        "0",
        str(FRAMES - 1),
        "interpolation",
    ]
    assert [root.findtext(f"meta/task/original_size/{name}") for name in ("width", "height")] == [str(WIDTH), str(HEIGHT)]
    labels = json.loads((tmp_path / "out" / "cvat" / "labels.json").read_text("utf-8"))
    assert [each["name"] for each in labels] == [each.findtext("name") for each in root.iter("label")] == ["+cart é", "red ball"]


def track(sides, frames=None):
    frames = range(len(sides)) if frames is None else frames
    return [Row(f, 1, 0, (x, 5.0, 4.0, 4.0), 1.0, False, False, None, "", None) for f, x in zip(frames, sides, strict=True)]


def test_a_straight_way_needs_its_ends_alone():
    assert keyframes(track([2.0 * k for k in range(20)])) == {0, 19}
    assert keyframes([]) == set()


def test_a_gap_and_a_flag_begin_anew():
    rows = track([1.0] * 6, frames=[0, 1, 2, 5, 6, 7])
    assert keyframes(rows) == {0, 2, 5, 7}
    for flag in ("hidden", "verified"):
        straight = [replace(one, **{flag: 3 <= one.frame < 5}) for one in track([2.0 * k for k in range(9)])]
        assert keyframes(straight) == {0, 2, 3, 4, 5, 8}


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=40))
@settings(max_examples=60)
def test_lines_between_key_frames_give_all_others(sides):
    kept = sorted(keyframes(track(sides)))
    assert kept[0] == 0
    assert kept[-1] == len(sides) - 1
    assert np.abs(np.interp(np.arange(len(sides)), kept, np.array(sides)[kept]) - sides).max() <= WITHIN_PX + 1e-9


def test_a_fall_needs_few_key_frames():
    fall = [0.05 * k * k for k in range(60)]
    assert len(keyframes(track(fall))) == pytest.approx(np.sqrt(0.1 * 60**2 / 8), abs=6)
