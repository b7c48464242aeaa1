import json
import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.errors import InputError
from kinescribe.states import (
    COLUMNS,
    Calibration,
    ContactEvent,
    Metadata,
    ObjectMeta,
    States,
    VideoMeta,
    read,
    sidecar_path,
    table_schema,
    validate,
)
from kinescribe.states.metadata import to_json

BASE = "frame,time_s,object_id,x,y\n0,0,1,1.5,2\n1,0.1,1,1.6,2\n"
NAMES = [column.name for column in COLUMNS]


@pytest.fixture
def put(tmp_path):
    """Write a file beside a sidecar that describes all columns."""

    def write(data, sidecar=True):
        path = tmp_path / "states.csv"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        if sidecar:
            meta = Metadata(calibration=Calibration.from_scale(10, "cm"))
            sidecar_path(path).write_text(to_json(meta, table_schema(meta.calibration)))
        return path

    return write


def table(changes=None, rows=2):
    """CSV text of all columns; `changes` by (row from 0, column)."""
    cells = [dict.fromkeys(NAMES, "") | {"frame": str(i), "time_s": str(i / 10), "object_id": "1", "x": "1", "y": "2"} for i in range(rows)]
    for (row, name), text in (changes or {}).items():
        cells[row][name] = text
    return "\n".join([",".join(NAMES), *(",".join(row.values()) for row in cells)]) + "\n"


