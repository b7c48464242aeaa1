"""When each object was seen, hidden, filled in or flagged: one strip an object over the video's frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.annotation.reporting.looking import wants_a_look
from kinescribe.annotation.reporting.summarising import rows_by_object, seen_in
from kinescribe.annotation.reporting.summary import ObjectSummary
from kinescribe.llm.text import one_line
from kinescribe.renderers.colors import color_of
from kinescribe.states import States
from kinescribe.states.frames_read import frames_read

__all__ = ["MOST_STRIPS", "strips"]

MOST_STRIPS = 40
WIDE, LEFT, RIGHT = 960, 168, 12  # px
ROW, TOP = 20, 6
KINDS = ("seen", "interpolated", "occluded", "predicted")
HEIGHTS = {"seen": 11, "interpolated": 3, "occluded": 6, "predicted": 3}
NAME = 20  # letters of a label


def strips(states: States, objects: Sequence[ObjectSummary], frames: int | None) -> dict[str, Any]:
    """A drawing with a strip for each of at most 40 objects: those that want a look, then those with most rows; by id.

    Args:
        frames: of the video; None where not known.
    """
    read = frames_read(states.meta)
    first, step = (0, 1) if read is None else (read.first, read.stride)
    chosen = sorted(objects, key=lambda one: (not wants_a_look(one), -one.frames, one.object_id))[:MOST_STRIPS]
    rows = rows_by_object(states)
    total = max(frames or 0, (int(states["frame"][-1]) - first) // step + 1 if len(states) else 1)
    places = min(total, WIDE - LEFT - RIGHT)
    drawn = []
    for k, one in enumerate(sorted(chosen, key=lambda one: one.object_id)):
        mine = rows[one.object_id]
        drawn.append(
            {
                "id": one.object_id,
                "name": one_line(f"{one.object_id} {one.label}", NAME),
                "color": color_of(one.object_id),
                "y": TOP + k * ROW,
                **_marks(states, mine, (states["frame"][mine] - first) // step, total, places, TOP + k * ROW),
            }
        )
    height = TOP + len(drawn) * ROW
    return {
        "wide": WIDE, "tall": height + 22, "left": LEFT, "right": WIDE - RIGHT, "bottom": height, "strips": drawn,
        "first": f"frame {first}", "last": f"frame {first + step * (total - 1)}", "shown": len(drawn), "total": len(objects),
        "frames_a_place": -(-total // places),
    }  # fmt: skip


def _marks(states: States, mine: NDArray[np.intp], frames: NDArray[np.int64], total: int, places: int, y: float) -> dict[str, str]:
    """Outlines of the strip by kind, what most frames of a place are, and of its flags, where there is any.

    `frames` are those of the rows, counted among the `total` ones that were looked at.
    """
    at = np.clip(frames, 0, total - 1) * places // total
    status = states["status"][mine].astype(str)
    code = np.where(seen_in(status), 0, 1)
    for k, kind in enumerate(KINDS[1:], start=1):
        code = np.where(status == kind, k, code)
    votes = np.zeros((len(KINDS) + 1, places), np.int64)
    np.add.at(votes, (code, at), 1)
    votes[-1] = np.bincount(np.arange(total) * places // total, minlength=places) - votes.sum(axis=0)  # frames without a row
    strip = votes.argmax(axis=0)
    flagged = np.zeros(places, bool)
    np.logical_or.at(flagged, at, np.array([bool(word) for word in states["review"][mine]], bool))
    by = (WIDE - RIGHT - LEFT) / places
    out = {kind: _blocks(strip == k, by, y + (12 - HEIGHTS[kind]) / 2, HEIGHTS[kind]) for k, kind in enumerate(KINDS)}
    return out | {"flagged": _blocks(flagged, by, y + 13, 3)}


def _blocks(where: NDArray[np.bool_], by: float, y: float, height: float) -> str:
    """The `d` of one rectangle for each run of places."""
    edges = np.flatnonzero(np.diff(where.astype(np.int8), prepend=0, append=0))
    return "".join(
        f"M{LEFT + first * by:.1f} {y:g}h{max((last - first) * by, 0.6):.1f}v{height:g}H{LEFT + first * by:.1f}z"
        for first, last in edges.reshape(-1, 2).tolist()
    )
