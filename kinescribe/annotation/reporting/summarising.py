"""From a states table to its summary."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.annotation.reporting.summary import LeftOut, ObjectSummary, Summary
from kinescribe.errors import UsageError
from kinescribe.llm.text import one_line
from kinescribe.states import States
from kinescribe.states.frames_read import frame_step, frames_looked_at

__all__ = ["gaps_of", "kind_of", "majority", "point_ids", "rows_by_object", "seen_in", "summarise"]

MOST_REASONS = 20  # kinds of reasons that are counted one by one
OTHER = "other reasons"
LONGEST_LABEL = 200
LONGEST_REASON = 120
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)*")


def summarise(states: States) -> Summary:
    """The figures that a report tells of a table.

    Raises:
        UsageError: what is no states table.
    """
    if not isinstance(states, States):
        raise UsageError(f"states={one_line(repr(states), 60)} must be a kinescribe.States, such as kinescribe.states.read gives")
    meta = states.meta
    points = point_ids(states)
    frames = frames_looked_at(meta)
    rows = rows_by_object(states)
    objects = tuple(_object(states, object_id, mine, frames) for object_id, mine in rows.items() if object_id not in points)
    interval = None if meta.time is None else meta.time.interval_s
    flagged = np.array([bool(word) for word in states["review"]], bool)
    return Summary(
        video=None if meta.video is None else one_line(meta.video.name),
        frames=frames,
        rows=len(states),
        duration_s=_duration(states, frames, interval),
        width=None if meta.video is None else meta.video.width,
        height=None if meta.video is None else meta.video.height,
        frame_rate=None if interval is None else 1.0 / interval,
        unit=states.unit,
        objects=objects,
        points=sum(object_id in points for object_id in rows),
        points_flagged=int(sum(flagged[mine].sum() for object_id, mine in rows.items() if object_id in points)),
        labels=dict(sorted(Counter(one.label for one in objects).items())),
        verdicts=dict(sorted(Counter(one.label_verified for one in objects).items())),
        contacts=len(meta.events),
        warnings=tuple(one_line(line, 400) for line in meta.warnings),
        partial=None if meta.partial is None else one_line(meta.partial, 400),
        left_out=tuple(
            LeftOut(
                label=one_line(one.label, LONGEST_LABEL),
                first_frame=one.first_frame,
                last_frame=one.last_frame,
                reason=one_line(one.reason, LONGEST_REASON),
            )
            for one in meta.left_out
        ),
    )


def rows_by_object(states: States) -> dict[int, NDArray[np.intp]]:
    """By ascending id the places of an object's rows in the table, in time order."""
    ids = states["object_id"]
    order = np.argsort(ids, kind="stable")
    starts = np.flatnonzero(np.diff(ids[order], prepend=-1))
    return {int(ids[mine[0]]): mine for mine in np.split(order, starts[1:]) if len(mine)}


def point_ids(states: States) -> set[int]:
    """Ids of what is a point of a body, by the table's metadata."""
    return {object_id for object_id, about in states.meta.objects.items() if about.part_of is not None}


def seen_in(status: NDArray[Any]) -> NDArray[np.bool_]:
    """(n,) whether each row was seen in its very frame; a table by hand, which has no status, says where things were seen."""
    return np.isin(status.astype(str), ["observed", ""])


def gaps_of(frames: NDArray[np.int64], seen: NDArray[np.bool_], step: int = 1) -> list[tuple[int, int]]:
    """First and last frame of every run of frames, within an object's rows, in which it was not seen: without a row, or not observed.

    `step`: from one frame that was looked at to the next.
    """
    known = frames[seen]
    edges = np.concatenate([[frames[0] - step], known, [frames[-1] + step]])
    at = np.flatnonzero(np.diff(edges) > step)
    return [(int(edges[k]) + step, int(edges[k + 1]) - step) for k in at]


def kind_of(reason: str) -> str:
    """A reason without its numbers, so that alike ones count together."""
    return one_line(_NUMBER.sub("…", reason), LONGEST_REASON)


def _object(states: States, object_id: int, mine: NDArray[np.intp], video_frames: int | None) -> ObjectSummary:
    columns = {name: states[name][mine] for name in ("frame", "status", "identity_score", "x", "y", "sigma_x", "sigma_y")}
    frames, seen = columns["frame"], seen_in(columns["status"])
    step = frame_step(states)
    gaps = gaps_of(frames, seen, step)
    reasons = [str(word) for word in states["review"][mine] if word]
    observed, span = int(seen.sum()), int(frames[-1] - frames[0]) // step + 1
    return ObjectSummary(
        object_id=object_id,
        label=one_line(majority(states["label"][mine]), LONGEST_LABEL),
        label_verified=majority(states["label_verified"][mine]) or "unchecked",  # type: ignore[arg-type]
        first_frame=int(frames[0]),
        last_frame=int(frames[-1]),
        frames=len(mine),
        observed=observed,
        coverage=observed / span,
        coverage_of_video=None if not video_frames else min(observed / video_frames, 1.0),
        gaps=len(gaps),
        longest_gap=max(((last - first) // step + 1 for first, last in gaps), default=0),
        identity_score=_least(columns["identity_score"]),
        flags=_counted(reasons),
        flagged=len(reasons),
        sigma=_mean(np.stack([columns["sigma_x"], columns["sigma_y"]])[:, seen]),
        path_length=_path_length(columns["x"], columns["y"]),
    )


def majority(words: NDArray[Any]) -> str:
    """The word that most rows carry, of equals the first; "" where none does."""
    votes = Counter(str(word) for word in words if word)
    return votes.most_common(1)[0][0] if votes else ""


def _counted(reasons: list[str]) -> dict[str, int]:
    """Rows by kind of reason, the most frequent first; a row with several counts for each."""
    counts: Counter[str] = Counter()
    for reason in reasons:
        counts.update({kind_of(part) for part in reason.split(";") if part.strip()})
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(count for _, count in ranked[MOST_REASONS:])
    return dict(ranked[:MOST_REASONS]) | ({OTHER: rest} if rest else {})


def _duration(states: States, frames: int | None, interval: float | None) -> float | None:
    if frames and interval is not None:
        return frames * interval
    return float(states["time_s"][-1] - states["time_s"][0]) if len(states) else None


def _least(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.min()) if known.size else None


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    mean = float(known.mean()) if known.size else np.nan
    return mean if np.isfinite(mean) else None


def _path_length(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Over all rows with a place; gaps are crossed straight."""
    known = np.isfinite(x) & np.isfinite(y)
    length = float(np.hypot(np.diff(x[known]), np.diff(y[known])).sum())
    return length if np.isfinite(length) else 0.0
