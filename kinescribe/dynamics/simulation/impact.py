"""The strikes of many clips at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.simulation.gaps import Gaps, _pick

__all__ = ["strike"]

Float = NDArray[np.float64]
Index = NDArray[np.intp]


def strike(gaps: Gaps, data: Float, clips: Index, touch: Index) -> None:
    """Change the velocities in data (6, b, n) by k touches, at most one a clip."""
    from kinescribe.dynamics.simulation.impulses import deflect_all  # numba takes its time to come in

    if not len(clips):
        return
    _, nx, ny = gaps.normal(clips, touch, data[:2])
    i, j, w = gaps.first[touch], gaps.second[touch], gaps.wall[touch]
    isw = w >= 0
    nothing = np.zeros(len(touch), np.intp)

    def either(walls: Float, discs: Float) -> Float:
        return np.where(isw, _pick(walls, clips, np.where(isw, w, 0)), discs) if walls.shape[1] else discs

    # from here on the normal points from the first object at what it strikes
    deflect_all(
        data.transpose(1, 0, 2), clips, i, j, np.where(isw, -nx, nx), np.where(isw, -ny, ny),
        _pick(gaps.radius, clips, i), _pick(gaps.radius, clips, j), 1.0 / _pick(gaps.masses, clips, i), 1.0 / _pick(gaps.masses, clips, j),
        either(gaps.wall_restitution, _pick(gaps.disc_restitution, clips, nothing)),
        either(gaps.wall_friction, _pick(gaps.disc_friction, clips, nothing)),
        np.where(isw, 0.0, _pick(gaps.disc_threshold, clips, nothing)),
    )  # fmt: skip
