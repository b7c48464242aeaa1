"""Paths that no command should take: empty words, and files that are protected from being written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from kinescribe.states import States


@pytest.fixture
def bits_count(monkeypatch):
    """Let permission bits hold for whoever runs the tests, root too."""
    if os.geteuid() == 0:
        monkeypatch.setattr(os, "access", lambda path, mode, **_: bool(os.stat(path).st_mode & stat.S_IWUSR) or mode != os.W_OK)  # noqa: PTH116


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["extract", "v.mp4", "-o", ""], "-o is empty; give it a name"),
        (["extract", "v.mp4", "--output="], "--output is empty; give it a name"),
        (["extract", "v.mp4", "--plot", ""], "--plot is empty; give it a name"),
        (["annotate", "v.mp4", "-o", ""], "-o is empty; give it a name"),
        (["demo", "-o", ""], "-o is empty; give it a name"),
        (["fit", ""], "STATES.CSV is empty; name a file"),
        (["review", "v.mp4", ""], "VIDEO or STATES.CSV is empty; name a file"),
        (["compare", "", "b.mp4"], "REAL or PREDICTED is empty; name a file"),
        (["validate", ""], "STATES.CSV is empty; name a file"),
    ],
)
def test_an_empty_word_is_no_path(run, tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    ran = run(*words)
    assert ran.code == 2
    assert ran.err.startswith(f"kinescribe: error: {told}")
    assert ran.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["v.states.csv", "v.states.meta.json", "o.mp4"])
def test_overwrite_leaves_what_is_write_protected(run, stand_in, bits_count, name):
    path = Path(name)
    path.write_text("precious")
    path.chmod(0o444)
    ran = run("extract", "v.mp4", "--overlay", "o.mp4", "--overwrite")
    assert ran.code == 2
    assert (
        ran.err == f"kinescribe: error: '{name}' is write-protected, and stays as it is; allow writing (chmod u+w), or name another file\n"
    )
    assert path.read_text() == "precious"
    assert not stand_in.calls, "refused only after the work was done"
    path.chmod(0o644)
    assert run("extract", "v.mp4", "--overwrite").code == 0


def test_the_library_leaves_it_too(stand_in, bits_count):
    path = Path("a.csv")
    path.write_text("precious")
    path.chmod(0o444)
    table: States = stand_in.table
    with pytest.raises(ValueError, match=r"'a.csv' is write-protected"):
        table.to_csv(path)
    assert path.read_text() == "precious"
    assert [one.name for one in Path().iterdir()] == ["a.csv"]
