"""The first part of a video, and of a table made from it: what may be known before the rest is foretold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kinescribe.errors import UsageError
from kinescribe.states import States
from kinescribe.video import Frame, Video, VideoInfo

__all__ = ["SAME_S", "Beginning", "Span", "first_rows"]

SAME_S = 1e-6  # containers round time stamps to microseconds at best
FORM = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(s|f|frames?)?\s*")


@dataclass(frozen=True, slots=True)
class Span:
    """How much of a video counts: all frames up to a time, or so many frames; neither: all.

    Attributes:
        seconds: the last time that counts. frames: how many count.
    """

    seconds: float | None = None
    frames: int | None = None

    @classmethod
    def of(cls, asked: Any) -> Span:
        """From seconds, or words: ``1.5``, ``"1.5"``, ``"45f"``. Raises UsageError for anything else."""
        if asked is None:
            return cls()
        match = FORM.fullmatch(str(asked)) if not isinstance(asked, bool) else None
        if match is None:
            raise UsageError(f"seen {' '.join(str(asked).split())[:40]!r}: give seconds, such as 1.5, or frames, such as 45f")
        number, unit = match.groups()
        counts = unit in ("f", "frame", "frames")
        if counts and (not number.isdigit() or int(number) < 2):
            raise UsageError(f"seen '{asked}': motion takes two frames at least, counted in whole numbers, such as 45f")
        if not counts and not float(number) > 0:
            raise UsageError(f"seen '{asked}' leaves nothing of the video to look at: give a time above 0, such as 1.5")
        return cls(frames=int(number)) if counts else cls(seconds=float(number))

    @property
    def all(self) -> bool:
        """Nothing is left for comparison."""
        return self.seconds is None and self.frames is None

    def holds(self, index: int, time_s: float) -> bool:
        """Whether a frame counts."""
        if self.frames is not None:
            return index < self.frames
        return self.seconds is None or time_s <= self.seconds + SAME_S

    def __str__(self) -> str:
        return f"{self.frames} frames" if self.frames is not None else f"{self.seconds:g} s"


class Beginning:
    """A video that ends early.

    Attributes:
        info: that of the whole, with what is known of the frames' number.
        end_s: time of its last frame, seconds; NaN until it was read to its end.
        count: its frames; 0 until then.
    """

    def __init__(self, whole: Video, span: Span) -> None:
        """Nothing is read yet."""
        self._whole, self._span = whole, span
        self.info: VideoInfo = whole.info if span.all else replace(whole.info, frame_count=span.frames, duration_s=span.seconds)
        self.end_s, self.count = float("nan"), 0
        self._cut = False

    @property
    def partial(self) -> str | None:
        """As the whole video's."""
        return self._whole.partial

    @property
    def warnings(self) -> list[str]:
        """As the whole video's."""
        return self._whole.warnings

    def __iter__(self) -> Iterator[Frame]:
        frames, last = iter(self._whole), None
        for frame in frames:
            if not self._span.holds(frame.index, frame.time_s):
                self._cut = True
                break
            last = frame
            yield frame
        if last is not None:
            self.end_s, self.count = last.time_s, last.index + 1

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        """As the whole video's."""
        return self._whole.sample(indices)

    def measured(self) -> Beginning:
        """Itself, read to its end if it wasn't yet, so that `end_s` is known."""
        if not self.count:
            for _ in self:
                pass
        return self

    def too_short(self) -> list[str]:
        """A line, if the whole video is shorter than what of it was to be looked at."""
        if self._cut or self._span.all or self.count == self._span.frames:
            return []
        return [f"{self._span} were to be looked at, and the video has {self.count} frames, the last at {self.end_s:.4g} s: all of it was"]


def first_rows(states: States, span: Span) -> States:
    """The rows of a table that lie in the span, with the contacts up to there.

    Raises:
        UsageError: no row is left.
    """
    if span.all:
        return states
    keep = np.array([span.holds(int(f), float(t)) for f, t in zip(states["frame"], states["time_s"], strict=True)], bool)
    if not keep.any():
        raise UsageError(f"the states table has no row in the first {span}: give more with --seen")
    meta = states.meta.model_copy(deep=True)
    end = float(states["time_s"][keep].max())
    meta.events = [event for event in meta.events if event.time_s <= end + SAME_S]
    left = {int(i) for i in np.unique(states["object_id"][keep])}
    meta.objects = {i: about for i, about in meta.objects.items() if i in left}
    for i, about in meta.objects.items():
        mine = keep & (states["object_id"] == i)
        frames = states["frame"][mine]
        meta.objects[i] = about.model_copy(
            update={
                "first_frame": int(frames.min()),
                "last_frame": int(frames.max()),
                "frames_seen": int((states["status"][mine] == "observed").sum()),
            }
        )
    return States.from_columns({name: values[keep] for name, values in states.columns.items()}, meta)
