"""A table whose frames are counted otherwise: as they count in the video that some of them were taken of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from kinescribe.states.metadata import LeftOutMeta, Metadata, ObjectMeta, VerificationMeta
from kinescribe.states.table import States

__all__ = ["numbered_as", "renamed"]

_SPOKEN = re.compile(r"\b(frames?) (\d{1,9})(?:( to | and )(\d{1,9}))?\b")


def numbered_as(states: States, numbers: Sequence[int]) -> States:
    """The table with frame k called ``numbers[k]``: in its rows, its contacts, what is told of objects and of what was left out.

    Args:
        numbers: (T,), ascending, one for each frame that the table counts from 0 to T - 1.
    """
    to = np.asarray(numbers, np.int64)
    columns: dict[str, Any] = {**states.columns, "frame": to[states.columns["frame"]]}
    meta = states.meta
    changes = {
        "events": [event.model_copy(update={"frame": int(to[event.frame])}) for event in meta.events],
        "objects": {i: _object(about, numbers) for i, about in meta.objects.items()},
        "left_out": [_left_out(one, numbers) for one in meta.left_out],
    }
    return States.from_checked(columns, Metadata.model_validate({**dict(meta), **changes}))


def renamed(line: str, numbers: Sequence[int]) -> str:
    """A line for people with the frames that it names, "frame 7" or "frames 7 to 9", called by their new numbers."""

    def name(match: re.Match[str]) -> str:
        words, first, between, last = match.groups()
        known = [number for number in (first, last) if number is not None]
        if any(int(number) >= len(numbers) for number in known):
            return match[0]
        return f"{words} {numbers[int(first)]}" + ("" if last is None else f"{between}{numbers[int(last)]}")

    return _SPOKEN.sub(name, line)


def _object(about: ObjectMeta, numbers: Sequence[int]) -> ObjectMeta:
    changes = {
        name: None if at is None else numbers[at] for name, at in (("first_frame", about.first_frame), ("last_frame", about.last_frame))
    }
    return about.model_copy(update={**changes, "verification": _verification(about.verification, numbers)})


def _left_out(one: LeftOutMeta, numbers: Sequence[int]) -> LeftOutMeta:
    changes: dict[str, Any] = {"first_frame": numbers[one.first_frame], "last_frame": numbers[one.last_frame]}
    changes |= {"reason": renamed(one.reason, numbers), "verification": _verification(one.verification, numbers)}
    return one.model_copy(update=changes)


def _verification(told: VerificationMeta | None, numbers: Sequence[int]) -> VerificationMeta | None:
    if told is None:
        return None
    votes = [vote.model_copy(update={"frames": [numbers[k] for k in vote.frames]}) for vote in told.votes]
    return told.model_copy(update={"frames": [numbers[k] for k in told.frames], "votes": votes, "reason": renamed(told.reason, numbers)})
