"""One video of a data set, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kinescribe.annotation.reporting.summary import Summary

__all__ = ["STATES", "Entry", "State"]

State = Literal["done", "failed", "queued", "running", "duplicate"]
STATES: tuple[State, ...] = ("failed", "running", "queued", "done", "duplicate")


@dataclass(frozen=True, slots=True)
class Entry:
    """One video of a data set.

    Attributes:
        name: its relative path; anything may stand in it.
        state: how far it came.
        reason: why it failed, or in what it isn't whole; None where there is nothing to say.
        seconds: that it took; None where not known.
        command: the line that reruns this video alone, as a shell takes it.
        page: relative path of its own page, "/" between folders, not yet quoted for links; None without one.
        summary: of its table; None without one.
        thumbnail: a JPEG, its bytes; None without one.
    """

    name: str
    state: State
    reason: str | None
    seconds: float | None
    command: str
    page: str | None
    summary: Summary | None
    thumbnail: bytes | None
