"""Velocities and places right before and after each contact, from the sightings on either side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.library.estimates.arcs import NEAR, kinks, step_of

__all__ = ["Bounce", "bounces"]

Float = NDArray[np.float64]
LEAST = 2  # sightings on either side
CURVED = 6  # sightings from which on a curve is fitted rather than a line
MOST = 12


@dataclass(frozen=True, slots=True, eq=False)
class Bounce:
    """A contact of one object, or of two.

    Attributes:
        time: seconds.
        objects: indices, (k,).
        wall: the wall's name where it is known, else "".
        before, after: velocities (k, 2), world units a second.
        places: (k, 2) at the contact.
    """

    time: float
    objects: tuple[int, ...]
    wall: str
    before: Float
    after: Float
    places: Float


def bounces(clip: Clip) -> list[Bounce]:
    """All contacts that perception saw, or else that the paths show, with enough sightings on both sides of each."""
    hits = clip.impacts or kinks(clip)
    near = NEAR * step_of(clip)
    found = []
    for hit in hits:
        parts = [_sides(clip, i, hit.time, [h.time for h in hits if i in h.objects], near) for i in hit.objects]
        known = [part for part in parts if part is not None]
        if parts and len(known) == len(parts):
            places, before, after = (np.stack(side) for side in zip(*known, strict=True))
            found.append(Bounce(hit.time, hit.objects, hit.wall, before, after, places))
    return found


def _sides(clip: Clip, i: int, time: float, hits: list[float], near: float) -> tuple[Float, Float, Float] | None:
    """Place (2,), velocity before (2,) and after (2,) of object i at a contact."""
    rows = np.flatnonzero(clip.seen[:, i])
    t = clip.times[rows]
    earlier = max((hit for hit in hits if hit < time - near), default=-np.inf)
    later = min((hit for hit in hits if hit > time + near), default=np.inf)
    ends = []
    for mine in (rows[(t > earlier) & (t <= time - near)][-MOST:], rows[(t >= time + near) & (t < later)][:MOST]):
        if len(mine) < LEAST:
            return None
        u = clip.times[mine] - time
        powers = u[:, None] ** np.arange(3 if len(mine) >= CURVED else 2)
        made = np.linalg.lstsq(powers, np.column_stack([clip.x[mine, i], clip.y[mine, i]]), rcond=None)[0]
        ends.append(made[:2])
    return 0.5 * (ends[0][0] + ends[1][0]), ends[0][1], ends[1][1]
