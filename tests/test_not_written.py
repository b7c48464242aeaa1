"""What can't be written is one line: the path, why, and the way out."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinescribe.errors import UsageError, why_not_written
from kinescribe.foretelling.keeping import Keeper
from kinescribe.foretelling.programs.folder import prepared
from kinescribe.renderers import Scene
from kinescribe.states.writing import replaced
from kinescribe.video.writer import VideoWriter

YOURS = "write to a folder that exists and is yours"


@pytest.mark.parametrize(
    ("number", "way_out"),
    [
        (errno.EROFS, YOURS),
        (errno.EACCES, YOURS),
        (errno.ENOTDIR, YOURS),
        (errno.ENOSPC, "make room, or write somewhere else"),
        (errno.ENAMETOOLONG, "give it a shorter name"),
        (errno.EIO, "write somewhere else"),
    ],
)
def test_the_way_out_fits_the_reason(number: int, way_out: str) -> None:
    assert why_not_written(OSError(number, os.strerror(number))) == f"{os.strerror(number)}; {way_out}"
    assert why_not_written(RuntimeError("no more")) == "no more; write somewhere else"


def a_scene() -> Scene:
    return Scene(np.zeros((8, 8, 3), np.float32), np.ones((8, 8), np.float32), {})


def made_in_place(path: Path) -> None:
    with replaced(path) as (beside,):
        beside.touch()


def filmed(path: Path) -> None:
    with VideoWriter(path):
        raise AssertionError("nothing is to be encoded")


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (made_in_place, "a.csv"),
        (filmed, "a.mp4"),
        (lambda path: a_scene().write(path), "scene"),
        (lambda path: prepared(path, overwrite=False), "program"),
        (lambda path: Keeper.of(path, overwrite=False), "steps"),
    ],
    ids=["table", "video", "scene", "program", "steps"],
)
def test_a_read_only_folder_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], Any], name: str) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(os, "mkdir", refuse)
        patched.setattr(os, "open", refuse)
        with pytest.raises(UsageError) as caught:
            write(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert str(caught.value).endswith(f"Read-only file system; {YOURS}")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_no_file_takes_the_place_of_a_pipe_or_a_device(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="it is a device or a pipe; name a file"), replaced(pipe):
        raise AssertionError("nothing is to be written")
    with pytest.raises(UsageError, match="is a device or a pipe"):
        filmed(pipe)
    assert pipe.is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe.csv"]
