"""Things that rest on each other: many contacts at once, solved together instead of one after the other.

Velocities are corrected by sequential impulses (projected Gauss-Seidel on the contacts, as in E. Catto, "Iterative dynamics with temporal
coherence", GDC 2005), over short steps on which the forces are held; what little overlap is left is pushed out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.simulation.gaps import Gaps
from kinescribe.dynamics.simulation.limits import ITERATIONS, STEPS
from kinescribe.dynamics.simulation.motion import Motion

__all__ = ["settle"]

Float = NDArray[np.float64]


def settle(motion: Motion, gaps: Gaps, t: Float, data: Float, h: Float) -> Float:
    """The states (6, b, n) after h (b, 1) seconds, contacts held."""
    from kinescribe.dynamics.simulation.sequential_impulses import advance  # numba takes its time to come in

    solve: Any = advance
    data = data.copy()
    clips, n = data.shape[1], data.shape[2]
    part = h / STEPS
    inverse = np.broadcast_to(1.0 / gaps.masses, (clips, n)).copy()
    radius = np.broadcast_to(gaps.radius, (clips, n)).copy()
    walls = gaps.offsets.shape[1]

    def rows(values: Float, count: int) -> Float:
        return np.ascontiguousarray(np.broadcast_to(values, (clips, count)))

    fixed = (
        rows(gaps.normals[0], walls), rows(gaps.normals[1], walls), rows(gaps.offsets, walls),
        rows(gaps.wall_restitution, walls), rows(gaps.wall_friction, walls),
        rows(gaps.disc_restitution, 1)[:, 0].copy(), rows(gaps.disc_friction, 1)[:, 0].copy(),
        rows(gaps.disc_threshold, 1)[:, 0].copy(),
    )  # fmt: skip
    for k in range(STEPS):
        rates = motion.rates(t + k * part, data)
        for clip in range(clips):
            solve(
                data[:, clip], rates[3:, clip], float(part[clip, 0]), inverse[clip], radius[clip],
                gaps.first, gaps.second, gaps.wall, *(values[clip] for values in fixed), ITERATIONS,
            )  # fmt: skip
        data = motion.projected(data)
    return data
