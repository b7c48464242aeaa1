"""What goes along with the bodies of a prediction: points of them, such as a pivot, and things that keep their place on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.states import States

__all__ = ["Attached", "attached_to", "carried"]

Float = NDArray[np.float64]
LEAST = 2  # frames in which both were seen
STILL = 0.03  # of the body's size: what leaves its place there by less keeps it
SIGMAS = 3.0  # the same, in σ of the two places


@dataclass(frozen=True, slots=True)
class Attached:
    """Something at a fixed place in a body. Directions and turns are the table's.

    Attributes:
        object_id: its own. body: id of the body.
        along, across: where it is from the body's centroid, in the body's frame, world units.
        turn: its angle less the body's, radians; NaN where it has none.
        sigma: of its place there, world units.
        is_point: it is a point of the body, and no thing of its own.
    """

    object_id: int
    body: int
    along: float
    across: float
    turn: float
    sigma: float
    is_point: bool

    def stretched(self, length: float, longer: float) -> float:
        """`along` in a body of this length that becomes longer by a factor: a point keeps its distance to the nearer end."""
        if not self.is_point or not (length > 0 and np.isfinite(longer)):
            return self.along * (longer if np.isfinite(longer) else 1.0)
        return self.along + float(np.sign(self.along)) * 0.5 * length * (longer - 1.0)


def attached_to(states: States, bodies: Sequence[int], turning: Sequence[bool], *, things: bool) -> list[Attached]:
    """What goes along with these bodies, by id, in the order of the table's ids.

    A thing that isn't foretold itself goes along if in every frame its centroid is within a body and at the same place there; of several
    such bodies with the one on which it keeps its place best.

    Args:
        bodies: ids of those that are foretold. turning: whether the law turns each.
        things: whether other things go along; else points of the bodies alone.
    """
    out = []
    for object_id in states.object_ids:
        about = states.meta.objects.get(object_id)
        owner = None if about is None else about.part_of
        if object_id in bodies or (owner is not None and owner not in bodies):
            continue
        if owner is not None:
            found = _place(states, object_id, owner, turning[list(bodies).index(owner)], is_point=True)
            if found is not None:
                out.append(found)
        elif things:
            places = [_place(states, object_id, body, turns, is_point=False) for body, turns in zip(bodies, turning, strict=True)]
            kept = [one for one in places if one is not None]
            if kept:
                out.append(min(kept, key=lambda one: one.sigma))
    return out


def carried(one: Attached, body: dict[str, Any], longer: Float, turning: Float, length: float) -> dict[str, Any]:
    """Columns of what goes along, from those of its body: places, rates, angle and their σ; all else is the caller's.

    Args:
        body: columns (m,) of the body's rows. longer: (m,) by what factor the body is longer there than it was seen. turning: (m,) its
            angular acceleration. length: of the body as it was seen, world units.
    """
    turns = bool(np.isfinite(body["angle"]).any())
    angle, rate = (np.asarray(body[name]) if turns else np.zeros(len(longer)) for name in ("angle", "angular_velocity"))
    alpha = turning if turns else np.zeros(len(longer))
    along = np.array([one.stretched(length, float(factor)) for factor in longer])
    c, s = np.cos(angle), np.sin(angle)
    rx, ry = c * along - s * one.across, s * along + c * one.across
    lever = np.nan_to_num(body["sigma_angle"]) if turns else np.zeros(len(longer))
    return {
        "x": body["x"] + rx,
        "y": body["y"] + ry,
        "vx": body["vx"] - rate * ry,
        "vy": body["vy"] + rate * rx,
        "ax": body["ax"] - alpha * ry - rate**2 * rx,
        "ay": body["ay"] + alpha * rx - rate**2 * ry,
        "angle": angle + one.turn,
        "angular_velocity": rate + 0.0 * one.turn,
        "sigma_x": np.sqrt(body["sigma_x"] ** 2 + (lever * ry) ** 2 + one.sigma**2),
        "sigma_y": np.sqrt(body["sigma_y"] ** 2 + (lever * rx) ** 2 + one.sigma**2),
        "sigma_angle": lever + 0.0 * one.turn,
    }


def _place(states: States, object_id: int, body: int, turns: bool, *, is_point: bool) -> Attached | None:
    """Where it is in the body; None for a thing that leaves it, or moves about on it."""
    mine, theirs = (_sightings(states, i) for i in (object_id, body))
    _, i, j = np.intersect1d(mine["frame"], theirs["frame"], return_indices=True)
    if len(i) < LEAST:
        return None
    off = np.stack([mine[name][i] - theirs[name][j] for name in ("x", "y")], axis=1)
    angle = theirs["angle"][j] if turns else np.zeros(len(j))
    known = np.isfinite(off).all(axis=1) & np.isfinite(angle)
    if known.sum() < LEAST:
        return None
    off, angle = off[known], angle[known]
    c, s = np.cos(angle), np.sin(angle)
    inside = np.stack([c * off[:, 0] + s * off[:, 1], c * off[:, 1] - s * off[:, 0]], axis=1)
    place = np.median(inside, axis=0)
    moved = float(np.sqrt(((inside - place) ** 2).sum(axis=1).mean()))
    turn = mine["angle"][i][known] - (angle if turns else 0.0)
    turn = turn[np.isfinite(turn)]
    if not is_point:
        sides = np.array([np.nanmedian(theirs[name]) if np.isfinite(theirs[name]).any() else 0.0 for name in ("width", "height")])
        errors = [one[f"sigma_{axis}"][rows][known] for one, rows in ((mine, i), (theirs, j)) for axis in "xy"]
        sigma = float(np.sqrt(np.nanmean(np.sum(np.square(errors), axis=0)))) if np.isfinite(errors).any() else 0.0
        within = (np.abs(inside) <= 0.5 * (sides if turns else sides.max())).all()
        if not within or moved > max(STILL * float(sides.max()), SIGMAS * sigma):
            return None
    return Attached(object_id, body, float(place[0]), float(place[1]), float(np.median(turn)) if len(turn) else np.nan, moved, is_point)


def _sightings(states: States, object_id: int) -> dict[str, Float]:
    """Columns of an object's rows in which it was seen."""
    rows = (states["object_id"] == object_id) & np.isin(states["status"], ["observed", ""])
    names = ("frame", "x", "y", "angle", "width", "height", "sigma_x", "sigma_y")
    return {name: np.asarray(states[name][rows], float) for name in names}
