"""Data sets from many videos: of which some are broken, of which some are there already, and on disks as they are."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tiny_videos import age, draw, draw_folder, frames_of, leftovers, tree_of

from kinescribe import extract_states
from kinescribe.annotation.batch import annotate, annotating, closing, setups, status
from kinescribe.annotation.batch.committing import recorded, replaced
from kinescribe.annotation.batch.events import Finished, Started
from kinescribe.annotation.batch.finishing import carry_out
from kinescribe.annotation.batch.jobs import Outcome
from kinescribe.annotation.batch.manifest import Manifest, merged
from kinescribe.annotation.batch.work import work
from kinescribe.cli import main
from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.settings import ExtractionSettings, Overrides
from kinescribe.states import States


class HereEngine:
    """Does the jobs in this process: what is tested here is what a run makes of them, and starting processes takes a second each."""

    workers = 1
    warnings: tuple[str, ...] = ()

    def __init__(self, between: Callable[[str], None] | None = None) -> None:
        self.between = between

    def run(self, jobs: Iterator[Any], on_event: Callable[[Any], None]) -> None:
        for job in jobs:
            on_event(Started(job, "here"))
            if self.between is not None:
                self.between(job.name)
            on_event(Finished(job, "here", work(job, lambda stage, done, total: None)))


class HereFinishing:
    """Writes formats and page in this process."""

    def __init__(self, threads: int) -> None:
        pass

    def call(self, task: dict[str, Any], progress: Callable[[str, int, int | None], None]) -> dict[str, Any]:
        return json.loads(json.dumps(carry_out(json.loads(json.dumps(task)), progress)))

    def stop(self) -> None:
        pass


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> HereEngine:
    engine = HereEngine()
    monkeypatch.setattr(annotating, "_engine", lambda how, setups, videos: engine)
    monkeypatch.setattr(closing, "WorkerProcess", HereFinishing)
    return engine


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips that no test changes."""
    return draw_folder(tmp_path_factory.mktemp("clips") / "videos", 3)


@pytest.fixture
def videos(clips: Path, tmp_path: Path) -> Path:
    """Three clips to be changed."""
    return Path(shutil.copytree(clips, tmp_path / "videos"))


def quickly(source: Path, output: Path, formats: tuple[str, ...] = ("states",), **options: Any) -> Any:
    return annotate(source, output, formats, **{"report": False, **options})


def counts(done: Any) -> dict[str, int]:
    names = ("videos", "done", "adopted", "unchanged", "partial", "failed", "duplicates")
    return {name: getattr(done, name) for name in names if getattr(done, name)}


# --- a hundred videos, ten of them broken


def cut(path: Path, at: float) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * at)])


def overwrite_pictures(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    start = raw.index(b"mdat") + 4
    raw[start:] = random.Random(0).randbytes(len(raw) - start)
    path.write_bytes(raw)


def sound_alone(path: Path) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.float32), format="fltp", layout="mono")
        frame.rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def nothing_moves(path: Path) -> None:
    import numpy as np

    from kinescribe.video import VideoWriter

    with VideoWriter(path) as writer:
        for k in range(8):
            writer.write(np.full((48, 64, 3), 90, np.uint8), k / 25)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "broken-0-empty.mp4": (lambda path: path.write_bytes(b""), "empty"),
    "broken-1-text.mp4": (lambda path: path.write_text("a diary\n" * 50), "not a video|invalid data"),
    "broken-2-cut-early.mp4": (lambda path: cut(draw(path, 501), 0.15), "."),
    "broken-3-cut-late.mp4": (lambda path: cut(draw(path, 502, 40), 0.9), "breaks off"),
    "broken-4-random.mkv": (lambda path: path.write_bytes(random.Random(1).randbytes(5000)), "."),
    "broken-5-one-frame.mp4": (lambda path: draw(path, 503, 1), "one frame|1 frame|single frame"),
    "broken-6-nothing-moves.mp4": (nothing_moves, "mov"),
    "broken-7-huge.y4m": (lambda path: path.write_bytes(b"YUV4MPEG2 W99999 H99999 F25:1\nFRAME\n" + b"\0" * 99), "."),
    "broken-8-sound.mp4": (sound_alone, "no video|no picture|sound"),
    "broken-9-pictures.mp4": (lambda path: overwrite_pictures(draw(path, 504)), "decode"),
}


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, int, dict[str, Any], str]:
    """Videos, data set, exit code, what --json printed, and stderr."""
    folder = tmp_path_factory.mktemp("hundred")
    draw_folder(folder / "videos", 90)
    for name, (make, _) in BROKEN.items():
        make(folder / "videos" / name)
    (folder / "videos" / "folder.mp4").mkdir()
    (folder / "videos" / "gone.mp4").symlink_to("nowhere.mp4")
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["annotate", str(folder / "videos"), "-o", str(folder / "data"), "--no-report", "--json", "--workers", "2"])
    return folder / "videos", folder / "data", code, json.loads(out.getvalue()), err.getvalue()


