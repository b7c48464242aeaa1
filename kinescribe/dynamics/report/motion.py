"""What a fitted law says happens in the clips that it was fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip, Impact
from kinescribe.dynamics.fitting import Fit
from kinescribe.errors import UsageError

__all__ = ["Motion", "between_frames", "motion_of", "motions"]

Float = NDArray[np.float64]
DENSE = 8  # points drawn per interval between frames
MOST = 6000  # points of a curve; more can't be seen


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Positions of n objects at T times.

    Attributes:
        times: (T,) seconds.
        x, y, angle: (T, n) world frame, y up; NaN where the simulation left all bounds.
        impacts: predicted contacts, in time order.
    """

    times: Float
    x: Float
    y: Float
    angle: Float
    impacts: tuple[Impact, ...]

    def residuals(self, clip: Clip, name: str) -> Float:
        """(T, n) seen less fitted at the clip's own times, in the table's σ; NaN where not seen. `name`: x, y or angle."""
        out: Float = (getattr(clip, name) - getattr(self, name)) / getattr(clip, f"sigma_{name}")
        return out


def motion_of(fit: Fit, index: int, clip: Clip, times: Float | None = None) -> Motion:
    """The fitted motion in the `index`-th clip of a fit, which is `clip`, at `times` (the clip's own by default)."""
    when = clip.times if times is None else times
    rollout = fit.rollout(when, clip.inputs, index)
    x, y, angle = (rollout.component(name)[0] for name in ("x", "y", "angle"))
    return Motion(when, x, y, angle, tuple(rollout.impacts_of(0)))


def motions(fit: Fit, clips: Sequence[Clip]) -> list[Motion]:
    """Of all clips, at their own times. Raises UsageError for other clips than those that the law was fitted to."""
    if len(clips) != len(fit.clips) or any(len(a.bodies) != len(b.bodies) for a, b in zip(clips, fit.clips, strict=False)):
        raise UsageError("a report needs the very clips that the law was fitted to, in their order")
    return [motion_of(fit, k, clip) for k, clip in enumerate(clips)]


def between_frames(fit: Fit, clip: Clip) -> Float:
    """Times that a curve is drawn at: equal parts of every interval between frames.

    Laws that are defined by their own step, and black boxes, are asked for nothing but frames: other times would change what they do.
    """
    t = clip.times
    parts = max(1, min(DENSE, MOST // max(len(t), 1)))
    if fit.law.kind != "acceleration" or len(t) < 2 or parts == 1:
        return t
    inside = t[:-1, None] + np.diff(t)[:, None] * (np.arange(parts) / parts)
    return np.append(inside.ravel(), t[-1])
