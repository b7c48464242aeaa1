"""Things carried round at a constant rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library.estimates import arcs, circle, middle, within
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.state import Bodies, State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["CircularMotion"]


class CircularMotion(Law):
    """``r(t) = centre + R(angular_speed·t)·(r(0) − centre)``: marks on a turntable, a wheel, a rotor; each at a radius of its own.

    The motion is prescribed, not brought about by a force, so the law adds to no other. Each step turns exactly, however long it is.
    """

    name = "circular-motion"
    equation = "v = angular_speed × (r - centre)"
    centre_x = Parameter(0.0, unit="length", meaning="centre", revealed_by="a larger part of the circle")
    centre_y = Parameter(0.0, unit="length", meaning="the same, upwards", revealed_by="a larger part of the circle")
    angular_speed = Parameter(1.0, unit="rad/time", meaning="rate of turning, counter-clockwise", revealed_by="something off the centre")

    def step(self, state: State, parameters: Values, inputs: Values, dt: Any) -> State:
        turn = parameters.angular_speed * dt
        dx, dy = state.x - parameters.centre_x, state.y - parameters.centre_y
        x, y = np.cos(turn) * dx - np.sin(turn) * dy, np.sin(turn) * dx + np.cos(turn) * dy
        return self.project(state.replace(x=parameters.centre_x + x, y=parameters.centre_y + y), parameters)

    def project(self, state: State, parameters: Values) -> State:
        p = parameters
        return state.replace(vx=-p.angular_speed * (state.y - p.centre_y), vy=p.angular_speed * (state.x - p.centre_x))

    def constrained(self, bodies: Bodies) -> int:
        return 2 * len(bodies)

    def potential(self, state: State, parameters: Values) -> Any:
        return np.zeros_like(state.x)

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        found = []
        for arc in arcs(clip):
            rim = circle(arc.places)
            if rim is None:
                continue
            angle = np.unwrap(np.arctan2(arc.places[:, 1] - rim.y, arc.places[:, 0] - rim.x))
            speed = np.polyfit(arc.times - arc.times.mean(), angle, 1)[0]
            # the centre is told the better the more of the rim is covered
            found.append((rim.x, rim.y, speed, min(float(np.ptp(angle)), 2 * np.pi) ** 2 * len(angle)))
        if not found:
            return {}
        x, y, speed, weight = np.array(found).T
        return within(self.parameters, centre_x=middle(x, weight), centre_y=middle(y, weight), angular_speed=middle(speed, weight))
