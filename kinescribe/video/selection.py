"""Some of a video's frames, as a video: every n-th of them, from one moment to another."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from ..errors import InputError, UsageError
from .frame import Frame
from .info import Video, VideoInfo, wanted_indices

__all__ = ["Chooses", "Moment", "SelectedVideo", "Selection", "only_read"]

SAME_S = 1e-6  # containers round time stamps to microseconds at best
MOST = 10**9  # frames; a number beyond is a slip
_FRAMES = re.compile(r"\s*(\d{1,9})\s*(?:f|frames?)\s*")
_MILLISECONDS = re.compile(r"\s*(\d{1,12}(?:\.\d*)?|\.\d+)\s*ms\s*")
_COMMA = re.compile(r"(?:\d{1,4}:){0,2}\d{1,9},\d{1,9}")
_CLOCK = re.compile(r"\s*(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,9}(?:\.\d*)?|\.\d+)\s*s?\s*")


@dataclass(frozen=True, slots=True)
class Moment:
    """A place in a video: a frame's number, or a time.

    Attributes:
        frame: counted from 0; None where it is a time.
        time_s: seconds from the first frame; None where it is a frame.
        words: as it was given.
    """

    frame: int | None
    time_s: float | None
    words: str

    @classmethod
    def of(cls, value: Any, name: str) -> Moment:
        """From seconds or words: ``90``, ``"90"``, ``"1:30"``, ``"0:01:30.5"``, ``"500ms"``, ``"450f"``. Raises UsageError otherwise."""
        text = " ".join(str(value).split())
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            if counted := _FRAMES.fullmatch(text):
                return cls(int(counted[1]), None, text)
            if isinstance(value, int | float) and math.isfinite(value) and value >= 0:
                return cls(None, float(value), f"{value:g}")
            if short := _MILLISECONDS.fullmatch(text):
                return cls(None, float(short[1]) / 1000, text)
            if clock := _CLOCK.fullmatch(text):
                hours, minutes, seconds = int(clock[1] or 0), int(clock[2] or 0), float(clock[3])
                if clock[2] is None or (seconds < 60 and (clock[1] is None or minutes < 60)):
                    return cls(None, 3600.0 * hours + 60.0 * minutes + seconds, text)
        if isinstance(value, str) and _COMMA.fullmatch(text):
            raise UsageError(f"{name}={_quoted(value, text)} has a comma where a decimal point belongs; write {text.replace(',', '.')}")
        raise UsageError(
            f"{name}={_quoted(value, text)} is no place in a video; "
            "give seconds from its first frame, such as 90, 1:30 or 500ms, or a frame's number, such as 450f"
        )

    def __str__(self) -> str:
        return self.words

    def reached(self, index: int, time_s: float) -> bool:
        """Whether a frame is at this place, or after it."""
        if self.frame is not None:
            return index >= self.frame
        assert self.time_s is not None  # it is one or the other
        return time_s >= self.time_s - SAME_S

    def after(self, other: Moment) -> bool:
        """Whether it can't be told to be at or before the other: a frame and a time aren't compared without the video."""
        if self.frame is not None and other.frame is not None:
            return self.frame > other.frame
        if self.time_s is not None and other.time_s is not None:
            return self.time_s > other.time_s + SAME_S
        return True


@dataclass(frozen=True, slots=True)
class Selection:
    """Which frames of a video count: every `stride`-th, the first at `start`, all before `end`.

    Attributes:
        stride: 1 or more. start: None: the first frame. end: the first moment that no longer counts; None: all to the last frame.
    """

    stride: int = 1
    start: Moment | None = None
    end: Moment | None = None

    @classmethod
    def of(cls, stride: Any = 1, start: Any = None, end: Any = None) -> Selection:
        """From what a user says.

        Raises:
            UsageError: a stride below 1, a moment that is none, or an end that isn't after the start.
        """
        if isinstance(stride, bool) or not isinstance(stride, int) or not 1 <= stride <= MOST:
            raise UsageError(
                f"stride={_quoted(stride, str(stride))} must be a number of frames from 1 to {MOST}: 1 for every one, 2 for every other"
            )
        begin = None if start is None else Moment.of(start, "start")
        stop = None if end is None else Moment.of(end, "end")
        if stop is not None and not stop.after(begin or (Moment(None, 0.0, "0") if stop.frame is None else Moment(0, None, "0f"))):
            what = f"start={begin}" if begin is not None else "the video's first frame"
            raise UsageError(f"end={stop} is not after {what}; nothing would be left to look at")
        return cls(stride, begin, stop)

    @property
    def whole(self) -> bool:
        """Whether every frame counts."""
        return self.stride == 1 and self.start is None and self.end is None

    def __str__(self) -> str:
        parts = [f"stride={self.stride}"] if self.stride > 1 else []
        parts += [f"{name}={moment}" for name, moment in (("start", self.start), ("end", self.end)) if moment is not None]
        return ", ".join(parts)


@runtime_checkable
class Chooses(Protocol):
    """A video that leaves unconverted what isn't wanted."""

    def choose(self, wanted: Callable[[int, float], bool | None]) -> Iterator[Frame]:
        """The frames for whose index and time `wanted` says True; None ends the pass, without the frame."""
        ...


