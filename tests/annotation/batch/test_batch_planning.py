"""What there is to do, from what the manifests know and what the folder holds; no video is read that need not be."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_videos import age

from kinescribe.annotation.batch import planning
from kinescribe.annotation.batch.committing import Recorded, commit, files_in, write_record
from kinescribe.annotation.batch.files import hash_of, signature_of
from kinescribe.annotation.batch.listing import Listed
from kinescribe.annotation.batch.manifest import Row
from kinescribe.annotation.batch.planning import Plan, folder_of, plan, select
from kinescribe.errors import UsageError

SETUP = "one setup"


class Folder:
    """Videos of a few bytes, and results as if they had been done."""

    def __init__(self, root: Path) -> None:
        self.root, self.states = root / "videos", root / "data" / "states"
        self.root.mkdir()
        self.rows: dict[str, Row] = {}

    def video(self, name: str, text: str | None = None) -> Listed:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name if text is None else text)
        age(path)
        return Listed(name, path)

    def finish(self, video: Listed, state: str = "done", setup: str = SETUP, kind: str | None = None) -> None:
        files: dict[str, int] = {}
        if state == "done":
            staging = self.states.parent / "work" / "1"
            staging.mkdir(parents=True)
            (staging / "states.csv").write_text("x")
            (staging / "summary.json").write_text("{}")
            made = write_record(staging, video.name, Recorded("key", files_in(staging), None, 1, 1, 0))
            commit(staging, self.states / folder_of(video.name))
            files = dict(made.files)
        about = signature_of(video.path)
        self.rows[video.name] = Row(
            video.name, state, kind, setup=setup, sha256=hash_of(video.path), size=about.size, mtime_ns=about.mtime_ns,
            looked_ns=time.time_ns(), files=files,
        )  # fmt: skip

    def plan(self, *videos: Listed, listed: list[Listed] | None = None, **options: object) -> Plan:
        def setup_of(name: str) -> str:
            return SETUP

        asked: dict[str, object] = {"setup_of": setup_of, **options}
        known = asked.pop("setup_of")
        return plan(list(videos), listed or list(videos), self.rows.values(), known, self.states, **asked)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def todo(made: Plan) -> list[str]:
    return [one.video.name for one in made.todo]


def test_what_is_done_or_failed_is_not_done_again(folder: Folder):
    done, failed, new = folder.video("a.mp4"), folder.video("b.mp4"), folder.video("c.mp4")
    folder.finish(done, kind="partial")
    folder.finish(failed, "failed")
    made = folder.plan(done, failed, new)
    assert (made.done, made.partial, made.failed, todo(made)) == ({"a.mp4"}, {"a.mp4"}, {"b.mp4"}, ["c.mp4"])
    made = folder.plan(done, failed, new, retry_failed=True)
    assert (made.done, made.failed, todo(made)) == ({"a.mp4"}, set(), ["b.mp4", "c.mp4"])
    made = folder.plan(done, failed, new, redo=True)
    assert (made.done, made.partial, made.failed, todo(made)) == (set(), set(), set(), ["a.mp4", "b.mp4", "c.mp4"])


@pytest.mark.parametrize("state", ["done", "failed"])
def test_another_setup_is_done_again(folder: Folder, state: str):
    video = folder.video("a.mp4")
    folder.finish(video, state, setup="another")
    assert todo(folder.plan(video)) == ["a.mp4"]


def test_what_was_written_while_it_was_read_is_tried_again_each_time(folder: Folder):
    video = folder.video("a.mp4")
    folder.finish(video, "failed", kind="changed")
    assert todo(folder.plan(video)) == ["a.mp4"]


@pytest.mark.parametrize("state", ["queued", "running"])
def test_what_was_begun_and_not_finished_is_done(folder: Folder, state: str):
    video = folder.video("a.mp4")
    folder.rows["a.mp4"] = Row("a.mp4", state)
    assert todo(folder.plan(video)) == ["a.mp4"]


def same_second(path: Path) -> None:
    """The same size and the same whole second, other bytes."""
    then = path.stat().st_mtime_ns
    path.write_text(path.read_text()[::-1])
    os.utime(path, ns=(then, then // 10**9 * 10**9 + (then % 10**9 + 1000) % 10**9))


def longer(path: Path) -> None:
    then = path.stat().st_mtime_ns
    path.write_text(path.read_text() + "more")
    os.utime(path, ns=(then, then))


def touched(path: Path) -> None:
    path.touch()


def gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [same_second, longer, touched, gone])
@pytest.mark.parametrize("state", ["done", "failed"])
def test_a_file_that_is_not_as_it_was_is_looked_at_again(folder: Folder, change: Callable[[Path], None], state: str):
    video = folder.video("ab.mp4")
    folder.finish(video, state)
    change(video.path)
    assert todo(folder.plan(video)) == ["ab.mp4"]


def test_a_file_that_changed_shortly_before_it_was_looked_at_is_looked_at_again(folder: Folder):
    """File systems count in steps of up to two seconds: it may have changed once more within the same one."""
    video = folder.video("a.mp4")
    video.path.touch()
    folder.finish(video)
    assert todo(folder.plan(video)) == ["a.mp4"]


def test_a_file_from_the_future_is_known_again_and_noticed_where_it_changes(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    """A camera or a server whose clock is ahead: else its videos would be read by each run for as long."""
    one, two = folder.video("a.mp4", "same size"), folder.video("b.mp4", "size same")
    for video in (one, two):
        age(video.path, by=-3600)
        folder.finish(video)
    monkeypatch.setattr(planning, "hash_of", lambda path: pytest.fail(f"{path.name} was read"))
    assert todo(folder.plan(one, two)) == []
    monkeypatch.undo()
    age(one.path, by=-3601)
    assert todo(folder.plan(one, two)) == ["a.mp4"]


@pytest.mark.parametrize("spoil", ["removed", "cut", "folder"])
def test_results_that_are_not_whole_are_made_again(folder: Folder, spoil: str):
    video = folder.video("a.mp4")
    folder.finish(video)
    place = folder.states / "a.mp4"
    if spoil == "removed":
        (place / "states.csv").unlink()
    elif spoil == "cut":
        (place / "summary.json").write_text("")
    else:
        place.rename(place.with_name("b.mp4"))
    assert todo(folder.plan(video)) == ["a.mp4"]


def test_of_the_same_bytes_the_first_name_is_done_and_the_others_are_its_duplicates(folder: Folder):
    videos = [folder.video(name, "same") for name in ("c.mp4", "a.mp4", "b.mp4")] + [folder.video("d.mp4", "else")]
    made = folder.plan(*videos)
    assert todo(made) == ["a.mp4", "d.mp4"]
    assert made.duplicates == {"b.mp4": "a.mp4", "c.mp4": "a.mp4"}
    assert sorted((name, other) for name, other, *_ in made.new_duplicates) == [("b.mp4", "a.mp4"), ("c.mp4", "a.mp4")]
    other_way = folder.plan(*reversed(videos))
    assert other_way.duplicates == made.duplicates


def test_which_one_is_done_does_not_hang_on_what_is_chosen(folder: Folder):
    one, two = folder.video("a.mp4", "same"), folder.video("b.mp4", "same")
    made = folder.plan(two, listed=[one, two])
    assert (todo(made), made.duplicates) == ([], {"b.mp4": "a.mp4"})


def test_a_duplicate_that_is_known_is_not_noted_again(folder: Folder):
    one, two = folder.video("a.mp4", "same"), folder.video("b.mp4", "same")
    folder.finish(one)
    about = signature_of(two.path)
    folder.rows["b.mp4"] = Row(
        "b.mp4", "duplicate", reason="a.mp4", sha256=hash_of(two.path), size=about.size, mtime_ns=about.mtime_ns, looked_ns=time.time_ns()
    )
    made = folder.plan(one, two)
    assert (todo(made), made.done, made.duplicates, made.new_duplicates) == ([], {"a.mp4"}, {"b.mp4": "a.mp4"}, [])


def test_a_duplicate_that_is_none_any_more_is_done(folder: Folder):
    one, two = folder.video("a.mp4", "same"), folder.video("b.mp4", "same")
    about = signature_of(two.path)
    folder.rows["b.mp4"] = Row(
        "b.mp4", "duplicate", reason="a.mp4", sha256=hash_of(two.path), size=about.size, mtime_ns=about.mtime_ns, looked_ns=time.time_ns()
    )
    one.path.unlink()
    assert todo(folder.plan(two)) == ["b.mp4"]


def test_the_same_bytes_with_other_settings_are_no_duplicates(folder: Folder):
    one, two = folder.video("a.mp4", "same"), folder.video("b.mp4", "same")
    made = folder.plan(one, two, setup_of=lambda name: name)
    assert (todo(made), made.duplicates) == (["a.mp4", "b.mp4"], {})


def test_files_without_a_byte_are_not_each_others_duplicates(folder: Folder):
    made = folder.plan(folder.video("a.mp4", ""), folder.video("b.mp4", ""))
    assert (todo(made), made.duplicates) == (["a.mp4", "b.mp4"], {})


def test_only_videos_of_one_size_are_read(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    read: list[str] = []
    real = planning.hash_of
    monkeypatch.setattr(planning, "hash_of", lambda path: read.append(path.name) or real(path))
    videos = [folder.video(name, text) for name, text in (("a.mp4", "1"), ("b.mp4", "22"), ("c.mp4", "33"), ("d.mp4", "4444"))]
    folder.plan(*videos)
    assert sorted(read) == ["b.mp4", "c.mp4"]
    read.clear()
    for video in videos:
        folder.finish(video)
    assert folder.plan(*videos).done == {"a.mp4", "b.mp4", "c.mp4", "d.mp4"}
    assert read == []


def test_a_video_that_cant_be_read_is_left_to_its_worker(folder: Folder):
    one, two = folder.video("a.mp4"), Listed("b.mp4", folder.root / "missing.mp4")
    (folder.root / "loop.mp4").symlink_to("loop.mp4")
    assert todo(folder.plan(one, two, Listed("c.mp4", folder.root / "loop.mp4"))) == ["a.mp4", "b.mp4", "c.mp4"]


NAMES = [Listed(f"cam{cam}/{k}.mp4", Path()) for cam in (1, 2) for k in range(4)] + [Listed("odd[1].mp4", Path())]


def chosen(*only: str, shard: tuple[int, int] | None = None) -> list[str]:
    return [video.name for video in select(NAMES, only, shard)]


def test_names_and_patterns_choose_videos():
    assert chosen() == [video.name for video in NAMES]
    assert chosen("cam1/*") == [f"cam1/{k}.mp4" for k in range(4)]
    assert chosen("0.mp4") == ["cam1/0.mp4", "cam2/0.mp4"]
    assert chosen("odd[1].mp4", "cam2/3.mp4") == ["cam2/3.mp4", "odd[1].mp4"]
    with pytest.raises(UsageError, match="--only 'cam3/\\*' fits none of the 9 videos"):
        chosen("cam1/*", "cam3/*")


@pytest.mark.parametrize("count", [1, 2, 3, 8, 20])
def test_shards_share_all_videos_out_and_each_goes_into_one(count: int):
    shares = [chosen(shard=(k, count)) for k in range(1, count + 1)]
    assert sorted(name for share in shares for name in share) == sorted(chosen())
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
