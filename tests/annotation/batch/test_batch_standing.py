"""How videos stand after several runs over one data set: what tables, formats, page, status and exit code say is one and the same."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from test_batch_annotate import HereEngine, clips, counts, here, quickly, videos
from tiny_videos import age, draw

from kinescribe.annotation.batch import status
from kinescribe.annotation.batch.jobs import Outcome
from kinescribe.errors import UsageError
from kinescribe.states import read

__all__ = ["clips", "here", "videos"]  # fixtures


def parts(out: Path) -> dict[str, list[str]]:
    """Names of the videos in the formats, by part of the split."""
    found: dict[str, list[str]] = json.loads((out / "export.json").read_text())["videos"]
    return found


def test_what_a_shard_failed_at_later_is_as_done_as_its_table(
    here: HereEngine, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out"
    quickly(videos, out, ("coco",))

    def lost(job: Any, progress: Any) -> Outcome:
        about = Path(job.path).stat()
        return Outcome("failed", "timeout", "not done after 0.01 s", size=about.st_size, mtime_ns=about.st_mtime_ns)

    with monkeypatch.context() as patch:
        patch.setattr("test_batch_annotate.work", lost)
        assert quickly(videos, out, shard=(1, 1), redo=True, only=["clip-000.mp4"]).failed == 1
    done = quickly(videos, out, ("coco",))
    assert (done.unchanged, done.failed, list(done.failures())) == (3, 0, [])
    assert parts(out) == {"train": ["clip-000", "clip-001", "clip-002"]}


def test_a_table_that_another_run_made_with_other_settings_is_made_again(here: HereEngine, videos: Path, tmp_path: Path):
    out, of_one = tmp_path / "out", {"only": ["clip-000.mp4"], "pixels_per_unit": 2.0}
    quickly(videos, out, unit="mm", **of_one)
    quickly(videos, out, unit="cm", shard=(1, 1), **of_one)
    assert counts(quickly(videos, out, unit="mm", **of_one)) == {"videos": 1, "done": 1}
    assert read(out / "states" / "clip-000.mp4" / "states.csv").unit == "mm"


def test_a_video_is_not_lost_with_the_one_that_it_was_a_duplicate_of(here: HereEngine, videos: Path, tmp_path: Path):
    out = tmp_path / "out"
    quickly(videos, out, ("coco",))
    first = videos / "a-copy.mp4"
    first.write_bytes((videos / "clip-000.mp4").read_bytes())
    age(first)
    quickly(videos, out, shard=(1, 1))
    first.unlink()
    done = quickly(videos, out, ("coco",))
    assert (done.videos, done.failed, done.duplicates, done.whole) == (3, 0, 0, True)
    assert parts(out) == {"train": ["clip-000", "clip-001", "clip-002"]}


def test_a_duplicate_alone_is_not_whole_as_long_as_the_other_one_is_not_done(here: HereEngine, videos: Path, tmp_path: Path):
    out = tmp_path / "out"
    (videos / "z-copy.mp4").write_bytes((videos / "clip-000.mp4").read_bytes())
    done = quickly(videos, out, only=["z-copy.mp4"])
    assert (done.duplicates, done.waiting, done.whole) == (1, 1, False)
    assert not status(out).whole
    done = quickly(videos, out)
    assert (done.duplicates, done.waiting, done.whole) == (1, 0, True)
    assert status(out).whole


def test_what_is_gone_is_noted_once_and_wants_nothing_any_more(here: HereEngine, videos: Path, tmp_path: Path):
    out = tmp_path / "out"
    (videos / "broken.mp4").write_text("no video")
    age(videos / "broken.mp4")
    assert [row.video for row in quickly(videos, out).failures()] == ["broken.mp4"]
    (videos / "broken.mp4").unlink()
    (videos / "clip-002.mp4").unlink()
    done = quickly(videos, out, ("coco",))
    assert done.whole
    assert not list(done.failures())
    assert [note for note in done.notes if "no longer there" in note and "'broken.mp4' and 1 more" in note]
    assert parts(out) == {"train": ["clip-000", "clip-001"]}
    assert status(out).whole
    assert (out / "states" / "clip-002.mp4" / "states.csv").exists()
    assert not [note for note in quickly(videos, out, ("coco",)).notes if "no longer there" in note]


def test_failures_are_those_of_the_run(here: HereEngine, videos: Path, tmp_path: Path):
    for name in ("broken-1.mp4", "broken-2.mp4"):
        (videos / name).write_text(f"no video: {name}")
    quickly(videos, tmp_path / "out")
    done = quickly(videos, tmp_path / "out", only=["broken-2.mp4"])
    assert [row.video for row in done.failures()] == ["broken-2.mp4"]


def test_rows_and_warnings_are_those_of_all_tables_whenever_they_were_made(here: HereEngine, videos: Path, tmp_path: Path):
    options: dict[str, Any] = {"batch_size": 2}  # without effect, which each table warns of
    first = quickly(videos, tmp_path / "out", **options)
    second = quickly(videos, tmp_path / "out", **options)
    assert second.unchanged == 3
    assert (second.rows, second.objects, second.warned) == (first.rows, first.objects, first.warned)
    assert first.warned == 3
    assert first.rows > 0


def test_an_adopted_result_keeps_the_seconds_that_it_took(here: HereEngine, videos: Path, tmp_path: Path):
    import os

    quickly(videos, tmp_path / "out")
    before = {row.video: row.seconds for row in status(tmp_path / "out").videos}
    for path in videos.iterdir():
        os.utime(path, (1_600_000_000, 1_600_000_000))
    assert counts(quickly(videos, tmp_path / "out")) == {"videos": 3, "done": 3, "adopted": 3}
    assert {row.video: row.seconds for row in status(tmp_path / "out").videos} == before


def test_one_file_of_a_format_that_is_gone_has_the_formats_written_again(here: HereEngine, videos: Path, tmp_path: Path):
    out = tmp_path / "out"
    quickly(videos, out, ("coco",), stride=4)
    lost = sorted((out / "images" / "train").iterdir())[1]
    lost.unlink()
    assert quickly(videos, out, ("coco",), stride=4).export is not None
    assert lost.exists()
    assert quickly(videos, out, ("coco",), stride=4).export is None


def test_formats_that_are_not_named_stay_as_they_were_and_it_is_said_when_tables_changed(here: HereEngine, videos: Path, tmp_path: Path):
    out = tmp_path / "out"
    quickly(videos, out, ("coco", "mot"))
    before = (out / "coco" / "instances_train.json").read_bytes()
    assert not quickly(videos, out).notes
    draw(videos / "new.mp4", 7)
    for _ in range(2):
        assert [note for note in quickly(videos, out).notes if note.startswith("coco, mot: still as they were written")]
    assert (out / "coco" / "instances_train.json").read_bytes() == before
    assert quickly(videos, out, ("coco", "mot")).export is not None
    assert not quickly(videos, out).notes


def test_what_somebody_edited_in_a_format_is_kept(here: HereEngine, videos: Path, tmp_path: Path):
    out = tmp_path / "out"
    quickly(videos, out, ("cvat",))
    mended = sorted((out / "cvat").glob("*.xml"))[0]
    mended.write_text("<corrected/>")
    (out / "cvat" / "notes.txt").write_text("mine")
    done = quickly(videos, out, ("mot",))
    assert [line for line in done.warnings if "changed since they were written" in line and "kept/1" in line]
    assert (out / "kept" / "1" / "cvat" / mended.name).read_text() == "<corrected/>"
    assert (out / "kept" / "1" / "cvat" / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in (out / "kept" / "1" / "cvat").iterdir()) == sorted([mended.name, "notes.txt"])
    assert not (out / "cvat").exists()
    assert not quickly(videos, out, ("cvat",)).warnings


def test_formats_stay_where_what_was_edited_can_not_be_kept(
    here: HereEngine, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(source: object, target: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    out = tmp_path / "out"
    quickly(videos, out, ("cvat",))
    mended = sorted((out / "cvat").glob("*.xml"))[0]
    mended.write_text("<corrected/>")
    with monkeypatch.context() as patch:
        patch.setattr("shutil.copy2", full)
        with pytest.raises(UsageError, match=r"cannot keep what was edited .*No space left"):
            quickly(videos, out, ("mot",))
    assert mended.read_text() == "<corrected/>"
    quickly(videos, out, ("mot",))
    assert (out / "kept" / "1" / "cvat" / mended.name).read_text() == "<corrected/>"


def test_boxes_are_counted_as_the_formats_have_them(here: HereEngine, videos: Path, tmp_path: Path):
    out = tmp_path / "out"
    done = quickly(videos, out, ("coco",), stride=5)
    held = json.loads((out / "coco" / "instances_train.json").read_text())
    assert done.export["boxes"] == len(held["annotations"])
    assert done.export["pictures"] == len(held["images"])
    assert done.export["rows"] > done.export["boxes"]


def test_the_page_is_written_where_the_formats_fail(here: HereEngine, videos: Path, tmp_path: Path):
    pytest.importorskip("jinja2")
    with pytest.raises(UsageError, match="the tables are done, the formats are not"):
        quickly(videos, tmp_path / "out", ("coco",), report=True, classes={"nothing like it": "thing"})
    assert "clip-000.mp4" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
