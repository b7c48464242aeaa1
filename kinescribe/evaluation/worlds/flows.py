"""Things that a flow carries along."""

from __future__ import annotations

from kinescribe.evaluation.worlds.programs import DAMPING, PUSHED, RAMPED, SHAKEN, TRAPPED, WHIRLED, changed, program
from kinescribe.evaluation.worlds.world import World

__all__ = ["WORLDS"]

_DRAG = program("StillWater", DAMPING, "return -p.damping * vx, -p.damping * vy")
_STREAM = program(
    "Stream",
    DAMPING + "speed = Parameter(0.5, (0, 20), 'length/time', 'of the stream, to the right')",
    "return -p.damping * (vx - p.speed), -p.damping * vy",
)


def _flow(name: str, parameters: str, flow: str) -> str:
    """Drag relative to a fluid of velocity (ux, uy)."""
    return program(name, DAMPING + parameters, f"{flow}\nreturn -p.damping * (vx - ux), -p.damping * (vy - uy)")


_TURN = _flow("Turntable", "turn = Parameter(1.0, (0, 50), '1/time', 'angular speed of the water')", "ux, uy = -p.turn * y, p.turn * x")
_VORTEX = _flow(
    "Vortex",
    """
    strength = Parameter(0.5, (0, 50), 'length^2/time', 'of the vortex')
    core = Parameter(0.8, (0.01, 5), 'length', 'radius of its middle')
    """,
    "turn = p.strength / (x**2 + y**2 + p.core**2)\nux, uy = -turn * y, turn * x",
)
_SHEAR = _flow("Shear", "shear = Parameter(1.0, (0, 50), '1/time', 'growth of the speed with height')", "ux, uy = p.shear * y, 0.0")
_STRAIN = _flow("Stagnation", "strain = Parameter(0.5, (0, 50), '1/time', 'of the flow')", "ux, uy = p.strain * x, -p.strain * y")
_JET = _flow(
    "Jet",
    """
    speed = Parameter(1.0, (0, 50), 'length/time', 'in the middle of the jet')
    width = Parameter(0.6, (0.02, 5), 'length', 'of the jet')
    """,
    "ux, uy = p.speed * np.exp(-((y / p.width)**2)), 0.0",
)

WORLDS = (
    World(
        name="vortex",
        family="flows",
        source=_VORTEX,
        values={"damping": 0.9, "strength": 1.0, "core": 0.4},
        starts=({"x": 0.8, "vy": 0.5}, {"x": -0.3, "y": 0.2, "vx": 0.4}, {"y": -1.0, "vx": 0.6, "vy": 0.8}),
        steps=(_DRAG, _TURN),
        decoys=(TRAPPED, WHIRLED, RAMPED),
        wrong_sign=changed(_VORTEX, "-turn * y, turn * x", "turn * y, -turn * x"),
        equivalents=(changed(_VORTEX, "ux, uy = -turn * y, turn * x", "ux, uy = turn * (-y), turn * x"),),
    ),
    World(
        name="shear",
        family="flows",
        source=_SHEAR,
        values={"damping": 0.9, "shear": 2.0},
        starts=({"y": 0.6, "vy": -0.8}, {"y": -0.2, "vx": 0.5, "vy": 0.8}),
        steps=(_DRAG, _STREAM),
        decoys=(PUSHED, TRAPPED, SHAKEN),
        wrong_sign=changed(_SHEAR, "p.shear * y", "-p.shear * y"),
    ),
    World(
        name="stagnation point",
        family="flows",
        source=_STRAIN,
        values={"damping": 0.9, "strain": 1.2},
        starts=({"x": 0.2, "y": 1.0, "vx": 0.1, "vy": -1.2}, {"x": -0.3, "y": -0.8, "vx": 0.6}),
        steps=(_DRAG, changed(_STRAIN, "-p.strain * y", "0.0")),
        decoys=(PUSHED, WHIRLED, SHAKEN),
        wrong_sign=changed(_STRAIN, "p.strain * x, -p.strain * y", "-p.strain * x, p.strain * y"),
    ),
    World(
        name="jet",
        family="flows",
        source=_JET,
        values={"damping": 0.9, "speed": 2.0, "width": 0.3},
        starts=({"y": -0.8, "vx": 0.2, "vy": 1.4}, {"y": 0.2, "vy": -0.4}),
        steps=(_DRAG, _STREAM),
        decoys=(RAMPED, TRAPPED, SHAKEN),
        wrong_sign=changed(_JET, "= p.speed", "= -p.speed"),
    ),
)