def test_of_a_hundred_videos_ninety_are_right_and_ten_have_their_reason(hundred: tuple[Path, Path, int, dict[str, Any], str]):
    _, data, code, told, err = hundred
    assert code == told["exit_code"] == 5
    assert (told["videos"], told["done"], told["partial"], told["failed"]) == (100, 91, 1, 9)
    rows = {row["video"]: row for row in told["not_whole"]}
    assert rows.keys() == BROKEN.keys()
    for name, (_, says) in BROKEN.items():
        assert re.search(says, rows[name]["reason"], re.IGNORECASE), rows[name]
        assert name in err
    bare = {re.sub(r"'?broken-[\w.-]+'?", "", row["reason"]) for row in rows.values()}
    assert len(bare) == 10, sorted(bare)
    assert (data / "states" / "broken-3-cut-late.mp4" / "states.csv").exists()
    for name in BROKEN.keys() - {"broken-3-cut-late.mp4"}:
        assert not (data / "states" / name).exists()
    for k in range(90):
        assert (data / "states" / f"clip-{k:03}.mp4" / "states.csv").read_text().count("\n") == 13


def test_each_table_is_that_of_the_video_by_itself(hundred: tuple[Path, Path, int, dict[str, Any], str], tmp_path: Path):
    videos, data, *_ = hundred
    for k in (0, 44, 89):
        name = f"clip-{k:03}.mp4"
        extract_states(videos / name, masks=tmp_path / "alone.masks.jsonl.gz").to_csv(tmp_path / "states.csv")
        for made, alone in (("states.csv", "states.csv"), ("states.masks.jsonl.gz", "alone.masks.jsonl.gz")):
            assert (data / "states" / name / made).read_bytes() == (tmp_path / alone).read_bytes()


def test_nothing_is_left_over(hundred: tuple[Path, Path, int, dict[str, Any], str]):
    _, data, *_ = hundred
    assert leftovers(data) == []
    assert sorted(path.name for path in data.iterdir()) == [".kinescribe", "states"]
    assert {path.name for path in (data / ".kinescribe").iterdir()} == {"manifest.sqlite", "run.lock", "holder.txt"}
    workers = [child for child in psutil.Process().children(recursive=True) if any("batch.worker" in word for word in child.cmdline())]
    assert workers == []


def test_the_status_of_the_hundred_is_told(hundred: tuple[Path, Path, int, dict[str, Any], str]):
    found = status(hundred[1])
    assert (dict(found.states), found.partial, found.running, found.whole) == ({"done": 91, "failed": 9}, 1, False, False)


