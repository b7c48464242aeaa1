import csv
import io
import json

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.errors import UsageError
from kinescribe.states import COLUMNS, Calibration, ContactEvent, Metadata, ObjectMeta, States, TimeMeta, VideoMeta, read, validate
from kinescribe.states.writing import escape, unescape

METRES = Calibration.from_stick(0.3, "m", (120, 400), (480, 402), origin=(10, 20), angle_deg=3)
NUMBERS = [column.name for column in COLUMNS if column.dtype == "number"]


def metadata():
    return Metadata(
        calibration=METRES,
        video=VideoMeta(name="fall.mp4", sha256="ab" * 32, width=640, height=480, frame_count=30),
        time=TimeMeta(regular=True, interval_s=1 / 30, jitter_s=0.0),
        configuration={"backend": "classical", "threshold": 4.5, "objects": None},
        versions={"kinescribe": "0.1.0"},
        events=[ContactEvent(time_s=0.4, frame=12, partners=[1, 2], position=(0.1, 0.2), impulse=[(1.0, 0.0), (-1.0, 0.0)])],
        objects={1: ObjectMeta(label="red ball", frames_seen=30), 2: ObjectMeta(label="cart")},
        warnings=["the camera moved"],
    )


def full(rows=60, labels=None, seed=0):
    """A table with every column filled, two objects."""
    rng = np.random.default_rng(seed)
    frame = np.repeat(np.arange(rows // 2), 2)
    columns = {name: np.abs(rng.normal(size=rows)) * 10 ** rng.uniform(-4, 3, rows) for name in NUMBERS}
    columns |= {name: rng.uniform(size=rows) for name in ("identity_score", "label_score", "detection_score")}
    columns |= {"frame": frame, "time_s": frame / 30, "object_id": np.tile([1, 2], rows // 2)}
    columns |= {"label": labels or ["red ball", "cart"] * (rows // 2), "label_verified": ["yes"] * rows, "shape": ["disc"] * rows}
    columns |= {"status": ["observed"] * rows, "review": ['why, "oh why"\nnot'] * rows}
    places = rng.uniform(0, 400, (rows, 2))  # in the picture
    columns |= {"x_px": places[:, 0], "y_px": places[:, 1], "bbox_x": places[:, 0], "bbox_y": places[:, 1]}
    columns |= dict(zip(("x", "y"), METRES.points(places).T, strict=True))
    columns["vx"] = np.where(np.arange(rows) % 5 == 0, np.nan, -columns["vx"])
    return columns


def assert_same(left, right):
    assert list(left.columns) == list(right.columns)
    for name, values in left.columns.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(right[name], values, rtol=5e-9, atol=5e-10 if name == "time_s" else 0, err_msg=name)
        else:
            assert right[name].tolist() == values.tolist(), name
            assert right[name].dtype == values.dtype


def test_a_table_comes_back_from_its_file(tmp_path):
    states = States.from_columns(full(), metadata())
    states.to_csv(tmp_path / "states.csv")
    again = read(tmp_path / "states.csv")
    assert_same(states, again)
    assert again.meta == states.meta
    assert validate(tmp_path / "states.csv") == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["states.csv", "states.meta.json"]


def test_reading_and_writing_again_changes_no_byte(tmp_path):
    States.from_columns(full() | {"force": np.linspace(-1, 1, 60) / 3, "note": ["007"] * 60}, metadata()).to_csv(tmp_path / "a.csv")
    read(tmp_path / "a.csv").to_csv(tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert (tmp_path / "a.meta.json").read_bytes() == (tmp_path / "b.meta.json").read_bytes()


def test_pandas_reads_the_file_as_to_pandas_gives_it(tmp_path):
    states = States.from_columns(full(), metadata())
    states.to_csv(tmp_path / "states.csv")
    frame = pandas.read_csv(tmp_path / "states.csv")
    assert list(frame.columns) == [column.name for column in COLUMNS]
    pandas.testing.assert_frame_equal(frame, states.to_pandas(), rtol=5e-9, atol=5e-10)
    assert frame["vx"].isna().sum() == 12


def test_unknown_texts_are_missing_in_pandas():
    frame = States.from_columns(full(labels=["", "cart"] * 30)).to_pandas()
    assert frame["label"].isna().tolist() == [True, False] * 30


def test_the_file_is_rfc_4180(tmp_path):
    States.from_columns(full(4), metadata()).to_csv(tmp_path / "states.csv")
    data = (tmp_path / "states.csv").read_bytes()
    assert data.startswith(b"frame,time_s,object_id,")
    assert data.count(b"\r\n") == 5
    assert data.endswith(b"\r\n")
    assert b'"why, ""oh why""\nnot"' in data


def test_a_stream_gets_the_same_bytes_as_a_file(tmp_path):
    states = States.from_columns(full(), metadata())
    states.to_csv(tmp_path / "states.csv")
    stream = io.StringIO(newline="")
    states.to_csv(stream)
    assert stream.getvalue().encode() == (tmp_path / "states.csv").read_bytes()


labels = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
nasty = st.tuples(st.text(" '\"\t\r\n,=+-@＝0123456789.e", max_size=4), labels).map("".join)


@given(
    st.lists(
        st.one_of(labels, nasty, st.sampled_from(["NA", "nan", "1_000", "-1.5", "'-1.5", "''=x", '"', "\ufeff"])), min_size=1, max_size=6
    )
)
def test_any_label_comes_back(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("labels") / "states.csv"
    n = len(names)
    States.from_columns(
        {"frame": range(n), "time_s": range(n), "object_id": [1] * n, "x": [0] * n, "y": [0] * n, "label": names}, metadata()
    ).to_csv(path)
    assert read(path)["label"].tolist() == names
    seen = pandas.read_csv(path, keep_default_na=False, dtype={"label": object})["label"]
    assert [unescape(text) for text in seen] == names


@given(st.one_of(labels, nasty))
def test_escaping_can_be_undone_and_leaves_no_formula(text):
    cell = escape(text)
    assert unescape(cell) == text
    starts_a_formula = cell.lstrip()[:1] in tuple("=+-@＝＋－＠") or cell[:1] in tuple("\t\r\n")
    is_number = cell.strip()[:1] in tuple("+-") and cell.strip().isascii() and _is_float(cell)
    assert not starts_a_formula or is_number


def _is_float(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_a_formula_in_a_label_is_written_as_text():
    stream = io.StringIO(newline="")
    States.from_columns(full(2, labels=["=HYPERLINK(1)", "-1.5"])).to_csv(stream)
    rows = list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))
    assert [row["label"] for row in rows] == ["'=HYPERLINK(1)", "-1.5"]


def test_numbers_are_readable_and_far_finer_than_any_sigma():
    stream = io.StringIO(newline="")
    columns = {"frame": [0, 1], "time_s": [0.0, 10000 + 1 / 3], "object_id": [1, 1], "x": [-0.0, 1234.56789012], "y": [0.1 + 0.2, 2e-7]}
    States.from_columns(columns).to_csv(stream)
    rows = list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))
    assert [row["time_s"] for row in rows] == ["0", "10000.333333333"]
    assert [row["x"] for row in rows] == ["0", "1234.56789"]
    assert [row["y"] for row in rows] == ["0.3", "2e-07"]
    assert [row["vx"] for row in rows] == ["", ""]


def test_rows_are_sorted_by_frame_then_object():
    columns = {"frame": [1, 0, 1, 0], "time_s": [0.1, 0, 0.1, 0], "object_id": [1, 2, 2, 1], "x": [1, 2, 3, 4], "y": [0] * 4}
    states = States.from_columns(columns)
    assert states["x"].tolist() == [4, 2, 1, 3]
    assert states.of(1)["x"].tolist() == [4, 1]


def test_objects_and_labels():
    states = States.from_columns(full(6, labels=["ball", "", "ball", "", "bird", ""]), metadata())
    assert states.object_ids == [1, 2]
    assert states.labels == {1: "ball", 2: ""}
    assert len(states.of(2)) == 3
    assert states.of(2).meta is states.meta
    assert states.unit == "m"
    with pytest.raises(UsageError, match=r"no object 7 .* has 1, 2"):
        states.of(7)
    with pytest.raises(UsageError, match="did you mean 'vx'"):
        states["vxx"]


def test_the_table_does_not_share_memory_with_what_it_was_made_from():
    columns = full()
    states = States.from_columns(columns)
    columns["x"][:] = -1
    assert (states["x"] != -1).all()
    for view in (states, states.of(1)):
        with pytest.raises(ValueError, match="read-only"):
            view["x"][0] = 3
    frame = states.to_pandas()
    frame.loc[0, "x"] = -3
    assert states["x"][0] != -3


def test_an_empty_table_is_a_table(tmp_path):
    states = States.from_columns({"frame": [], "time_s": [], "object_id": [], "x": [], "y": []}, metadata())
    states.to_csv(tmp_path / "none.csv")
    again = read(tmp_path / "none.csv")
    assert (len(again), again.object_ids, again.labels) == (0, [], {})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"x": None}, "lacks the column x"),
        ({"x": [1.0]}, "'x' has shape"),
        ({"x": ["a", "b"]}, "not numbers"),
        ({"x": [[1], [2]]}, "'x' has shape"),
        ({"x": [np.inf, 0]}, "row 2, column 'x': inf.*finite"),
        ({"frame": [0, 0.5]}, "whole numbers, not 0.5"),
        ({"frame": [0, np.nan]}, "whole numbers, not nan"),
        ({"frame": [0, -1]}, "row 3, column 'frame': -1: allowed: 0 or more"),
        ({"frame": [0, 0], "time_s": [0, 0]}, "row 3, column 'object_id'.*second row in frame 0"),
        ({"time_s": [0.0, np.nan]}, "row 3, column 'time_s'"),
        ({"time_s": [1.0, 0.5]}, "0.5 s in frame 1 is not after 1 s in frame 0"),
        ({"sigma_x": [0.1, -0.1]}, "row 3, column 'sigma_x': -0.1"),
        ({"identity_score": [0.5, 1.5]}, "1.5: allowed: from 0 to 1"),
        ({"status": ["observed", "sen"]}, "'sen': allowed: observed, occluded, interpolated, predicted"),
        ({"label": ["a", 3]}, "must hold texts|not text|'label'"),
        ({"label": ["a", "b\0"]}, "U\\+0000"),
        ({"label": ["a", "\ud800"]}, "surrogate"),
        ({"label": ["a", "b" * 10_001]}, "10001 characters"),
    ],
)
def test_a_table_that_is_not_sound_is_refused_in_one_line(change, says):
    columns = {"frame": [0, 1], "time_s": [0.0, 0.1], "object_id": [1, 1], "x": [0, 0], "y": [0, 0]} | change
    columns = {name: np.array(v, dtype=object) if name == "label" else v for name, v in columns.items() if v is not None}
    with pytest.raises(UsageError, match=says) as caught:
        States.from_columns(columns)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    good = States.from_columns(full(), metadata())
    good.to_csv(tmp_path / "states.csv")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    bad = States.from_columns(full(4))
    bad.meta.configuration["threshold"] = float("nan")
    with pytest.raises(UsageError, match="JSON"):
        bad.to_csv(tmp_path / "states.csv")
    (tmp_path / "folder.meta.json").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        good.to_csv(tmp_path / "folder.csv")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("where", ["missing/states.csv", "file/states.csv", "n" * 300 + ".csv"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, where):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write") as caught:
        States.from_columns(full(4)).to_csv(tmp_path / where)
    assert where in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_existing_file_keeps_the_usual_permissions(tmp_path):
    States.from_columns(full(4)).to_csv(tmp_path / "states.csv")
    (tmp_path / "plain").write_text("")
    assert (tmp_path / "states.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_metadata_refuse_what_json_cannot_carry_and_fields_they_do_not_know():
    with pytest.raises(ValueError, match="finite"):
        TimeMeta(regular=True, interval_s=float("nan"))
    with pytest.raises(ValueError, match="finite"):
        Metadata(configuration={"threshold": float("inf")})
    with pytest.raises(ValueError, match="Extra inputs"):
        Metadata(vidoe=None)
    with pytest.raises(ValueError, match="1 impulses for 2 partners"):
        ContactEvent(time_s=0, frame=0, partners=[1, 2], impulse=[(0, 0)])


def test_the_sidecar_is_strict_json(tmp_path):
    States.from_columns(full(4), metadata()).to_csv(tmp_path / "states.csv")

    def refuse(constant):
        raise AssertionError(constant)

    data = json.loads((tmp_path / "states.meta.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert data["calibration"]["origin_px"] == [10, 20]
    assert data["objects"]["1"]["label"] == "red ball"


def test_two_places_of_one_thing_are_told():
    """Who edits x and y must not be shown the old places."""
    edited = full()
    edited["x"] = edited["x"] + np.where(np.arange(60) == 7, 0.1, 0.0)
    (problem,) = validate(States.from_columns(edited, metadata()))
    assert (problem.row, problem.column, problem.severity) == (9, "x_px", "warning")
    assert "x, y lie 120 px from x_px, y_px" in str(problem)
    assert validate(States.from_columns({**edited, "x_px": np.full(60, np.nan), "y_px": np.full(60, np.nan)}, metadata())) == []
