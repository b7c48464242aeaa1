"""Known inputs, and what they do."""

from __future__ import annotations

import numpy as np

from kinescribe.dynamics import Inputs
from kinescribe.evaluation.worlds.programs import DAMPING, GRAVITY, PUSHED, RAMPED, SHAKEN, STIFFNESS, TRAPPED, changed, program
from kinescribe.evaluation.worlds.world import World

__all__ = ["WORLDS"]

_GAIN = "gain = Parameter(2.0, (0, 100), 'length/time^2', 'acceleration at an input of 1')\n"
_FALL = program("Fall", GRAVITY, "return 0.0, -p.gravity")
_DRAG = program("Drag", DAMPING, "return -p.damping * vx, -p.damping * vy")
_SPRING = program("Spring", STIFFNESS, "return -p.stiffness * x, -p.stiffness * y")


def _steps(name: str, *values: float) -> Inputs:
    """An input that changes every 0.25 s."""
    return Inputs.of(np.arange(len(values)) * 0.25, **{name: values})


_THRUSTER = program("Thruster", GRAVITY + _GAIN, "return 0.0, p.gain * inputs.push - p.gravity", inputs="'push'")
_CART = program(
    "PushedCart",
    _GAIN + "drag = Parameter(0.4, (0, 20), '1/length', 'deceleration over the square of speed')",
    "slow = p.drag * np.hypot(vx, vy)\nreturn p.gain * inputs.push - slow * vx, -slow * vy",
    inputs="'push'",
)
_TABLE = program(
    "TiltedTable",
    "gravity = Parameter(6.0, (0, 50), 'length/time^2', 'of a slope of 1')\n" + DAMPING,
    "return -p.gravity * np.sin(inputs.tilt) - p.damping * vx, -p.damping * vy",
    inputs="'tilt'",
)
_VALVE = program(
    "TunedSpring",
    STIFFNESS + "share = Parameter(0.5, (0, 10), '', 'growth of the stiffness at an input of 1')",
    "pull = p.stiffness * (1.0 + p.share * inputs.current)\nreturn -pull * x, -pull * y",
    inputs="'current'",
)

WORLDS = (
    World(
        name="thruster",
        family="commanded",
        source=_THRUSTER,
        values={"gravity": 9.8, "gain": 5.0},
        inputs=_steps("push", 0, 1, 3, 1, 0, 2, 4, 0, 0),
        starts=({"vx": 1.0, "vy": 4.0}, {"vx": -1.0, "vy": 6.0}),
        steps=(_FALL, program("ThrusterAlone", _GAIN, "return 0.0, p.gain * (inputs.push - 2.0)", inputs="'push'")),
        decoys=(PUSHED, RAMPED, TRAPPED),
        wrong_sign=changed(_THRUSTER, "p.gain * inputs", "-p.gain * inputs"),
    ),
    World(
        name="pushed cart",
        family="commanded",
        source=_CART,
        values={"gain": 4.0, "drag": 0.8},
        inputs=_steps("push", 1, 0, -1, -1, 1, 0.5, 0, -1, 0),
        starts=({"vx": 1.5, "vy": 0.5}, {"vx": -1.0, "vy": -0.6}),
        steps=(
            _DRAG,
            program("Cart", _GAIN, "return p.gain * inputs.push, 0.0", inputs="'push'"),
            program("DraggedCart", _GAIN + DAMPING, "return p.gain * inputs.push - p.damping * vx, -p.damping * vy", inputs="'push'"),
        ),
        decoys=(PUSHED, RAMPED, TRAPPED, SHAKEN),
        wrong_sign=changed(_CART, "return p.gain", "return -p.gain"),
    ),
    World(
        name="tilted table",
        family="commanded",
        source=_TABLE,
        values={"gravity": 9.8, "damping": 0.7},
        inputs=_steps("tilt", 0, 0.2, 0.4, 0, -0.5, -0.3, 0.2, 0.6, 0),
        starts=({"vx": 0.6, "vy": 0.8}, {"vx": -0.5, "vy": -0.4}),
        steps=(
            _DRAG,
            program(
                "Table",
                "gravity = Parameter(6.0, (0, 50), 'length/time^2', 'of a slope of 1')",
                "return -p.gravity * np.sin(inputs.tilt), 0.0",
                inputs="'tilt'",
            ),
        ),
        decoys=(PUSHED, RAMPED, TRAPPED, SHAKEN),
        wrong_sign=changed(_TABLE, "return -p.gravity", "return p.gravity"),
    ),
    World(
        name="tuned spring",
        family="commanded",
        source=_VALVE,
        values={"stiffness": 8.0, "share": 1.0},
        inputs=_steps("current", 0, 1, 2, 0, 1, 2, 2, 0, 0),
        starts=({"x": 0.6, "vy": 1.2}, {"x": -0.3, "y": 0.4, "vx": 0.8}),
        steps=(
            _SPRING,
            program(
                "CurrentAlone", STIFFNESS, "return -p.stiffness * inputs.current * x, -p.stiffness * inputs.current * y", inputs="'current'"
            ),
        ),
        decoys=(TRAPPED, RAMPED, SHAKEN),
        wrong_sign=changed(_VALVE, "1.0 + p.share", "1.0 - p.share"),
    ),
)