def refused(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(InputError) as caught:
            read(path)
    line = str(caught.value)
    assert "\n" not in line
    assert path.name in line
    return line


def test_without_a_sidecar_the_unit_is_unknown_and_that_is_said(put):
    path = put(table(), sidecar=False)
    with pytest.warns(UserWarning, match=r"no sidecar \.meta\.json: the unit is unknown and y is taken to point up"):
        states = read(path)
    assert states.meta.calibration is None
    assert states.unit == ""
    assert any("no sidecar" in line for line in states.meta.warnings)


@pytest.mark.filterwarnings("ignore:.*describes the column")
def test_a_table_made_by_hand_is_read_and_what_it_lacks_is_unknown(put):
    with pytest.warns(UserWarning, match="no column identity_score, label"):
        states = read(put(BASE))
    assert list(states.columns) == NAMES
    assert np.isnan(states["vx"]).all()
    assert states["status"].tolist() == ["", ""]


PIXELS = "frame,time_s,object_id,x_px,y_px\n0,0,1,10,20\n1,0.1,1,11,25\n"


def test_positions_in_the_image_alone_are_pixels_with_y_down(put):
    with pytest.warns(UserWarning, match="no sigma_x, sigma_y: positions are taken as image pixels, y down") as told:
        states = read(put(PIXELS, sidecar=False))
    assert len(told) == 1
    assert states.meta.calibration == Calibration.pixels()
    assert (states["x"].tolist(), states["y"].tolist()) == ([10, 11], [20, 25])
    assert list(states.columns) == NAMES


@pytest.mark.filterwarnings("ignore:.*describes the column", "ignore:.*no column")
def test_positions_in_the_image_alone_become_lengths_where_the_sidecar_has_a_scale(put):
    states = read(put(PIXELS))
    assert states.unit == "cm"
    assert (states["x"].tolist(), states["y"].tolist()) == ([1, 1.1], [-2, -2.5])


@pytest.mark.filterwarnings("ignore:.*no sidecar")
@pytest.mark.parametrize(("y_px", "known"), [("2", True), ("-2", False), ("", False)])
def test_positions_that_are_those_in_the_image_are_pixels(put, y_px, known):
    states = read(put(table({(row, name): text for row in (0, 1) for name, text in (("x_px", "1"), ("y_px", y_px))}), sidecar=False))
    assert (states.meta.calibration is not None) is known


def test_a_sidecar_by_hand_may_hold_the_calibration_alone(put):
    path = put(BASE, sidecar=False)
    sidecar_path(path).write_text('{"calibration": {"pixels_per_unit": 50, "unit": "m", "y_up": false}}')
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        states = read(path)
    assert states.meta.calibration == Calibration(50.0, "m", y_up=False)
    sidecar_path(path).write_text("{}")
    with pytest.warns(UserWarning, match=r"no calibration in states\.meta\.json and no sigma_x, sigma_y: the unit is unknown") as told:
        read(path)
    assert len(told) == 1


def test_one_position_of_two_is_not_enough(put):
    assert "no column 'x'" in refused(put(PIXELS.replace("x_px", "xpx")))
    assert "no column 'x'" in refused(put(PIXELS.replace("x_px", "y"), sidecar=False))


@pytest.mark.filterwarnings("ignore:.*no sidecar")
def test_a_table_made_by_hand_is_told_of_in_one_line(put):
    with pytest.warns(UserWarning, match="no sidecar") as told:
        read(put(BASE, sidecar=False))
    (line,) = (str(one.message) for one in told)
    assert line.startswith("states.csv: no sidecar .meta.json and no sigma_x, sigma_y: the unit is unknown")


@pytest.mark.filterwarnings("ignore:.*describes the column")
def test_columns_that_are_not_ours_are_kept(put):
    path = put("frame,force,time_s,object_id,x,y,note,code\n0,-1.5,0,1,1,2,=a,007\n1,,0.1,1,1,2,,12345678901234567890\n")
    with pytest.warns(UserWarning, match="no column identity_score"):
        states = read(path)
    assert list(states.columns)[-3:] == ["force", "note", "code"]
    np.testing.assert_array_equal(states["force"], [-1.5, np.nan])
    assert states["note"].tolist() == ["=a", ""]
    assert states["code"].tolist() == ["007", "12345678901234567890"]


@pytest.mark.parametrize(
    "data",
    [table().encode("utf-8-sig"), table().replace("\n", "\r\n").encode(), table().encode() + b"\n\n", table().rstrip("\n").encode()],
    ids=["byte order mark", "CRLF", "blank lines at the end", "no line end"],
)
def test_what_editors_do_to_a_file_is_borne(put, data):
    assert len(read(put(data))) == 2


def test_whole_numbers_that_pandas_made_floats_are_whole(put):
    states = read(put(table({(0, "object_id"): "3.0", (1, "object_id"): "3", (1, "vx"): "NaN"})))
    assert states["object_id"].tolist() == [3, 3]
    assert np.isnan(states["vx"]).all()


@pytest.mark.parametrize(
    ("row", "column", "text", "says"),
    [
        (1, "x", "abc", "'abc' is not a number; leave the cell empty"),
        (0, "x", "1_000", "'1_000' is not a number"),
        (0, "vx", "inf", "'inf' is not a number"),
        (0, "vx", "1e999", "'1e999' is not a number"),
        (0, "vx", "NA", "'NA' is not a number"),
        (1, "frame", "1.5", "'1.5' is not a whole number"),
        (1, "frame", "", "'' is not a whole number"),
        (1, "frame", "9" * 30, "is not a whole number"),
        (1, "frame", "-1", "-1: allowed: 0 or more"),
        (1, "frame", "0", "which has 0 s in another row|second row in frame 0"),
        (0, "time_s", "", "it must be known in every row"),
        (1, "time_s", "0", "is not after"),
        (0, "sigma_vy", "-0.5", "-0.5: allowed: 0 or more"),
        (0, "detection_score", "1.01", "1.01: allowed: from 0 to 1"),
        (0, "status", "seen", "'seen': allowed: observed, occluded, interpolated, predicted"),
        (0, "shape", "ball", "'ball': allowed: disc, box, rod, blob"),
        (0, "label_verified", "maybe", "'maybe': allowed: yes, corrected, unsure, no, unchecked"),
        (0, "label", "a\0b", "U\\+0000"),
        (0, "label", "b" * 20_000, "20000 characters"),
    ],
)
def test_a_bad_cell_is_named_by_file_row_column_and_value(put, row, column, text, says):
    path = put(table({(row, column): text}))
    line = refused(path)
    assert len(line) < 400 + len(str(path))
    if column != "frame" or text != "0":
        assert f"row {row + 2}, column '{column}'" in line
    problem = validate(path)[0]
    assert problem.severity == "error"
    assert str(problem) in line
    assert re.search(says, line)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        (BASE.replace("time_s", "time"), r"no column 'time_s'; is it 'time'\? rename it"),
        (BASE.replace("object_id", "id"), "no column 'object_id'"),
        (BASE.replace(",y", ",x"), "'x' is there 2 times"),
        (BASE.replace(",", ";"), "separated by semicolons"),
        (BASE.replace(",", "\t"), "separated by tabs"),
        (BASE + "2,0.2,1\n", "row 4 has 3 cells, the header 5"),
        (BASE + "\n2,0.2,1,1,1\n", "row 4 has 0 cells"),
        (BASE + "2,0.2,1,1,1,red, white\n", "row 4 has 7 cells"),
        (BASE + '2,0.2,1,1,"1\n', "not CSV"),
        (BASE + '2,0.2,1,1,"1"x\n', "line 4: not CSV"),
        (BASE + "2,0.2,1,1," + "1" * 200_000 + "\n", "line 4: not CSV.*field larger"),
        (BASE.encode() + b"2,0.2,1,1,\xe9\n", "line 4: the byte 0xe9 is not UTF-8"),
        (BASE.encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04\xff\x00\x00", "is no text file"),
        ("not a table at all", "no column 'frame'"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_line(put, data, says):
    path = put(data)
    assert re.search(says, refused(path))
    problems = validate(path)
    assert [problem.severity for problem in problems] == ["error"]


def test_a_file_that_cannot_be_opened_is_an_error_of_reading_and_of_validating(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        for function in (read, validate):
            with pytest.raises(InputError, match="cannot read"):
                function(path)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_an_input_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("bytes") / "states.csv"
    path.write_bytes(BASE.encode() + data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            rows, said = len(read(path)), ""
        except InputError as error:
            rows, said = 2, str(error)
    assert rows >= 2
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty; mend it, or remove the file"),
        ("{'a': 1}", "not JSON at line 1, column 2"),
        ("[]", "holds a JSON list"),
        ('{"time": {"regular": true, "jitter_s": NaN}}', "NaN is no JSON number"),
        ('{"time": {"regular": "sometimes"}}', "time.regular: .*'sometimes'"),
        ('{"calibration": {"pixels_per_unit": -3, "unit": "m"}}', "calibration.*more than 0"),
        ('{"fields": [1]}', "'fields' must be a list"),
        ("[" * 100_000, "not JSON"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_broken_sidecar_is_named(put, text, says):
    path = put(table())
    sidecar_path(path).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=says) as caught:
        read(path)
    assert "states.meta.json" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [problem.severity for problem in validate(path)] == ["error"]


def test_a_sidecar_of_a_later_version_is_read_and_what_it_adds_is_said(tmp_path):
    path = tmp_path / "states.csv"
    States.from_columns(
        {"frame": [0], "time_s": [0], "object_id": [1], "x": [0], "y": [0]}, Metadata(calibration=Calibration.pixels())
    ).to_csv(path)
    sidecar = sidecar_path(path)
    data = json.loads(sidecar.read_text())
    data |= {"format_version": 7, "lens": {"k1": 0.1}}
    data["calibration"]["focus"] = 3
    sidecar.write_text(json.dumps(data))
    with pytest.warns(UserWarning, match=r"lens|format_version") as told:
        states = read(path)
    assert any("lens" in str(one.message) for one in told)
    assert any("format_version 7 is later than 1" in str(one.message) for one in told)
    assert states.meta.calibration == Calibration.pixels()
    assert any("format_version 7" in str(problem) for problem in validate(path))
    assert states.meta.format_version == 1, "written again, it holds what this version understood"


def test_a_sidecar_of_another_table_is_noticed(tmp_path):
    path = tmp_path / "states.csv"
    meta = Metadata(
        calibration=Calibration.from_scale(10, "cm"),
        objects={5: ObjectMeta(label="gone")},
        events=[ContactEvent(time_s=0, frame=0, partners=[1, 6])],
        video=VideoMeta(name="a.mp4", width=1, height=1, frame_count=3),
    )
    columns = {"frame": [0, 3], "time_s": [0, 1], "object_id": [1, 1], "x": [0, 0], "y": [0, 0], "force": [1, 2]}
    States.from_columns(columns, meta).to_csv(path)
    data = json.loads(sidecar_path(path).read_text())
    next(field for field in data["fields"] if field["name"] == "vx")["unit"] = "m/s"
    sidecar_path(path).write_text(json.dumps(data))
    path.write_text(path.read_text().replace("force", "power"))
    problems = validate(path)
    assert {problem.severity for problem in problems} == {"warning"}
    said = "\n".join(map(str, problems))
    for words in (
        "object 5",
        "object 6",
        "column force, which the table lacks",
        "gives vx in m/s, and its calibration cm/s",
        "frame 3, the video",
    ):
        assert words in said
    with pytest.warns(UserWarning) as caught:  # noqa: PT030 - two of them, looked at below
        read(path)
    assert [str(item.message).split()[2:4] for item in caught] == [["describes", "the"], ["gives", "vx"]]


def test_validate_lists_every_problem_errors_first(put):
    path = put(table({(0, "x"): "a", (1, "x"): "b", (1, "sigma_x"): "-1", (2, "frame"): "1", (2, "time_s"): "0.1"}, rows=4), sidecar=False)
    problems = validate(path)
    assert [(problem.row, problem.column) for problem in problems[:4]] == [(2, "x"), (3, "x"), (3, "sigma_x"), (4, "object_id")]
    assert problems[-1].severity == "warning"
    assert "and 3 more: kinescribe validate" in refused(path)


def test_a_cell_that_cannot_be_read_makes_no_further_problems(put):
    path = put(table({(1, "frame"): "x"}, rows=3))
    assert [(problem.row, problem.column) for problem in validate(path)] == [(3, "frame")]


def test_many_bad_rows_make_a_short_list(put):
    path = put(table({(i, "status"): "bad" for i in range(500)}, rows=500))
    problems = validate(path)
    assert len(problems) == 21
    assert "480 more rows" in problems[-1].message


def test_a_sound_table_in_memory_has_no_problems():
    states = States.from_columns({"frame": [0, 1], "time_s": [0, 1], "object_id": [1, 1], "x": [0, 0], "y": [0, 0]})
    assert validate(states) == []
    assert [str(problem) for problem in validate(States.from_columns({"frame": [], "time_s": [], "object_id": [], "x": [], "y": []}))] == [
        "the table has no rows"
    ]


def test_two_times_for_one_frame_are_noticed(put):
    path = put(BASE + "1,0.15,2,0,0\n")
    assert "0.15 s for frame 1, which has 0.1 s in another row" in refused(path)


def test_the_sidecar_lies_beside_the_table(tmp_path):
    assert sidecar_path(tmp_path / "states.csv").name == "states.meta.json"
    assert sidecar_path(tmp_path / "run.v2.CSV").name == "run.v2.meta.json"
    assert sidecar_path(tmp_path / "run.v2").name == "run.v2.meta.json"
