"""Objects that begin inside a wall, or in each other, where no law says what happens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.simulation.gaps import Gaps
from kinescribe.dynamics.state import Bodies

__all__ = ["overlaps"]

Float = NDArray[np.float64]
SHARE = 0.02  # of a radius: so far things that touch may reach into each other
SIGMAS = 5.0  # the same, of a position's error
SHOWN = 3  # overlaps that are told one by one


def overlaps(
    law: Law, values: Values, bodies: Bodies, state: Float, time: float, sigma: float, unit: str, without: Sequence[str] = ()
) -> list[str]:
    """Who reaches into what, and how far, the deepest first.

    Args:
        values: of the law, (1, ·) each; state: (6, n) world frame.
        time: seconds; sigma: of a position, world units, >= 0; unit: of length.
        without: walls that are not there.
    """
    contacts = law.contacts(bodies, values)
    for name in without:
        contacts = contacts.without(name)
    gaps = Gaps.of(contacts, bodies)
    if gaps is None:
        return []
    place, radius = state[:2], gaps.radius[0]
    found = []
    for i, j, wall in zip(gaps.first, gaps.second, gaps.wall, strict=True):
        if wall >= 0:
            gap = float(gaps.normals[:, 0, wall] @ place[:, i] - gaps.offsets[0, wall] - radius[i])
            who, size = f"{bodies.names[i]} reaches {{}} into {contacts.walls[wall].name}", float(radius[i])
        else:
            gap = float(np.hypot(*(place[:, i] - place[:, j])) - radius[i] - radius[j])
            who, size = f"{bodies.names[i]} and {bodies.names[j]} overlap by {{}}", float(min(radius[i], radius[j]))
        if -gap > max(SHARE * size, SIGMAS * sigma):
            found.append((gap, who.format(f"{-gap:.3g}{f' {unit}' if unit else ''}")))
    found.sort(key=lambda one: one[0])
    way_out = "no law says what happens there, so that nothing that follows can be trusted; begin with them apart"
    lines = [f"at {time:g} s {said}: {way_out}" for _, said in found[:SHOWN]]
    return [*lines, f"at {time:g} s {len(found) - SHOWN} more overlap"] if len(found) > SHOWN else lines
