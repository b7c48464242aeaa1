"""Frames and times of a prediction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.states import States
from kinescribe.states.frames_read import frame_step

__all__ = ["Frames", "Grid", "frames_of", "grid_of"]

Float = NDArray[np.float64]
Index = NDArray[np.intp]
SAME = 1e-9  # seconds within which two instants are one
MOST = 200_000  # instants of one prediction


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """The frames of a table, without holes.

    Attributes:
        number: (T,) ascending by one. time: (T,) seconds; of frames without a row by their neighbours.
        interval: seconds from frame to frame, > 0.
    """

    number: Index
    time: Float
    interval: float


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """What is simulated, and what of it is told.

    Attributes:
        times: (T,) instants that are simulated, the first of them the clip's first.
        told: (m,) indices of those that get rows. frames: (m,) their numbers.
        begin: seconds, from where on rows are told.
    """

    times: Float
    told: Index
    frames: Index
    begin: float


def frames_of(states: States | None, times: Float) -> Frames:
    """Frames of a table, or of a clip that has none: numbered from 0 in steps of the shortest interval."""
    if states is None:
        interval = float(np.min(np.diff(times))) if len(times) > 1 else 1.0
        number = np.round((times - times[0]) / interval).astype(np.intp)
        stamps = times
    else:
        number, rows = np.unique(states["frame"], return_index=True)
        stamps = np.asarray(states["time_s"], float)[rows]
        steps = np.diff(stamps) / np.maximum(np.diff(number), 1)
        known = states.meta.time.interval_s if states.meta.time is not None else None
        known = None if known is None else known / frame_step(states)  # it is told from one frame that was looked at to the next
        interval = known or (float(np.median(steps)) if len(steps) else 1.0)
    every = np.arange(number[0], number[-1] + 1)
    return Frames(every.astype(np.intp), np.interp(every, number, stamps), interval)


def grid_of(frames: Frames, first: float, last: float, until: float, every: float | None, at: float | None, from_start: bool) -> Grid:
    """Instants from the clip's `first` sighting on.

    Args:
        last: its last sighting. until: end, seconds. every: interval of the rows; None: that of the frames. at: of a change, or where to
            begin, seconds; None: none. from_start: rows from the first sighting on.

    Raises:
        UsageError: times that make no sense, or too many of them.
    """
    if not np.isfinite(until):
        raise UsageError(f"until {until} must be a number of seconds")
    if every is not None and not (np.isfinite(every) and every > 0):
        raise UsageError(f"every {every:g} must be a number of seconds above 0")
    if at is not None and not first - SAME <= at <= until + SAME:
        raise UsageError(f"at {at:g} must lie between the first sighting at {first:g} s and until {until:g}")
    begin = first if from_start else min(last, at) if at is not None else last
    inclusive = from_start or (at is not None and at < last - SAME) or (at is not None and abs(at - first) < SAME)
    if until < begin - SAME or (until <= begin + SAME and not inclusive):
        raise UsageError(f"until {until:g} must lie after the last sighting at {last:g} s; from_start=True gives rows from the first on")
    if (until - first) / min(frames.interval, every or np.inf) > MOST:
        raise UsageError(f"until {until:g} makes over {MOST:,} rows an object; name a nearer end or a longer interval with every=")
    beyond = max(int(np.floor((until - frames.time[-1]) / frames.interval + 1e-6)), 0)
    time = np.r_[frames.time, frames.time[-1] + frames.interval * np.arange(1, beyond + 1)]
    number = np.r_[frames.number, frames.number[-1] + np.arange(1, beyond + 1)]
    fine = time[(time > first + SAME) & (time <= until + SAME)]
    low = begin - SAME if inclusive else begin + SAME
    if every is None:
        keep = (time >= low) & (time <= until + SAME)
        rows, numbers = time[keep], number[keep]
    else:
        count = int(np.floor((until - begin) / every + 1e-6))
        rows = begin + every * np.arange(0 if inclusive else 1, count + 1)
        # a frame's number where it is one of the table's frames; else counted on, for the column must ascend
        numbers = int(np.searchsorted(time, begin - SAME)) + number[0] + np.arange(len(rows)) + (0 if inclusive else 1)
    if not len(rows):
        raise UsageError(f"until {until:g} is less than a frame's interval ({frames.interval:g} s) after {begin:g} s: no row falls there")
    instants = np.sort(np.r_[first, fine, rows])
    # of two that are one the row stays
    times = instants[np.r_[True, np.diff(instants) > SAME]]
    told = np.searchsorted(times, rows - SAME)
    times[told] = rows
    return Grid(times, told.astype(np.intp), numbers.astype(np.intp), begin)
