"""What the data of a fit covered, so that a prediction beyond it can say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.inputs import Inputs

__all__ = ["Domain"]

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Domain:
    """Ranges over all clips of a fit, world units (y up) and seconds.

    Attributes:
        duration: of the longest clip.
        x, y: least and greatest position.
        speed: greatest; NaN where none is known.
        contacts: that were seen, in all.
        inputs: by name least and greatest value.
    """

    duration: float
    x: Span
    y: Span
    speed: float
    contacts: int = 0
    inputs: Mapping[str, Span] = field(default_factory=dict)

    @classmethod
    def of(cls, clips: Sequence[Clip]) -> Domain:
        """Of one clip or more."""
        names = dict.fromkeys(name for clip in clips for name in clip.inputs.columns)
        held = {name: np.concatenate([_held(clip.inputs, name) for clip in clips]) for name in names}
        return cls(
            duration=max(float(clip.times[-1] - clip.times[0]) for clip in clips),
            x=(min(float(np.nanmin(clip.x)) for clip in clips), max(float(np.nanmax(clip.x)) for clip in clips)),
            y=(min(float(np.nanmin(clip.y)) for clip in clips), max(float(np.nanmax(clip.y)) for clip in clips)),
            speed=max(_speed(clip) for clip in clips),
            contacts=sum(len(clip.impacts) for clip in clips),
            inputs={name: (float(values.min()), float(values.max())) for name, values in held.items() if len(values)},
        )

    @property
    def extent(self) -> float:
        """The larger side of what was covered."""
        return max(self.x[1] - self.x[0], self.y[1] - self.y[0])


def _held(inputs: Inputs, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return inputs.columns.get(name, np.zeros(0))


def _speed(clip: Clip) -> float:
    """The greatest speed of the table; from neighbouring sightings where it has none."""
    speeds = np.hypot(clip.vx, clip.vy)
    if not np.isfinite(speeds).any():
        steps = np.hypot(np.diff(clip.x, axis=0), np.diff(clip.y, axis=0)) / np.diff(clip.times)[:, None]
        speeds = steps
    known = speeds[np.isfinite(speeds)]
    return float(known.max()) if len(known) else float("nan")
