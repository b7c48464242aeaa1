"""What a person should look at, as spans of frames in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.states import States
from kinescribe.states.frames_read import frame_step

__all__ = ["Span", "frames_in_words", "join", "rows_to_look_at", "spans_of"]

GAP = 2  # rows without a word between two spans that are told as one


@dataclass(frozen=True, slots=True)
class Span:
    """Rows of one object and one verdict that follow each other: how many, from which frame to which, and a reason of one of them."""

    object_id: int
    verdict: str
    first: int
    last: int
    rows: int
    reason: str


def spans_of(frames: NDArray[np.int64], object_ids: NDArray[np.int64], verdict: NDArray[np.object_], reason: NDArray[np.object_],
             wanted: Sequence[str], step: int = 1) -> list[Span]:  # fmt: skip
    """By object, then frame, the spans of rows whose verdict is wanted; `step`: from one frame that was looked at to the next."""
    out: list[Span] = []
    for object_id in np.unique(object_ids):
        rows = np.flatnonzero(object_ids == object_id)
        group: list[int] = []
        for k in [*rows[np.isin(verdict[rows].astype(str), list(wanted))], -1]:
            if group and (k < 0 or verdict[k] != verdict[group[0]] or frames[k] - frames[group[-1]] > (GAP + 1) * step):
                middle = group[len(group) // 2]
                out.append(
                    Span(
                        int(object_id), str(verdict[middle]), int(frames[group[0]]), int(frames[group[-1]]), len(group), str(reason[middle])
                    )
                )
                group = []
            if k >= 0:
                group.append(int(k))
    return out


def frames_in_words(first: int, last: int) -> str:
    """``frame 7``, ``frames 7 to 31``."""
    return f"frame {first}" if first == last else f"frames {first} to {last}"


def join(*reasons: str) -> str:
    """Reasons in one cell, each once."""
    parts = [part.strip() for reason in reasons for part in reason.split(";")]
    return "; ".join(dict.fromkeys(part for part in parts if part))


def rows_to_look_at(states: States) -> list[str]:
    """The column `review` in one line an object and reason: the rows that a person should look at."""
    words = states["review"]
    marked = np.array(["x" if word else "" for word in words], object)
    names = states.labels
    return [
        f"{f'{span.object_id} {names[span.object_id]}'.strip()}, {frames_in_words(span.first, span.last)}: {span.reason}"
        for span in spans_of(states["frame"], states["object_id"], marked, words, ("x",), frame_step(states))
    ]
