"""Files that are no table, and sidecars that are none: one line says what they are and what to do."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.errors import InputError
from kinescribe.states import Calibration, Metadata, States, read, validate

TABLE = "frame,time_s,object_id,x,y,sigma_x,sigma_y\n0,0,1,2,3,0.1,0.1\n"


def refusal(path):
    with pytest.raises(InputError) as caught:
        read(path)
    (problem,) = validate(path)
    assert problem.severity == "error"
    assert str(caught.value).endswith(problem.message)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is empty"),
        ("calibration: 5 px", "not JSON at line 1, column 1: Expecting value"),
        ("[1, 2]", "holds a JSON list, not the object that goes with a states table"),
        ('{"calibration": {"pixels_per_unit": "ten", "unit": "m"}}', "calibration.pixels_per_unit: must be a number, not 'ten'"),
        ('{"calibration": {"pixels_per_unit": -1, "unit": "m"}}', "calibration: pixels per unit must be more than 0, not -1: it is"),
        ('{"calibration": {"unit": "m"}}', "calibration lacks 'pixels_per_unit'"),
        ('{"calibration": {"pixels_per_unit": 1, "unit": "m", "origin_px": [1]}}', "calibration.origin_px: [1] holds too few values"),
        ('{"calibration": {"pixels_per_unit": 1, "unit": "m", "y_up": "down"}}', "calibration.y_up: must be true or false, not 'down'"),
        ('{"calibration": 5}', 'calibration: must be an object, as {"pixels_per_unit": 100, "unit": "m"}, not 5'),
        ("\udcff\udcfe", "is UTF-16"),
        ("\0\udc80", "is no text file (byte 0x80 in line 1)"),
    ],
)
def test_a_garbled_calibration_is_named_with_what_is_wrong_and_the_way_out(tmp_path, text, what):
    path = tmp_path / "a.csv"
    path.write_text(TABLE)
    beside = tmp_path / "a.meta.json"
    beside.write_bytes(text.encode("utf-8", "surrogateescape"))
    line = refusal(path)
    assert line.startswith(f"{beside}: {what}")
    assert line.endswith("; mend it, or remove the file to read the table alone")
    beside.unlink()
    with pytest.warns(UserWarning, match="no sidecar"):
        assert len(read(path)) == 1


def test_a_misspelt_key_of_the_calibration_is_told(tmp_path):
    (tmp_path / "a.csv").write_text(TABLE)
    (tmp_path / "a.meta.json").write_text('{"calibration": {"pixels_per_unit": 10, "unit": "m", "orign_px": [3, 4]}}')
    with pytest.warns(UserWarning, match="the calibration has no 'orign_px', which is left out; it has angle_rad, origin_px,"):
        table = read(tmp_path / "a.csv")
    assert table.meta.calibration == Calibration(10, "m")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty; a table in CSV is called .csv"),
        (TABLE.encode(), "is no Parquet file, whatever its name says; a table in CSV is called .csv"),
        (b"\x00\xff" * 500, "is no Parquet file, whatever its name says; "),
        (b"PAR1" + b"\x15" * 100, "is Parquet that breaks off: its end is missing; give a whole copy"),
        (b"PAR1" + b"\x15" * 100 + b"PAR1", "is damaged Parquet ("),
    ],
)
def test_what_is_called_parquet_and_is_none(tmp_path, content, what):
    pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path}: {what}")


def test_what_is_called_csv_and_is_none(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\x00\x00\x00 ftypisom\xe9")
    assert "is no text file (byte 0xe9 in line 1); a states table is CSV, as 'kinescribe extract' writes it, or .parquet" in refusal(path)
    path.write_bytes(b"PAR1 and something PAR1")
    assert refusal(path).endswith("is Parquet; give it a name that ends in .parquet")


def test_parquet_of_others_with_places_in_the_image_is_in_pixels_and_says_so(tmp_path):
    parquet, arrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    parquet.write_table(arrow.table({"frame": [0], "time_s": [0.0], "object_id": [1], "x_px": [5.0], "y_px": [7.0]}), path)
    with pytest.warns(UserWarning, match="no metadata of kinescribe inside and no sigma_x, sigma_y: positions are taken as image pixels"):
        table = read(path)
    assert (table["x"][0], table["y"][0], table.unit) == (5.0, 7.0, "px")
    assert table.meta.calibration is not None
    assert not table.meta.calibration.y_up


def test_a_table_alone_says_which_way_y_points(tmp_path):
    """What is assumed depends on what the table holds, and both `read` and `validate` say it."""
    path = tmp_path / "a.csv"
    path.write_text(TABLE)
    (told,) = validate(path)
    assert "no sidecar .meta.json: the unit is unknown and y is taken to point up" in told.message
    with pytest.warns(UserWarning, match="y is taken to point up"):
        read(path)
    columns = {"frame": [0], "time_s": [0.0], "object_id": [1], "x": [2.0], "y": [3.0], "x_px": [2.0], "y_px": [3.0]}
    States.from_columns(columns, Metadata(calibration=Calibration.pixels())).to_csv(path)
    assert validate(path) == []
    (tmp_path / "a.meta.json").unlink()
    (told,) = validate(path)
    assert told.message == "no sidecar .meta.json: positions are taken as image pixels, y down"
    with pytest.warns(UserWarning, match="y down"):
        assert np.array_equal(read(path)["y"], [3.0])
