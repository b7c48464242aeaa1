"""Motions that feed themselves: resistance that turns into a push."""

from __future__ import annotations

from kinescribe.evaluation.worlds.programs import DAMPING, GRAVITY, PUSHED, RAMPED, SHAKEN, STIFFNESS, TRAPPED, WHIRLED, changed, program
from kinescribe.evaluation.worlds.world import World

__all__ = ["WORLDS"]

_GAIN = "gain = Parameter(0.8, (0, 20), '1/time', 'push over speed, where there is little motion')\n"
_TOP = "top = Parameter(2.0, (0.05, 20), 'length/time', 'speed at which nothing pushes')\n"
_SPRING = program("Spring", STIFFNESS, "return -p.stiffness * x, -p.stiffness * y")
_GROWING = program("GrowingSwing", STIFFNESS + _GAIN, "return -p.stiffness * x + p.gain * vx, -p.stiffness * y + p.gain * vy")

_VAN_DER_POL = program(
    "VanDerPol",
    STIFFNESS + _GAIN + "width = Parameter(0.3, (0.05, 5), 'length', 'distance at which the push turns into drag')",
    "push = p.gain * (1.0 - (x**2 + y**2) / p.width**2)\nreturn -p.stiffness * x + push * vx, -p.stiffness * y + push * vy",
)
_RAYLEIGH = program(
    "Rayleigh",
    STIFFNESS + _GAIN + _TOP,
    "push = p.gain * (1.0 - (vx**2 + vy**2) / p.top**2)\nreturn -p.stiffness * x + push * vx, -p.stiffness * y + push * vy",
)
_SWIMMER = program(
    "Swimmer",
    _GAIN + _TOP + "turn = Parameter(0.8, (0, 20), '1/time', 'rate at which it turns, counter-clockwise')",
    "push = p.gain * (1.0 - (vx**2 + vy**2) / p.top**2)\nreturn push * vx - p.turn * vy, push * vy + p.turn * vx",
)
_ROCKET = program(
    "Rocket",
    GRAVITY + "thrust = Parameter(2.0, (0, 50), 'length/time^2', 'acceleration along the velocity')",
    "speed = np.maximum(np.hypot(vx, vy), 1e-100)\nreturn p.thrust * vx / speed, p.thrust * vy / speed - p.gravity",
)

WORLDS = (
    World(
        name="van der pol",
        family="self-excited",
        source=_VAN_DER_POL,
        values={"stiffness": 12.0, "gain": 1.5, "width": 0.5},
        starts=({"x": 0.2, "vy": 0.4}, {"x": 0.7, "y": 0.2, "vx": 0.5}),
        frames=70,
        steps=(_SPRING, _GROWING),
        decoys=(TRAPPED, WHIRLED, SHAKEN),
        wrong_sign=changed(_VAN_DER_POL, "1.0 - (x**2", "1.0 + (x**2"),
    ),
    World(
        name="rayleigh",
        family="self-excited",
        source=_RAYLEIGH,
        values={"stiffness": 12.0, "gain": 1.5, "top": 1.2},
        starts=({"x": 0.2, "vy": 0.4}, {"x": 0.7, "y": 0.2, "vx": 0.5}),
        frames=70,
        steps=(_SPRING, changed(_RAYLEIGH, "(vx**2 + vy**2) / p.top**2", "np.hypot(vx, vy) / p.top")),
        decoys=(TRAPPED, WHIRLED, SHAKEN),
        wrong_sign=changed(_RAYLEIGH, "1.0 - (vx**2", "1.0 + (vx**2"),
    ),
    World(
        name="swimmer",
        family="self-excited",
        source=_SWIMMER,
        values={"gain": 1.5, "top": 1.2, "turn": 1.6},
        starts=({"vx": 0.3, "vy": 0.1}, {"vx": 1.8, "vy": -0.6}),
        steps=(
            program("Drag", DAMPING, "return -p.damping * vx, -p.damping * vy"),
            program("Turning", "turn = Parameter(0.8, (0, 20), '1/time', 'rate at which it turns')", "return -p.turn * vy, p.turn * vx"),
        ),
        decoys=(TRAPPED, SHAKEN, RAMPED),
        wrong_sign=changed(_SWIMMER, "return push * vx - p.turn * vy, push * vy +", "return push * vx + p.turn * vy, push * vy -"),
    ),
    World(
        name="rocket",
        family="self-excited",
        source=_ROCKET,
        values={"gravity": 9.8, "thrust": 5.0},
        starts=({"vx": 1.0, "vy": 6.0}, {"vx": 3.0, "vy": 3.0}),
        steps=(
            program("Fall", GRAVITY, "return 0.0, -p.gravity"),
            program("Pushed", GRAVITY + _GAIN, "return p.gain * vx, p.gain * vy - p.gravity"),
        ),
        decoys=(PUSHED, RAMPED, TRAPPED),
        wrong_sign=changed(_ROCKET, "return p.thrust * vx / speed, p.thrust", "return -p.thrust * vx / speed, -p.thrust"),
        equivalents=(changed(_ROCKET, "p.thrust * vx / speed, p.thrust * vy / speed", "p.thrust * (vx / speed), p.thrust * (vy / speed)"),),
    ),
)
