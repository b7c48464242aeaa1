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
from kinescribe.annotation.batch.exported import keep_edited, note_files, sizes_of
from kinescribe.annotation.batch.folders import DataSet
from kinescribe.annotation.batch.manifest import Row, merged
from kinescribe.annotation.batch.planning import folder_of
from kinescribe.annotation.batch.work import MASKS, REPORT, STATES, SUMMARY, THUMBNAIL
from kinescribe.annotation.exporting.staging import RECORD as EXPORTED
from kinescribe.errors import InputError, KinescribeError
from kinescribe.settings.flags import with_options

__all__ = ["Finishing", "carry_out", "sizes_of"]

Report = Callable[[str, int, "int | None"], None]


@dataclass(frozen=True, slots=True)
class Finishing:
    """What is to be made, as plain JSON.

    Attributes:
        folder: of the data set, absolute.
        listing: a file with one video a line, JSON: name, path, state, and of a duplicate the other's name.
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
        ``content``: key of what the export holds now; ``results``: key of the tables that it was made from; ``files``: number and bytes of
        its files by entry; ``export``: what was written, None where it was there already or nothing is; ``warnings``; ``error`` and
        ``exit_code`` where the formats can't be written.
    """
    asked = Finishing(**task["finishing"])
    data = DataSet(Path(asked.folder))
    with Path(asked.listing).open(encoding="utf-8") as lines:
        videos = [json.loads(line) for line in lines]
    # how each stands is what the run says; the manifests have the rest
    known = merged(data.manifests(), {video["name"]: (video["state"],) for video in videos})
    done = [(video, known[video["name"]]) for video in videos if video["state"] == "done" and video["name"] in known]
    out: dict[str, Any] = {"export": None, "warnings": [], "files": {}}
    out["results"] = _hash([(video["name"], row.key) for video, row in done])
    out["content"] = _hash([kinescribe.__version__, asked.formats, asked.options, out["results"]])
    try:
        if asked.formats and not done:
            out["warnings"].append(f"no {', '.join(asked.formats)}: no video is done")
        elif asked.formats:
            if out["content"] != asked.before:
                progress("export", 0, None)
                out["warnings"] += keep_edited(data)
                out["export"] = _export(asked, data, done)
                out["warnings"] += out["export"].pop("warnings")
                note_files(data, _entries_of_export(data))
            out["files"] = sizes_of(data.folder, _entries_of_export(data))
    except KinescribeError as error:
        out |= {"error": str(error), "exit_code": error.exit_code}
    if asked.report:  # also where the formats fail: it is what one looks at then
        progress("report", 0, None)
        _write_page(asked, data, videos, known)
    if hasattr(os, "sync"):  # once for what may be many thousand pictures: before anything says that they are there, they are on the disk
        os.sync()
    return out


def _hash(data: Any) -> str:
    """A key of all that something depends on."""
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


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
        "boxes": made.boxes,
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
        command = f"{asked.command} --only {shlex.quote(name)} --redo" if asked.command else ""
        if video["state"] == "duplicate":
            yield Entry(name, "duplicate", f"same bytes as {video['other']}", None, command, None, None, None)
            continue
        if row is None or video["state"] not in ("done", "failed"):
            yield Entry(name, "queued", None, None, command, None, None, None)
            continue
        folder = data.states / folder_of(name)
        summary = page = thumbnail = None
        if video["state"] == "done":
            try:
                summary = Summary.of(json.loads((folder / SUMMARY).read_text(encoding="utf-8")))
            except (OSError, ValueError, InputError):  # somebody's edit: the page says that it's missing
                summary = None
            page = f"states/{folder_of(name)}/{REPORT}" if (folder / REPORT).exists() else None
            thumbnail = (folder / THUMBNAIL).read_bytes() if (folder / THUMBNAIL).exists() else None
        why = with_options(row.reason)
        reason = why if row.kind is None or why is None else f"{row.kind}: {why}"
        yield Entry(name, video["state"], reason, row.seconds, command, page, summary, thumbnail)
