"""A rod that swings about a pivot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library._swing import pace
from kinescribe.dynamics.library.estimates import circle, middle, regress, within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import Bodies, State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["RodPendulum"]


class RodPendulum(Law):
    """``φ'' = −swing·sin φ − damping·φ'``, φ = angle − hanging: a rod or another rigid body whose angle the table knows.

    `swing` is mass·gravity·distance over the moment of inertia about the pivot: 3·gravity/(2·length) for a uniform rod hung by its end.
    The centroid follows the angle: it lies at `distance` from the pivot, below it where φ = 0.
    """

    name = "rod-pendulum"
    equation = "φ'' = -swing·sin(φ) - damping·φ', φ = angle - hanging, r = pivot + distance·(sin φ, -cos φ)"
    turns = True
    swing = Parameter(
        10.0, (0, math.inf), "1/time^2", "square of the angular frequency of small swings", revealed_by="at least half a swing"
    )
    damping = Parameter(0.0, (0, math.inf), "1/time", "angular deceleration over angular velocity", revealed_by="more swings")
    hanging = Parameter(-math.pi / 2, unit="rad", meaning="the table's angle where it hangs at rest", revealed_by="a swing to both sides")
    pivot_x = Parameter(0.0, unit="length", meaning="where it hangs", revealed_by="a wider swing")
    pivot_y = Parameter(0.0, unit="length", meaning="the same, upwards", revealed_by="a wider swing")
    distance = Parameter(0.5, (0, math.inf), "length", "from the pivot to the centroid", revealed_by="a wider swing")

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        p = parameters
        phi, rate = state.angle - p.hanging, state.angular_velocity
        turning = -p.swing * np.sin(phi) - p.damping * rate
        return (
            p.distance * (turning * np.cos(phi) - rate**2 * np.sin(phi)),
            p.distance * (turning * np.sin(phi) + rate**2 * np.cos(phi)),
            turning,
        )

    def project(self, state: State, parameters: Values) -> State:
        p = parameters
        phi, rate = state.angle - p.hanging, state.angular_velocity
        sine, cosine = np.sin(phi), np.cos(phi)
        return state.replace(
            x=p.pivot_x + p.distance * sine, y=p.pivot_y - p.distance * cosine,
            vx=p.distance * rate * cosine, vy=p.distance * rate * sine,
        )  # fmt: skip

    def constrained(self, bodies: Bodies) -> int:
        return 4 * len(bodies)

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        found = []
        for i in np.flatnonzero(~clip.bodies.static):
            known = clip.seen[:, i] & np.isfinite(clip.angle[:, i])
            angle, places = clip.angle[known, i], np.column_stack([clip.x[known, i], clip.y[known, i]])
            rim = circle(places)
            if rim is None:
                continue
            below = np.unwrap(np.arctan2(places[:, 0] - rim.x, rim.y - places[:, 1]))
            hanging = middle(angle - below)
            k, damping = pace(clip.times[known], angle - hanging, float(np.median(clip.sigma_angle[known, i])))
            # with the angles known the pivot is a matter of straight lines
            sine, cosine, one, none = np.sin(angle - hanging), -np.cos(angle - hanging), np.ones(len(angle)), np.zeros(len(angle))
            rows = np.concatenate([np.column_stack([one, none, sine]), np.column_stack([none, one, cosine])])
            made = regress(rows, places.T.ravel())
            if made is not None:
                found.append((k, damping, hanging, *made))
        names = ("swing", "damping", "hanging", "pivot_x", "pivot_y", "distance")
        return within(self.parameters, **{name: middle(column) for name, column in zip(names, np.array(found).T, strict=False)})
