"""Time stamps: how regular they are, and how they are made to increase where a file's don't."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, UsageError

__all__ = ["StampRepair", "TimeStats", "checked_interval", "checked_times", "named", "time_stats"]

T = TypeVar("T")

_REGULAR = 0.05  # of the interval: room for containers that round time stamps to milliseconds (3 % at 30 frames a second)
_GAP = 1.5  # intervals: at least one frame is missing
_HELD = 16  # frames held back while waiting for a stamp that increases, before the clock is taken as set back


@dataclass(frozen=True, slots=True)
class TimeStats:
    """How regular the time stamps of a video are.

    Attributes:
        interval_s: median time between frames, seconds; None with fewer than two frames.
        jitter_s: root mean square deviation of the intervals from their median, seconds; None with fewer than two frames.
        regular: whether every interval is within 5 % of the median.
        irregular_steps: how many intervals aren't.
        gaps: how many of them are one and a half medians or more, as where frames were dropped.
        longest_step_s: the longest interval, seconds; None with fewer than two frames.
    """

    interval_s: float | None
    jitter_s: float | None
    regular: bool
    irregular_steps: int = 0
    gaps: int = 0
    longest_step_s: float | None = None


def time_stats(times: ArrayLike) -> TimeStats:
    """Sum up the time stamps of a video.

    Args:
        times: shape (T,), seconds.
    """
    steps = np.diff(np.asarray(times, np.float64))
    if steps.size == 0:
        return TimeStats(None, None, False)
    interval = float(np.median(steps))
    off = np.abs(steps - interval)
    return TimeStats(
        interval_s=interval,
        jitter_s=float(np.sqrt(np.mean(off**2))),
        regular=bool(interval > 0 and off.max() <= _REGULAR * interval),
        irregular_steps=int(np.count_nonzero(off > _REGULAR * interval)),
        gaps=int(np.count_nonzero(steps >= _GAP * interval)),
        longest_step_s=float(steps.max()),
    )


def checked_interval(frame_interval: float) -> float:
    """The time between frames, seconds, if it is finite and positive.

    Raises:
        UsageError: it is not.
    """
    number = isinstance(frame_interval, Real) and not isinstance(frame_interval, bool)
    if not (number and math.isfinite(frame_interval) and frame_interval > 0):
        raise UsageError(f"frame interval {frame_interval!r}: it must be a positive number of seconds, such as 0.00417")
    return float(frame_interval)


def checked_times(times: ArrayLike, count: int | None = None) -> NDArray[np.float64]:
    """Time stamps, shape (T,), seconds, if they are finite, strictly increasing and as many as `count`.

    Raises:
        UsageError: they are not; names the first offender.
    """
    try:
        array = np.asarray(times, np.float64)
    except (TypeError, ValueError) as error:
        shown = " ".join(repr(times).split())
        raise UsageError(f"times={shown[:60]} are no numbers: give one time in seconds for every frame") from error
    if array.ndim != 1 or array.size == 0:
        raise UsageError(f"times of shape {array.shape}: give one time in seconds for every frame")
    if count is not None and array.size != count:
        raise UsageError(f"{array.size} times for {count} frames: give one time in seconds for every frame")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise UsageError(f"time {array[bad[0]]} of frame {bad[0]} is not finite: give every frame's time in seconds")
    back = np.flatnonzero(np.diff(array) <= 0)
    if back.size:
        k = int(back[0])
        raise UsageError(f"time {array[k + 1]} s of frame {k + 1} is not later than {array[k]} s of frame {k}: times must increase")
    return array


class StampRepair:
    """Passes time stamps through where they increase, and derives a time for the frames whose stamp is missing, repeats or goes back.

    Frames without a usable stamp are held until one comes that increases, and get times evenly between the good ones around
    them. After 16 such frames in a row the clock is taken as set back (or as absent): times go on at the usual interval and
    later stamps are shifted to match. Frames stay in their order and none is dropped; which were touched is kept for `warnings`.
    """

    def __init__(self, name: str, nominal_s: float | None) -> None:
        """Args: name: for messages; nominal_s: the container's interval between frames, where it has one, seconds."""
        self._name = name
        self._nominal = nominal_s
        self._recent: list[float] = []
        self._missing: list[int] = []
        self._backward: list[int] = []
        self._resets: list[int] = []

    def run(self, items: Iterable[tuple[T, float | None]]) -> Iterator[tuple[T, float]]:
        """Yield every item with its time, seconds; strictly increasing.

        Raises:
            InputError: a time has to be derived and neither earlier stamps nor the container tell the usual interval.
        """
        last: float | None = None
        offset = 0.0
        held: list[tuple[T, float | None]] = []
        for index, (item, stamp) in enumerate(items):
            if stamp is not None and last is None:
                # Frames before the first stamp: it is moved back by one usual interval for each.
                times = [self._usual() * k for k in range(len(held))]
                yield from zip([h[0] for h in held], times, strict=True)
                if held:
                    offset, held = self._usual() * len(held) - stamp, []
                last = stamp + offset
                yield item, last
                continue
            time = None if stamp is None else stamp + offset
            if time is not None and last is not None and (between := _between(last, time, len(held))) is not None:
                yield from zip([h[0] for h in held], between, strict=True)
                self._note_interval((time - last) / (len(held) + 1))
                held, last = [], time
                yield item, time
                continue
            (self._missing if stamp is None else self._backward).append(index)
            held.append((item, stamp))
            if len(held) == _HELD:
                if stamp is not None:
                    self._resets.append(index - _HELD + 1)
                times = self._onward(last, len(held))
                yield from zip([h[0] for h in held], times, strict=True)
                last = times[-1]
                if stamp is not None:
                    offset = last - stamp
                held = []
        yield from zip([h[0] for h in held], self._onward(last, len(held)), strict=True)

    @property
    def warnings(self) -> list[str]:
        """One line for each thing that was done to the stamps seen so far."""
        lines = []
        if self._missing:
            usual = f" ({self._usual():.6g} s)" if self._recent or self._nominal else ""
            lines.append(
                f"'{self._name}': no time stamp on {named(self._missing)}; "
                f"derived from the frames around them or from the usual interval{usual}, which --frame-interval overrides"
            )
        if self._backward:
            lines.append(f"'{self._name}': time stamp repeats or goes back on {named(self._backward)}; derived from the frames around")
        if self._resets:
            lines.append(f"'{self._name}': the clock is set back at {named(self._resets)}; time goes on from there at the usual interval")
        return lines

    def _note_interval(self, seconds: float) -> None:
        self._recent.append(seconds)
        if len(self._recent) > 2 * _HELD:
            del self._recent[:_HELD]

    def _usual(self) -> float:
        usual = float(np.median(self._recent)) if self._recent else self._nominal
        if usual is None or not usual > 0:
            raise InputError(f"'{self._name}' has no time stamps; give the time between frames with --frame-interval SECONDS")
        return usual

    def _onward(self, last: float | None, count: int) -> list[float]:
        if count == 0:
            return []
        usual = self._usual()
        return [usual * k for k in range(count)] if last is None else [last + usual * (k + 1) for k in range(count)]


def _between(last: float, time: float, count: int) -> list[float] | None:
    """`count` times evenly between two, or None where there is no room for them in floating point."""
    grid = np.linspace(last, time, count + 2)
    return [float(t) for t in grid[1:-1]] if bool(np.all(np.diff(grid) > 0)) else None


def named(frames: Sequence[int]) -> str:
    """``frame 7`` or ``frames 3, 4, 9 and 12 more``."""
    if len(frames) == 1:
        return f"frame {frames[0]}"
    shown = ", ".join(str(k) for k in frames[:5])
    return f"frames {shown}" + (f" and {len(frames) - 5} more" if len(frames) > 5 else "")
