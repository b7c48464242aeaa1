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
CURVED = 7  # sightings in all from which on a curve is fitted rather than lines
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
    before = rows[(t > earlier) & (t <= time - near)][-MOST:]
    after = rows[(t >= time + near) & (t < later)][:MOST]
    if min(len(before), len(after)) < LEAST:
        return None
    mine = np.concatenate([before, after])
    u = clip.times[mine] - time
    past = (u > 0).astype(float)
    # one acceleration on both sides: what acts besides the contact goes on
    columns = [1 - past, (1 - past) * u, past, past * u, *([0.5 * u * u] if len(mine) >= CURVED else [])]
    made = np.linalg.lstsq(np.column_stack(columns), np.column_stack([clip.x[mine, i], clip.y[mine, i]]), rcond=None)[0]
    place, speed, place_after, speed_after = made[:4]
    bent = made[4] if len(made) > 4 else np.zeros(2)
    # the told moment may be off by a part of a frame: the two sides meet where they do
    change = speed_after - speed
    square = float(change @ change)
    limit = step_of(clip)
    shift = float(np.clip((place - place_after) @ change / square, -limit, limit)) if square > 0 else 0.0
    met = 0.5 * (place + place_after + (speed + speed_after) * shift)
    return met, speed + bent * shift, speed_after + bent * shift
