"""The states of every video, extracted or given, and whether they belong together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinescribe.errors import UsageError
from kinescribe.foretelling.beginning import Beginning, Span
from kinescribe.states import Calibration, States, read

__all__ = ["Perception", "interval_of", "spans_of", "tables_given"]


@dataclass(frozen=True, slots=True)
class Perception:
    """How states are extracted; fields as `kinescribe.extract_states` has them."""

    objects: str | None
    backend: str
    device: str
    calibration: Calibration | None
    frame_interval: float | None

    def states_of(self, video: Beginning, progress: Callable[[str, int, int | None], None] | None) -> States:
        """The table of a video, which was opened with the frame interval. Raises as `extract_states` does."""
        from kinescribe.pipeline import extract_states

        made = extract_states(
            video, objects=self.objects, backend=self.backend, device=self.device, calibration=self.calibration, progress=progress
        )
        if self.frame_interval is not None:
            made.meta.configuration["frame_interval"] = self.frame_interval
            if made.meta.time is not None:
                made.meta.time = made.meta.time.model_copy(update={"overridden": True})
        return made


def tables_given(states: Any, videos: int) -> list[States] | None:
    """The tables that were extracted before; None where there are none.

    Raises:
        UsageError: another number of tables than of videos, or something that is no table.
        InputError: a file that can't be read.
    """
    if states is None:
        return None
    several: Sequence[Any] = list(states) if isinstance(states, list | tuple) else [states]
    if len(several) != videos:
        raise UsageError(f"{len(several)} states tables for {videos} video{'s' * (videos != 1)}: give one for each, in the same order")
    out = []
    for one in several:
        table = read(one) if isinstance(one, str | Path) else one
        if not isinstance(table, States):
            raise UsageError(f"states: {type(table).__name__} is no table: give a kinescribe.States, or the path of its CSV")
        out.append(table)
    return out


def spans_of(seen: Any, given: list[States] | None, videos: int) -> list[Span]:
    """How much of each video counts as seen: what is asked for, else as many frames as its table was made from, else all of it.

    Raises:
        UsageError: `seen` makes no sense.
    """
    if seen is not None or given is None:
        return [Span.of(seen)] * videos
    counts = [table.meta.video.frame_count if table.meta.video is not None else None for table in given]
    return [Span(frames=count) if count is not None and count > 1 else Span() for count in counts]


def interval_of(table: States) -> float | None:
    """The frame interval that a table was extracted with in place of the file's time stamps; None where there was none."""
    value = table.meta.configuration.get("frame_interval")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value) and value > 0 else None
