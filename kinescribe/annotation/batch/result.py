"""How a run went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kinescribe.annotation.batch.folders import DataSet
from kinescribe.annotation.batch.manifest import Row, merged

__all__ = ["Annotated"]


@dataclass(slots=True)
class Annotated:
    """How a run went.

    Attributes:
        folder: of the data set.
        videos: how many there are in this run.
        done: done now.
        adopted: of them those that were there already, made by an earlier run that couldn't say so.
        unchanged: done by an earlier run.
        partial: of all that are done, those that break off.
        failed: that failed, now or in an earlier run.
        duplicates: that have the same bytes as another one.
        waiting: of them, those whose other one isn't done and isn't part of this run.
        rows, objects: in the tables of all that are done; points of bodies are rows and no objects.
        warned: how many of these tables have warnings.
        seconds: that it took.
        export: what was exported, None where nothing had to be.
        report: the page of the whole; None where none was made.
        warnings: one line each.
        notes: on what was passed over.
        not_whole: names of the videos of this run that failed or break off.
    """

    folder: Path
    videos: int = 0
    done: int = 0
    adopted: int = 0
    unchanged: int = 0
    partial: int = 0
    failed: int = 0
    duplicates: int = 0
    waiting: int = 0
    rows: int = 0
    objects: int = 0
    warned: int = 0
    seconds: float = 0.0
    export: dict[str, Any] | None = None
    report: Path | None = None
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    not_whole: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """Whether every video of this run is done and none breaks off."""
        return not (self.failed or self.partial or self.waiting)

    def failures(self) -> Iterator[Row]:
        """The videos of this run that failed or break off, in the order of their names, read from the manifests."""
        rows = merged(DataSet(self.folder.resolve()).manifests(), dict.fromkeys(self.not_whole, ("failed", "done")))
        return (row for _, row in sorted(rows.items()))
