"""Frames of two videos that belong together, by their time stamps, while both stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kinescribe.errors import UsageError
from kinescribe.video import Frame

__all__ = ["Matching", "Pair", "checked_span"]

SLACK_S = 1e-6  # containers round time stamps, to microseconds at best


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two frames of one time.

    Attributes:
        real, predicted: the frames.
        lag_s: how much later the predicted one was taken, seconds.
        interval_s: between frames there, of the video that has more of them, seconds; None where both have one frame.
    """

    real: Frame
    predicted: Frame
    lag_s: float
    interval_s: float | None


class Matching:
    """Pairs of frames that are nearest to each other, at most half a frame interval apart; no frame is used twice.

    The interval is the shorter of the two videos' at that place: of two rates the frames that the slower one lacks stay without a partner.

    Attributes:
        real_frames: real frames so far, inside the span.
        predicted_frames: predicted ones; with a span those within its time.
        pairs: pairs so far.
    """

    def __init__(
        self, real: Iterable[Frame], predicted: Iterable[Frame], *, offset_s: float = 0.0, span: tuple[int, int | None] = (0, None)
    ) -> None:
        """Nothing is read yet.

        Args:
            real, predicted: frames in the order of time.
            offset_s: real time at which the predicted video starts, seconds.
            span: first real frame that counts, and the one after the last; None is the end. From `checked_span`.
        """
        self._span = span
        self._real, self._predicted = _Stream(_within(real, span)), _Stream(iter(predicted), offset_s)
        self._early = 0
        self.pairs = 0

    @property
    def real_frames(self) -> int:
        """Read so far, inside the span."""
        return self._real.taken

    @property
    def predicted_frames(self) -> int:
        """Read so far; with a span those within its time."""
        return self._predicted.taken - self._early

    def __iter__(self) -> Iterator[Pair]:
        real, predicted = self._real, self._predicted
        real.advance()
        predicted.advance()
        while real.here is not None and predicted.here is not None:
            gap = abs(real.time_s - predicted.time_s)
            if predicted.after is not None and abs(real.time_s - predicted.time_of(predicted.after)) < gap - SLACK_S:
                self._skip_predicted()
            elif real.after is not None and abs(real.time_of(real.after) - predicted.time_s) < gap - SLACK_S:
                real.advance()
            else:
                interval = min((step for step in (real.step_s, predicted.step_s) if step is not None), default=None)
                if gap <= (interval or 0.0) / 2 + SLACK_S:
                    self.pairs += 1
                    yield Pair(real.here, predicted.here, predicted.time_s - real.time_s, interval)
                    real.advance()
                    predicted.advance()
                elif predicted.time_s < real.time_s:
                    self._skip_predicted()
                else:
                    real.advance()
        real.drain()
        if self._span[1] is None:
            predicted.drain()
        else:
            predicted.leave()

    def _skip_predicted(self) -> None:
        """Before a span's first frame there is nothing that a predicted one could be missing."""
        self._early += self._span[0] > 0 and not self.pairs
        self._predicted.advance()


class _Stream:
    """Frames with a look at the one ahead."""

    def __init__(self, frames: Iterator[Frame], offset_s: float = 0.0) -> None:
        self._frames = frames
        self._offset = offset_s
        self._started = False
        self.here: Frame | None = None
        self.after: Frame | None = None
        self.step_s: float | None = None
        self.taken = 0

    @property
    def time_s(self) -> float:
        assert self.here is not None
        return self.time_of(self.here)

    def time_of(self, frame: Frame) -> float:
        return frame.time_s + self._offset

    def advance(self) -> None:
        """Go to the next frame. The step to the one after it is kept for the last frame, which has none."""
        if not self._started:
            self.after, self._started = next(self._frames, None), True
        self.here = self.after
        if self.here is not None:
            self.taken += 1
            self.after = next(self._frames, None)
            if self.after is not None:
                self.step_s = self.after.time_s - self.here.time_s

    def drain(self) -> None:
        """Count what is left, which also tells whether the video is whole."""
        while self.here is not None:
            self.advance()

    def leave(self) -> None:
        """The frame that was looked at last found no partner, and isn't missed."""
        if self.here is not None:
            self.taken -= 1


def checked_span(frames: tuple[int | None, int | None] | None) -> tuple[int, int | None]:
    """First frame and the one after the last, None for the end. Raises UsageError for anything that holds no frame."""
    first, stop = frames or (None, None)
    first = 0 if first is None else first
    if first < 0 or (stop is not None and stop <= first):
        raise UsageError(
            f"frames {first}:{'' if stop is None else stop} hold none: they count from 0, and the second number is the first one left out"
        )
    return first, stop


def _within(frames: Iterable[Frame], span: tuple[int, int | None]) -> Iterator[Frame]:
    first, stop = span
    for frame in frames:
        if stop is not None and frame.index >= stop:
            return
        if frame.index >= first:
            yield frame
