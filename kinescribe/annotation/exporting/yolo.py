"""YOLO (Ultralytics): a text file a picture, boxes or polygons as shares of its size, and `data.yaml`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import numpy as np

from kinescribe.annotation.exporting.classes import Classes
from kinescribe.annotation.exporting.labelled import LabelledVideo
from kinescribe.annotation.exporting.rows import Row
from kinescribe.annotation.exporting.splits import SPLITS

__all__ = ["YoloExporter", "YoloSegmentsExporter"]


class YoloExporter:
    """`labels/SPLIT/*.txt` beside `images/SPLIT`, one line an object: class, middle x, middle y, width, height; and `data.yaml`.

    A picture without objects has an empty file. The format knows no tracks.

    Source: docs.ultralytics.com/datasets/detect.
    """

    entries: ClassVar[tuple[str, ...]] = ("labels", "data.yaml")
    pictures: ClassVar[bool] = True

    def __init__(self, folder: Path, classes: Classes) -> None:
        self._folder, self._classes = folder, classes
        self._splits: set[str] = set()

    def add(self, video: LabelledVideo) -> None:
        """Write the text files of one video."""
        self._splits.add(video.split)
        into = self._folder / "labels" / video.split
        into.mkdir(parents=True, exist_ok=True)
        for frame, rows in video.pictured():
            text = "".join(f"{row.class_index} {self._place(video, row)}\n" for row in rows)
            (into / f"{video.stem(frame)}.txt").write_text(text, encoding="utf-8")

    def finish(self) -> None:
        """Write `data.yaml`. Ultralytics wants both train and val: a part that is empty is left out, and so shows when training starts."""
        lines = [f"{split}: images/{split}" for split in SPLITS if split in self._splits]
        lines += [f"nc: {len(self._classes.names)}", "names:"]
        # a JSON text is a YAML text, whatever stands in it
        lines += [f"  {k}: {json.dumps(name)}" for k, name in enumerate(self._classes.names)]
        (self._folder / "data.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _place(self, video: LabelledVideo, row: Row) -> str:
        x, y, w, h = row.box
        return _shares(np.array([[x + w / 2, y + h / 2], [w, h]]), video)


class YoloSegmentsExporter(YoloExporter):
    """As `YoloExporter`, with the corners of a polygon in place of the box: class, x, y, x, y …

    A mask's parts and holes hang together by seams without width, so that one object stays one line.

    Source: docs.ultralytics.com/datasets/segment.
    """

    def _place(self, video: LabelledVideo, row: Row) -> str:
        return _shares(video.outline(row).one_polygon(), video)


def _shares(points: np.typing.NDArray[np.float64], video: LabelledVideo) -> str:
    shares = points / [video.width, video.height]
    return " ".join(f"{share:.8f}".rstrip("0").rstrip(".") for share in shares.ravel().tolist())
