"""Where walls lie and what they do, from the contacts of single objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.library.estimates import bounces, middle

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["struck"]

NORMALS = {"floor": (0.0, 1.0), "ceiling": (0.0, -1.0), "left": (1.0, 0.0), "right": (-1.0, 0.0)}
BEYOND = 0.2  # of a radius, by which others may get beyond the place of a stroke
SIGHTINGS = 3  # that reach farthest, for one alone may be wrong
STRAIGHT = 0.6  # share of a change of velocity that must point along a wall's normal (friction takes the rest)


def struck(clip: Clip, names: Sequence[str]) -> dict[str, float]:
    """Starts for the places of those of the walls that were struck, and for their restitution and friction."""
    places: dict[str, list[float]] = {}
    restitution, friction, rolling = [], [], []
    reached = {name: _reached(clip, np.array(NORMALS[name])) for name in names}
    for bounce in bounces(clip):
        if len(bounce.objects) != 1:
            continue
        change = bounce.after[0] - bounce.before[0]
        for name in (bounce.wall,) if bounce.wall in names else names:
            normal = np.array(NORMALS[name])
            across, before = float(change @ normal), float(bounce.before[0] @ normal)
            if not (before < 0 < across and across >= STRAIGHT * float(np.hypot(*change))):
                continue
            tangent = np.array([normal[1], -normal[0]])
            # against the way that it slid; what noise does to it goes both ways
            along = -float(change @ tangent) * float(np.sign(bounce.before[0] @ tangent))
            radius = float(clip.bodies.radius[bounce.objects[0]])
            offset = float(bounce.places[0] @ normal) - radius
            if offset > reached[name] + BEYOND * radius:
                # others get farther: it struck something that isn't this wall, such as an object in the same moment
                continue
            places.setdefault(name, []).append(offset * float(normal.sum()))
            restitution.append(max(-float(bounce.after[0] @ normal) / before, 0.0))
            friction.append(along / across)
            rolling.append(abs(float(bounce.before[0] @ tangent)) / (3.0 * across))
    found = {name: middle(np.array(values)) for name, values in places.items()}
    if places:
        # from the friction on at which a disc leaves rolling more of it changes nothing: a fit must start well below
        most = 0.5 * middle(np.array(rolling))
        found |= {"restitution": middle(np.array(restitution)), "friction": min(max(middle(np.array(friction)), 0.0), most)}
    return found


def _reached(clip: Clip, normal: NDArray[np.float64]) -> float:
    """How far against the normal the edges of objects get."""
    edges = (clip.x * normal[0] + clip.y * normal[1] - np.atleast_2d(clip.bodies.radius)[0]).ravel()
    edges = np.sort(edges[np.isfinite(edges)])
    return float(edges[min(SIGHTINGS, len(edges)) - 1]) if len(edges) else -np.inf
