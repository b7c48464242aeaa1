"""What a data set format must offer (entry-point group `kinescribe.exporters`)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from kinescribe.annotation.exporting.classes import Classes
from kinescribe.annotation.exporting.labelled import LabelledVideo

__all__ = ["Exporter", "ExporterFactory"]


@runtime_checkable
class Exporter(Protocol):
    """Writes one format: takes the videos one after the other, and holds none of them longer than it must."""

    def add(self, video: LabelledVideo) -> None:
        """Write what one video gives. Its pictures are there already."""

    def finish(self) -> None:
        """Write what tells of all videos, such as an index. Called once, after the last video."""


class ExporterFactory(Protocol):
    """What the entry point leads to: the class itself, as a rule.

    Attributes:
        entries: the files and folders at the top of the data set that this format writes; it writes nothing else.
        pictures: it refers to frames as picture files, and takes in those frames only.

    A static method ``missing()``, where there is one, tells in one line what the format lacks here and how to get it, or None: before any
    video is read.
    """

    entries: ClassVar[tuple[str, ...]]
    pictures: ClassVar[bool]

    def __call__(self, folder: Path, classes: Classes) -> Exporter:
        """An exporter that writes into this folder, which exists."""
