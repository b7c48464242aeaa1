"""The instants that a simulation passes: frames, the moments at which inputs change, and steps between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.inputs import Inputs

__all__ = ["Schedule"]

Float = NDArray[np.float64]
SAME = 1e-9  # seconds within which two instants are one


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """For each of c clips g instants and T frames. Clips with fewer are filled up with their last, over which no time passes.

    Attributes:
        instants: (c, g) seconds, ascending.
        frames: (c, T) index of the last instant at or before each frame.
        rests: (c, T) seconds from that instant to the frame; 0 unless the law has a step of its own.
        inputs: by name (c, g) the value that holds from each instant on.
    """

    instants: Float
    frames: NDArray[np.intp]
    rests: Float
    inputs: Mapping[str, Float]

    @classmethod
    def of(
        cls,
        times: Sequence[Float],
        inputs: Sequence[Inputs] | None = None,
        *,
        names: Sequence[str] = (),
        substeps: int = 1,
        time_step: float | None = None,
    ) -> Schedule:
        """For the frames' `times` (T,) of each clip.

        Args:
            inputs: of each clip; `names`: those that the law uses.
            substeps: equal parts of each interval between frames.
            time_step: a fixed step from the first frame on instead, for laws that are defined by it; seconds.
        """
        each = [np.asarray(clip, float) for clip in times]
        given = inputs or [Inputs.none()] * len(each)
        made = [_fixed(t, time_step) if time_step else _split(t, one, names, substeps) for t, one in zip(each, given, strict=True)]
        instants = _filled([one[0] for one in made])
        held = {name: np.stack([one.at(row)[name] for one, row in zip(given, instants, strict=True)]) for name in names}
        return cls(instants, _filled([one[1] for one in made]).astype(np.intp), _filled([one[2] for one in made]), held)

    def take(self, clips: NDArray[np.intp]) -> Schedule:
        """The schedules of these clips, which may repeat."""
        return Schedule(
            self.instants[clips], self.frames[clips], self.rests[clips], {name: values[clips] for name, values in self.inputs.items()}
        )

    def until(self, frames: int | None) -> Schedule:
        """The first frames alone; None: all."""
        if frames is None or frames >= self.frames.shape[1]:
            return self
        kept = self.frames[:, :frames]
        last = int(kept.max(initial=0)) + 1
        return Schedule(
            self.instants[:, :last], kept, self.rests[:, :frames], {name: values[:, :last] for name, values in self.inputs.items()}
        )

    @property
    def frame_times(self) -> Float:
        """(c, T) seconds."""
        return np.take_along_axis(self.instants, self.frames, axis=1) + self.rests


def _split(times: Float, inputs: Inputs, names: Sequence[str], substeps: int) -> tuple[Float, Float, Float]:
    """Frames, the moments between them at which an input changes, and equal parts."""
    parts = [times]
    if substeps > 1:
        fractions = np.arange(1, substeps) / substeps
        parts.append((times[:-1, None] + np.diff(times)[:, None] * fractions).ravel())
    if names:
        changes = inputs.times[1:]
        parts.append(changes[(changes > times[0]) & (changes < times[-1])])
    instants = np.sort(np.concatenate(parts))
    # a change that falls on a frame is that frame: of two that are one the frame stays
    instants = instants[np.r_[True, np.diff(instants) > SAME]]
    frames = np.searchsorted(instants, times - SAME)
    instants[frames] = times
    return instants, frames.astype(float), np.zeros(len(times))


def _fixed(times: Float, step: float) -> tuple[Float, Float, Float]:
    """Steps of equal length from the first frame on; frames may fall between."""
    count = (times - times[0]) / step
    index = np.floor(count + 1e-6)
    rests = np.where(np.abs(count - index) < 1e-6, 0.0, times - times[0] - index * step)
    return times[0] + step * np.arange(index[-1] + 1), index, rests


def _filled(rows: Sequence[Float]) -> Float:
    longest = max(len(row) for row in rows)
    return np.stack([np.r_[row, np.full(longest - len(row), row[-1])] for row in rows])
