"""COCO: one JSON a part of the split, with tracks, and masks as compressed run lengths."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, TextIO

import numpy as np

import kinescribe
from kinescribe.annotation.exporting.classes import Classes
from kinescribe.annotation.exporting.labelled import LabelledVideo
from kinescribe.annotation.exporting.outlines import Outline
from kinescribe.annotation.exporting.rows import Row

__all__ = ["CocoExporter", "CocoPolygonsExporter"]

_LISTS = ("videos", "images", "annotations")


class CocoExporter:
    """`coco/instances_SPLIT.json`; file names are those in `images/SPLIT`.

    Categories, images and annotations count from 1. A mask is compressed run lengths, other outlines are polygons; `attributes.outline`
    says which (mask, shape, box). `track_id` is the table's object id: unique in its video, which `video_id` names.

    Source: cocodataset.org/#format-data; video_id, frame_id and track_id as multi-object tracking tools add them.
    """

    entries: ClassVar[tuple[str, ...]] = ("coco",)
    pictures: ClassVar[bool] = True

    def __init__(self, folder: Path, classes: Classes) -> None:
        self._folder, self._classes = folder / self.entries[0], classes
        self._folder.mkdir()
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, video: LabelledVideo) -> None:
        """Append its frames and objects to the lists of its part, which lie on the disk: a large data set needs no more memory."""
        with self._list(video.split, "videos") as stream:
            about = {"name": video.source, "width": video.width, "height": video.height, "frame_count": video.frame_count}
            video_id = self._append(stream, video.split, "videos", about)
        times = dict(zip(video.states["frame"].tolist(), video.states["time_s"].tolist(), strict=True))
        with self._list(video.split, "images") as images, self._list(video.split, "annotations") as annotations:
            for frame, rows in video.pictured():
                image: dict[str, Any] = {"file_name": video.picture(frame), "width": video.width, "height": video.height}
                image |= {"video_id": video_id, "frame_id": frame, "time_s": times.get(frame)}
                image_id = self._append(images, video.split, "images", image)
                for row in rows:
                    fields = {"image_id": image_id, "video_id": video_id, **_annotation(row, self._outline(video, row))}
                    self._append(annotations, video.split, "annotations", fields)

    def finish(self) -> None:
        """Put the lists together, part by part."""
        for split in sorted({split for split, _ in self._counts}):
            head = {
                "info": {"description": "Written from states tables by kinescribe", "version": kinescribe.__version__},
                "licenses": [],
                "categories": [{"id": k + 1, "name": name, "supercategory": ""} for k, name in enumerate(self._classes.names)],
            }
            with (self._folder / f"instances_{split}.json").open("w", encoding="utf-8") as out:
                out.write(json.dumps(head, ensure_ascii=False)[:-1])
                for kind in _LISTS:
                    part = self._path(split, kind)
                    out.write(f', "{kind}": [')
                    with part.open(encoding="utf-8") as stream:
                        shutil.copyfileobj(stream, out)
                    part.unlink()
                    out.write("]")
                out.write("}\n")

    def _outline(self, video: LabelledVideo, row: Row) -> Outline:
        return video.outline(row)

    def _path(self, split: str, kind: str) -> Path:
        return self._folder / f"{kind}_{split}.part"

    def _list(self, split: str, kind: str) -> TextIO:
        self._counts.setdefault((split, kind), 0)
        return self._path(split, kind).open("a", encoding="utf-8")

    def _append(self, stream: TextIO, split: str, kind: str, fields: dict[str, Any]) -> int:
        """Write one entry; its id."""
        self._counts[split, kind] += 1
        number = self._counts[split, kind]
        stream.write((",\n" if number > 1 else "\n") + json.dumps({"id": number, **fields}, ensure_ascii=False, allow_nan=False))
        return number


class CocoPolygonsExporter(CocoExporter):
    """As `CocoExporter`, in `coco-polygons/`, with polygons in place of run lengths, for tools that read no others, such as Label Studio.

    A mask's parts and holes hang together by seams without width; its area is the mask's.
    """

    entries: ClassVar[tuple[str, ...]] = ("coco-polygons",)

    def _outline(self, video: LabelledVideo, row: Row) -> Outline:
        outline = video.outline(row)
        return replace(outline, rle=None, polygon=outline.one_polygon())


def _annotation(row: Row, outline: Outline) -> dict[str, Any]:
    segmentation: Any = outline.rle
    if outline.polygon is not None:
        segmentation = [np.round(outline.polygon, 4).ravel().tolist()]
    fields: dict[str, Any] = {
        "category_id": row.class_index + 1,
        "bbox": [round(side, 6) for side in row.box],
        "area": round(outline.area, 6),
        "segmentation": segmentation,
        "iscrowd": 0,
        "track_id": row.object_id,
        "attributes": {"occluded": row.hidden, "verified": row.verified, "outline": outline.kind},
    }
    return fields if row.score is None else {**fields, "score": round(row.score, 6)}
