"""What the caller of an importer says about a file that the file doesn't say itself."""

from __future__ import annotations

import codecs
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.annotation.importing.film import Film
from kinescribe.errors import UsageError
from kinescribe.states import Calibration

__all__ = ["LONGEST", "SHORTEST", "Asked"]

Float = NDArray[np.float64]
SHORTEST, LONGEST = 1e-9, 1e9  # seconds between frames: fifth powers of them must stay finite, and more than 0


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The options of `import_tracks`, checked.

    Attributes:
        frame_interval: seconds from frame to frame, > 0; None: the file's own times.
        times: (T,), seconds, one a frame of the video from its first, increasing; in place of `frame_interval`.
        calibration: the world frame.
        unit: of length, where a file's positions are in the world and it doesn't name their unit.
        first_frame: the number that the file gives the video's first frame, 0 or more.
        least_score: sightings with a lower score are left out, [0, 1]; None: the format's own habit.
        only: which of several videos in one file.
        encoding: of the file's text; None: UTF-8, or UTF-16 with its mark.
        smooth: fill in velocities, accelerations and standard deviations.
        film: the video that the tracks were made on; its time stamps count unless `frame_interval` is given.

    Raises:
        UsageError: a value that makes no sense.
    """

    frame_interval: float | None = None
    times: Sequence[float] | Float | None = None
    calibration: Calibration | None = None
    unit: str | None = None
    first_frame: int = 0
    least_score: float | None = None
    only: str | None = None
    encoding: str | None = None
    smooth: bool = True
    film: Film | None = None
    stamps: Float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.frame_interval is not None:
            value = _number("frame_interval", self.frame_interval, "a positive number of seconds, such as 0.04")
            if not SHORTEST <= value <= LONGEST:
                raise UsageError(
                    f"frame_interval {value:g}: it must be seconds, from {SHORTEST:g} to {LONGEST:g}, such as 0.04 for 25 frames a second"
                )
            object.__setattr__(self, "frame_interval", value)
        if self.times is not None:
            if self.frame_interval is not None:
                raise UsageError("frame_interval and times both say when frames were taken: give one")
            if self.film is not None:
                raise UsageError("video and times both say when frames were taken: give one")
            object.__setattr__(self, "stamps", _stamps(self.times))
        elif self.film is not None and self.frame_interval is None:
            object.__setattr__(self, "stamps", self.film.times)
        if self.calibration is not None and not isinstance(self.calibration, Calibration):
            raise UsageError(f"calibration {self.calibration!r}: give a kinescribe.Calibration, such as Calibration.from_scale(400, 'm')")
        if self.unit is not None:
            Calibration(1.0, self.unit)  # raises for what is no unit
            object.__setattr__(self, "unit", self.unit.strip())
        if isinstance(self.first_frame, bool) or not isinstance(self.first_frame, int) or self.first_frame < 0:
            raise UsageError(f"first_frame {self.first_frame!r}: it is the number of the video's first frame in the file, such as 0 or 1")
        if self.least_score is not None and not 0 <= _number("least_score", self.least_score, "a number from 0 to 1") <= 1:
            raise UsageError(f"least_score {self.least_score!r}: it must be from 0 to 1")
        if self.encoding is not None:
            _check_encoding(self.encoding)


def _number(name: str, value: Any, wanted: str) -> float:
    if isinstance(value, bool | str):
        raise UsageError(f"{name} {value!r}: it must be {wanted}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise UsageError(f"{name} {value!r}: it must be {wanted}") from None
    if not math.isfinite(number):
        raise UsageError(f"{name} {number}: it must be {wanted}")
    return number


def _stamps(times: Any) -> Float:
    try:
        stamps: Float = np.array(times, np.float64)
    except (TypeError, ValueError):
        raise UsageError("times must be numbers of seconds, one a frame of the video") from None
    if stamps.ndim != 1 or not len(stamps) or not np.isfinite(stamps).all() or not _in_steps(stamps):
        raise UsageError("times must be seconds, finite and increasing by a nanosecond or more, one a frame of the video from its first")
    stamps -= stamps[0]
    return stamps


def _in_steps(stamps: Float) -> bool:
    return bool((np.abs(stamps) < LONGEST).all() and (np.diff(stamps) >= SHORTEST).all())


def _check_encoding(name: Any) -> None:
    try:
        "".encode(codecs.lookup(name).name)
    except (LookupError, TypeError):
        raise UsageError(f"unknown encoding {name!r}: give one such as 'cp1252', 'latin-1' or 'utf-8'") from None
