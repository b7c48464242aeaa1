"""Where objects went, as drawings: x(t), y(t), and the path over the picture or between axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.annotation.reporting.charts import Axis, axis, dots_of, outline, path_of, span_of
from kinescribe.annotation.reporting.summarising import rows_by_object, seen_in
from kinescribe.annotation.reporting.summary import ObjectSummary
from kinescribe.renderers.colors import color_of
from kinescribe.states import States
from kinescribe.states.frames_read import frame_step

__all__ = ["MOST_CURVES", "Course", "courses_of", "over_picture", "over_time", "over_world"]

Float = NDArray[np.float64]
MOST_CURVES = 12  # more in one drawing can't be told apart
MOST_BUCKETS = 700  # a curve has at most two points for each
WIDE, TALL = 960, 250  # px, of a drawing over time
LEFT, RIGHT, TOP, BOTTOM = 66, 12, 10, 34  # px, about its axes
VISIBLE_BAND = 1.0  # px that one σ must span to be drawn


@dataclass(frozen=True, slots=True)
class Course:
    """One object's rows in time order.

    Attributes:
        object_id: as in the table.
        time_s, x, y, x_px, y_px, sigma_x, sigma_y: (n,) as in the table.
        seen: (n,) bool.
        broken: (n,) bool, frames without a row lie before this one.
    """

    object_id: int
    time_s: Float
    x: Float
    y: Float
    x_px: Float
    y_px: Float
    sigma_x: Float
    sigma_y: Float
    seen: NDArray[np.bool_]
    broken: NDArray[np.bool_]


def courses_of(states: States, objects: Sequence[ObjectSummary]) -> list[Course]:
    """Those of the objects with the longest paths, at most `MOST_CURVES`, by id."""
    chosen = sorted(sorted(objects, key=lambda one: (-one.path_length, one.object_id))[:MOST_CURVES], key=lambda one: one.object_id)
    rows = rows_by_object(states)
    return [_course(states, one.object_id, rows[one.object_id]) for one in chosen]


def _course(states: States, object_id: int, mine: NDArray[np.intp]) -> Course:
    columns = {name: np.asarray(states[name][mine], float) for name in ("time_s", "x", "y", "x_px", "y_px", "sigma_x", "sigma_y")}
    frames = states["frame"][mine]
    return Course(
        object_id, **columns, seen=seen_in(states["status"][mine]), broken=np.diff(frames, prepend=frames[0]) > frame_step(states)
    )


def over_time(courses: Sequence[Course], which: str, name: str, *, down: bool) -> dict[str, Any]:
    """A drawing of one coordinate over time: full where seen, dotted where not, open where there is no row, with its band of one σ.

    Args:
        which: "x" or "y". name: of the axis, with its unit. down: larger values lie lower.
    """
    times = np.concatenate([one.time_s for one in courses]) if courses else np.zeros(0)
    values = np.concatenate([getattr(one, which) for one in courses]) if courses else np.zeros(0)
    across = axis(*span_of(times, 0.01), LEFT, WIDE - RIGHT)
    ends = (TOP, TALL - BOTTOM) if down else (TALL - BOTTOM, TOP)
    up = axis(*span_of(values), *ends)
    curves = [_curve(one, which, across, up) for one in courses]
    box = {"left": LEFT, "right": WIDE - RIGHT, "top": TOP, "bottom": TALL - BOTTOM}
    return {"wide": WIDE, "tall": TALL, "box": box, "across": across, "up": up, "name": name, "along": "time (s)", "curves": curves}


def _curve(one: Course, which: str, across: Axis, up: Axis) -> dict[str, Any]:
    values, sigmas = getattr(one, which), getattr(one, f"sigma_{which}")
    at = _kept(one.time_s, values, across)
    # a gap narrower than a bucket can't be seen, and would break the curve of a long video into dust
    wide_enough = np.diff(one.time_s, prepend=one.time_s[0]) > (across.high - across.low) / MOST_BUCKETS
    joined = _joined(one.broken & wide_enough, at)
    x, y, seen = across.at(one.time_s[at]), up.at(values[at]), one.seen[at]
    spread = np.abs(up.at(values[at] + sigmas[at]) - y)
    visible = bool((spread[np.isfinite(spread)] > VISIBLE_BAND).any())
    return _drawn(one, x, y, seen, joined) | {"band": outline(x, y - spread, y + spread, joined) if visible else "", "start": None}


def _drawn(one: Course, x: Float, y: Float, seen: NDArray[np.bool_], joined: NDArray[np.bool_]) -> dict[str, Any]:
    """The line through points in px in which an object was seen, that through all others, and the points that no line reaches."""
    both = joined & seen & np.insert(seen[:-1], 0, False)
    return {
        "id": one.object_id,
        "color": color_of(one.object_id),
        "seen": path_of(x, y, both),
        "unseen": path_of(x, y, joined & ~both),
        "dots": dots_of(x, y, joined),
    }


def _kept(times: Float, values: Float, across: Axis) -> NDArray[np.intp]:
    """Places of the rows that a curve needs: all of a short one, else the lowest and the highest in each bucket of the axis."""
    if len(times) <= 2 * MOST_BUCKETS:
        return np.arange(len(times))
    bucket = np.floor((times - across.low) / (across.high - across.low) * MOST_BUCKETS).astype(int)
    order = np.lexsort((np.nan_to_num(values), bucket))
    ends = np.flatnonzero(np.diff(bucket[order], prepend=-1, append=-1))
    return np.unique(np.concatenate([order[ends[:-1]], order[ends[1:] - 1]]))


def _joined(broken: NDArray[np.bool_], at: NDArray[np.intp]) -> NDArray[np.bool_]:
    """(n,) whether nothing is broken between a kept row and the kept one before."""
    breaks = np.cumsum(broken)[at]
    return np.concatenate([[False], np.diff(breaks) == 0]) if len(at) else np.zeros(0, bool)


def over_picture(courses: Sequence[Course], size: tuple[int, int], video: tuple[int, int]) -> dict[str, Any]:
    """Paths over a picture of the video; both sizes as (width, height) in px."""
    across, up = (Axis(-0.5, full - 0.5, 0.0, float(side)) for full, side in zip(video, size, strict=True))
    return {"wide": size[0], "tall": size[1], "curves": [_path(one, one.x_px, one.y_px, across, up) for one in courses]}


def over_world(courses: Sequence[Course], unit: str, *, down: bool) -> dict[str, Any]:
    """Paths between axes of one scale, in the table's unit."""
    x, y = (np.concatenate([getattr(one, name) for one in courses]) if courses else np.zeros(0) for name in ("x", "y"))
    (left, right), (low, high) = span_of(x), span_of(y)
    inner = WIDE - LEFT - RIGHT
    per_px = max((right - left) / inner, (high - low) / 480.0)
    tall = min(max((high - low) / per_px, 160.0), 480.0)
    middle = (0.5 * (left + right), 0.5 * (low + high))
    across = axis(middle[0] - 0.5 * inner * per_px, middle[0] + 0.5 * inner * per_px, LEFT, WIDE - RIGHT)
    ends = (TOP, TOP + tall) if down else (TOP + tall, TOP)
    up = axis(middle[1] - 0.5 * tall * per_px, middle[1] + 0.5 * tall * per_px, *ends)
    box = {"left": LEFT, "right": WIDE - RIGHT, "top": TOP, "bottom": TOP + tall}
    words = f" ({unit})" if unit else ""
    curves = [_path(one, one.x, one.y, across, up) for one in courses]
    tall = round(TOP + tall + BOTTOM, 1)
    return {"wide": WIDE, "tall": tall, "box": box, "across": across, "up": up, "name": f"y{words}", "along": f"x{words}", "curves": curves}


def _path(one: Course, x: Float, y: Float, across: Axis, up: Axis) -> dict[str, Any]:
    at = np.unique(np.linspace(0, len(x) - 1, min(len(x), 4 * MOST_BUCKETS)).round().astype(int))
    px, py, seen = across.at(x[at]), up.at(y[at]), one.seen[at]
    joined = _joined(one.broken, at) if len(at) == len(x) else np.arange(len(at)) > 0
    known = np.flatnonzero(np.isfinite(px) & np.isfinite(py))
    start = None if not len(known) else {"x": round(float(px[known[0]]), 1), "y": round(float(py[known[0]]), 1)}
    return _drawn(one, px, py, seen, joined) | {"band": "", "start": start}
