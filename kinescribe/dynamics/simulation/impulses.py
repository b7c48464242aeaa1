"""What a contact does to velocities: restitution along the normal, Coulomb friction across it, both on discs that may spin.

Compiled by numba, which looks for changes in a caller's own file only: after an edit here, `contact_events` must be compiled anew too.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["deflect", "deflect_all"]

Float = NDArray[np.float64]
Index = NDArray[np.intp]
SPIN = 2.0  # radius² · mass / moment of inertia of a uniform disc


@njit(cache=True, error_model="numpy")
def deflect(
    now: Float, i: int, j: int, nx: float, ny: float, ri: float, rj: float, wi: float, wj: float,
    restitution: float, friction: float, threshold: float,
) -> None:  # fmt: skip
    """Change the velocities in a state (6, n) where i strikes j, or a wall (j < 0), which the unit normal points at.

    `wi`, `wj` are 1/mass, 0 for what never moves; a wall's, and its `rj`, are ignored. Below the `threshold` of approach nothing bounces.
    """
    vx, vy, turning, weight = -now[3, i], -now[4, i], now[5, i] * ri, wi
    if j >= 0:
        weight += wj
        vx, vy, turning = vx + now[3, j], vy + now[4, j], turning + now[5, j] * rj
    normal = nx * vx + ny * vy
    if not (normal < 0.0 and weight > 0.0):
        return
    pushed = -(1.0 + (restitution if -normal > threshold else 0.0)) * normal / weight
    slip = -ny * vx + nx * vy - turning
    most = friction * pushed
    rubbed = min(max(-slip / (weight * (1.0 + SPIN)), -most), most)
    px, py = pushed * nx - rubbed * ny, pushed * ny + rubbed * nx
    now[3, i] -= px * wi
    now[4, i] -= py * wi
    now[5, i] -= SPIN * rubbed * wi / (ri if ri > 0.0 else 1.0)
    if j >= 0:
        now[3, j] += px * wj
        now[4, j] += py * wj
        now[5, j] -= SPIN * rubbed * wj / (rj if rj > 0.0 else 1.0)


@njit(cache=True, error_model="numpy")
def deflect_all(
    data: Float, clips: Index, first: Index, second: Index, nx: Float, ny: Float, ri: Float, rj: Float, wi: Float, wj: Float,
    restitution: Float, friction: Float, threshold: Float,
) -> None:  # fmt: skip
    """The same for k touches in states (b, 6, n), each in its clip; all other arrays are (k,)."""
    for k in range(clips.shape[0]):
        deflect(data[clips[k]], first[k], second[k], nx[k], ny[k], ri[k], rj[k], wi[k], wj[k], restitution[k], friction[k], threshold[k])
