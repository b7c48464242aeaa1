"""From an item to what exporters get: its size, its frames, its rows, its pictures on the disk."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from kinescribe.annotation.exporting.classes import Classes
from kinescribe.annotation.exporting.items import Named
from kinescribe.annotation.exporting.labelled import LabelledVideo
from kinescribe.annotation.exporting.masks import read_masks
from kinescribe.annotation.exporting.pictures import write_pictures
from kinescribe.annotation.exporting.rows import parts_of, rows_of
from kinescribe.errors import InputError, UsageError
from kinescribe.llm.text import one_line
from kinescribe.states import States
from kinescribe.states.frames_read import frames_read
from kinescribe.video import Video, open_video
from kinescribe.video.info import MAX_PIXELS

__all__ = ["labels_of", "prepare"]

_MOST_FRAMES = 10_000_000  # three days at 30 a second: a table may hold any number


def labels_of(things: Iterable[Named]) -> dict[str, str]:
    """All labels of objects, points of bodies left out, each with where it was met first."""
    found: dict[str, str] = {}
    for thing in things:
        states = thing.item.load()
        parts = parts_of(states)
        for object_id, label in states.labels.items():
            if object_id not in parts:
                found.setdefault(label, f"'{one_line(thing.name, 60)}', object {object_id}")
    return found


def prepare(
    thing: Named, classes: Classes, *, split: str, folder: Path | None, stride: int, suffix: str, verified_only: bool, hidden: bool
) -> tuple[LabelledVideo, list[str], Counter[str]]:
    """One video for the exporters, lines to warn of, and how many rows stay out, by reason.

    Args:
        folder: the data set's, where pictures are written; None: none are, and all frames go in.

    Raises:
        UsageError: pictures are wanted and there is no video; nobody knows the picture's size.
        InputError: a table, video or masks file that can't be read, or that don't belong together.
    """
    states, name = thing.item.load(), one_line(thing.name, 60)
    if folder is not None and thing.item.video is None:
        raise UsageError(f"'{name}' has no video to take pictures from: give it, or stride=0 for a data set without pictures")
    about = states.meta.video
    video = None if thing.item.video is None or (folder is None and about is not None) else _opened(thing.item.video)
    size = _size(states, video, name)
    rows, left = rows_of(states, size, classes, verified_only=verified_only, hidden=hidden)
    masks = {}
    if thing.item.masks is not None:
        masks = read_masks(Path(thing.item.masks), size, {(row.frame, row.object_id) for row in rows})
    count = _frame_count(states)
    if count > _MOST_FRAMES:
        raise InputError(f"'{name}': tells of {count} frames; at most {_MOST_FRAMES} are exported; mend the table, or cut it up")
    read = frames_read(states.meta)
    # a frame that nobody looked at is no frame without objects
    looked_at = range(count) if read is None else range(read.first, min(read.last + 1, count), read.stride)
    made = LabelledVideo(
        name=one_line(thing.name),
        slug=thing.slug,
        source=one_line(about.name if about else video.info.name if video else thing.name),
        split=split,
        width=size[0],
        height=size[1],
        frame_count=count,
        states=states,
        classes=classes,
        rows=tuple(rows),
        frames=tuple(looked_at),
        suffix=suffix,
        masks=masks,
        verified_only=verified_only,
    )
    if folder is None or video is None:
        return made, [], left
    wanted = looked_at[::stride]
    written = write_pictures(video, folder / "images" / split, made.picture, wanted)
    return replace(made, frames=written), _cut_short(name, video, written, wanted), left


def _opened(video: str | os.PathLike[str] | Video) -> Video:
    if isinstance(video, Video):
        return video
    # a folder's pictures carry no times, and here none are needed: the table has them
    return open_video(video, frame_interval=1.0 if Path(video).is_dir() else None)


def _size(states: States, video: Video | None, name: str) -> tuple[int, int]:
    about = states.meta.video
    if video is None:
        if about is None:
            raise UsageError(f"'{name}': nobody knows the size of its picture: give its video, or the table's sidecar")
        if about.width * about.height > MAX_PIXELS:
            raise InputError(
                f"'{name}': its metadata tell of {about.width} x {about.height} pixels; at most {MAX_PIXELS} are read; mend them"
            )
        return about.width, about.height
    size = (video.info.width, video.info.height)
    if about is not None:
        if (about.width, about.height) != size:
            raise InputError(
                f"'{name}': the table was made from pictures of {about.width} x {about.height} pixels, and '{video.info.name}' has "
                f"{size[0]} x {size[1]}; give the table's own video"
            )
        if about.sha256 is not None and video.info.sha256 not in (None, about.sha256):
            raise InputError(f"'{name}': '{video.info.name}' isn't the file that the table was made from; give that one, or extract again")
    return size


def _frame_count(states: States) -> int:
    """Frames that the table speaks of: all of its video, or up to its last row where it doesn't reach the end, or doesn't say."""
    last = int(states["frame"].max()) + 1 if len(states) else 0
    about = states.meta.video
    if about is None or about.frame_count is None or states.meta.partial:
        return last
    return max(about.frame_count, last)


def _cut_short(name: str, video: Video, written: tuple[int, ...], wanted: range) -> list[str]:
    lacking = len(wanted) - len(written)
    if not lacking:
        return []
    why = f" ({one_line(video.partial)})" if video.partial else ""
    return [f"'{name}': {lacking} of {len(wanted)} pictures are missing at the video's end{why}"]
