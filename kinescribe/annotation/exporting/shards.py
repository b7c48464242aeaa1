"""Parquet shards: whole states tables of many videos, for analysis."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kinescribe.annotation.exporting.classes import Classes
from kinescribe.annotation.exporting.labelled import LabelledVideo
from kinescribe.annotation.exporting.rows import VERIFIED, parts_of
from kinescribe.errors import UsageError, pip_install
from kinescribe.states.metadata import to_json

__all__ = ["ParquetExporter"]

_ROWS = 1_000_000  # of a shard, about: a video is never cut in two


class ParquetExporter:
    """`parquet/SPLIT-00000.parquet` …: the columns of the states table, and before them `video`, `split`, `class`.

    All rows go in, whatever their status, except those of labels that are left out. The metadata of every video stand in the file's own, as
    JSON under the key ``kinescribe.videos``.
    """

    entries: ClassVar[tuple[str, ...]] = ("parquet",)
    pictures: ClassVar[bool] = False

    @staticmethod
    def missing() -> str | None:
        """What this format lacks here, and how to get it; None if nothing."""
        try:
            import_module("pyarrow.parquet")
        except ImportError as error:
            return f"Parquet needs pyarrow ({error}): {pip_install('parquet')}"
        return None

    def __init__(self, folder: Path, classes: Classes) -> None:
        """Raises UsageError without pyarrow."""
        lack = self.missing()
        if lack is not None:
            raise UsageError(lack)
        self._arrow: Any = import_module("pyarrow")
        self._folder, self._classes = folder / "parquet", classes
        self._folder.mkdir()
        self._waiting: dict[str, list[tuple[str, Any, dict[str, Any]]]] = {}
        self._written: dict[str, int] = {}

    def add(self, video: LabelledVideo) -> None:
        """Take one table in; write a shard when it is large enough, or the next table has other columns."""
        table, waiting = self._table(video), self._waiting.setdefault(video.split, [])
        if waiting and waiting[0][1].schema != table.schema:
            self._write(video.split)
        about = json.loads(to_json(video.states.meta, video.states.schema))
        self._waiting[video.split].append((video.name, table, about))
        if sum(len(each) for _, each, _ in self._waiting[video.split]) >= _ROWS:
            self._write(video.split)

    def finish(self) -> None:
        """Write what is left."""
        for split in list(self._waiting):
            self._write(split)

    def _write(self, split: str) -> None:
        waiting, self._waiting[split] = self._waiting[split], []
        if not waiting:
            return
        number = self._written.get(split, 0)
        self._written[split] = number + 1
        videos = json.dumps({name: about for name, _, about in waiting}, ensure_ascii=False).encode("utf-8", "backslashreplace")
        table = self._arrow.concat_tables([each for _, each, _ in waiting])
        table = table.replace_schema_metadata({b"kinescribe.videos": videos})
        self._arrow.parquet.write_table(table, str(self._folder / f"{split}-{number:05d}.parquet"))

    def _table(self, video: LabelledVideo) -> Any:
        states, arrow = video.states, self._arrow
        bodies = _bodies(video)
        rows = [k for k, body in enumerate(bodies) if body is not None]
        names, labels, parts = self._classes.names, states.labels, parts_of(states)
        index = {i: None if i in parts else self._classes.of_label.get(label) for i, label in labels.items()}
        numbers = [index[i] for i in states["object_id"][rows].tolist()]
        columns = {
            "video": arrow.array([video.name] * len(rows), arrow.string()),
            "split": arrow.array([video.split] * len(rows), arrow.string()),
            "class": arrow.array([None if k is None else names[k] for k in numbers], arrow.string()),
        }
        for name, every in states.columns.items():
            values = every[rows]
            kind = {"i": arrow.int64(), "f": arrow.float64(), "O": arrow.string()}[values.dtype.kind]
            empty = values == "" if values.dtype.kind == "O" else np.isnan(values)
            columns[name if name not in columns else f"table_{name}"] = arrow.array(values, type=kind, mask=empty)
        return arrow.table(columns)


def _bodies(video: LabelledVideo) -> list[int | None]:
    """For each row of the table the object that it belongs to, which for a point of a body is the body; None: the row is left out."""
    states, labels = video.states, video.states.labels
    above = {i: states.meta.objects[i].part_of if i in parts_of(states) else i for i in labels}
    wanted = {i for i, label in labels.items() if video.classes.of_label.get(label) is not None}
    places = list(zip(states["frame"].tolist(), states["object_id"].tolist(), strict=True))
    verified = {place for place, verdict in zip(places, states["label_verified"], strict=True) if verdict in VERIFIED}
    out: list[int | None] = []
    for frame, i in places:
        body = above[i]
        enough = body in wanted and (not video.verified_only or (frame, body) in verified)
        out.append(body if enough else None)
    return out
