"""The one function that writes data sets."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kinescribe
from kinescribe.annotation.exporting.classes import Classes, ClassMap, classes_of
from kinescribe.annotation.exporting.items import Item, named
from kinescribe.annotation.exporting.pictures import SUFFIXES
from kinescribe.annotation.exporting.preparing import labels_of, prepare
from kinescribe.annotation.exporting.protocols import ExporterFactory
from kinescribe.annotation.exporting.splits import checked_split, split_of
from kinescribe.annotation.exporting.staging import staged
from kinescribe.errors import NothingFoundError, UsageError, unknown_value
from kinescribe.llm.text import one_line
from kinescribe.plugins import blaming, load
from kinescribe.states import States
from kinescribe.video import Video

__all__ = ["Exported", "export", "exporters_of"]


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote.

    Attributes:
        folder: of the data set.
        classes: names, in the order of their numbers.
        videos: names by part of the split.
        pictures: frames that were written as files.
        boxes: objects in the frames that are pictures; in all frames where no pictures are written.
        rows: objects in all frames, as the formats have them that don't refer to pictures.
        left_out: how many rows did not, by reason.
        warnings: one line each.
    """

    folder: Path
    classes: tuple[str, ...]
    videos: Mapping[str, tuple[str, ...]]
    pictures: int
    boxes: int
    rows: int
    left_out: Mapping[str, int]
    warnings: tuple[str, ...]


def export(
    items: Iterable[Item | tuple[States | str | os.PathLike[str], str | os.PathLike[str] | Video | None, str | os.PathLike[str] | None]],
    folder: str | os.PathLike[str],
    formats: Sequence[str] = ("coco",),
    *,
    stride: int = 1,
    split: Mapping[str, float] | None = None,
    seed: int = 0,
    classes: ClassMap | Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    verified_only: bool = False,
    hidden: bool = False,
    pictures: str = "jpg",
    replace: bool = False,
) -> Exported:
    """Write states tables as a data set in one or several formats. All of it is written, or nothing.

    Args:
        items: (states, video, masks) of every video, or `Item`; paths of tables are read when their turn comes.
        folder: of the data set.
        formats: coco, coco-polygons, yolo or yolo-seg, mot, voc, cvat, parquet, or what plug-ins add.
        stride: every so many frames is written as a picture, and goes into the formats that refer to pictures; 0: no pictures are written,
            and all frames go in.
        split: fractions for train, val and test; a video's part follows from its name and `seed` alone. None: all train.
        classes: label or pattern → class name, [name, number], or None to leave it out; or a list of names. None: every label is a class.
        labels: labels or patterns that go in; None: all.
        verified_only: only rows whose label was verified (yes or corrected).
        hidden: rows of objects that weren't seen in the frame too, marked as occluded.
        pictures: jpg (smaller) or png (exact).
        replace: an earlier export in this folder may be replaced.

    Raises:
        UsageError: an option that makes no sense, a label without a class, a folder that can't be written or holds something else.
        InputError: a table, video or masks file that can't be read, or doesn't belong to the others.
        NothingFoundError: no row goes in.
    """
    parts = exporters_of(formats)
    if not isinstance(folder, str | os.PathLike):
        raise UsageError(f"cannot write a data set to {folder!r}: give the path of a folder")
    if isinstance(stride, bool) or not isinstance(stride, int) or stride < 0:
        raise UsageError(f"stride={stride!r} must be a whole number: 1 for every frame, 0 for no pictures")
    if pictures not in SUFFIXES:
        raise unknown_value("picture format", str(pictures), SUFFIXES)
    fractions, things = checked_split(split), named(items)
    made = classes_of(labels_of(things), classes, labels)
    illustrated = stride > 0 and any(part.pictures for part in parts.values())
    entries = [*(entry for part in parts.values() for entry in part.entries), *(["images"] if illustrated else [])]
    where: dict[str, list[str]] = {part: [] for part in fractions}
    left: Counter[str] = Counter()
    written = boxes = rows = 0
    lines: list[str] = []
    with staged(Path(folder), entries, replace) as (new, record):
        exporters = {}
        for name, part in parts.items():
            with blaming(part, "at the start"):
                exporters[name] = part(new, made)
        for thing in things:
            video, notes, stays_out = prepare(
                thing,
                made,
                split=split_of(thing.name, fractions, seed),
                folder=new if illustrated else None,
                stride=stride,
                suffix=SUFFIXES[pictures],
                verified_only=verified_only,
                hidden=hidden,
            )
            for exporter in exporters.values():
                with blaming(exporter, f"on '{one_line(thing.name, 60)}'"):
                    exporter.add(video)
            where[video.split].append(video.name)
            left += stays_out
            lines += notes
            written += len(video.frames) if illustrated else 0
            rows += len(video.rows)
            shown = set(video.frames)
            boxes += sum(row.frame in shown for row in video.rows)
        if not rows:
            reasons = "; ".join(f"{count} rows: {reason}" for reason, count in left.most_common()) or "the tables have no rows"
            raise NothingFoundError(f"nothing to export: {reasons}")
        for exporter in exporters.values():
            with blaming(exporter, "at the end"):
                exporter.finish()
        lines += [f"no video fell into '{part}': give more videos, or other fractions" for part, names in where.items() if not names]
        done = Exported(
            Path(folder), made.names, {part: tuple(names) for part, names in where.items()}, written, boxes, rows, dict(left), tuple(lines)
        )
        options = {"stride": stride, "split": fractions, "seed": seed, "verified_only": verified_only, "hidden": hidden}
        record.update(_record(done, made, list(parts), options))
    return done


def exporters_of(formats: Sequence[str]) -> dict[str, ExporterFactory]:
    """The exporters by name. Raises UsageError for an unknown one, for two that write the same files, and for one that can't run here."""
    if isinstance(formats, str) or not formats or not all(isinstance(name, str) for name in formats):
        raise UsageError(f"formats={formats!r} must be a list of names, such as ['coco', 'mot'] (kinescribe list exporters)")
    parts: dict[str, ExporterFactory] = {}
    for name in formats:
        part = load("exporters", name)
        lacks = [what for what in ("entries", "pictures", "add", "finish") if not hasattr(part, what)]
        if lacks:
            raise UsageError(f"exporter '{name}' has no {', '.join(lacks)}: kinescribe.annotation.ExporterFactory says what it must offer")
        lack = part.missing() if hasattr(part, "missing") else None
        if lack:
            raise UsageError(lack)
        for other in parts:
            both = sorted({*parts[other].entries} & {*part.entries})
            if both and other != name:
                raise UsageError(f"the formats '{other}' and '{name}' both write '{both[0]}': export them into two folders")
        parts[name] = part
    return parts


def _record(done: Exported, classes: Classes, formats: list[str], options: dict[str, Any]) -> dict[str, Any]:
    return {
        "kinescribe": kinescribe.__version__,
        "formats": formats,
        **options,
        "classes": list(classes.names),
        "labels": {label: None if index is None else classes.names[index] for label, index in sorted(classes.of_label.items())},
        "videos": {part: list(names) for part, names in done.videos.items()},
        "pictures": done.pictures,
        "boxes": done.boxes,
        "rows": done.rows,
        "left_out": dict(sorted(done.left_out.items())),
        "warnings": list(done.warnings),
    }
