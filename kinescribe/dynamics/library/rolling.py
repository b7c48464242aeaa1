"""Discs that roll down a straight slope."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library._steady import steady
from kinescribe.dynamics.library.estimates import arcs, middle, within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import Bodies, State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["Rolling"]


class Rolling(Law):
    """``s'' = −gravity·sin(slope)/(1 + inertia)`` along the slope, turning by ``angle' = −s'/radius``: rolling without slipping.

    `inertia` is the moment of inertia over mass·radius²: 1/2 for a disc (as declared, held fixed), 2/5 for a ball, 1 for a hoop; only
    gravity over 1 + inertia can be told. The radius is the table's. The level `slope` 0 says nothing about gravity.
    """

    name = "rolling"
    equation = "s'' = -gravity·sin(slope)/(1 + inertia), angle' = -s'/radius"
    turns = True
    gravity = Parameter(9.8, (0, math.inf), "length/time^2", "downward acceleration", revealed_by="a slope that is not level")
    slope = Parameter(0.0, (-math.pi / 2, math.pi / 2), "rad", "of the surface, counter-clockwise: it rises to the right above 0")
    inertia = Parameter(0.5, (0, 1), meaning="moment of inertia over mass·radius²", fixed=True)

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        p = parameters
        along = -p.gravity * np.sin(p.slope) / (1.0 + p.inertia)
        return along * np.cos(p.slope), along * np.sin(p.slope), -along * _curvature(state.bodies)

    def project(self, state: State, parameters: Values) -> State:
        right, up = np.cos(parameters.slope), np.sin(parameters.slope)
        along = right * state.vx + up * state.vy
        return state.replace(vx=along * right, vy=along * up, angular_velocity=-along * _curvature(state.bodies))

    def constrained(self, bodies: Bodies) -> int:
        return 2 * len(bodies)

    def potential(self, state: State, parameters: Values) -> Any:
        # what turns holds `inertia` times as much energy as what moves along
        return parameters.gravity * state.y / (1.0 + parameters.inertia)

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        slopes, weights = [], []
        for arc in arcs(clip):
            centred = arc.places - arc.places.mean(axis=0)
            _, size, axes = np.linalg.svd(centred, full_matrices=False)
            slopes.append(math.atan(axes[0, 1] / axes[0, 0]) if axes[0, 0] else math.pi / 2)
            weights.append(size[0])
        if not slopes:
            return {}
        slope = middle(np.array(slopes), np.array(weights))
        ax, ay = steady(clip)
        along = ax * math.cos(slope) + ay * math.sin(slope)
        gravity = -along * (1.0 + self.parameters["inertia"].start) / math.sin(slope) if abs(slope) > 1e-6 else math.nan
        return within(self.parameters, slope=slope, gravity=gravity if gravity > 0 else math.nan)


def _curvature(bodies: Bodies) -> Any:
    """One over the radius; 0 where that is unknown, which then does not turn."""
    return np.where(bodies.radius > 0, 1.0 / np.where(bodies.radius > 0, bodies.radius, 1.0), 0.0)
