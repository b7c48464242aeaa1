"""Three objects that act on each other."""

from __future__ import annotations

from kinescribe.evaluation.worlds.programs import DAMPING, EACH_PUSHED, EACH_TRAPPED, MANY, WHIRLED, changed, program
from kinescribe.evaluation.worlds.world import World

__all__ = ["WORLDS"]

_LENGTH = "length = Parameter(1.0, (0.05, 20), 'length', 'distance at which nothing acts')\n"
_RATE = "rate = Parameter(0.5, (0, 50), '1/time', 'at which they take on each other\\'s velocity')\n"
_CORNERS = {"x": (0.0, 1.0, 0.4), "y": (0.0, 0.1, 0.9)}
_MOVING = {**_CORNERS, "vx": (0.6, -0.4, 0.1), "vy": (0.3, 0.5, -0.8)}
_SPREAD = {"x": (0.0, 0.6, -0.5), "y": (0.0, 0.5, 0.7), "vx": (0.2, -0.8, 0.5), "vy": (-0.3, 0.1, -0.6)}
_DRAG = program("Drag", DAMPING, "return -p.damping * vx, -p.damping * vy")
_DECOYS = (EACH_PUSHED, EACH_TRAPPED, WHIRLED)


def _strength(unit: str) -> str:
    return f"strength = Parameter(1.5, (0, 100), '{unit}', 'of what acts between each two')\n"


def _among(name: str, parameters: str, pull: str) -> str:
    """A pull of each towards all others, over the distance d; parameters in it are (…, 1, 1)."""
    return program(name, parameters, f"{MANY}pull = ({pull}) / d\nreturn (pull * dx).sum(axis=2), (pull * dy).sum(axis=2)")


_MOLECULES = _among(
    "Molecules", _strength("length/time^2") + _LENGTH, "p.strength[:, None] * (p.length[:, None] / d - (p.length[:, None] / d)**3)"
)
_LOGARITHMIC = _among("LogarithmicPull", _strength("length^2/time^2"), "p.strength[:, None] / d")
_CONSTANT = _among("ConstantPull", _strength("length/time^2"), "p.strength[:, None]")
_FLOCK = program(
    "Flock",
    _strength("1/time^2") + _RATE,
    f"""
    {MANY}
    ax = (p.strength[:, None] * dx + p.rate[:, None] * (vx[:, None, :] - vx[:, :, None])).sum(axis=2)
    ay = (p.strength[:, None] * dy + p.rate[:, None] * (vy[:, None, :] - vy[:, :, None])).sum(axis=2)
    return ax, ay
    """,
)
_ALIGNED = program(
    "Aligning",
    _RATE,
    f"""
    {MANY}
    ax = (p.rate[:, None] * (vx[:, None, :] - vx[:, :, None])).sum(axis=2)
    return ax, (p.rate[:, None] * (vy[:, None, :] - vy[:, :, None])).sum(axis=2)
    """,
)

WORLDS = (
    World(
        name="molecules",
        family="trios",
        source=_MOLECULES,
        values={"strength": 4.0, "length": 0.6},
        objects=3,
        starts=({**_CORNERS, "vx": (0.5, -0.6, 0.0), "vy": (0.3, 0.3, -0.7)}, _SPREAD),
        steps=(
            _DRAG,
            _among("Bands", _strength("1/time^2"), "p.strength[:, None] * d"),
            _among("Springs", _strength("1/time^2") + _LENGTH, "p.strength[:, None] * (d - p.length[:, None])"),
        ),
        decoys=_DECOYS,
        wrong_sign=changed(_MOLECULES, "(p.length[:, None] / d - (", "(-p.length[:, None] / d - ("),
    ),
    World(
        name="logarithmic trio",
        family="trios",
        source=_LOGARITHMIC,
        values={"strength": 0.5},
        objects=3,
        starts=(_MOVING, _SPREAD),
        steps=(_DRAG, _among("Springs", _strength("1/time^2"), "p.strength[:, None] * d"), _CONSTANT),
        decoys=_DECOYS,
        wrong_sign=changed(_LOGARITHMIC, "(p.strength", "(-p.strength"),
    ),
    World(
        name="flock",
        family="trios",
        source=_FLOCK,
        values={"strength": 3.0, "rate": 0.9},
        objects=3,
        starts=(_MOVING, _SPREAD),
        steps=(
            _DRAG,
            _ALIGNED,
        ),
        decoys=_DECOYS,
        wrong_sign=_FLOCK.replace("+ p.rate", "- p.rate"),
    ),
)
