"""One video as an exporter gets it: its frames, the rows that go in, outlines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from kinescribe.annotation.exporting.classes import Classes
from kinescribe.annotation.exporting.outlines import Outline, outline_of
from kinescribe.annotation.exporting.rows import Row
from kinescribe.states import States
from kinescribe.states.frames_read import frame_step

__all__ = ["LabelledVideo"]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledVideo:
    """One video of a data set.

    Attributes:
        name: what the user calls it. slug: the same as part of file names. source: the video's file name.
        split: train, val or test.
        width, height: of the picture, px.
        frame_count: frames that the table speaks of, from 0; where it has no row of one of them, nothing is there.
        states: the whole table.
        classes: of the data set.
        rows: what goes in, by frame, then object.
        frames: those that are in the data set as pictures, ascending.
        suffix: of the picture files, such as ".jpg".
        masks: run lengths (COCO's, compressed) by frame and object.
        verified_only: rows whose label isn't verified are left out.
    """

    name: str
    slug: str
    source: str
    split: str
    width: int
    height: int
    frame_count: int
    states: States
    classes: Classes
    rows: tuple[Row, ...]
    frames: tuple[int, ...]
    suffix: str
    masks: Mapping[tuple[int, int], str] = field(default_factory=dict, repr=False)
    verified_only: bool = False

    def stem(self, frame: int) -> str:
        """A frame's name without suffix: no other frame of the data set has it."""
        return f"{self.slug}_{frame:06d}"

    def picture(self, frame: int) -> str:
        """A frame's picture file, without its folder, which is ``images/SPLIT``."""
        return self.stem(frame) + self.suffix

    def pictured(self) -> Iterator[tuple[int, list[Row]]]:
        """The frames that are there as pictures, each with its rows, which may be none."""
        by_frame: dict[int, list[Row]] = {frame: [] for frame in self.frames}
        for row in self.rows:
            if row.frame in by_frame:
                by_frame[row.frame].append(row)
        yield from by_frame.items()

    def tracks(self) -> dict[int, list[Row]]:
        """By object its rows, in time order."""
        out: dict[int, list[Row]] = {}
        for row in self.rows:
            out.setdefault(row.object_id, []).append(row)
        return dict(sorted(out.items()))

    def outline(self, row: Row) -> Outline:
        """What an object covers, from its mask where there is one, else from its size."""
        return outline_of(row, (self.width, self.height), self.masks.get((row.frame, row.object_id)))

    @property
    def interval_s(self) -> float | None:
        """Seconds from frame to frame, the median; None where the table doesn't tell."""
        if self.states.meta.time is not None and self.states.meta.time.interval_s:
            return self.states.meta.time.interval_s / frame_step(self.states)
        frames, first = np.unique(self.states["frame"], return_index=True)
        steps = np.diff(self.states["time_s"][first]) / np.diff(frames)
        return float(np.median(steps)) if len(steps) and np.median(steps) > 0 else None
