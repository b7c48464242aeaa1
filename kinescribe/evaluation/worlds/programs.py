"""How the sources of the worlds' laws are written, and the programs that several worlds share."""

from __future__ import annotations

__all__ = [
    "CENTRE",
    "DAMPING",
    "EACH_PUSHED",
    "EACH_TRAPPED",
    "FLOOR",
    "GRAVITY",
    "MANY",
    "OTHER",
    "PUSHED",
    "RAMPED",
    "SHAKEN",
    "STIFFNESS",
    "TRAPPED",
    "WHIRLED",
    "changed",
    "program",
]

_PROGRAM = """import numpy as np

from kinescribe.dynamics import {imported}


class {name}(Law):
    {parameters}

    def acceleration(self, t, state, parameters, inputs):
        p, x, y, vx, vy = parameters, state.x, state.y, state.vx, state.vy
        {body}
"""
_CONTACTS = """
    def contacts(self, bodies, parameters):
        return Contacts([{walls}])
"""


def program(name: str, parameters: str, body: str, walls: str = "", inputs: str = "") -> str:
    """The source of a law.

    Args:
        name: of its class.
        parameters: their declarations, a line each.
        body: of `acceleration`, in which p stands for the parameters, and x, y, vx, vy for the state.
        walls: what can be struck, as a list's entries. inputs: names of known inputs, as a tuple's entries.
    """
    declared = [f"inputs = ({inputs},)"] * bool(inputs) + parameters.strip().splitlines()
    text = _PROGRAM.format(
        imported="Contacts, Law, Parameter, Wall" if walls else "Law, Parameter",
        name=name,
        parameters="\n    ".join(line.strip() for line in declared),
        body="\n        ".join(line.strip() for line in body.strip().splitlines()),
    )
    return text + _CONTACTS.format(walls=walls) * bool(walls)


def changed(source: str, old: str, new: str) -> str:
    """A source with one passage, which must stand in it once, written differently."""
    if source.count(old) != 1:
        raise ValueError(f"'{old}' stands {source.count(old)} times in the source, not once")
    return source.replace(old, new)


# parameters

GRAVITY = "gravity = Parameter(6.0, (0, 50), 'length/time^2', 'downward acceleration')\n"
DAMPING = "damping = Parameter(0.3, (0, 20), '1/time', 'deceleration over speed')\n"
STIFFNESS = "stiffness = Parameter(5.0, (0, 500), '1/time^2', 'pull over distance')\n"
CENTRE = """
centre_x = Parameter(0.0, (-5, 5), 'length', 'place of rest')
centre_y = Parameter(0.0, (-5, 5), 'length', 'the same, upwards')
"""
_PUSH = """
push_x = Parameter(0.0, (-50, 50), 'length/time^2', 'constant acceleration')
push_y = Parameter(0.0, (-50, 50), 'length/time^2', 'the same, upwards')
"""

# lines that begin a body: from each object to the other of two, or (…, n, n) from the row's to the column's

OTHER = """
dx, dy = x[:, ::-1] - x, y[:, ::-1] - y
d = np.hypot(dx, dy)
"""
MANY = """
dx, dy = x[:, None, :] - x[:, :, None], y[:, None, :] - y[:, :, None]
d = np.hypot(dx, dy) + np.eye(x.shape[1])
"""

# what can be struck

FLOOR = "Wall('floor', 0.0, 1.0, 0.0, parameters.restitution)"

# laws that explain a good part of many motions, and lead nowhere

TRAPPED = program(
    "Trapped",
    CENTRE + DAMPING + STIFFNESS + "stiffness_y = Parameter(5.0, (0, 500), '1/time^2', 'the same, upwards')",
    "return -p.stiffness * (x - p.centre_x) - p.damping * vx, -p.stiffness_y * (y - p.centre_y) - p.damping * vy",
)
"""A damped spring in each direction."""

WHIRLED = program(
    "Whirled",
    _PUSH + DAMPING + "spin = Parameter(1.0, (-50, 50), '1/time', 'rate at which the velocity turns')",
    "return p.push_x - p.damping * vx - p.spin * vy, p.push_y - p.damping * vy + p.spin * vx",
)
"""A constant push, drag, and a force across the velocity."""

SHAKEN = program(
    "Shaken",
    _PUSH
    + """
    shake_x = Parameter(0.5, (-50, 50), 'length/time^2', 'greatest acceleration by what shakes')
    shake_y = Parameter(0.5, (-50, 50), 'length/time^2', 'the same, upwards')
    frequency = Parameter(3.0, (0.5, 30), '1/time', 'angular frequency')
    """,
    "return p.push_x + p.shake_x * np.cos(p.frequency * t), p.push_y + p.shake_y * np.cos(p.frequency * t)",
)
"""A constant push and one that swings."""

RAMPED = program(
    "Ramped",
    _PUSH
    + """
    ramp_x = Parameter(0.5, (-50, 50), 'length/time^3', 'growth of the push')
    ramp_y = Parameter(0.5, (-50, 50), 'length/time^3', 'the same, upwards')
    """,
    "return p.push_x + p.ramp_x * t, p.push_y + p.ramp_y * t",
)
"""A push that grows."""

PUSHED = program("Pushed", _PUSH + DAMPING, "return p.push_x - p.damping * vx, p.push_y - p.damping * vy")
"""A constant push and drag."""

EACH_PUSHED = program(
    "EachPushed",
    DAMPING
    + """
    push_x = Parameter(0.0, (-50, 50), 'length/time^2', 'constant acceleration of each', per='object')
    push_y = Parameter(0.0, (-50, 50), 'length/time^2', 'the same, upwards', per='object')
    """,
    "return p.push_x - p.damping * vx, p.push_y - p.damping * vy",
)
"""Each object with a constant push of its own, and drag."""

EACH_TRAPPED = program(
    "EachTrapped",
    DAMPING
    + STIFFNESS
    + """
    centre_x = Parameter(0.0, (-5, 5), 'length', 'place of rest of each', per='object')
    centre_y = Parameter(0.0, (-5, 5), 'length', 'the same, upwards', per='object')
    """,
    "return -p.stiffness * (x - p.centre_x) - p.damping * vx, -p.stiffness * (y - p.centre_y) - p.damping * vy",
)
"""Each object on a spring of its own."""
