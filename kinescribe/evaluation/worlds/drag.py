"""Resistance that isn't in proportion to speed or to its square, or isn't the same everywhere."""

from __future__ import annotations

from kinescribe.evaluation.worlds.programs import DAMPING, GRAVITY, PUSHED, RAMPED, SHAKEN, STIFFNESS, TRAPPED, WHIRLED, changed, program
from kinescribe.evaluation.worlds.world import World

__all__ = ["WORLDS"]

_FALL = program("Fall", GRAVITY, "return 0.0, -p.gravity")
_LINEAR = program("LinearDrag", GRAVITY + DAMPING, "return -p.damping * vx, -p.gravity - p.damping * vy")
_QUADRATIC = program(
    "QuadraticDrag",
    GRAVITY + "drag = Parameter(0.1, (0, 5), '1/length', 'of the air')",
    "slow = p.drag * np.hypot(vx, vy)\nreturn -slow * vx, -p.gravity - slow * vy",
)
_THROWS = ({"x": 0.0, "y": 0.0, "vx": 6.0, "vy": 6.0}, {"x": 0.0, "y": 0.0, "vx": 2.0, "vy": 8.0})

_CUBIC = program(
    "CubicDrag",
    GRAVITY + "drag = Parameter(0.02, (0, 1), 'time/length^2', 'deceleration over the cube of speed')",
    "slow = p.drag * (vx**2 + vy**2)\nreturn -slow * vx, -p.gravity - slow * vy",
)
_THIN = program(
    "ThinAir",
    GRAVITY + DAMPING + "height = Parameter(1.6, (0.1, 20), 'length', 'at which the air is thinner by e')",
    "slow = p.damping * np.exp(-y / p.height)\nreturn -slow * vx, -p.gravity - slow * vy",
)
_WINDY = program(
    "WindyAir",
    GRAVITY
    + """
    drag = Parameter(0.1, (0, 5), '1/length', 'of the air')
    wind = Parameter(2.0, (0, 20), 'length/time', 'speed of the air, to the right')
    """,
    "slow = p.drag * np.hypot(vx - p.wind, vy)\nreturn -slow * (vx - p.wind), -p.gravity - slow * vy",
)
_BREEZE = program(
    "Breeze",
    GRAVITY + DAMPING + "wind = Parameter(2.0, (0, 20), 'length/time', 'speed of the air, to the right')",
    "return -p.damping * (vx - p.wind), -p.gravity - p.damping * vy",
)
_MUD = program(
    "Mud",
    DAMPING
    + """
    edge = Parameter(0.6, (-5, 5), 'length', 'where the mud begins')
    width = Parameter(0.4, (0.02, 2), 'length', 'of its margin')
    """,
    "slow = p.damping * 0.5 * (1.0 + np.tanh((x - p.edge) / p.width))\nreturn -slow * vx, -slow * vy",
)
_SPRING = program("Spring", STIFFNESS, "return -p.stiffness * x, -p.stiffness * y")
_DAMPED = program("DampedSpring", STIFFNESS + DAMPING, "return -p.stiffness * x - p.damping * vx, -p.stiffness * y - p.damping * vy")
_RATCHET = program(
    "Ratchet",
    STIFFNESS + DAMPING,
    "slow = np.where(vx > 0, p.damping, 0.0)\nreturn -p.stiffness * x - slow * vx, -p.stiffness * y",
)

WORLDS = (
    World(
        name="cubic drag",
        family="drag",
        source=_CUBIC,
        values={"gravity": 9.8, "drag": 0.04},
        starts=_THROWS,
        steps=(_FALL, _LINEAR, _QUADRATIC),
        decoys=(RAMPED, WHIRLED, TRAPPED),
        wrong_sign=changed(_CUBIC, "return -slow * vx, -p.gravity - slow", "return slow * vx, -p.gravity + slow"),
        equivalents=(changed(_CUBIC, "-p.gravity - slow * vy", "-(slow * vy + p.gravity)"),),
    ),
    World(
        name="thin air",
        family="drag",
        source=_THIN,
        values={"gravity": 9.8, "damping": 0.9, "height": 0.8},
        starts=_THROWS,
        frames=45,
        steps=(_FALL, _LINEAR, changed(_THIN, "np.exp(-y / p.height)", "np.maximum(1.0 - 0.5 * y / p.height, 0.0)")),
        decoys=(RAMPED, WHIRLED, SHAKEN),
        wrong_sign=changed(_THIN, "-y / p.height", "y / p.height"),
    ),
    World(
        name="wind",
        family="drag",
        source=_WINDY,
        values={"gravity": 9.8, "drag": 0.25, "wind": 4.0},
        starts=({"vx": -2.0, "vy": 6.0}, {"vx": 3.0, "vy": 8.0}),
        steps=(_FALL, _BREEZE),
        decoys=(RAMPED, WHIRLED, SHAKEN),
        wrong_sign=_WINDY.replace("vx - p.wind", "vx + p.wind"),
    ),
    World(
        name="mud",
        family="drag",
        sigma=0.002,
        source=_MUD,
        values={"damping": 0.9, "edge": 1.0, "width": 0.25},
        starts=({"vx": 1.6, "vy": 0.4}, {"x": 0.5, "vx": 1.2, "vy": -0.8}),
        steps=(
            program("Coasting", DAMPING, "return -0.01 * p.damping, 0.0"),
            program("Drag", DAMPING, "return -p.damping * vx, -p.damping * vy"),
            program("GrowingDrag", DAMPING, "return -p.damping * np.maximum(x, 0.0) * vx, -p.damping * np.maximum(x, 0.0) * vy"),
        ),
        decoys=(PUSHED, WHIRLED, SHAKEN),
        wrong_sign=changed(_MUD, "return -slow * vx, -slow * vy", "return slow * vx, slow * vy"),
    ),
    World(
        name="ratchet",
        family="drag",
        source=_RATCHET,
        values={"stiffness": 12.0, "damping": 0.8},
        starts=({"x": 0.8, "vy": 1.5},),
        steps=(_SPRING, _DAMPED),
        decoys=(TRAPPED, WHIRLED, SHAKEN),
        wrong_sign=changed(_RATCHET, "x - slow * vx", "x + slow * vx"),
    ),
)
