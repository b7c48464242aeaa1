"""From when to when is foretold."""

from __future__ import annotations

import numpy as np

from kinescribe.errors import UsageError
from kinescribe.foretelling.asked import Wishes
from kinescribe.foretelling.beginning import SAME_S, Beginning
from kinescribe.foretelling.course import Course
from kinescribe.foretelling.timeline import Plan
from kinescribe.states import States
from kinescribe.video import Video

__all__ = ["MOST_FRAMES", "begin_of", "check_length", "end_of", "interval_between", "plan_of", "until_of"]

GOES_ON = 0.5  # of what was seen: how much longer the video is made, where nothing says when to end
AT_LEAST = 10  # frames
MOST_WRITTEN = 1e12  # that is written out
MOST_FRAMES = 36_000  # 20 minutes at 30 Hz: days of drawing are a slip of the keyboard


def end_of(video: Video, seen: Beginning, wishes: Wishes) -> float:
    """Time of the video's last frame, seconds; a video that counts as seen in part is read to its end."""
    if wishes.span.all:
        return seen.end_s
    last = seen.end_s
    for frame in video:
        last = frame.time_s
    return last


def until_of(wishes: Wishes, seen_s: float, end_s: float, table: States) -> float:
    """Up to when is foretold, seconds.

    Args:
        wishes: what is asked for.
        seen_s: end of what counts as seen. end_s: of the whole video.
        table: what was seen.

    Raises:
        UsageError: an end within what was seen, one too far away, or nothing left to compare with.
    """
    interval = interval_between(table)
    start = seen_s
    if wishes.changed:
        start = wishes.at_s if wishes.at_s is not None else float(table["time_s"].min())
    left = end_s > start + interval / 2
    if wishes.comparison.form and not left:
        way_out = "let the change come earlier with --at" if wishes.changed else "call less of it seen with --seen"
        raise UsageError(f"--compare {wishes.comparison.form} has nothing to compare: the video ends at {end_s:.4g} s; {way_out}")
    if wishes.until_s is None:
        return end_s if left else seen_s + max(GOES_ON * seen_s, AT_LEAST * interval)
    if wishes.until_s <= seen_s + SAME_S and not wishes.changed:
        raise UsageError(
            f"--until {wishes.until_s:g} lies within what was seen, up to {seen_s:.4g} s: name a later end, or with --seen an earlier one"
        )
    check_length(wishes.until_s, wishes.until_s - min(start, seen_s), 1.0 / interval if wishes.frame_rate is None else wishes.frame_rate)
    return wishes.until_s


def check_length(until_s: float, span_s: float, rate: float) -> None:
    """Raise UsageError where so many seconds, at so many frames each, are too many to foretell."""
    frames = span_s * rate
    if frames > MOST_FRAMES:
        nearest = until_s - span_s + MOST_FRAMES / rate
        raise UsageError(
            f"--until {until_s:g} makes {_count(frames)} frames to foretell, and at most {MOST_FRAMES:,} are: "
            f"name an end of {nearest:.4g} s or earlier"
        )


def begin_of(wishes: Wishes, future: States, seen_s: float) -> float:
    """From when on the law's word counts, seconds: after what was seen, or from the change on where that comes sooner."""
    after = seen_s + 2 * SAME_S
    if not wishes.changed or not len(future):
        return after
    told = float(future["time_s"].min())
    return min(max(told, wishes.at_s if wishes.at_s is not None else told), after)


def plan_of(wishes: Wishes, course: Course, until_s: float, table: States) -> Plan:
    """The instants that the video shows."""
    foretold = None
    if wishes.frame_rate is not None:
        foretold = [float(time) for time in course.future.times if course.begins_s - SAME_S <= time <= until_s + SAME_S]
    return Plan(
        shown_from_s=0.0 if wishes.past_s is None else course.begins_s - wishes.past_s,
        begins_s=course.begins_s,
        until_s=until_s,
        interval_s=interval_between(table),
        foretold=foretold,
    )


def _count(frames: float) -> str:
    return f"{frames:,.0f}" if frames < MOST_WRITTEN else f"{frames:.3g}"


def interval_between(table: States) -> float:
    """Seconds from frame to frame of a table."""
    if table.meta.time is not None and table.meta.time.interval_s:
        return float(table.meta.time.interval_s)
    frames, rows = np.unique(table["frame"], return_index=True)
    steps = np.diff(table["time_s"][rows]) / np.maximum(np.diff(frames), 1)
    return float(np.median(steps)) if len(steps) else 1.0 / 30.0
