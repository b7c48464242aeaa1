"""How far a data set has come, from its manifests alone."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinescribe.annotation.batch.folders import DataSet
from kinescribe.annotation.batch.locking import seen_running
from kinescribe.annotation.batch.manifest import Row, merged

__all__ = ["Status", "status"]


@dataclass(frozen=True, slots=True)
class Status:
    """How far a data set has come.

    Attributes:
        folder: of the data set.
        states: how many videos are queued, running, done, failed, duplicate.
        partial: of those that are done, how many break off.
        running: whether a run is at it now; None where that can't be told.
        seconds: that the videos that are done took together.
        wanting: those that failed, break off, or are at work, in the order of their names.
        videos: all of them, in that order.
    """

    folder: Path
    states: Mapping[str, int]
    partial: int
    running: bool | None
    seconds: float
    wanting: tuple[Row, ...]
    videos: tuple[Row, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether every video is done and none breaks off."""
        return not (self.wanting or self.states.get("queued"))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        rows = [{"video": row.video, "state": row.state, "kind": row.kind, "reason": row.reason} for row in self.wanting]
        return {
            "folder": str(self.folder),
            "states": dict(self.states),
            "partial": self.partial,
            "running": self.running,
            "seconds": round(self.seconds, 3),
            "wanting": rows,
            "videos": [
                {"video": row.video, "state": row.state, "seconds": row.seconds, "objects": row.object_count, "rows": row.row_count}
                for row in self.videos
            ],
        }


def status(folder: str | os.PathLike[str]) -> Status:
    """How far the data set in a folder has come, while a run is at it or after.

    Raises:
        InputError: there is none, or its manifest is damaged.
    """
    data = DataSet.existing(Path(folder))
    held = seen_running(data.inner)
    at_it = held is not False  # where it can't be told, a video that was begun may be at work
    rows = {name: row for name, row in merged(data.manifests()).items() if row.state != "gone"}
    # a video that was begun by a run that is over waits for the next one
    standing = {name: row.state if at_it or row.state != "running" else "queued" for name, row in sorted(rows.items())}
    for name, row in rows.items():
        if row.state == "duplicate" and standing.get(row.reason or "") in (None, "queued"):
            standing[name] = "queued"
    kinds = {name: rows[name].kind for name in standing}
    wanting = [rows[name] for name, state in standing.items() if state in ("failed", "running") or kinds[name] == "partial"]
    seconds = sum(row.seconds or 0.0 for row in rows.values() if row.state == "done")
    partial = sum(kind == "partial" for kind in kinds.values())
    counts, videos = dict(Counter(standing.values())), tuple(rows[name] for name in standing)
    return Status(data.folder, counts, partial, held, seconds, tuple(wanting), videos)
