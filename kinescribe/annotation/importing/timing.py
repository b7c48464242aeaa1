"""When the frames of imported tracks were taken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.annotation.importing.asked import LONGEST, SHORTEST
from kinescribe.annotation.importing.sightings import Sightings
from kinescribe.errors import InputError, UsageError
from kinescribe.llm.text import one_line
from kinescribe.states import TimeMeta

__all__ = ["frames_and_times"]

Float = NDArray[np.float64]
_OFF = 0.1  # of a frame, from a whole one
_ANOTHER = 0.01  # by which two times between frames differ to be told of


def frames_and_times(found: Sightings, columns: dict[str, Float]) -> tuple[NDArray[np.int64], Float, TimeMeta]:
    """Frame and time of every sighting, (n,) each, and what is to be said of the times.

    The caller's times come first, then the file's own for each sighting, then its time between frames.

    Raises:
        UsageError: neither the caller nor the file says when the frames were taken.
        InputError: times that contradict each other, by their place in the file.
    """
    frame, time = columns["frame"], columns["time"]
    if np.isnan(frame).any():
        frame = _counted(found, time)
        return frame.astype(np.int64), _agreeing(found, columns, frame, time), _own(time)
    asked, stamps, own = found.asked, found.asked.stamps, bool(np.isfinite(time).all())
    whole = frame.astype(np.int64)
    film = asked.film
    ends = stamps if film is None else film.times
    if ends is not None and whole.max(initial=0) >= len(ends):
        raise _beyond(found, columns["where"], whole, len(ends))
    if stamps is not None:
        return whole, stamps[whole], _stamped(stamps, overridden=film is None)
    interval = asked.frame_interval
    if interval is None and own:
        return whole, _agreeing(found, columns, frame, time), _own(time)
    if interval is not None and own:
        _compare(found, interval, frame, time)
    elif interval is None:
        interval = found.interval
    if interval is not None and not SHORTEST <= interval <= LONGEST:
        raise InputError(f"{found.path}: its frames are {interval:g} s apart, which can't be: give frame_interval= in seconds")
    if interval is None:
        raise UsageError(
            f"{found.path}: its frames have numbers and no times: give video=, whose time stamps then count, or frame_interval= in seconds "
            "(0.04 for 25 frames a second)"
        )
    return whole, frame * interval, TimeMeta(regular=True, interval_s=interval, jitter_s=0.0, overridden=asked.frame_interval is not None)


def _beyond(found: Sightings, where: Float, frames: NDArray[np.int64], count: int) -> InputError:
    """The error for the first frame that comes after the last one."""
    asked, k = found.asked, int(np.argmax(frames >= count))
    lacking = (
        f"has no time: times= holds {count}"
        if asked.film is None
        else f"is not in '{one_line(asked.film.meta.name, 60)}', which has {count}"
    )
    return found.fault(where[k], f"the frame {frames[k] + asked.first_frame} {lacking}, and counts its first as {asked.first_frame}")


def _counted(found: Sightings, time: Float) -> Float:
    """Frames of a file that has times alone: by the time between frames where that is given, else counted in order of time."""
    if np.isnan(time).any():
        k = int(np.flatnonzero(np.isnan(time))[0])
        raise found.fault(found.numbers["where"][k], "has neither frame nor time; mend it, or take it out")
    if found.asked.stamps is not None:
        raise UsageError(
            f"{found.path}: has times of its own and no frames, to which the stamps of times= or video= would belong: leave them out"
        )
    interval = found.asked.frame_interval
    if interval is None:
        found.notes.append("the file has times and no frames: frames are counted in order of time, from 0")
        return np.unique(np.round(time / SHORTEST), return_inverse=True)[1].astype(np.float64)
    start = min(0.0, float(time.min()))
    frame = np.round((time - start) / interval)
    off = np.flatnonzero(np.abs((time - start) / interval - frame) > _OFF)
    if len(off):
        k = int(off[0])
        raise found.fault(
            found.numbers["where"][k], f"the time {time[k]:g} s is no whole number of frame intervals of {interval:g} s: give the right one"
        )
    return frame


def _agreeing(found: Sightings, columns: dict[str, Float], frame: Float, time: Float) -> Float:
    """The file's times, which must be one a frame and run on."""
    order = np.argsort(frame, kind="stable")
    same, step = np.diff(frame[order]) == 0, np.diff(time[order])
    wrong = np.flatnonzero((same & (np.abs(step) > 1e-6)) | (~same & (step < SHORTEST)))
    if len(wrong):
        j, k = order[wrong[0]], order[wrong[0] + 1]
        raise InputError(
            f"{found.path}: {found.noun} {columns['where'][k]:.0f}: the time of frame {frame[k]:.0f} is {time[k]:g} s, and that of frame "
            f"{frame[j]:.0f} {time[j]:g} s ({found.noun} {columns['where'][j]:.0f}): mend it, or give frame_interval= in seconds"
        )
    out = time.copy()
    out[order[1:][same]] = np.nan  # one frame, one time: to the last digit
    first = np.maximum.accumulate(np.where(np.isnan(out[order]), 0, np.arange(len(order)))) if len(order) else order
    out[order] = time[order][first]
    return out


def _compare(found: Sightings, interval: float, frame: Float, time: Float) -> None:
    spread = np.ptp(frame) if len(frame) else 0.0
    if spread and abs(np.ptp(time) / spread - interval) > _ANOTHER * interval:
        found.notes.append(f"the file's frames are {np.ptp(time) / spread:.6g} s apart; the {interval:g} s of frame_interval count")


def _stamped(stamps: Float, *, overridden: bool) -> TimeMeta:
    from kinescribe.video import time_stats

    stats = time_stats(stamps)
    return TimeMeta(regular=stats.regular, interval_s=stats.interval_s, jitter_s=stats.jitter_s, overridden=overridden)


def _own(time: Float) -> TimeMeta:
    from kinescribe.video import time_stats

    stats = time_stats(np.unique(np.round(time / SHORTEST)) * SHORTEST)
    return TimeMeta(regular=stats.regular, interval_s=stats.interval_s, jitter_s=stats.jitter_s)
