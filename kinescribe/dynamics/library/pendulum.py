"""A bob on a thread or a light rod."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library._swing import swing
from kinescribe.dynamics.library.estimates import within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import Bodies, State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["Pendulum"]


class Pendulum(Law):
    """``φ'' = −(gravity/length)·sin φ − damping·φ'``, φ from the vertical, at swings of any size.

    It runs in x and y: gravity, damping, and the pull along the thread that keeps the distance from the pivot, which `project` holds
    against rounding. A table without a scale gives gravity in pixels; gravity over length, and so the period, needs no scale.
    Small swings say little about the pivot's height: fix `length` where you know it.
    """

    name = "pendulum"
    equation = "φ'' = -(gravity/length)·sin(φ) - damping·φ', about (pivot_x, pivot_y)"
    gravity = Parameter(9.8, (0, math.inf), "length/time^2", "downward acceleration", revealed_by="a wider swing")
    length = Parameter(1.0, (1e-9, math.inf), "length", "from the pivot to the bob's centre", revealed_by="a wider swing")
    pivot_x = Parameter(0.0, unit="length", meaning="where it hangs", revealed_by="a wider swing")
    pivot_y = Parameter(0.0, unit="length", meaning="the same, upwards", revealed_by="a wider swing")
    damping = Parameter(0.0, (0, math.inf), "1/time", "deceleration over speed", revealed_by="more swings")

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        p = parameters
        rx, ry = state.x - p.pivot_x, state.y - p.pivot_y
        square = np.maximum(rx * rx + ry * ry, 1e-300)
        # pull over distance for which r·a + v² = 0, so that the distance stays
        pull = (p.gravity * ry + p.damping * (rx * state.vx + ry * state.vy) - state.vx**2 - state.vy**2) / square
        return pull * rx - p.damping * state.vx, pull * ry - p.damping * state.vy - p.gravity

    def project(self, state: State, parameters: Values) -> State:
        p = parameters
        rx, ry = state.x - p.pivot_x, state.y - p.pivot_y
        distance = np.hypot(rx, ry)
        safe = np.where(distance > 0, distance, 1.0)
        ux, uy = rx / safe, np.where(distance > 0, ry / safe, -1.0)
        along = ux * state.vx + uy * state.vy
        return state.replace(
            x=p.pivot_x + p.length * ux, y=p.pivot_y + p.length * uy, vx=state.vx - along * ux, vy=state.vy - along * uy
        )  # fmt: skip

    def constrained(self, bodies: Bodies) -> int:
        return 2 * len(bodies)

    def potential(self, state: State, parameters: Values) -> Any:
        return None if np.any(parameters.damping != 0) else parameters.gravity * state.y

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        return within(self.parameters, **swing(clip, self.parameters["gravity"].start))
