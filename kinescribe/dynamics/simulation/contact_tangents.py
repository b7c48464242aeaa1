"""How a contact passes on the derivatives of a state: through its moment, its place, and what it does to velocities.

The derivative of a hybrid system's flow across an event is the "saltation matrix" of M. A. Aizerman and F. R. Gantmakher (1958).
Compiled by numba, which looks for changes in a caller's own file only: after an edit here, `contact_events` must be compiled anew too.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kinescribe.dynamics.simulation.impulses import SPIN

__all__ = ["pass_on"]

Float = NDArray[np.float64]


@njit(cache=True, error_model="numpy")
def pass_on(
    now: Float, force: Float, by: Float, force_by: Float, numbers_by: Float, i: int, j: int, nx: float, ny: float, ri: float, rj: float,
    wi: float, wj: float, restitution: float, friction: float, threshold: float,
    rows: tuple[int, int, int, int, int, int, int, int, int], timed: bool,
) -> None:  # fmt: skip
    """Carry derivatives `by` (6, n, q) of a state (6, n) just before a contact over it; the state itself is left alone.

    `rows` are those of `numbers_by` (·, q) for the wall's normal (x, y) and offset, restitution, friction, and the inverse masses and the
    radii of i and j; i strikes j, or a wall (j < 0), which the unit normal points at. `timed`: the contact happens when the gap closes,
    not at once.
    """
    vx, vy, turning = -now[3, i], -now[4, i], now[5, i] * ri
    x, y = 0.0, 0.0
    if j >= 0:
        vx, vy, turning = vx + now[3, j], vy + now[4, j], turning + now[5, j] * rj
        x, y = now[0, j] - now[0, i], now[1, j] - now[1, i]
    distance = np.hypot(x, y)
    normal, weight = nx * vx + ny * vy, wi + wj
    if not (normal < 0.0 and weight > 0.0):
        return
    bounces = -normal > threshold
    share = 1.0 + (restitution if bounces else 0.0)
    pushed = -share * normal / weight
    slip = -ny * vx + nx * vy - turning
    most, wanted = friction * pushed, -slip / (weight * (1.0 + SPIN))
    rubbed = min(max(wanted, -most), most)
    px, py = pushed * nx - rubbed * ny, pushed * ny + rubbed * nx
    spin_i, spin_j = SPIN / (ri if ri > 0.0 else 1.0), SPIN / (rj if rj > 0.0 else 1.0)
    at_nx, at_ny, at_offset, at_restitution, at_friction, at_wi, at_wj, at_ri, at_rj = rows
    for q in range(by.shape[2]):
        # of the gap's normal and of the moment at which it closes; its rate is the approach
        if j >= 0:
            nx_by, ny_by = 0.0, 0.0
            gap_by = nx * (by[0, j, q] - by[0, i, q]) + ny * (by[1, j, q] - by[1, i, q]) - numbers_by[at_rj, q]
        else:
            nx_by, ny_by = -numbers_by[at_nx, q], -numbers_by[at_ny, q]
            gap_by = -nx_by * now[0, i] - ny_by * now[1, i] - nx * by[0, i, q] - ny * by[1, i, q] - numbers_by[at_offset, q]
        gap_by -= numbers_by[at_ri, q]
        then = -gap_by / normal if timed else 0.0
        # of the states at that moment
        for row in range(3):
            by[row, i, q] += now[row + 3, i] * then
            by[row + 3, i, q] += force[row, i] * then
            if j >= 0:
                by[row, j, q] += now[row + 3, j] * then
                by[row + 3, j, q] += force[row, j] * then
        vx_by, vy_by, weight_by = -by[3, i, q], -by[4, i, q], numbers_by[at_wi, q]
        turning_by = by[5, i, q] * ri + now[5, i] * numbers_by[at_ri, q]
        if j >= 0:
            vx_by, vy_by = vx_by + by[3, j, q], vy_by + by[4, j, q]
            turning_by += by[5, j, q] * rj + now[5, j] * numbers_by[at_rj, q]
            weight_by += numbers_by[at_wj, q]
            if distance > 0.0:
                x_by, y_by = by[0, j, q] - by[0, i, q], by[1, j, q] - by[1, i, q]
                along = nx * x_by + ny * y_by
                nx_by, ny_by = (x_by - along * nx) / distance, (y_by - along * ny) / distance
        normal_by = nx_by * vx + ny_by * vy + nx * vx_by + ny * vy_by
        share_by = numbers_by[at_restitution, q] if bounces else 0.0
        pushed_by = -(share_by * normal + share * normal_by + pushed * weight_by) / weight
        slip_by = -ny_by * vx - ny * vx_by + nx_by * vy + nx * vy_by - turning_by
        if abs(wanted) < most:
            rubbed_by = -slip_by / (weight * (1.0 + SPIN)) - rubbed * weight_by / weight
        else:
            sign = 1.0 if wanted > 0.0 else -1.0
            rubbed_by = sign * (numbers_by[at_friction, q] * pushed + friction * pushed_by)
        px_by = pushed_by * nx + pushed * nx_by - rubbed_by * ny - rubbed * ny_by
        py_by = pushed_by * ny + pushed * ny_by + rubbed_by * nx + rubbed * nx_by
        # what the contact changes, and back to a moment that stays
        wi_by = numbers_by[at_wi, q]
        less_i = spin_i * rubbed * wi * numbers_by[at_ri, q] / (ri if ri > 0.0 else 1.0)
        by[3, i, q] += -px_by * wi - px * wi_by - force[0, i] * then
        by[4, i, q] += -py_by * wi - py * wi_by - force[1, i] * then
        by[5, i, q] += -spin_i * (rubbed_by * wi + rubbed * wi_by) + less_i - force[2, i] * then
        by[0, i, q] -= (now[3, i] - px * wi) * then
        by[1, i, q] -= (now[4, i] - py * wi) * then
        by[2, i, q] -= (now[5, i] - spin_i * rubbed * wi) * then
        if j >= 0:
            wj_by = numbers_by[at_wj, q]
            by[3, j, q] += px_by * wj + px * wj_by - force[0, j] * then
            by[4, j, q] += py_by * wj + py * wj_by - force[1, j] * then
            less_j = spin_j * rubbed * wj * numbers_by[at_rj, q] / (rj if rj > 0.0 else 1.0)
            by[5, j, q] += -spin_j * (rubbed_by * wj + rubbed * wj_by) + less_j - force[2, j] * then
            by[0, j, q] -= (now[3, j] + px * wj) * then
            by[1, j, q] -= (now[4, j] + py * wj) * then
            by[2, j, q] -= (now[5, j] - spin_j * rubbed * wj) * then
