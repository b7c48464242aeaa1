"""One kind of file given for another: one line on stderr that says what it is and what was wanted, with its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

TABLE = "frame,time_s,object_id,x,y\n" + "".join(f"{k},{k / 10},1,{k},{2 * k}\n" for k in range(8))


@pytest.fixture
def folder(tmp_path, monkeypatch, drawn):
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text(TABLE)
    Path("odd.json").write_text('{"a": 1}')
    Path("a.meta.json.txt").write_text("[1]")
    Path("empty.json").write_text("")
    Path("empty").mkdir()
    Path("full").mkdir()
    Path("full/b.csv").write_text(TABLE)
    Path("v.mp4").write_bytes(drawn.read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["fit", "v.mp4"], 3, "v.mp4: is no text file (byte 0x"),
        (["fit", "odd.json"], 3, "odd.json: is JSON; a states table is CSV"),
        (["fit", "b.csv"], 3, "cannot read 'b.csv': No such file or directory; did you mean 'a.csv'?"),
        (["fit", "full"], 3, "cannot read 'full': Is a directory; name a table in it, such as 'full/b.csv'"),
        (["fit", "empty"], 3, "cannot read 'empty': Is a directory; it holds no table either"),
        (["fit", "full/b.parquet"], 3, "cannot read 'full/b.parquet': No such file or directory"),
        (["validate", "b.csv"], 3, "cannot read 'b.csv': No such file or directory; did you mean 'a.csv'?"),
        (
            ["predict", "a.csv", "--law", "empty.json", "--until", "3"],
            3,
            "empty.json: line 1: no saved fit, which is JSON (Expecting value); ",
        ),
        (
            ["predict", "a.csv", "--law", "odd.json", "--until", "3"],
            3,
            "odd.json: no saved fit: it lacks 'kinescribe_law'; 'kinescribe fit",
        ),
        (
            ["render", "a.csv", "--scene", "v.mp4", "-o", "r.mp4"],
            3,
            "'v.mp4' is a file; a scene is a folder, and `kinescribe scene` makes one",
        ),
        (["extract", "v.mp4", "-o", "a.csv/b.csv"], 2, "'a.csv' in the output 'a.csv/b.csv' is a file, and no folder"),
        (["extract", "a.csv"], 3, "'a.csv' is no video that can be read: it holds plain text"),
    ],
)
def test_a_file_of_another_kind_is_named_as_what_it_is(run, folder, words, code, told):
    before = sorted(folder.rglob("*"))
    ran = run(*words)
    assert (ran.code, ran.out) == (code, "")
    (line,) = [line for line in ran.err.splitlines() if not line.startswith("kinescribe: warning: a.csv: no sidecar")]
    assert line.startswith(f"kinescribe: error: {told}")
    assert sorted(folder.rglob("*")) == before


def test_a_sidecar_given_for_its_table_is_told_so(run, folder):
    Path("a.meta.json").write_text('{\n"fields": []}')
    ran = run("validate", "a.meta.json")
    assert ran.code == 3
    assert "is JSON (a sidecar? name the table beside it); a states table is CSV" in ran.err
