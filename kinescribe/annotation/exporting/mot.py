"""MOTChallenge: a folder a video with `gt/gt.txt`, `det/det.txt` and `seqinfo.ini`."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import ClassVar

from kinescribe.annotation.exporting.classes import Classes
from kinescribe.annotation.exporting.labelled import LabelledVideo
from kinescribe.annotation.exporting.rows import Row

__all__ = ["MotExporter"]


class MotExporter:
    """`mot/SPLIT/VIDEO/`; frames, left and top count from 1, as in MOTChallenge; ids are the table's, classes count from 1.

    Every frame goes in, whatever the stride: trackers are scored on whole sequences. The visibility is the share of the box that lies in
    the picture, 0 where the object wasn't seen.

    Source: motchallenge.net/instructions; Milan et al. 2016, arXiv 1603.00831.
    """

    entries: ClassVar[tuple[str, ...]] = ("mot",)
    pictures: ClassVar[bool] = False

    def __init__(self, folder: Path, classes: Classes) -> None:
        self._folder, self._classes = folder / "mot", classes
        self._folder.mkdir()

    def add(self, video: LabelledVideo) -> None:
        """Write one sequence."""
        into = self._folder / video.split / video.slug
        for part in ("gt", "det"):
            (into / part).mkdir(parents=True)
        truth = [
            f"{row.frame + 1},{row.object_id},{_box(row)},1,{row.class_index + 1},{0 if row.hidden else row.inside:.6g}"
            for row in video.rows
        ]
        _write(into / "gt" / "gt.txt", truth)
        detections = [
            f"{row.frame + 1},-1,{_box(row)},{row.score:.6g},-1,-1,-1" for row in video.rows if row.score is not None and not row.hidden
        ]
        _write(into / "det" / "det.txt", detections)
        info = configparser.ConfigParser(interpolation=None)
        info.optionxform = str  # type: ignore[assignment, method-assign]
        info["Sequence"] = {"name": video.slug, "imDir": "img1", **_rate(video), "seqLength": str(video.frame_count)}
        info["Sequence"].update({"imWidth": str(video.width), "imHeight": str(video.height), "imExt": ".jpg"})
        with (into / "seqinfo.ini").open("w", encoding="utf-8") as stream:
            info.write(stream, space_around_delimiters=False)

    def finish(self) -> None:
        """Write the classes, which the format has no place for, and the list of sequences of each part."""
        _write(self._folder / "classes.txt", list(self._classes.names))
        for split in sorted(path.name for path in self._folder.iterdir() if path.is_dir()):
            _write(self._folder / f"{split}.txt", ["name", *sorted(path.name for path in (self._folder / split).iterdir())])


def _box(row: Row) -> str:
    x, y, w, h = row.box
    return ",".join(f"{side:.9g}" for side in (x + 1.0, y + 1.0, w, h))


def _rate(video: LabelledVideo) -> dict[str, str]:
    """Readers take a whole number; a table that doesn't tell its rate has none here either."""
    return {} if video.interval_s is None else {"frameRate": str(max(1, round(1.0 / video.interval_s)))}


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
