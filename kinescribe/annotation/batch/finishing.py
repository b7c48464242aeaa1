"""What is made of all videos together, in a process of its own: the formats of the data set, and its page."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kinescribe
from kinescribe.annotation.batch.folders import DataSet
from kinescribe.annotation.batch.manifest import Row, merged
from kinescribe.annotation.batch.planning import folder_of
from kinescribe.annotation.batch.work import MASKS, REPORT, STATES, SUMMARY, THUMBNAIL
from kinescribe.annotation.exporting.staging import RECORD as EXPORTED
from kinescribe.errors import InputError, KinescribeError

__all__ = ["Finishing", "carry_out"]

Report = Callable[[str, int, "int | None"], None]


@dataclass(frozen=True, slots=True)
class Finishing:
    """What is to be made, as plain JSON.

    Attributes:
        folder: of the data set, absolute.
        listing: a file with one video a line, JSON: name, path, whether it's a duplicate and of which.
        formats: of the data set; empty for none.
        options: as `DataSetOptions.to_dict`.
        before: the key of what the last export held; None where there was none, or not all of it is there.
        report: whether the page is made.
        command: the run's, to which ``--only NAME --redo`` is added for a single video.
        title: of the page.
    """

    folder: str
    listing: str
    formats: list[str]
    options: dict[str, Any]
    before: str | None
    report: bool
    command: str
    title: str


def carry_out(task: dict[str, Any], progress: Report) -> dict[str, Any]:
    """Do a `Finishing`, in a worker.

    Returns:
        ``content``: key of what the export holds now; ``entries``: its files and folders; ``export``: what was written, None where it was
        there already or nothing is; ``warnings``; or ``error`` and ``exit_code``.
    """
    asked = Finishing(**task["finishing"])
    try:
        return _finish(asked, progress)
    except KinescribeError as error:
        return {"error": str(error), "exit_code": error.exit_code}


def _finish(asked: Finishing, progress: Report) -> dict[str, Any]:
    data = DataSet(Path(asked.folder))
    known = merged(data.manifests())
    with Path(asked.listing).open(encoding="utf-8") as lines:
        videos = [json.loads(line) for line in lines]
    for video in videos:  # of which this run wasn't about, for those of which it was are known not to be
        row = known.get(video["name"])
        if video["duplicate"] is None and row is not None and row.state == "duplicate":
            video["duplicate"] = row.reason
    done = [(video, known[video["name"]]) for video in videos if video["duplicate"] is None and _is_done(known.get(video["name"]))]
    content = _content(asked, done)
    out: dict[str, Any] = {"content": content, "entries": [], "export": None, "warnings": []}
    if asked.formats and not done:
        out["warnings"].append(f"no {', '.join(asked.formats)}: no video is done")
    elif asked.formats and content != asked.before:
        progress("export", 0, None)
        out["export"] = _export(asked, data, done)
        out["warnings"] += out["export"].pop("warnings")
    if asked.formats and done:
        out["entries"] = _entries_of_export(data)
    if asked.report:
        progress("report", 0, None)
        _write_page(asked, data, videos, known)
    if hasattr(os, "sync"):  # once for what may be many thousand pictures: before anything says that they are there, they are on the disk
        os.sync()
    return out


def _is_done(row: Row | None) -> bool:
    return row is not None and row.state == "done"


def _content(asked: Finishing, done: list[tuple[dict[str, Any], Row]]) -> str:
    """A key of all that the export depends on."""
    results = [(video["name"], row.key) for video, row in done]
    return hashlib.sha256(json.dumps([kinescribe.__version__, asked.formats, asked.options, results]).encode()).hexdigest()


def _export(asked: Finishing, data: DataSet, done: list[tuple[dict[str, Any], Row]]) -> dict[str, Any]:
    from kinescribe.annotation.exporting import Item, export

    names = _short_names([video["name"] for video, _ in done])
    items = []
    for video, _ in done:
        folder = data.states / folder_of(video["name"])
        items.append(Item(folder / STATES, video["path"], folder / MASKS, names[video["name"]]))
    made = export(items, data.folder, asked.formats, replace=True, **asked.options)
    return {
        "classes": list(made.classes),
        "videos": {part: len(videos) for part, videos in made.videos.items()},
        "pictures": made.pictures,
        "rows": made.rows,
        "left_out": dict(made.left_out),
        "warnings": list(made.warnings),
    }


def _entries_of_export(data: DataSet) -> list[str]:
    record = json.loads((data.folder / EXPORTED).read_text(encoding="utf-8"))
    return [EXPORTED, *record["entries"]]


def _short_names(names: list[str]) -> dict[str, str]:
    """Names without their suffix, where that leaves them apart."""
    short = {name: name.removesuffix(Path(name).suffix) or name for name in names}
    often = Counter(one.casefold() for one in short.values())
    return {name: one if often[one.casefold()] == 1 else name for name, one in short.items()}


def _write_page(asked: Finishing, data: DataSet, videos: list[dict[str, Any]], known: dict[str, Row]) -> None:
    from kinescribe.annotation.reporting import write_dataset_page

    formats = dict.fromkeys(asked.formats, asked.options) or None
    write_dataset_page(_entries(asked, data, videos, known), data.report, title=asked.title, command=asked.command, formats=formats)


def _entries(asked: Finishing, data: DataSet, videos: list[dict[str, Any]], known: dict[str, Row]) -> Iterator[Any]:
    from kinescribe.annotation.reporting import Entry, Summary

    for video in videos:
        name, row = video["name"], known.get(video["name"])
        command = f"{asked.command} --only {shlex.quote(name)} --redo"
        if video["duplicate"] is not None:
            yield Entry(name, "duplicate", f"same bytes as {video['duplicate']}", None, command, None, None, None)
            continue
        if row is None or row.state not in ("done", "failed", "queued", "running"):
            yield Entry(name, "queued", None, None, command, None, None, None)
            continue
        folder = data.states / folder_of(name)
        summary = page = thumbnail = None
        if row.state == "done":
            try:
                summary = Summary.of(json.loads((folder / SUMMARY).read_text(encoding="utf-8")))
            except (OSError, ValueError, InputError):  # somebody's edit: the page says nothing of it then
                summary = None
            page = f"states/{folder_of(name)}/{REPORT}" if (folder / REPORT).exists() else None
            thumbnail = (folder / THUMBNAIL).read_bytes() if (folder / THUMBNAIL).exists() else None
        reason = row.reason if row.kind is None or row.reason is None else f"{row.kind}: {row.reason}"
        yield Entry(name, row.state, reason, row.seconds, command, page, summary, thumbnail)  # type: ignore[arg-type]
