"""A video's results take their place whole or not at all, whatever happens between two steps."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kinescribe.annotation.batch import committing
from kinescribe.annotation.batch.committing import RECORD, Recorded, commit, files_in, intact, recorded, replaced, write_record
from kinescribe.errors import UsageError


def stage(folder: Path, text: str) -> Path:
    """A staging folder that holds what a video's run makes."""
    folder.mkdir(parents=True)
    (folder / "states.csv").write_text(text)
    (folder / "summary.json").write_text("{}")
    write_record(folder, "a.mp4", Recorded(f"key of {text}", files_in(folder), None, 12, 1, 0))
    return folder


def contents(folder: Path) -> str | None:
    """Which of the results is in place, whole; None for none."""
    there = recorded(folder)
    if there is None:
        return None
    text = (folder / "states.csv").read_text()
    assert there.key == f"key of {text}"
    return text


def test_results_take_their_place_and_their_staging_is_gone(tmp_path: Path):
    staging, folder = tmp_path / "work" / "1", tmp_path / "states" / "cam 1" / "a.mp4"
    commit(stage(staging, "new"), folder)
    assert contents(folder) == "new"
    assert not staging.exists()
    assert list((tmp_path / "work").iterdir()) == []


def test_later_results_replace_earlier_ones_with_all_their_files(tmp_path: Path):
    folder = tmp_path / "states" / "a.mp4"
    early = stage(tmp_path / "work" / "1", "old")
    (early / "overlay.mp4").write_bytes(b"x")
    commit(early, folder)
    commit(stage(tmp_path / "work" / "2", "new"), folder)
    assert contents(folder) == "new"
    assert sorted(path.name for path in folder.iterdir()) == [RECORD, "states.csv", "summary.json"]
    assert list((tmp_path / "work").iterdir()) == []


class Crash(BaseException):
    """The end of the process: nothing catches it."""


def crashing(monkeypatch: pytest.MonkeyPatch, after: int) -> Callable[[], int]:
    """Let every step that touches the disk count, and the one after so many be the last; how many were there is returned."""
    steps = 0

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def step(*args: object, **options: object) -> object:
            nonlocal steps
            if steps == after:
                raise Crash
            steps += 1
            return real(*args, **options)

        return step

    monkeypatch.setattr(os, "fsync", counted(os.fsync))
    monkeypatch.setattr(Path, "rename", counted(Path.rename))
    monkeypatch.setattr(Path, "mkdir", counted(Path.mkdir))
    monkeypatch.setattr(shutil, "rmtree", counted(shutil.rmtree))
    return lambda: steps


@pytest.mark.parametrize("before", [None, "old"])
def test_a_crash_between_any_two_steps_leaves_the_old_or_the_new_or_nothing_and_the_next_run_completes_it(
    tmp_path: Path, before: str | None
):
    seen = set()
    for after in range(100):
        root = tmp_path / str(after)
        folder = root / "states" / "a.mp4"
        if before:
            commit(stage(root / "work" / "0", before), folder)
        staging = stage(root / "work" / "1", "new")
        with pytest.MonkeyPatch.context() as monkeypatch:
            crashing(monkeypatch, after)
            try:
                commit(staging, folder)
                over = True
            except Crash:
                over = False
        seen.add(contents(folder))
        assert contents(folder) in (before, None, "new")
        if not folder.exists() or contents(folder) is None:  # half of it is never there
            assert not folder.exists()
        # as the next run does
        shutil.rmtree(root / "work")
        if contents(folder) != "new":
            commit(stage(root / "work" / "2", "new"), folder)
        assert contents(folder) == "new"
        if over:
            break
    assert after > 5
    assert seen == {before, None, "new"}


def failing_renames(monkeypatch: pytest.MonkeyPatch, *which: int) -> None:
    """Have some renames fail, as they are counted from 1."""
    real, count = Path.rename, 0

    def rename(path: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count in which:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)


@pytest.mark.parametrize("which", [(1,), (2,), (2, 3)])
def test_a_disk_that_fails_while_results_are_replaced_leaves_the_earlier_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: tuple[int, ...]
):
    staging, folder = tmp_path / "work" / "2", tmp_path / "states" / "a.mp4"
    commit(stage(tmp_path / "work" / "1", "old"), folder)
    stage(staging, "new")
    with monkeypatch.context() as patch:
        failing_renames(patch, *which)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            commit(staging, folder)
    assert contents(replaced(staging) if 3 in which else folder) == "old"
    if 3 not in which:
        commit(staging, folder)
        assert contents(folder) == "new"


