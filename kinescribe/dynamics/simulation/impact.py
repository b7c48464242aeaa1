"""What a contact does to velocities: restitution along the normal, Coulomb friction across it, both on discs that may spin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.simulation.gaps import Gaps, _pick

__all__ = ["strike"]

Float = NDArray[np.float64]
Index = NDArray[np.intp]
SPIN = 2.0  # radius² · mass / moment of inertia of a uniform disc


def strike(gaps: Gaps, data: Float, clips: Index, touch: Index) -> None:
    """Change the velocities in data (6, b, n) by k touches, at most one a clip."""
    _, nx, ny = gaps.normal(clips, touch, data[:2])
    i, j, w = gaps.first[touch], gaps.second[touch], gaps.wall[touch]
    isw = w >= 0
    # from here on the normal points from the first object at what it strikes
    nx, ny = np.where(isw, -nx, nx), np.where(isw, -ny, ny)
    other = np.where(isw, i, j)  # a stand-in for walls, which is masked below
    ri, rj = _pick(gaps.radius, clips, i), np.where(isw, 0.0, _pick(gaps.radius, clips, other))
    wi = 1.0 / _pick(gaps.masses, clips, i)
    wj = np.where(isw, 0.0, 1.0 / _pick(gaps.masses, clips, other))
    free = ~isw
    dvx = np.where(free, data[3, clips, other], 0.0) - data[3, clips, i]
    dvy = np.where(free, data[4, clips, other], 0.0) - data[4, clips, i]
    normal = nx * dvx + ny * dvy
    column = np.where(isw, w, 0)
    if gaps.offsets.shape[1]:
        restitution = np.where(isw, _pick(gaps.wall_restitution, clips, column), _pick(gaps.disc_restitution, clips, column * 0))
        friction = np.where(isw, _pick(gaps.wall_friction, clips, column), _pick(gaps.disc_friction, clips, column * 0))
    else:
        restitution = _pick(gaps.disc_restitution, clips, column)
        friction = _pick(gaps.disc_friction, clips, column)
    slow = ~isw & (-normal <= _pick(gaps.disc_threshold, clips, column * 0))
    restitution = np.where(slow, 0.0, restitution)
    weight = wi + wj
    safe = np.where(weight > 0, weight, 1.0)
    pushed = np.where((normal < 0) & (weight > 0), -(1.0 + restitution) * normal / safe, 0.0)
    spin = np.where(free, data[5, clips, other], 0.0) * rj + data[5, clips, i] * ri
    slip = -ny * dvx + nx * dvy - spin
    most = friction * pushed
    rubbed = np.clip(-slip / (safe * (1.0 + SPIN)), -most, most)
    px, py = pushed * nx - rubbed * ny, pushed * ny + rubbed * nx
    data[3, clips, i] -= px * wi
    data[4, clips, i] -= py * wi
    data[5, clips, i] -= SPIN * rubbed * wi / np.where(ri > 0, ri, 1.0)
    f = np.flatnonzero(free)
    data[3, clips[f], j[f]] += (px * wj)[f]
    data[4, clips[f], j[f]] += (py * wj)[f]
    data[5, clips[f], j[f]] -= (SPIN * rubbed * wj / np.where(rj > 0, rj, 1.0))[f]
