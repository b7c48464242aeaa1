"""One video from its file to its finished folder, in this process. What goes wrong comes back as an outcome, never as an error."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinescribe.annotation.batch.committing import InTheWay, Recorded, check_free, commit, files_in, recorded, replaced, write_record
from kinescribe.annotation.batch.files import Signature, hash_of, signature_of
from kinescribe.annotation.batch.jobs import CHANGED, DISK, IN_THE_WAY, Job, Outcome
from kinescribe.annotation.batch.keys import key_of, setup_of
from kinescribe.annotation.batch.planning import folder_of
from kinescribe.errors import InputError, KinescribeError, NothingFoundError, UsageError
from kinescribe.llm.text import one_line
from kinescribe.perception.kept import KeptParts

if TYPE_CHECKING:
    from kinescribe.states import States

__all__ = ["MASKS", "OVERLAY", "REPORT", "STATES", "SUMMARY", "THUMBNAIL", "done_as", "place", "told", "work"]

STATES, MASKS, SUMMARY = "states.csv", "states.masks.jsonl.gz", "summary.json"
OVERLAY, REPORT, THUMBNAIL = "overlay.mp4", "report.html", "thumbnail.jpg"
_KEPT = KeptParts()  # a worker does one job at a time, and the next one, mostly, with the same models
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)

Report = Callable[[str, int, "int | None"], None]


def work(job: Job, progress: Report) -> Outcome:
    """Do one video.

    Where the outcome says "done", its folder is there, whole. Else the folder is as it was; only a disk that fails between two renamings
    may leave none, and the earlier results beside the staging folder, under the name that `replaced` gives.
    """
    began = time.perf_counter()
    staging, path = Path(job.staging), Path(job.path)
    seen: dict[str, Any] = {}
    try:
        before = signature_of(path)
        sha256 = job.sha256 or hash_of(path)
        seen |= {"sha256": sha256, "size": before.size, "mtime_ns": before.mtime_ns}
        key = key_of(sha256, setup_of(job.settings, job.revisions, job.products))
        there = recorded(Path(job.folder))
        if there is not None and there.key == key and not job.again:
            return done_as(there, seen, began, adopted=True)
        check_free(Path(job.folder))  # before hours of work
        shutil.rmtree(staging, ignore_errors=True)  # of a process that died over this video
        staging.mkdir(parents=True)
        states = _make(job, staging, progress)
        changed = _changed(path, before, sha256, states)
        if changed:
            return Outcome("failed", CHANGED, changed, seconds=time.perf_counter() - began)
        partial = one_line(states.meta.partial) if states.meta.partial else None
        objects = sum(one.part_of is None for one in states.meta.objects.values())  # points of bodies are none
        made = Recorded(key, files_in(staging), partial, len(states), objects, len(states.meta.warnings))
        made = write_record(staging, job.name, made)
        place(staging, Path(job.folder), key)
        return done_as(made, seen, began, adopted=False)
    except Exception as error:  # whatever one video does to us is that video's own
        kind, reason, state = told(error, staging)
        reason = reason.replace(job.path, job.name)
        return Outcome(state, kind, reason, **seen, seconds=time.perf_counter() - began)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if os.path.lexists(job.folder):  # else these are the only results
            shutil.rmtree(replaced(staging), ignore_errors=True)


def _make(job: Job, staging: Path, progress: Report) -> States:
    import json

    from kinescribe.annotation.reporting import summarise, write_thumbnail, write_video_page
    from kinescribe.pipeline import extract_states
    from kinescribe.settings import ExtractionSettings

    settings = ExtractionSettings.of(job.settings)
    states = extract_states(job.path, **settings.keywords(), masks=staging / MASKS, progress=progress, kept=_KEPT)
    states.to_csv(staging / STATES)
    summary = json.dumps(summarise(states).to_dict(), ensure_ascii=True, allow_nan=False) + "\n"
    (staging / SUMMARY).write_text(summary, encoding="utf-8")
    if job.products.overlay:
        from kinescribe.renderers import draw_overlay

        draw_overlay(_opened(job.path, settings), states, staging / OVERLAY, progress=progress)
    if job.products.report:
        progress("report", 0, None)
        video = _opened(job.path, settings)
        write_thumbnail(states, video, staging / THUMBNAIL)
        home = "../" * (folder_of(job.name).count("/") + 2) + "report.html"
        write_video_page(states, video, staging / REPORT, command=job.command or None, name=job.name, home=home)
    return states


def _opened(path: str, settings: Any) -> Any:
    from kinescribe.video import open_video

    return open_video(path, frame_interval=settings.frame_interval)


def _changed(path: Path, before: Signature, sha256: str, states: States) -> str | None:
    """A line where the video isn't what it was when it was begun with."""
    read = states.meta.video.sha256 if states.meta.video is not None and path.is_file() else None
    if signature_of(path) != before or (read is not None and read != sha256):
        return "it changed while it was being read; run again when it is finished"
    return None


def place(staging: Path, folder: Path, key: str) -> None:
    """Put a video's results in their place. Raises OSError and UsageError as `commit` does, but not where the same ones are there."""
    try:
        commit(staging, folder)
    except OSError as error:
        # another shard's run of the same video may have been first
        there = recorded(folder)
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or there is None or there.key != key:
            raise


def done_as(there: Recorded, seen: dict[str, Any], began: float, *, adopted: bool) -> Outcome:
    """The outcome of a video whose folder is there; `seen` is its hash, size and time stamp, `began` of `time.perf_counter`."""
    return Outcome(
        "done", "partial" if there.partial else None, there.partial, **seen, key=there.key, files=dict(there.files),
        seconds=time.perf_counter() - began, adopted=adopted, rows=there.rows, objects=there.objects, warnings=there.warnings,
    )  # fmt: skip


def told(error: Exception, staging: Path) -> tuple[str, str, Any]:
    """Kind, reason and state that an error comes to."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
            return DISK, f"cannot write '{staging.parent}': {cause.strerror}", "queued"
        cause = cause.__cause__ or cause.__context__
    reason = one_line(str(error)) or type(error).__name__
    if isinstance(error, NothingFoundError):
        return "nothing found", reason, "failed"
    if isinstance(error, InputError):
        return "unreadable", reason, "failed"
    if isinstance(error, InTheWay):
        return IN_THE_WAY, reason, "failed"
    if isinstance(error, UsageError):
        return ("settings", reason, "failed") if not isinstance(error.__cause__, OSError) else (DISK, reason, "queued")
    if isinstance(error, MemoryError):
        return "memory", "there is not enough memory for it; give --max-memory more, or fewer --workers", "failed"
    if isinstance(error, OSError) and error.filename is not None and str(error.filename).startswith(str(staging.parent)):
        return DISK, f"cannot write '{staging.parent}': {error.strerror}", "queued"
    if isinstance(error, OSError):
        return "unreadable", one_line(f"{error.strerror or error}"), "failed"
    if isinstance(error, KinescribeError):
        return "failed", reason, "failed"
    defect = f"unexpected {type(error).__name__}: {reason}; this is a defect: extract-states --debug shows where"
    return "defect", one_line(defect), "failed"
