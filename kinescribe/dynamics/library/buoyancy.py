"""Lift by a fluid with a level surface."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library.estimates import arcs, derivatives, regress, within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["Buoyancy"]

LEVELS = 60  # of the surface that starts tries


class Buoyancy(Law):
    """``a = (0, lift·wet)``, *wet* the submerged share of a disc: by how much of it lies below the surface.

    `lift` is gravity times the fluid's density over the object's. Where things stay submerged all the time, only lift less gravity can be
    told. Add `free-fall`, and `linear-drag` for what the fluid takes.
    """

    name = "buoyancy"
    equation = "a = (0, lift·submerged(surface - y))"
    lift = Parameter(
        9.8,
        (0, math.inf),
        "length/time^2",
        "upward acceleration when wholly submerged",
        revealed_by="the object both in the fluid and out of it",
    )
    surface = Parameter(0.0, unit="length", meaning="height of the fluid's surface", revealed_by="the object passing through the surface")

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        return 0.0, parameters.lift * _wet(parameters.surface - state.y, state.bodies.radius)[0]

    def potential(self, state: State, parameters: Values) -> Any:
        return parameters.lift * _wet(parameters.surface - state.y, state.bodies.radius)[1]

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        parts = [(arc.object, derivatives(arc.times, arc.places, arc.sigma)) for arc in arcs(clip)]
        parts = [(i, part) for i, part in parts if len(part)]
        if not parts:
            return {}
        kept = [(part.value[:, 1], part.rate[:, 1], part.second[:, 1], part.weight) for _, part in parts]
        y, rate, up, weight = (np.concatenate(column) for column in zip(*kept, strict=True))
        radius = np.concatenate([np.full(len(part), clip.bodies.radius[i]) for i, part in parts])
        best, found = math.inf, {}
        for level in np.linspace(y.min(), y.max(), LEVELS):
            # beside gravity, and what the fluid resists
            rows = np.column_stack([_wet(level - y, radius)[0], np.ones_like(y), -rate])
            made = regress(rows, up, weight)
            if made is None:
                return {}
            left = float((weight * np.abs(up - rows @ made)).sum())
            if left < best and made[0] > 0:
                best, found = left, {"lift": made[0], "surface": level}
        return within(self.parameters, **found)


def _wet(depth: Any, radius: NDArray[np.float64]) -> tuple[Any, Any]:
    """Submerged share of discs whose centres lie at a depth, and its integral over height, 0 far above: what lifting work is left."""
    safe = np.maximum(radius, 1e-300)
    u = np.clip(depth / safe, -1.0, 1.0)
    root = np.sqrt(1.0 - u * u)
    share = 0.5 + (np.arcsin(u) + u * root) / np.pi
    # ∫ share du from −1; beyond the disc's own depth it goes on with slope 1
    integral = 0.5 * u + (u * np.arcsin(u) + root - root**3 / 3.0) / np.pi
    return share, safe * integral + np.maximum(depth - safe, 0.0)
