"""What springs that are anchored have in common: their pull, and starts from the oscillation itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.library.estimates import arcs, derivatives, middle, regress, sinusoid
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.state import State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["oscillation", "pull"]

Float = NDArray[np.float64]
WHOLE = 0.8  # periods in an arc from which on its sinusoid is trusted
EXPLAINED = 0.5  # share of the variance, the same
DIRECTIONS = 24  # in which an anchor at a distance is looked for


def pull(state: State, p: Values) -> tuple[Any, Any, Any]:
    """Acceleration (x, y) by a spring from the anchor, and how far it is stretched."""
    dx, dy = state.x - p.anchor_x, state.y - p.anchor_y
    distance = np.hypot(dx, dy)
    stretch = distance - p.rest_length
    # without a rest length the pull is linear and has no direction to lose at the anchor itself
    factor = -p.stiffness * np.where(distance > 0, stretch / np.where(distance > 0, distance, 1.0), 0.0)
    return factor * dx, factor * dy, stretch


def oscillation(clip: Clip, rest_length: float) -> dict[str, float]:
    """Starts for stiffness, damping, anchor_x and anchor_y: of the sinusoid in the longest arcs, or where none covers a period by how the
    acceleration goes with the displacement.
    """
    found = []
    for arc in arcs(clip, least=6):
        wave = sinusoid(arc.times, arc.places)
        if wave is not None and wave.cycles >= WHOLE and wave.explained >= EXPLAINED:
            found.append((wave.speed**2 + wave.decay**2, 2.0 * wave.decay, *wave.centre, wave.cycles * len(arc.times)))
    columns = np.array(found).T if found else np.array(_by_displacement(clip)).reshape(5, -1)
    stiffness, damping, x, y = (middle(column, columns[4]) for column in columns[:4])
    if rest_length > 0 and math.isfinite(stiffness):
        x, y, stiffness = _at_distance(clip, rest_length, x, y, stiffness)
    return {"stiffness": stiffness, "damping": max(damping, 0.0), "anchor_x": x, "anchor_y": y}


def _by_displacement(clip: Clip) -> list[float]:
    """Stiffness, damping, centre x and y, and 1, from ``a = stiffness·(centre − r) − damping·v``; nothing where it can't be told."""
    parts = [derivatives(arc.times, arc.places, arc.sigma) for arc in arcs(clip)]
    parts = [part for part in parts if len(part)]
    if not parts:
        return []
    value, rate, second, weight = (np.concatenate([getattr(p, name) for p in parts]) for name in ("value", "rate", "second", "weight"))
    middle_of = value.mean(axis=0)
    one, none = np.ones(len(value)), np.zeros(len(value))
    rows = [np.column_stack([middle_of[k] - value[:, k], -rate[:, k], *((one, none), (none, one))[k]]) for k in (0, 1)]
    made = regress(np.concatenate(rows), second.T.ravel(), np.tile(weight, 2))
    if made is None or made[0] <= 0:
        return []
    return [float(made[0]), float(made[1]), *(middle_of + made[2:] / made[0]).tolist(), 1.0]


def _at_distance(clip: Clip, length: float, x: float, y: float, stiffness: float) -> tuple[float, float, float]:
    """Anchor and stiffness of a spring with a rest length, about whose free end (x, y) things swing: the direction that explains the
    accelerations best.
    """
    parts = [part for part in (derivatives(arc.times, arc.places, arc.sigma) for arc in arcs(clip)) if len(part)]
    if not parts:
        return x, y, stiffness
    value, second = (np.concatenate([getattr(part, name) for part in parts]) for name in ("value", "second"))
    best, at = math.inf, (x, y, stiffness)
    for angle in np.arange(DIRECTIONS) * 2.0 * math.pi / DIRECTIONS:
        for share in (0.7, 1.0, 1.3, 1.6):
            anchor = np.array([x, y]) + share * length * np.array([math.cos(angle), math.sin(angle)])
            arm = value - anchor
            distance = np.maximum(np.hypot(*arm.T), 1e-300)[:, None]
            made = regress((-(1.0 - length / distance) * arm).T.reshape(-1, 1), second.T.ravel())
            if made is None or made[0] <= 0:
                continue
            left = float(np.abs(second + made[0] * (1.0 - length / distance) * arm).sum())
            if left < best:
                best, at = left, (float(anchor[0]), float(anchor[1]), float(made[0]))
    return at
