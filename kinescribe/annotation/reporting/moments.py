"""Which frames of a video a report shows."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.annotation.reporting.summarising import kind_of, point_ids, seen_in
from kinescribe.llm.text import one_line
from kinescribe.states import States

__all__ = ["Moment", "fullest_frame", "moments"]

MOST_WORDS = 3  # flagged objects that a caption names


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame to show: its number, its time in seconds, how many objects are seen in it, and what its flags say, in words."""

    frame: int
    time_s: float
    seen: int
    flags: tuple[str, ...]


def fullest_frame(states: States, last: int | None = None) -> int | None:
    """The frame in which most objects are seen, of equals the one nearest to their middle; None for a table without rows.

    Args:
        last: no later frame is chosen; None for the table's own last.
    """
    frames, counts = _seen(states, last)
    return _fullest(frames, counts) if len(frames) else None


def moments(states: States, spread: int, flagged: int, last: int | None = None) -> list[Moment]:
    """Frames that are spread over the table, each the fullest of its part, and those that show what is flagged; ascending, none twice.

    Args:
        spread: how many parts the table's frames are cut into.
        flagged: at most so many more, for the most frequent reasons.
        last: no later frame is chosen.
    """
    frames, counts = _seen(states, last)
    if not len(frames):
        return []
    parts = np.array_split(np.arange(len(frames)), min(spread, len(frames)))
    chosen = {_fullest(frames[part], counts[part]) for part in parts}
    chosen |= set(_flagged(states, flagged, int(frames[-1])))
    at = np.searchsorted(frames, sorted(chosen))
    return [_moment(states, int(frames[k]), int(counts[k])) for k in at]


def _moment(states: States, frame: int, seen: int) -> Moment:
    low, high = np.searchsorted(states["frame"], [frame, frame + 1])
    words = [f"{states['object_id'][k]}: {one_line(str(states['review'][k]), 120)}" for k in range(low, high) if states["review"][k]]
    more = [f"and {len(words) - MOST_WORDS} more objects"] if len(words) > MOST_WORDS else []
    return Moment(frame, float(states["time_s"][low]), seen, (*words[:MOST_WORDS], *more))


def _seen(states: States, last: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(T,) frames of the table, ascending, and how many bodies are seen in each."""
    frames, at = np.unique(states["frame"], return_inverse=True)
    bodies = ~np.isin(states["object_id"], list(point_ids(states)))
    counts = np.bincount(at, weights=(bodies & seen_in(states["status"])).astype(float), minlength=len(frames)).astype(np.int64)
    kept = slice(None) if last is None else frames <= last
    return frames[kept], counts[kept]


def _fullest(frames: NDArray[np.int64], counts: NDArray[np.int64]) -> int:
    best = frames[counts == counts.max()]
    return int(best[np.abs(best - (frames[0] + frames[-1]) / 2).argmin()])


def _flagged(states: States, most: int, last: int) -> list[int]:
    """One frame a kind of reason and object, the most frequent first: the middle one of its rows."""
    rows: dict[tuple[str, int], list[int]] = defaultdict(list)
    for k in np.flatnonzero([bool(word) for word in states["review"]]):
        if states["frame"][k] <= last:
            rows[kind_of(str(states["review"][k])), int(states["object_id"][k])].append(int(states["frame"][k]))
    kinds = Counter({key: len(mine) for key, mine in rows.items()})
    # every kind once, before a kind is shown of a second object
    shown: Counter[str] = Counter()
    ranked = []
    for key, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0])):
        ranked.append((shown[key[0]], -count, key))
        shown[key[0]] += 1
    return [rows[key][len(rows[key]) // 2] for _, _, key in sorted(ranked)[:most]]