def test_everything_is_on_the_disk_before_it_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Each file and the folder's entries are synced before the rename; the parent's entries after it."""
    steps: list[str] = []
    real_sync, real_rename = committing._sync, Path.rename

    def sync(path: Path) -> None:
        steps.append(f"sync {path.name}")
        real_sync(path)

    def rename(path: Path, target: Path) -> Path:
        steps.append(f"rename {path.name}")
        return real_rename(path, target)

    monkeypatch.setattr(committing, "_sync", sync)
    monkeypatch.setattr(Path, "rename", rename)
    commit(stage(tmp_path / "work" / "1", "new"), tmp_path / "states" / "a.mp4")
    assert steps == [f"sync {RECORD}", "sync states.csv", "sync summary.json", "sync 1", "rename 1", "sync states"]


def foreign_folder(place: Path) -> None:
    place.mkdir(parents=True)
    (place / "thesis.tex").write_text("years of work")


def foreign_file(place: Path) -> None:
    place.parent.mkdir(parents=True)
    place.write_text("years of work")


def dangling_link(place: Path) -> None:
    place.parent.mkdir(parents=True)
    place.symlink_to("nowhere")


def link_to_foreign_folder(place: Path) -> None:
    foreign_folder(place.parent.parent / "elsewhere")
    place.parent.mkdir()
    place.symlink_to("../elsewhere")


def file_in_the_way_of_the_parent(place: Path) -> None:
    place.parent.parent.mkdir(parents=True, exist_ok=True)
    place.parent.write_text("years of work")


@pytest.mark.parametrize("put", [foreign_folder, foreign_file, dangling_link, link_to_foreign_folder, file_in_the_way_of_the_parent])
def test_what_no_run_made_is_refused_and_untouched(tmp_path: Path, put: Callable[[Path], None]):
    root = tmp_path / "data"
    folder = root / "states" / "a.mp4"
    put(folder)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match="move it away"):
        commit(stage(tmp_path / "work" / "1", "new"), folder)
    assert before.items() <= {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}.items()
    assert folder.is_symlink() == (put in (dangling_link, link_to_foreign_folder))


def test_an_empty_folder_in_the_way_is_taken(tmp_path: Path):
    folder = tmp_path / "states" / "a.mp4"
    folder.mkdir(parents=True)
    commit(stage(tmp_path / "work" / "1", "new"), folder)
    assert contents(folder) == "new"


@pytest.mark.parametrize("name", ["states.csv", "summary.json", RECORD])
@pytest.mark.parametrize(
    "spoil", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), lambda path: path.write_bytes(b"")]
)
def test_a_file_that_was_removed_or_cut_off_is_noticed(tmp_path: Path, name: str, spoil: Callable[[Path], object]):
    folder = tmp_path / "a.mp4"
    files = stage(folder, "new") and files_in(folder)
    assert intact(str(folder), files)
    spoil(folder / name)
    assert not intact(str(folder), files)
    assert recorded(folder) is None


def test_a_folder_of_which_nothing_is_known_is_not_intact(tmp_path: Path):
    stage(tmp_path / "a.mp4", "new")
    assert not intact(str(tmp_path / "a.mp4"), {})
    assert not intact(str(tmp_path / "missing"), {"states.csv": 3})
    assert recorded(tmp_path / "missing") is None


RIGHT = {
    "video": "a.mp4",
    "key": "k",
    "files": {"states.csv": 3, "summary.json": 2},
    "partial": None,
    "rows": 12,
    "objects": 1,
    "warnings": 0,
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not JSON",
        "[]",
        "null",
        "{}",
        "\udcff",
        "[" * 100_000,
        json.dumps(RIGHT).replace("12", "1e999"),
        json.dumps(RIGHT).replace("12", "NaN"),
        json.dumps(RIGHT).replace("12", '"many"'),
        json.dumps(RIGHT).replace("12", "9" * 5000),
        json.dumps(RIGHT | {"files": {"../../secret.txt": 6}}),
        json.dumps(RIGHT | {"files": {"/etc/hostname": 6}}),
        json.dumps(RIGHT | {"files": ["states.csv"]}),
        json.dumps(RIGHT | {"files": {"states.csv": 10**30}}),
        json.dumps(RIGHT | {"files": {"states.csv": None}}),
        json.dumps(RIGHT | {"files": {}}),
        json.dumps(RIGHT | {"files": {"summary.json": 2}}),
        json.dumps({name: value for name, value in RIGHT.items() if name != "key"}),
        json.dumps(RIGHT) + " " * 2**21,
    ],
    ids=range(20),
)
def test_a_record_that_somebody_changed_is_none(tmp_path: Path, text: str):
    folder = tmp_path / "states" / "a.mp4"
    stage(folder, "new")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / RECORD).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert recorded(folder) is None
    assert (tmp_path / "secret.txt").read_text() == "secret"


def test_the_record_that_those_changes_start_from_is_one(tmp_path: Path):
    stage(tmp_path / "a.mp4", "new")
    (tmp_path / "a.mp4" / RECORD).write_text(json.dumps(RIGHT))
    made = recorded(tmp_path / "a.mp4")
    assert made is not None
    assert (made.key, made.rows, made.objects, made.partial) == ("k", 12, 1, None)
