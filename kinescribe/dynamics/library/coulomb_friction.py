"""Dry friction on the surface on which things slide."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library.estimates import arcs, derivatives, middle, within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["CoulombFriction"]

STEEP = 5.104280791558963  # slope at rest for which ∫ u/φ(u) du over [0, 1] is 1/2: see CoulombFriction
SLIDING = 0.15  # of the greatest speed: slower motion says little about friction


class CoulombFriction(Law):
    """``a = −friction·v/|v|`` until it stops: a puck on ice, a sliding box, seen from above or along the surface.

    `friction` is the coefficient times gravity. A force that jumps at v = 0 would make any fixed step jitter there. So below the speed
    ``s = friction·settling`` the force is ``friction·φ(|v|/s)`` instead, φ a cubic with φ(1) = 1, φ'(1) = 0, and its slope at 0 such that
    an object comes to rest exactly where dry friction would stop it; it gets there some `settling` later and stays. Steps should not be
    longer than half of `settling` (a fit sees to that). A slope too gentle to overcome friction makes things creep, slower than s.
    """

    name = "coulomb-friction"
    equation = "a = -friction·v/|v|"
    friction = Parameter(
        1.0, (0, math.inf), "length/time^2", "deceleration while sliding: coefficient times gravity", revealed_by="something that slides"
    )
    settling = Parameter(0.02, (1e-9, math.inf), "time", "how softly things stop", fixed=True)

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        slow = np.maximum(parameters.friction * parameters.settling, 1e-150)
        u = np.hypot(state.vx, state.vy) / slow
        low = np.minimum(u, 1.0)
        # φ(u)/u below the slow speed and 1/u above, so that nothing is divided by a speed of 0
        slope = STEEP + low * ((3.0 - 2.0 * STEEP) + low * (STEEP - 2.0))
        factor = -slope / np.maximum(u, 1.0) / parameters.settling
        return factor * state.vx, factor * state.vy

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        parts = [derivatives(arc.times, arc.places, arc.sigma) for arc in arcs(clip)]
        parts = [part for part in parts if len(part)]
        if not parts:
            return {}
        rate, second, weight = (np.concatenate([getattr(part, name) for part in parts]) for name in ("rate", "second", "weight"))
        speed = np.hypot(*rate.T)
        sliding = speed > SLIDING * speed.max()
        along = -(rate * second).sum(axis=1)[sliding] / np.maximum(speed[sliding], 1e-300)
        return within(self.parameters, friction=middle(along, weight[sliding]))
