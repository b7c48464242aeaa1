"""Pulls towards a fixed point that fall with distance in one way or another."""

from __future__ import annotations

from kinescribe.evaluation.worlds.programs import DAMPING, SHAKEN, STIFFNESS, TRAPPED, WHIRLED, changed, program
from kinescribe.evaluation.worlds.world import World

__all__ = ["WORLDS"]

_SPRING = program("Spring", STIFFNESS, "return -p.stiffness * x, -p.stiffness * y")
_DISTANCE = "d = np.maximum(np.hypot(x, y), 1e-100)\n"


def _pull(name: str, unit: str, force: str, parameters: str = "", more: str = "") -> str:
    """A pull of a strength to the origin, over the distance as `force` has it."""
    return program(
        name,
        f"strength = Parameter(1.0, (0, 100), '{unit}', 'of the pull')\n{parameters}",
        f"{_DISTANCE}pull = p.strength * {force} / d\nreturn -pull * x{more.replace('v', 'vx')}, -pull * y{more.replace('v', 'vy')}",
    )


_CONSTANT = _pull("ConstantPull", "length/time^2", "1.0")
_LOGARITHM = _pull("LogarithmicWell", "length^2/time^2", "1.0 / d")
_SQUARE = _pull("InverseSquare", "length^3/time^2", "1.0 / d**2")
_CUBE = _pull("InverseCube", "length^4/time^2", "1.0 / d**3")
_YUKAWA = _pull(
    "ScreenedPull", "length^3/time^2", "np.exp(-d / p.reach) / d**2", "reach = Parameter(1.6, (0.05, 20), 'length', 'of the pull')"
)
_SOFT = _pull(
    "SoftCore", "length^3/time^2", "d / (d**2 + p.core**2)**1.5", "core = Parameter(0.8, (0.01, 5), 'length', 'of the soft middle')"
)
_DRAGGED = _pull("DraggedOrbit", "length^3/time^2", "1.0 / d**2", DAMPING, " - p.damping * v")

_ORBITS = ({"x": 1.0, "vx": 0.2, "vy": 1.3}, {"x": -0.6, "y": 0.3, "vx": 0.2, "vy": -1.2})
_DECOYS = (TRAPPED, WHIRLED, SHAKEN)

WORLDS = (
    World(
        name="logarithmic well",
        family="central",
        source=_LOGARITHM,
        values={"strength": 2.0},
        starts=_ORBITS,
        steps=(_SPRING, _CONSTANT),
        decoys=_DECOYS,
        wrong_sign=changed(_LOGARITHM, "return -pull * x, -pull", "return pull * x, pull"),
        equivalents=(
            program(
                "LogarithmicWell",
                "strength = Parameter(1.0, (0, 100), 'length^2/time^2', 'of the pull')",
                f"{_DISTANCE}return -p.strength * x / d**2, -p.strength * y / d**2",
            ),
        ),
    ),
    World(
        name="screened pull",
        family="central",
        source=_YUKAWA,
        values={"strength": 2.5, "reach": 1.0},
        starts=({"x": 1.2, "vx": -0.3, "vy": 0.8}, {"x": -0.6, "y": 0.3, "vx": 0.7, "vy": 1.4}),
        steps=(_SPRING, _LOGARITHM, _SQUARE),
        decoys=_DECOYS,
        wrong_sign=changed(_YUKAWA, "np.exp(-d", "np.exp(d"),
    ),
    World(
        name="inverse cube",
        family="central",
        source=_CUBE,
        values={"strength": 1.8},
        starts=({"x": 1.0, "vx": 0.2, "vy": 1.5}, {"x": -0.9, "y": 0.3, "vx": -0.1, "vy": -1.6}),
        steps=(_SPRING, _CONSTANT, _LOGARITHM),
        decoys=_DECOYS,
        wrong_sign=changed(_CUBE, "return -pull * x, -pull", "return pull * x, pull"),
    ),
    World(
        name="soft core",
        family="central",
        source=_SOFT,
        values={"strength": 3.0, "core": 0.4},
        starts=({"x": 1.0, "vx": 0.2, "vy": 1.0}, {"x": -0.5, "y": 0.2, "vx": -0.5, "vy": -1.0}),
        steps=(_SPRING, _CONSTANT),
        decoys=_DECOYS,
        wrong_sign=changed(_SOFT, "return -pull * x, -pull", "return pull * x, pull"),
    ),
    World(
        name="dragged orbit",
        family="central",
        source=_DRAGGED,
        values={"strength": 2.0, "damping": 0.15},
        starts=({"x": 1.0, "vx": 0.2, "vy": 1.4}, {"x": -0.8, "y": 0.3, "vx": 0.2, "vy": -1.5}),
        steps=(_SPRING, _LOGARITHM, _SQUARE),
        decoys=_DECOYS,
        wrong_sign=changed(_DRAGGED, "x - p.damping * vx, -pull * y - p.damping", "x + p.damping * vx, -pull * y + p.damping"),
    ),
)
