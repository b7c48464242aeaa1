"""What `validate` holds rows against: the picture, each other, and the objects of the sidecar."""

from __future__ import annotations

import pytest

from kinescribe.states import Calibration, Metadata, ObjectMeta, States, VideoMeta, validate

WIDTH, HEIGHT = 640, 480


def written(tmp_path, *, objects=(1,), calibration=None, **columns):
    """A table of object 1 in ten frames, its box 40 px wide, with some columns changed; its path."""
    frames = list(range(10))
    x = columns.get("x_px", [100.0 + 10 * k for k in frames])
    y = columns.get("y_px", [200.0] * 10)
    calibration = calibration or Calibration.pixels()
    world = calibration.points(list(zip(x, y, strict=True)))
    base = {
        "frame": frames, "time_s": [k / 30 for k in frames], "object_id": [1] * 10, "x": world[:, 0], "y": world[:, 1],
        "x_px": x, "y_px": y, "bbox_x": [a - 20 for a in x], "bbox_y": [b - 20 for b in y],
        "bbox_w": [40.0] * 10, "bbox_h": [40.0] * 10, "status": ["observed"] * 10,
    }  # fmt: skip
    meta = Metadata(
        calibration=calibration,
        video=VideoMeta(name="v.mp4", width=WIDTH, height=HEIGHT, frame_count=10),
        objects={i: ObjectMeta(label="ball") for i in objects},
    )
    States.from_columns({**base, **columns}, meta).to_csv(tmp_path / "a.csv")
    return tmp_path / "a.csv"


def told(path, column):
    return [str(one) for one in validate(path) if one.column == column]


@pytest.mark.parametrize("calibration", [None, Calibration.from_scale(50, "m", (320, 240), 30)])
def test_a_row_far_outside_the_picture_is_told_with_its_row(tmp_path, calibration):
    x = [100.0 + 10 * k for k in range(10)]
    assert validate(written(tmp_path, calibration=calibration)) == []
    x[3] = -900.0
    path = written(tmp_path, x_px=x, calibration=calibration)
    assert told(path, "x_px") == [
        "row 5, column 'x_px': object 1 is at (-900, 200), 899.5 px outside the picture of 640 x 480; by its size it may be 72 px outside"
    ]
    assert told(path, "bbox_x") == [
        "row 5, column 'bbox_x': the box of object 1 (from -920, 180; 40 x 40) shows nothing of the picture of 640 x 480"
    ]
    assert {one.severity for one in validate(path)} == {"warning"}


def test_what_is_partly_outside_is_no_problem(tmp_path):
    assert validate(written(tmp_path, x_px=[WIDTH + 15.0 - 10 * k for k in range(10)])) == []
    assert told(written(tmp_path, y_px=[HEIGHT + 90.0] * 10), "x_px") != []


def test_what_was_not_seen_may_be_carried_on_and_what_was_foretold_may_go_anywhere(tmp_path):
    y = [200.0] * 9 + [HEIGHT + 300.0]
    blank = {"bbox_x": [None] * 10, "bbox_y": [None] * 10, "bbox_w": [None] * 10, "bbox_h": [None] * 10}
    assert validate(written(tmp_path, y_px=y, status=["observed"] * 9 + ["occluded"], **blank)) == []
    y[9] = 5000.0
    assert len(told(written(tmp_path, y_px=y, status=["observed"] * 9 + ["occluded"], **blank), "x_px")) == 1
    assert validate(written(tmp_path, y_px=y, status=["observed"] * 9 + ["predicted"], **blank)) == []


def test_the_end_of_a_body_may_be_outside_by_the_bodys_length(tmp_path):
    path = written(tmp_path, x_px=[5.0] * 5 + [-85.0] * 5, object_id=[1] * 5 + [2] * 5, objects=(1, 2), bbox_w=[100.0] * 5 + [None] * 5)
    assert len(told(path, "x_px")) == 5
    sidecar = tmp_path / "a.meta.json"
    sidecar.write_text(sidecar.read_text().replace('"part_of": null', '"part_of": 1'))
    assert told(path, "x_px") == []


def test_objects_that_table_and_sidecar_dont_share_are_told_both_ways(tmp_path):
    path = written(tmp_path, object_id=[1] * 7 + [4] * 3, objects=(1, 2))
    assert told(path, "object_id") == ["row 9, column 'object_id': the metadata don't know object 4, which has 3 rows; they know 1, 2"]
    assert "the metadata describe object 2, of which the table has no row" in told(path, None)


def test_a_second_row_of_an_object_in_a_frame_or_at_a_time_is_an_error_with_its_line(tmp_path):
    path = written(tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:5], lines[4], *lines[5:]]))
    doubled = [one for one in validate(path) if one.severity == "error"]
    assert [(one.row, one.line) for one in doubled] == [(6, 6)]
    assert "object 1 has a second row in frame 3" in doubled[0].message
    cells = lines[5].split(",")
    cells[1] = lines[4].split(",")[1]  # the next frame at the time of the one before
    path.write_text("\n".join([*lines[:5], ",".join(cells), *lines[6:]]))
    doubled = [one for one in validate(path) if one.severity == "error"]
    assert [(one.row, one.line, one.column) for one in doubled] == [(6, 6, "time_s")]
    assert "is not after" in doubled[0].message
