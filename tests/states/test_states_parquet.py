import sys

import numpy as np
import pytest

from kinescribe.errors import InputError, UsageError
from kinescribe.states import Calibration, Metadata, States, read, validate


def states():
    columns = {
        "frame": [0, 1],
        "time_s": [0, 1 / 3],
        "object_id": [1, 1],
        "x": [0, 1 / 3],
        "y": [np.nan, 2],
        "label": ["", "=a"],
        "force": [1, 2],
    }
    return States.from_columns(columns, Metadata(calibration=Calibration.from_scale(10, "cm"), warnings=["a"]))


def test_a_table_comes_back_from_parquet(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "states.parquet"
    table = states()
    table.to_parquet(path)
    again = read(path)
    assert again.meta == table.meta
    for name, values in table.columns.items():
        np.testing.assert_array_equal(again[name], values)
    assert validate(path) == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["states.parquet"]
    stored = parquet.read_table(path)
    assert stored.column("y").null_count == stored.column("label").null_count == 1
    assert stored.schema.field("vx").metadata[b"unit"] == b"cm/s"


def test_parquet_of_others_is_read_without_a_unit(tmp_path):
    parquet, arrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    parquet.write_table(arrow.table({"frame": [0], "time_s": [0.0], "object_id": [1], "x": [0.5], "y": [None]}), path)
    with pytest.warns(
        UserWarning, match="no metadata of kinescribe inside and no sigma_x, sigma_y: the unit is unknown and y is taken to point up"
    ):
        assert np.isnan(read(path)["y"]).all()


def test_bad_parquet_is_refused(tmp_path):
    parquet, arrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    path.write_bytes(b"frame,time_s")
    with pytest.raises(InputError, match="is no Parquet file") as caught:
        read(path)
    assert "\n" not in str(caught.value)
    parquet.write_table(arrow.table({"frame": [0]}), path)
    with pytest.raises(InputError, match="no column 'time_s'"):
        read(path)
    parquet.write_table(arrow.table({"frame": [None], "time_s": [0.0], "object_id": [1], "x": [0.5], "y": [0.5]}), path)
    with pytest.raises(InputError, match="frame"):
        read(path)
    with pytest.raises(InputError, match="cannot read"):
        read(tmp_path / "none.parquet")


def test_without_pyarrow_the_install_line_is_given(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "a.parquet").write_bytes(b"")
    for call in (lambda: states().to_parquet(tmp_path / "b.parquet"), lambda: read(tmp_path / "a.parquet")):
        with pytest.raises(UsageError, match=r"pip install 'kinescribe\[parquet\]'"):
            call()