class SelectedVideo:
    """The frames of a selection, with their true times. Frames after its end aren't decoded.

    Attributes:
        info: of the video; number of frames and duration are those of the selection as far as they can be told beforehand.
        numbers: of the frames in the video, as far as they have been read.
        last_of_all: number of the video's last frame, None until it was met.
    """

    def __init__(self, video: Video, selection: Selection, *, renumbered: bool = False) -> None:
        """Nothing is read yet.

        Args:
            renumbered: frames are counted anew, 0, 1, 2 …, as whoever looks at a whole video expects; else each keeps its number.
        """
        self._video, self._selection, self._renumbered = video, selection, renumbered
        self.numbers: list[int] = []
        self.last_of_all: int | None = None
        self._known = False  # all numbers
        self._partial: str | None = None
        self.info: VideoInfo = replace(video.info, frame_count=self._expected(), duration_s=None, hasher=lambda: video.info.sha256)

    @property
    def partial(self) -> str | None:
        """As the video's, where it breaks off before the end of the selection."""
        return self._partial

    @property
    def warnings(self) -> list[str]:
        """As the video's."""
        return self._video.warnings

    @property
    def frames_in_all(self) -> int | None:
        """How many frames the video has: counted where its end was met, else what its container says, if that can be."""
        if self.last_of_all is not None:
            return self.last_of_all + 1
        told = self._video.info.frame_count
        return told if told is not None and self.numbers and told > self.numbers[-1] else None

    @property
    def read(self) -> tuple[int, int, int]:
        """First and last frame and the stride, as the video counts. Raises UsageError before any was read."""
        if not self.numbers:
            raise UsageError(f"no frame of '{self.info.name}' was read yet: go through it first")
        return self.numbers[0], self.numbers[-1], self._selection.stride

    def with_own_numbers(self) -> SelectedVideo:
        """The same frames, each with its number in the video."""
        made = SelectedVideo(self._video, self._selection)
        made.numbers, made.last_of_all, made._known, made._partial = self.numbers, self.last_of_all, self._known, self._partial
        return made

    @property
    def selection(self) -> Selection:
        """Which frames count."""
        return self._selection

    def __str__(self) -> str:
        return str(self._selection)

    def __iter__(self) -> Iterator[Frame]:
        frames = self._video.sample(self.numbers) if self._known else self._first_pass()
        for k, frame in enumerate(frames):
            yield replace(frame, index=k) if self._renumbered else frame

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        """The frames with these indices, counted as this video counts them, ascending, each once.

        Raises:
            UsageError: a negative index, one beyond the end, or one that isn't among the frames.
        """
        wanted = wanted_indices(indices, self.info.name)
        if not self._known:
            for _ in self:  # what there is is known after a pass
                pass
        known = range(len(self.numbers)) if self._renumbered else self.numbers
        strange = sorted(set(wanted) - set(known))
        if strange and self._partial is None:
            raise UsageError(
                f"frame {strange[0]} of '{self.info.name}' was asked for; {len(self.numbers)} frames are looked at ({self._selection})"
            )
        here = [index for index in wanted if index not in set(strange)]
        numbers = [self.numbers[index] for index in here] if self._renumbered else here
        for index, frame in zip(here, self._video.sample(numbers), strict=False):  # shorter where the video breaks off
            yield replace(frame, index=index) if self._renumbered else frame

    def _first_pass(self) -> Iterator[Frame]:
        """Find the frames, and tell what there is to find."""
        chooser = _Chooser(self._selection)
        source = self._video.choose(chooser) if isinstance(self._video, Chooses) else _chosen(self._video, chooser)
        numbers = []
        for frame in source:
            numbers.append(frame.index)
            yield frame
        self.numbers, self._known = numbers, True
        self._partial = None if chooser.ended else self._video.partial
        self.last_of_all = None if chooser.ended else chooser.last
        if not numbers:
            self._tell_nothing(chooser)
        self.info = replace(
            self.info, frame_count=len(numbers) if self._renumbered else numbers[-1] + 1, hasher=lambda: self._video.info.sha256
        )

    def _tell_nothing(self, chooser: _Chooser) -> None:
        name = self.info.name
        if self._partial is not None:
            raise InputError(f"{self._partial}; nothing of it is left with {self._selection}")
        if chooser.ended:
            raise UsageError(f"'{name}' has no frame with {self._selection}; the frame before is {chooser.last} ({chooser.time_s:.3f} s)")
        raise UsageError(
            f"start={self._selection.start} is beyond the end of '{name}': its last frame is {chooser.last} ({chooser.time_s:.3f} s)"
        )

    def _expected(self) -> int | None:
        """How many frames there will be, where it can be told."""
        count, start, end = self._video.info.frame_count, self._selection.start, self._selection.end
        if count is None or (start is not None and start.frame is None) or (end is not None and end.frame is None):
            return None
        if not self._renumbered:
            return count if end is None or end.frame is None else min(end.frame, count)
        first = 0 if start is None or start.frame is None else start.frame
        stop = count if end is None or end.frame is None else min(end.frame, count)
        return max(0, -(-(stop - first) // self._selection.stride))


class _Chooser:
    """Whether the next frame of a pass counts."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._first: int | None = None
        self.last, self.time_s = -1, 0.0
        self.ended = False

    def __call__(self, index: int, time_s: float) -> bool | None:
        end, start = self._selection.end, self._selection.start
        if end is not None and end.reached(index, time_s):
            self.ended = True
            return None
        self.last, self.time_s = index, time_s
        if self._first is None and (start is None or start.reached(index, time_s)):
            self._first = index
        return self._first is not None and (index - self._first) % self._selection.stride == 0


def _chosen(video: Video, wanted: Callable[[int, float], bool | None]) -> Iterator[Frame]:
    """As `Chooses.choose`, of a video that converts every frame anyway."""
    for frame in video:
        answer = wanted(frame.index, frame.time_s)
        if answer is None:
            return
        if answer:
            yield frame


def only_read(video: Video, read: tuple[int, int, int] | None) -> Video:
    """The video without all other frames than the first, the last and those between that the stride meets; each keeps its number.

    Args:
        read: first, last, stride; None: the video as it is.
    """
    if read is None or isinstance(video, SelectedVideo):
        return video
    first, last, stride = read
    return SelectedVideo(video, Selection(stride, Moment(first, None, f"{first}f"), Moment(last + 1, None, f"{last + 1}f")))


def _quoted(value: Any, text: str) -> str:
    return f"'{text[:40]}'" if isinstance(value, str) else text[:40]
