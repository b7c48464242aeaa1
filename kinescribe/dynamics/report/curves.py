"""What the plot of a fit shows of one clip: what was seen, the fitted curve, and what is left between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.report.motion import Motion, between_frames, motion_of

__all__ = ["Curves", "curves_of"]

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """One clip in the table's own frame (y down where the table has it so). Arrays are (T, n) for frames, (M, n) for the curve.

    Attributes:
        name: of the clip; y_down: its table's y points down.
        times, curve_times: (T,), (M,) seconds.
        seen, sigma, curve, residuals: by coordinate: x, y, and angle where the law speaks of angles and some were seen. Residuals are seen
            less fitted, in σ.
        contacts, predicted: seconds.
    """

    name: str
    y_down: bool
    times: Float
    curve_times: Float
    seen: dict[str, Float]
    sigma: dict[str, Float]
    curve: dict[str, Float]
    residuals: dict[str, Float]
    contacts: tuple[float, ...]
    predicted: tuple[float, ...]

    def misfit(self) -> Float:
        """(n,) root mean square of each object's residuals in σ."""
        squares = np.concatenate([part**2 for part in self.residuals.values()])
        known = np.isfinite(squares)
        out: Float = np.sqrt(np.where(known, squares, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
        return out


def curves_of(fit: Fit, index: int, clip: Clip) -> Curves:
    """The `index`-th clip of a fit, which is `clip`."""
    at_frames = motion_of(fit, index, clip)
    dense = between_frames(fit, clip)
    between = at_frames if dense is clip.times else motion_of(fit, index, clip, dense)
    names = ["x", "y"] + (["angle"] if fit.law.turns and np.isfinite(clip.angle).any() else [])
    up = {name: -1.0 if clip.y_down and name != "x" else 1.0 for name in names}

    def table(source: Clip | Motion) -> dict[str, Float]:
        return {name: up[name] * getattr(source, name) for name in names}

    return Curves(
        name=clip.name,
        y_down=clip.y_down,
        times=clip.times,
        curve_times=between.times,
        seen=table(clip),
        sigma={name: getattr(clip, f"sigma_{name}") for name in names},
        curve=table(between),
        residuals={name: up[name] * at_frames.residuals(clip, name) for name in names},
        contacts=tuple(hit.time for hit in clip.impacts),
        predicted=tuple(hit.time for hit in at_frames.impacts),
    )