def test_going_on_does_nothing_where_all_is_done_and_tells_the_failed_again(
    hundred: tuple[Path, Path, int, dict[str, Any], str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    videos, data, *_ = hundred
    for path in videos.glob("broken-*"):  # written just now: else they would be looked at again
        age(path)
    before = tree_of(data)
    assert main(["annotate", str(videos), "-o", str(data), "--no-report", "--json", "--only", "broken-*"]) == 5
    assert json.loads(capsys.readouterr().out)["failed"] == 9
    monkeypatch.setattr(annotating, "_engine", lambda *_: pytest.fail("there is nothing to do"))
    assert main(["annotate", str(videos), "-o", str(data), "--no-report", "--json"]) == 5
    told = json.loads(capsys.readouterr().out)
    assert (told["done"], told["unchanged"], told["failed"], len(told["not_whole"])) == (0, 91, 9, 10)
    assert tree_of(data) == before


# --- going on


def test_going_on_does_only_what_is_missing(here: HereEngine, videos: Path, tmp_path: Path):
    out = tmp_path / "out"
    assert counts(quickly(videos, out, only=["clip-000.mp4"])) == {"videos": 1, "done": 1}
    draw(videos / "clip-003.mp4", 3)
    assert counts(quickly(videos, out)) == {"videos": 4, "done": 3, "unchanged": 1}
    assert counts(quickly(videos, out)) == {"videos": 4, "unchanged": 4}
    quickly(videos, tmp_path / "peace")
    assert tree_of(out) == tree_of(tmp_path / "peace")


def test_changed_settings_or_version_or_products_are_done_again(
    here: HereEngine, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out"
    quickly(videos, out)
    assert counts(quickly(videos, out, objects="ball")) == {"videos": 3, "done": 3}
    assert counts(quickly(videos, out, objects="ball")) == {"videos": 3, "unchanged": 3}
    monkeypatch.setattr("kinescribe.__version__", "999.0")
    assert counts(quickly(videos, out, objects="ball")) == {"videos": 3, "done": 3}
    assert counts(quickly(videos, out, objects="ball", overlay=True)) == {"videos": 3, "done": 3}
    assert (out / "states" / "clip-000.mp4" / "overlay.mp4").exists()
    assert counts(quickly(videos, out, objects="ball")) == {"videos": 3, "done": 3}
    assert not (out / "states" / "clip-000.mp4" / "overlay.mp4").exists()


def test_another_revision_of_a_part_is_done_again(here: HereEngine, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    quickly(videos, tmp_path / "out")
    real = setups.revisions_of
    monkeypatch.setattr(setups, "revisions_of", lambda settings: {**real(settings), "detector": "other weights"})
    assert counts(quickly(videos, tmp_path / "out")) == {"videos": 3, "done": 3}


def test_settings_of_one_video_have_that_one_done_again(here: HereEngine, videos: Path, tmp_path: Path):
    quickly(videos, tmp_path / "out")
    of_one = Overrides.read(ExtractionSettings(), [{"match": "clip-001.mp4", "objects": "ball"}], "run.toml")
    assert counts(quickly(videos, tmp_path / "out", settings=of_one)) == {"videos": 3, "done": 1, "unchanged": 2}


def test_a_changed_video_is_done_again_and_one_that_was_only_touched_is_not(here: HereEngine, videos: Path, tmp_path: Path):
    out = tmp_path / "out"
    quickly(videos, out)
    changed, touched = videos / "clip-000.mp4", videos / "clip-001.mp4"
    then, size = changed.stat().st_mtime_ns, changed.stat().st_size
    draw(changed, 77)
    # the same size and the same second: a box of nothing fills it up
    raw = changed.read_bytes()
    changed.write_bytes((raw + (size - len(raw)).to_bytes(4, "big") + b"free" + bytes(99))[:size] if len(raw) + 8 <= size else raw)
    os.utime(changed, ns=(then, then // 10**9 * 10**9 + (then + 1000) % 10**9))
    touched.touch()
    before = tree_of(out)
    assert counts(quickly(videos, out)) == {"videos": 3, "done": 2, "adopted": 1, "unchanged": 1}
    after = tree_of(out)
    assert {name.split("/")[1] for name in before if before[name] != after[name]} == {"clip-000.mp4"}


@pytest.mark.parametrize("options", [{"redo": True}, {"redo": True, "only": ["clip-001.mp4"]}])
def test_redo_does_again_what_is_chosen_to_the_same_bytes(here: HereEngine, videos: Path, tmp_path: Path, options: dict[str, Any]):
    out = tmp_path / "out"
    quickly(videos, out)
    before = tree_of(out)
    made = (out / "states" / "clip-001.mp4").stat().st_ino
    count = len(options.get("only", range(3)))
    assert counts(quickly(videos, out, **options)) == {"videos": count, "done": count}
    assert tree_of(out) == before
    assert (out / "states" / "clip-001.mp4").stat().st_ino != made


def test_failed_videos_are_tried_again_only_where_asked_for_or_changed(here: HereEngine, videos: Path, tmp_path: Path):
    out, bad = tmp_path / "out", videos / "bad.mp4"
    bad.write_bytes(b"no video")
    age(bad)
    assert counts(quickly(videos, out)) == {"videos": 4, "done": 3, "failed": 1}
    tried: list[str] = []
    here.between = tried.append
    assert counts(quickly(videos, out)) == {"videos": 4, "unchanged": 3, "failed": 1}
    assert tried == []
    assert counts(quickly(videos, out, retry_failed=True)) == {"videos": 4, "unchanged": 3, "failed": 1}
    assert tried == ["bad.mp4"]
    draw(bad, 8)
    assert counts(quickly(videos, out)) == {"videos": 4, "unchanged": 3, "done": 1}


@pytest.mark.parametrize("put_back", [True, False])
def test_a_disk_that_fails_as_results_are_replaced_leaves_the_earlier_ones(
    here: HereEngine, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, put_back: bool
):
    out, real_work, real_rename = tmp_path / "out", work, Path.rename
    quickly(videos, out)
    before, place = tree_of(out), out / "states" / "clip-001.mp4"

    def rename(path: Path, target: Path) -> Path:
        if target == place and (not put_back or path.suffix != ".old"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real_rename(path, target)

    def watched(job: Any, progress: Any) -> Outcome:
        outcome = real_work(job, progress)
        old = replaced(Path(job.staging))
        assert old.exists() == (outcome.state == "failed" and not put_back)
        if old.exists():
            assert recorded(old) is not None
        return outcome

    monkeypatch.setitem(globals(), "work", watched)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        assert quickly(videos, out, redo=True).failed == 1
    if put_back:
        assert tree_of(out) == before
    assert leftovers(out) == []


@pytest.mark.parametrize("kind", ["timeout", "memory", "crash"])
def test_a_video_whose_process_was_lost_stays_failed_until_it_is_asked_for(
    here: HereEngine, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
):
    """Else every run would wait for it once more."""
    out, real = tmp_path / "out", work
    lost = Outcome("failed", kind, "not done after 3600 s")
    monkeypatch.setitem(globals(), "work", lambda job, progress: lost if job.name == "clip-001.mp4" else real(job, progress))
    assert counts(quickly(videos, out)) == {"videos": 3, "done": 2, "failed": 1}
    monkeypatch.setitem(globals(), "work", real)
    assert counts(quickly(videos, out)) == {"videos": 3, "unchanged": 2, "failed": 1}
    assert counts(quickly(videos, out, retry_failed=True)) == {"videos": 3, "unchanged": 2, "done": 1}


def test_a_video_that_failed_since_is_failed_though_a_shard_had_done_it(here: HereEngine, videos: Path, tmp_path: Path):
    out = tmp_path / "out"
    quickly(videos, out, shard=(1, 1))
    (videos / "clip-001.mp4").write_bytes(b"no video any more")
    done = quickly(videos, out, ("states", "mot"))
    assert counts(done) == {"videos": 3, "unchanged": 2, "failed": 1}
    assert [row.video for row in done.failures()] == ["clip-001.mp4"]
    assert done.export["videos"] == {"train": 2}


def test_without_a_manifest_what_is_done_is_found_again(here: HereEngine, videos: Path, tmp_path: Path):
    out = tmp_path / "out"
    quickly(videos, out)
    before = tree_of(out)
    shutil.rmtree(out / ".kinescribe")
    assert counts(quickly(videos, out)) == {"videos": 3, "done": 3, "adopted": 3}
    assert tree_of(out) == before


def test_results_that_somebody_spoiled_are_made_anew_and_nothing_outside_is_touched(here: HereEngine, videos: Path, tmp_path: Path):
    out, secret = tmp_path / "out", tmp_path / "secret.txt"
    secret.write_text("secret")
    quickly(videos, out)
    before = tree_of(out)
    folder = out / "states"
    (folder / "clip-000.mp4" / "states.csv").unlink()
    record = json.loads((folder / "clip-001.mp4" / "record.json").read_text())
    record["files"]["../../../secret.txt"] = 6
    (folder / "clip-001.mp4" / "record.json").write_text(json.dumps(record))
    (folder / "clip-002.mp4" / "states.csv").write_text("half of")
    assert counts(quickly(videos, out)) == {"videos": 3, "done": 3}
    assert tree_of(out) == before
    assert secret.read_text() == "secret"


def test_shards_come_to_the_same_as_one_run_which_then_writes_the_formats(here: HereEngine, videos: Path, tmp_path: Path):
    for k in (1, 2):
        done = quickly(videos, tmp_path / "out", ("states", "coco", "mot"), shard=(k, 2))
        assert done.export is None
        assert "run without a shard" in " ".join(done.notes)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".kinescribe", "states"]
    done = quickly(videos, tmp_path / "out", ("states", "coco", "mot"))
    assert counts(done) == {"videos": 3, "unchanged": 3}
    quickly(videos, tmp_path / "peace", ("states", "coco", "mot"))
    assert tree_of(tmp_path / "out") == tree_of(tmp_path / "peace")
    # a shard that does something since has the formats written anew
    draw(videos / "clip-000.mp4", 50)
    quickly(videos, tmp_path / "out", ("states", "coco", "mot"), shard=(1, 2))
    assert quickly(videos, tmp_path / "out", ("states", "coco", "mot")).export is not None


def test_a_shard_that_was_killed_while_it_made_its_manifest_is_in_nobodys_way(here: HereEngine, videos: Path, tmp_path: Path):
    inner = tmp_path / "out" / ".kinescribe"
    inner.mkdir(parents=True)
    (inner / "manifest-1-of-2.sqlite").touch()
    (inner / "work-1-of-2" / "abc").mkdir(parents=True)
    assert counts(quickly(videos, tmp_path / "out", shard=(2, 2))) == {"videos": 1, "done": 1}
    assert counts(quickly(videos, tmp_path / "out")) == {"videos": 3, "done": 2, "unchanged": 1}
    assert leftovers(tmp_path / "out") == []


def test_duplicates_are_done_once_and_different_settings_are_no_duplicates(here: HereEngine, videos: Path, tmp_path: Path):
    for name in ("a.mp4", "z.mp4"):
        shutil.copy2(videos / "clip-001.mp4", videos / name)
    out = tmp_path / "out"
    assert counts(quickly(videos, out, ("states", "mot"))) == {"videos": 5, "done": 3, "duplicates": 2}
    assert sorted(path.name for path in (out / "states").iterdir()) == ["a.mp4", "clip-000.mp4", "clip-002.mp4"]
    assert {name: row.reason for name, row in merged([out / ".kinescribe" / "manifest.sqlite"]).items() if row.state == "duplicate"} == {
        "clip-001.mp4": "a.mp4",
        "z.mp4": "a.mp4",
    }
    assert counts(quickly(videos, out, ("states", "mot"))) == {"videos": 5, "unchanged": 3, "duplicates": 2}
    of_one = Overrides.read(ExtractionSettings(), [{"match": "z.mp4", "objects": "ball"}], "run.toml")
    assert counts(quickly(videos, out, settings=of_one)) == {"videos": 5, "done": 1, "unchanged": 3, "duplicates": 1}


def test_folders_of_pictures_are_videos_and_one_changed_picture_has_them_done_again(here: HereEngine, tmp_path: Path):
    import cv2

    folder = tmp_path / "videos" / "run 1"
    folder.mkdir(parents=True)
    for k, image in enumerate(frames_of(5)):
        cv2.imwrite(str(folder / f"{k:03}.png"), image)
        age(folder / f"{k:03}.png")
    options: dict[str, Any] = {"image_folders": True, "frame_interval": 0.04}
    assert counts(quickly(tmp_path / "videos", tmp_path / "out", **options)) == {"videos": 1, "done": 1}
    assert counts(quickly(tmp_path / "videos", tmp_path / "out", **options)) == {"videos": 1, "unchanged": 1}
    cv2.imwrite(str(folder / "003.png"), frames_of(6)[3])
    assert counts(quickly(tmp_path / "videos", tmp_path / "out", **options)) == {"videos": 1, "done": 1}
    (folder / "011.png").unlink()
    assert counts(quickly(tmp_path / "videos", tmp_path / "out", **options)) == {"videos": 1, "done": 1}
    assert quickly(tmp_path / "videos", tmp_path / "out", ("mot",), **options).export["rows"] == 11


STRANGE = ["new\nline.mp4", "with space.mp4", "café.mp4", "cafe\u0301.mp4", "=1+1.mp4", "-o.mp4", "<b>&.mp4"]


def test_strange_names_go_all_the_way(here: HereEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    videos, out = tmp_path / "videos", tmp_path / "out"
    for k, name in enumerate(STRANGE):
        draw(videos / name, k)
    bad = [os.fsdecode(b"bad\xfe\n.mp4"), os.fsdecode(b"bad\xfd.mp4"), os.fsdecode(b"bad\xfc.mp4")]
    for name, text in zip(bad, ("no video", "the same", "the same"), strict=True):
        (videos / name).write_text(text)
    formats = "states,coco,yolo,mot,voc,cvat"
    assert main(["annotate", str(videos), "-o", str(out), "--format", formats, "--report"]) == 5
    captured = capsys.readouterr()
    assert "\x1b" not in captured.err
    assert len([line for line in captured.err.splitlines() if line.startswith("[")]) == len(STRANGE) + 2
    found = merged([out / ".kinescribe" / "manifest.sqlite"])
    assert {name for name, row in found.items() if row.state == "done"} == set(STRANGE)
    assert {name: found[name].state for name in bad} == dict(zip(bad, ("failed", "duplicate", "failed"), strict=True))
    assert found[bad[1]].reason == bad[2]
    assert len(list((out / "states").iterdir())) == len(STRANGE)
    assert "<b>&" not in (out / "report.html").read_text(encoding="utf-8")
    assert main(["annotate", "status", str(out)]) == 5
    assert "bad" in capsys.readouterr().out
    assert main(["annotate", "status", str(out), "--json"]) == 5
    assert {row["video"] for row in json.loads(capsys.readouterr().out)["wanting"]} == {bad[0], bad[2]}
    assert leftovers(out) == []
    for path in out.rglob("*"):
        str(path.relative_to(out)).encode("utf-8")


# --- what happens while a run is at it


def test_a_video_that_changes_while_it_is_read_is_not_done_and_is_done_the_next_time(
    here: HereEngine, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out, growing = tmp_path / "out", videos / "clip-001.mp4"
    real = States.to_csv

    def and_it_grows(states: States, path: Any) -> Any:
        if "clip-001" in str(states.meta.video and states.meta.video.name):
            with growing.open("ab") as file:
                file.write(b"\0\0\0\x08free")
        return real(states, path)

    monkeypatch.setattr(States, "to_csv", and_it_grows)
    done = quickly(videos, out)
    assert counts(done) == {"videos": 3, "done": 2, "failed": 1}
    (row,) = done.failures()
    assert (row.video, row.kind, row.reason) == (
        "clip-001.mp4",
        "changed",
        "it changed while it was being read; run again when it is finished",
    )
    assert not (out / "states" / "clip-001.mp4").exists()
    monkeypatch.setattr(States, "to_csv", real)
    assert counts(quickly(videos, out)) == {"videos": 3, "done": 1, "unchanged": 2}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG])
def test_a_full_disk_stops_the_run_blames_no_video_and_the_next_run_goes_on(
    here: HereEngine, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
):
    out = tmp_path / "out"
    real = States.to_csv

    def full(states: States, path: Any) -> Any:
        if "clip-001" in str(states.meta.video and states.meta.video.name):
            raise OSError(code, os.strerror(code))
        return real(states, path)

    monkeypatch.setattr(States, "to_csv", full)
    with pytest.raises(UsageError, match=r"cannot write .*make room or give an -o that can be written, and run again"):
        quickly(videos, out)
    found = merged([out / ".kinescribe" / "manifest.sqlite"])
    assert {name: row.state for name, row in found.items()} == {"clip-000.mp4": "done", "clip-001.mp4": "queued", "clip-002.mp4": "queued"}
    assert leftovers(out) == []
    monkeypatch.setattr(States, "to_csv", real)
    assert counts(quickly(videos, out)) == {"videos": 3, "done": 2, "unchanged": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="files have no limit there")
def test_real_processes_that_may_write_no_more_stop_the_run(videos: Path, tmp_path: Path):
    """A limit on the size of files stands in for a full disk: pages are larger than tables."""
    import resource

    command = [sys.executable, "-c", "import sys; from kinescribe.cli import main; sys.exit(main())", "annotate", str(videos)]
    command += ["-o", str(tmp_path / "out"), "--report", "--workers", "1", "-q"]
    limited = subprocess.run(
        command, capture_output=True, text=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (46_000, 46_000))
    )
    assert limited.returncode == 2, limited.stderr
    (line,) = limited.stderr.strip().splitlines()
    assert line.startswith("kinescribe: error: cannot write")
    assert "run again" in line or "make room" in line
    found = merged([tmp_path / "out" / ".kinescribe" / "manifest.sqlite"])
    assert "failed" not in {row.state for row in found.values()}
    assert leftovers(tmp_path / "out") == []


def test_a_manifest_on_a_full_disk_stops_the_run(here: HereEngine, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Full:
        def __init__(self, real: sqlite3.Connection) -> None:
            self.real = real

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

        def execute(self, statement: str, *more: Any) -> Any:
            if statement.startswith("INSERT"):
                raise sqlite3.OperationalError("database or disk is full")
            return self.real.execute(statement, *more)

        def __enter__(self) -> Any:
            return self.real.__enter__()

        def __exit__(self, *error: Any) -> Any:
            return self.real.__exit__(*error)

    real = Manifest._opened
    monkeypatch.setattr(Manifest, "_opened", lambda manifest: Full(real(manifest)))
    with pytest.raises(UsageError, match=r"cannot write the manifest .*full; make room"):
        quickly(videos, tmp_path / "out")
    monkeypatch.setattr(Manifest, "_opened", real)
    assert quickly(videos, tmp_path / "out").done == 3


# --- outputs that can't be


def test_an_output_that_is_a_file_is_refused(here: HereEngine, videos: Path, tmp_path: Path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="it is a file; name a folder"):
        quickly(videos, tmp_path / "out")
    with pytest.raises(UsageError, match="cannot write"):
        quickly(videos, tmp_path / "out" / "deeper")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a place where nobody can write")
def test_an_output_where_nobody_can_write_is_refused(here: HereEngine, videos: Path):
    with pytest.raises(UsageError, match="cannot write the data set '/proc/out'"):
        quickly(videos, Path("/proc/out"))


def test_an_output_with_a_name_that_is_too_long_is_refused(here: HereEngine, videos: Path, tmp_path: Path):
    with pytest.raises(UsageError, match="cannot write"):
        quickly(videos, tmp_path / ("x" * 300))


def test_a_folder_that_no_run_made_is_left_alone_and_told_and_the_video_is_done_when_it_is_gone(
    here: HereEngine, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    mine = tmp_path / "out" / "states" / "clip-001.mp4"
    mine.mkdir(parents=True)
    (mine / "notes.txt").write_text("mine")
    done = quickly(videos, tmp_path / "out")
    assert counts(done) == {"videos": 3, "done": 2, "failed": 1}
    (row,) = done.failures()
    assert row.reason is not None
    assert row.kind == "in the way"
    assert "no run made it; move it away" in row.reason
    assert [path.name for path in mine.iterdir()] == ["notes.txt"]
    with monkeypatch.context() as patch:
        patch.setattr("kinescribe.pipeline.extract_states", lambda *_, **__: pytest.fail("it's seen before the video is done"))
        assert counts(quickly(videos, tmp_path / "out")) == {"videos": 3, "unchanged": 2, "failed": 1}
    mine.rename(tmp_path / "mine")
    assert counts(quickly(videos, tmp_path / "out")) == {"videos": 3, "unchanged": 2, "done": 1}


def test_the_data_set_may_lie_among_the_videos(here: HereEngine, videos: Path):
    assert counts(quickly(videos, videos / "out", overlay=True)) == {"videos": 3, "done": 3}
    assert counts(quickly(videos, videos / "out", overlay=True)) == {"videos": 3, "unchanged": 3}
    assert counts(annotate(f"{videos}/**/*.mp4", videos / "out", report=False, overlay=True)) == {"videos": 3, "unchanged": 3}


def test_without_videos_nothing_is_made(here: HereEngine, tmp_path: Path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "notes.txt").write_text("x")
    with pytest.raises(NothingFoundError, match=r"no videos in .*files that aren't videos by their ending: .*notes.txt"):
        quickly(tmp_path / "videos", tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --- formats


def test_other_formats_or_options_have_only_the_formats_written(here: HereEngine, videos: Path, tmp_path: Path):
    out = tmp_path / "out"
    quickly(videos, out)
    here.between = lambda name: pytest.fail(f"{name} is done already")
    assert quickly(videos, out, ("states", "mot")).export["rows"] == 36
    assert quickly(videos, out, ("states", "mot")).export is None
    assert quickly(videos, out, ("states", "coco", "mot")).export["pictures"] == 36
    assert quickly(videos, out, ("states", "coco", "mot"), stride=3).export["pictures"] == 12
    assert sorted(path.name for path in out.iterdir()) == [".kinescribe", "coco", "export.json", "images", "mot", "states"]
    assert quickly(videos, out, ("states", "yolo"), stride=3).export is not None
    assert not (out / "coco").exists()


@pytest.mark.parametrize("name", ["export.json", "coco", "images"])
def test_formats_that_somebody_removed_are_written_again(here: HereEngine, videos: Path, tmp_path: Path, name: str):
    out = tmp_path / "out"
    quickly(videos, out, ("coco",), stride=6)
    before = tree_of(out)
    if (out / name).is_dir():
        shutil.rmtree(out / name)
    else:
        for path in (out / name, out / "coco", out / "images"):
            path.unlink() if path.is_file() else shutil.rmtree(path)
    assert quickly(videos, out, ("coco",), stride=6).export is not None
    assert tree_of(out) == before


class Killed(BaseException):
    """The end of the process: nothing catches it."""


@pytest.mark.parametrize("place", ["before", "within", "after"])
def test_a_run_that_is_killed_while_it_writes_the_formats_has_the_next_one_write_them(
    here: HereEngine, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
):
    """Also where a finished data set is there already, and nothing but the formats is left to do."""
    out, peace = tmp_path / "out", tmp_path / "peace"
    quickly(videos, out, ("coco", "mot"), stride=6)
    draw(videos / "clip-001.mp4", 60)
    quickly(videos, peace, ("coco", "mot"), stride=6)

    def kill(*_: object) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        if place == "before":
            patch.setattr(HereFinishing, "call", kill)
        elif place == "within":
            patch.setattr("kinescribe.annotation.exporting.staging._take_place", kill)
        else:
            real = Manifest.exported
            patch.setattr(Manifest, "exported", lambda manifest, key, told: kill() if key else real(manifest, key, told))
        with pytest.raises(Killed):
            quickly(videos, out, ("coco", "mot"), stride=6)
    # back to what it was, too: what the formats hold isn't what an earlier run noted
    done = quickly(videos, out, ("coco", "mot"), stride=6)
    assert (done.done, done.unchanged) == (0, 3)
    assert tree_of(out) == tree_of(peace)
    assert quickly(videos, out, ("coco", "mot"), stride=6).export is None


@pytest.mark.skipif(not hasattr(os, "sync"), reason="needs a system that writes all to its disks when it is asked to")
def test_formats_are_on_the_disk_before_anything_says_that_they_are_there(
    here: HereEngine, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    steps: list[Any] = []
    noted = Manifest.exported
    monkeypatch.setattr(os, "sync", lambda: steps.append("sync" if (tmp_path / "out" / "export.json").exists() else "too early"))
    monkeypatch.setattr(Manifest, "exported", lambda made, key, told: steps.append(bool(key)) or noted(made, key, told))
    quickly(videos, tmp_path / "out", ("mot",))
    assert steps == [False, "sync", True]


def test_a_run_over_some_videos_knows_the_duplicates_among_the_others(here: HereEngine, videos: Path, tmp_path: Path):
    shutil.copy2(videos / "clip-001.mp4", videos / "z.mp4")
    quickly(videos, tmp_path / "out", report=True)
    quickly(videos, tmp_path / "out", report=True, only=["clip-000.mp4"], redo=True)
    assert "same bytes as clip-001.mp4" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_the_page_is_written_anew_where_it_is_missing_or_a_run_was_killed(here: HereEngine, videos: Path, tmp_path: Path):
    done = quickly(videos, tmp_path / "out", report=True)
    assert done.report == tmp_path / "out" / "report.html"
    done.report.unlink()
    (tmp_path / "out" / ".report.html.12.ab.part").write_text("half a page")
    (tmp_path / "out" / ".export.part" / "new").mkdir(parents=True)
    assert quickly(videos, tmp_path / "out", report=True).report.exists()
    assert leftovers(tmp_path / "out") == []


def test_only_verified_rows_where_none_is_verified_is_told_and_the_tables_stay(here: HereEngine, videos: Path, tmp_path: Path):
    with pytest.raises(NothingFoundError, match=r"the tables are done, the formats are not: nothing to export: 36 rows"):
        quickly(videos, tmp_path / "out", ("coco",), verified_only=True)
    assert len(list((tmp_path / "out" / "states").iterdir())) == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".kinescribe", "states"]
    assert quickly(videos, tmp_path / "out", ("coco",)).export["rows"] == 36


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"classes": {"ball": ["ball", 0], "cart": ["cart", 2]}}, "0"),
        ({"classes": {"ball": ["ball", 1]}}, "0"),
        ({"classes": {"ball": ["ball", 0], "cart": ["cart", 0]}}, "0"),
        ({"split": {"train": 0.5, "val": 0.2}}, "1"),
        ({"split": {"train": -1.0, "val": 2.0}}, "split|fraction"),
        ({"split": {"somewhere": 1.0}}, "train"),
        ({"stride": -1}, "stride"),
        ({"pictures": "bmp"}, "jpg"),
        ({"workers": 0}, "workers"),
        ({"workers": True}, "workers"),
        ({"threads": 0}, "threads"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"max_memory": 1000}, "max_memory"),
        ({"retries": -1}, "retries"),
        ({"shard": (0, 3)}, "shard"),
        ({"shard": (4, 3)}, "shard"),
        ({"shard": "1/3"}, "shard"),
        ({"only": "clip*"}, "only"),
        ({"engine": "local", "address": "auto"}, "ray"),
        ({"engine": "rai"}, "ray"),
        ({"objcts": "ball"}, "objects"),
        ({"detector": "clasical"}, "classical"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused_before_anything_is_done(
    here: HereEngine, clips: Path, tmp_path: Path, options: dict[str, Any], says: str
):
    here.between = lambda name: pytest.fail(f"{name} was begun")
    with pytest.raises(UsageError, match=says) as told:
        quickly(clips, tmp_path / "out", ("coco",), **options)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "out" / "states").exists()


def test_what_a_format_lacks_is_told_before_any_video_is_done(
    here: HereEngine, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UsageError, match=r"Parquet needs pyarrow .*kinescribe\[parquet\]"):
        quickly(clips, tmp_path / "out", ["states", "parquet"])
    with pytest.raises(UsageError, match="both write"):
        quickly(clips, tmp_path / "out", ["yolo", "yolo-seg"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("formats", "says"), [(("coc",), "did you mean 'coco'"), ((), "formats"), ("coco", "formats"), ((3,), "formats")])
def test_formats_that_make_no_sense_are_refused(here: HereEngine, clips: Path, tmp_path: Path, formats: Any, says: str):
    with pytest.raises(UsageError, match=says):
        annotate(clips, tmp_path / "out", formats)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("label", ["=1+1", "+sum", "-2+3", "@cell", "=cmd|' /C calc'!A0"])
def test_labels_that_spreadsheets_take_for_formulas_go_through_as_text(
    here: HereEngine, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, label: str
):
    def labelled(*args: Any, **options: Any) -> States:
        states = extract_states(*args, **options)
        return States.from_columns({**states.columns, "label": [label] * len(states)}, states.meta)

    monkeypatch.setattr("kinescribe.pipeline.extract_states", labelled)
    done = quickly(clips, tmp_path / "out", ("coco", "yolo", "mot", "voc", "cvat"), stride=6, only=["clip-000.mp4"])
    assert done.export["classes"] == [label]
    with (tmp_path / "out" / "states" / "clip-000.mp4" / "states.csv").open(newline="", encoding="utf-8") as file:
        cells = {row["label"] for row in csv.DictReader(file)}
    assert cells == {f"'{label}"}


# --- two at once


def test_a_second_run_stops_at_once_and_the_first_goes_on(
    here: HereEngine, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    codes: list[int] = []

    def second(name: str) -> None:
        if not codes:
            here.between = None
            codes.append(main(["annotate", str(videos), "-o", str(out), "--no-report"]))
            codes.append(main(["annotate", str(videos), "-o", str(out), "--no-report", "--shard", "1/2"]))
            assert status(out).running

    here.between = second
    assert counts(quickly(videos, out)) == {"videos": 3, "done": 3}
    assert codes == [2, 2]
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 2
    assert all("another run is writing" in line for line in lines)
    assert not status(out).running


def test_a_run_of_a_thread_is_as_any(videos: Path, tmp_path: Path):
    """Real processes, from a thread that isn't the main one, while another run does something else."""
    made: list[Any] = []
    threads = [threading.Thread(target=lambda k=k: made.append(quickly(videos, tmp_path / f"out{k}", workers=1))) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [counts(one) for one in made] == [{"videos": 3, "done": 3}] * 2
    assert tree_of(tmp_path / "out0") == tree_of(tmp_path / "out1")
