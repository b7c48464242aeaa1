"""Sources of laws as a model would write them: one of every kind, each with all that its kind can add."""

from __future__ import annotations

from typing import Any

from kinescribe.dynamics import Law

DRAG = '''
"""A thrown ball in air."""

from __future__ import annotations

import numpy as np

from kinescribe.dynamics import Law, Parameter


class AirDrag(Law):
    name = "air drag"
    equation = "a = (0, -gravity) - drag |v| v"
    gravity = Parameter(9.0, (0, 50), "length/time^2", "downward acceleration")
    drag = Parameter(0.05, (0, 5), "1/length", "of the air", revealed_by="a fast flight")

    def acceleration(self, t, state, parameters, inputs):
        speed = np.hypot(state.vx, state.vy)
        return -parameters.drag * speed * state.vx, -parameters.gravity - parameters.drag * speed * state.vy
'''

BOUNCE = """
import numpy as np
from kinescribe.dynamics import Contacts, Discs, Law, Parameter, Wall


class DraggedBounce(Law):
    name = "dragged bounce"
    gravity = Parameter(9.0, (0, 50), "length/time^2", "downward acceleration")
    drag = Parameter(0.1, (0, 5), "1/time", "deceleration over speed")
    restitution = Parameter(0.8, (0, 1), "", "speed after over before", revealed_by="a bounce")
    mass = Parameter(1.0, (1e-3, 1e3), "mass", per="object")

    def acceleration(self, t, state, parameters, inputs):
        return -parameters.drag * state.vx, -parameters.gravity - parameters.drag * state.vy

    def contacts(self, bodies, parameters):
        e = parameters.restitution
        walls = [Wall("floor", 0.0, 1.0, 0.0, e), Wall("side", -1.0, 0.0, -3.0, e, 0.0, (0,))]
        pairs = np.ones((len(bodies), len(bodies)), dtype=bool)
        return Contacts(walls, Discs(e, 0.0, 0.0, pairs))
"""

STEADY = """
from kinescribe.dynamics import Contacts, Law, Parameter, Wall


class Bounce(Law):
    name = "steady bounce"
    steady = True
    gravity = Parameter(9.0, (0, 50), "length/time^2", "downward acceleration")
    restitution = Parameter(0.8, (0, 1), "", "speed after over before", revealed_by="a bounce")

    def acceleration(self, t, state, parameters, inputs):
        return 0.0 * state.x, -parameters.gravity

    def contacts(self, bodies, parameters):
        return Contacts([Wall("floor", 0.0, 1.0, 0.0, parameters.restitution)])
"""

RING = """
import numpy as np
from kinescribe.dynamics import Law, Parameter


class Bead(Law):
    name = "bead"
    turns = True
    gravity = Parameter(9.8, (0, 50), "length/time^2", "downward acceleration")
    ring = Parameter(1.0, (1e-6, 1e6), "length", "radius of the ring")

    def acceleration(self, t, state, parameters, inputs):
        square = state.x**2 + state.y**2
        pull = (parameters.gravity * state.y - state.vx**2 - state.vy**2) / square
        return pull * state.x, pull * state.y - parameters.gravity, -0.1 * state.angular_velocity

    def project(self, state, parameters):
        distance = np.hypot(state.x, state.y)
        x, y = state.x / distance, state.y / distance
        out = x * state.vx + y * state.vy
        return state.replace(x=parameters.ring * x, y=parameters.ring * y, vx=state.vx - out * x, vy=state.vy - out * y)

    def potential(self, state, parameters):
        return parameters.gravity * state.y

    def constrained(self, bodies):
        return 2 * len(bodies)
"""

EULER = """
from kinescribe.dynamics import Law, Parameter


class Euler(Law):
    name = "euler"
    inputs = ("push",)
    time_step = 0.05
    strength = Parameter(2.0, (0, 100), "length/time^2", "acceleration at a push of 1")

    def step(self, state, parameters, inputs, dt):
        vx = state.vx + dt * parameters.strength * inputs.push
        return state.replace(x=state.x + dt * state.vx, y=state.y + dt * state.vy, vx=vx)
"""

BLACK_BOX = """
import numpy as np
from kinescribe.dynamics import Law, Parameter


class Waves(Law):
    name = "waves"
    inputs = ("push",)
    rate = Parameter(2.0, (0.1, 10), "1/time", "angular frequency")

    def rollout(self, initial, times, parameters, inputs):
        since = (times - times[:, :1])[:, :, None]
        w = parameters.rate[:, :, None]
        x0, v0 = initial.x[:, None, :], initial.vx[:, None, :]
        zero = 0 * since * x0
        pushed = np.cumsum(np.concatenate([np.zeros_like(times[:, :1])] + [one["push"] for one in inputs], axis=1), axis=1)[:, :, None]
        x = x0 * np.cos(w * since) + v0 / w * np.sin(w * since) + 0.01 * pushed
        vx = v0 * np.cos(w * since) - w * x0 * np.sin(w * since)
        return np.stack([x, initial.y[:, None, :] + zero, zero, vx, zero, zero])
"""

STARTS = """
import numpy as np
from kinescribe.dynamics import Law, Parameter

seen_before = []


class Started(Law):
    name = "started"
    gravity = Parameter(9.8, (0, 10_000), "length/time^2", "downward acceleration")
    mass = Parameter(1.0, (1e-3, 1e3), "mass", per="object")
    memory = Parameter(0.0, (0, 100), "", "how many clips this process has seen")

    def acceleration(self, t, state, parameters, inputs):
        return 0.0, -parameters.gravity + 0.0 * len(seen_before)

    def starts(self, clip):
        seen_before.append(clip.name)
        seen = clip.seen[:, 0]
        fall = max(0.0, -2 * np.polyfit(clip.times[seen], clip.y[seen, 0], 2)[0])
        return {"gravity": fall, "mass": np.ones(len(clip.bodies)), "memory": len(seen_before)}
"""

ALL = {"drag": DRAG, "bounce": BOUNCE, "steady": STEADY, "ring": RING, "euler": EULER, "black box": BLACK_BOX, "starts": STARTS}


def in_process(source: str) -> Law:
    """The same law, run here."""
    namespace: dict[str, Any] = {"__name__": "law_here"}
    exec(compile(source, "law_here", "exec", dont_inherit=True), namespace)
    (cls,) = (one for one in namespace.values() if isinstance(one, type) and one.__module__ == "law_here")
    return cls()
