"""What a file of tracks says, one sighting after another, whatever tool wrote it."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinescribe.annotation.importing.asked import LONGEST, Asked
from kinescribe.annotation.importing.sheets import shown
from kinescribe.errors import InputError
from kinescribe.llm.text import one_line
from kinescribe.states import VideoMeta

__all__ = ["Place", "Sightings"]

Box = tuple[float, float, float, float]
MOST_ROWS = 5_000_000
FARTHEST = 1e9  # squares and fourth powers of positions must stay finite
LATEST = 10**9


@dataclass(frozen=True, slots=True)
class Place:
    """What a file's positions mean.

    Attributes:
        unit: of length; "px": image pixels, y down; "": not said.
        offset: what makes image pixels ours, whose (0, 0) is the centre of the top left pixel: −0.5 where theirs is its corner.
        y_up: the y axis points up.
        pixels_per_unit: where the file says it.
    """

    unit: str = "px"
    offset: float = 0.0
    y_up: bool = False
    pixels_per_unit: float | None = None


class Sightings:
    """Sightings in the order of the file; columns of numbers, and what goes for all of them."""

    def __init__(self, path: Path, asked: Asked, place: Place, noun: str = "row") -> None:
        """`noun`: what `where` counts in the file."""
        self.path, self.asked, self.place, self.noun = path, asked, place, noun
        self.numbers: dict[str, array[float]] = {
            name: array("d") for name in ("where", "frame", "track", "time", "x", "y", "x0", "y0", "w", "h", "score", "size")
        }
        self.status: list[str] = []
        self.verified: list[bool] = []
        self.labels: dict[int, str] = {}
        self.names: dict[str, int] = {}
        self.unseen = self.doubtful = 0
        self.notes: list[str] = []
        self.interval: float | None = None
        self.video: VideoMeta | None = None

    def __len__(self) -> int:
        return len(self.status)

    def see(
        self, where: int, track: int | str, x: float, y: float, *, frame: float | None = None, time: float = math.nan, label: str = "",
        box: Box | None = None, score: float = math.nan, least_score: float = 0.0, size: float = math.nan, status: str = "observed",
        verified: bool = False,
    ) -> None:  # fmt: skip
        """Add one sighting.

        Args:
            where: its row, or what else the file's parts are counted by.
            track: a number that stays the object's id, or a name.
            x, y: position, in the file's unit; NaN: not seen, and nothing is added.
            frame: as the file counts; None where it doesn't.
            time: seconds; NaN where the file doesn't say.
            label: words; those of a track's first sighting stand.
            box: left, upper edge, width, height, px, as our columns have it.
            score: the tool's confidence; held to [0, 1].
            least_score: the format's own limit, below which a sighting is left out.
            size: diameter, in the file's unit.
            status: as in the states table.
            verified: someone confirmed the label.

        Raises:
            InputError: a frame, track or position that isn't one, by its place in the file.
        """
        number = math.nan if frame is None else self._frame(where, frame)
        object_id = self._track(where, track, label)
        if math.isnan(x) or math.isnan(y):
            self.unseen += 1
            return
        if not (abs(x) <= FARTHEST and abs(y) <= FARTHEST):
            raise self.fault(where, f"the position ({x:g}, {y:g}) is out of all proportion; mend it, or take it out")
        if abs(time) > LONGEST:
            raise self.fault(where, f"the time {time:g} s is out of all proportion; mend it, or give frame_interval= in seconds")
        least = least_score if self.asked.least_score is None else self.asked.least_score
        if score < least:
            self.doubtful += 1
            return
        if len(self.status) >= MOST_ROWS:
            raise InputError(f"{self.path}: holds more than {MOST_ROWS:,} sightings: export fewer frames or tracks at a time")
        x0, y0, w, h = box or (math.nan,) * 4
        values = (where, number, object_id, time, x, y, x0, y0, w, h, min(max(score, 0.0), 1.0) if score == score else score, size)
        for column, value in zip(self.numbers.values(), values, strict=True):
            column.append(value)
        self.status.append(status)
        self.verified.append(verified)

    def columns(self) -> dict[str, NDArray[np.float64]]:
        """All numbers as arrays (n,)."""
        return {name: np.array(values, np.float64) for name, values in self.numbers.items()}

    def fault(self, where: float, message: str) -> InputError:
        """The error for one part of the file."""
        return InputError(f"{self.path}: {self.noun} {where:.0f}: {message}")

    def told(self) -> Iterator[str]:
        """What was left out, one line each."""
        yield from self.notes
        if self.doubtful:
            yield f"{self.doubtful} sightings with a score below the least were left out; least_score= moves that limit"

    def _frame(self, where: int, frame: float) -> float:
        first = self.asked.first_frame
        if math.isnan(frame) or frame != math.floor(frame) or not abs(frame) < LATEST:
            raise self.fault(where, f"the frame is {frame:g}, no whole number below {LATEST:,}; mend it")
        if frame < first:
            way = "give first_frame= that number" if frame >= 0 else "mend it, or take it out"
            raise self.fault(where, f"the frame {frame:.0f} is before the video's first, which counts as {first}: {way}")
        return frame - first

    def _track(self, where: int, track: int | str, label: str) -> int:
        if isinstance(track, int):
            if not 0 <= track < 2**53:
                raise self.fault(where, f"the track {track} is no number from 0; mend it")
            self.labels.setdefault(track, one_line(label))
            return track
        if track not in self.names:
            self.names[track] = len(self.names) + 1
            self.labels[self.names[track]] = one_line(label or track)
        return self.names[track]

    def whole(self, where: int, value: float, what: str) -> int:
        """A number of a track, as an integer. Raises InputError where it is none."""
        if math.isnan(value) or value != math.floor(value) or abs(value) >= 2**53:
            raise self.fault(where, f"the {what} is {shown(f'{value:g}')}, no whole number; mend it")
        return int(value)
