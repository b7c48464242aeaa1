"""A table as Parquet: written where its name says so, read wherever a CSV is, and its library asked for before the work begins."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from kinescribe.cli import extract_states
from kinescribe.evaluation.scenes import falling_ball
from kinescribe.states import read


@pytest.fixture
def library():
    return pytest.importorskip("pyarrow.parquet")


def test_extract_writes_what_every_command_reads(run, drawn, tmp_path, library):
    flags = ("--start", "2f", "--end", "0.9")
    assert run(drawn, "-o", tmp_path / "a.parquet", "--masks", "-q", *flags, entry=extract_states).code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.masks.jsonl.gz", "a.parquet"]  # no sidecar: it is inside
    assert run(drawn, "-o", tmp_path / "a.csv", "-q", *flags, entry=extract_states).code == 0
    parquet, table = read(tmp_path / "a.parquet"), read(tmp_path / "a.csv")
    assert parquet.meta == table.meta
    for name, values in table.columns.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(parquet[name], values, rtol=1e-8, atol=1e-8)
        else:
            assert parquet[name].tolist() == values.tolist()
    assert run("validate", tmp_path / "a.parquet", "--strict").code == 0
    assert (
        run("fit", tmp_path / "a.parquet", "--law", "uniform-motion", "-q").code
        == run("fit", tmp_path / "a.csv", "--law", "uniform-motion", "-q").code
    )
    assert run(drawn, "-o", tmp_path / "a.parquet", entry=extract_states).code == 2  # it is there
    frame = library.read_table(tmp_path / "a.parquet").to_pandas()
    assert frame["frame"].tolist() == table["frame"].tolist()
    assert frame["label"].tolist() == table["label"].tolist()


def test_predictions_may_be_parquet_but_a_sweep_may_not(run, table_of, tmp_path, library):
    table_of(falling_ball(frame_count=12)).to_parquet(tmp_path / "s.parquet")
    assert run("fit", tmp_path / "s.parquet", "--law", "constant-acceleration", "-o", tmp_path / "law.json", "-q").code in (0, 5)
    ran = run("predict", tmp_path / "s.parquet", "--law", tmp_path / "law.json", "--until", "0.5", "-o", tmp_path / "p.parquet", "-q")
    assert ran.code == 0, ran.err
    assert len(read(tmp_path / "p.parquet")) > 0
    assert not (tmp_path / "p.meta.json").exists()


def test_without_the_library_the_line_to_type_is_told_before_the_work(run, drawn, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    ran = run(drawn, "-o", tmp_path / "a.parquet", entry=extract_states)
    assert ran.code == 2
    assert "pip install 'kinescribe[parquet]'" in ran.err
    assert ran.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_other_names_are_refused(run, drawn, tmp_path):
    ran = run(drawn, "-o", tmp_path / "a.xlsx", entry=extract_states)
    assert ran.code == 2
    assert "must end in .csv, or .parquet; give -o NAME.csv" in ran.err
