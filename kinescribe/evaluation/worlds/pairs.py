"""Two objects that act on each other."""

from __future__ import annotations

from kinescribe.evaluation.worlds.programs import DAMPING, EACH_PUSHED, EACH_TRAPPED, OTHER, WHIRLED, changed, program
from kinescribe.evaluation.worlds.world import World

__all__ = ["WORLDS"]

_STIFF = "stiffness = Parameter(4.0, (0, 500), '1/time^2', 'of the spring between them')\n"
_LENGTH = "length = Parameter(0.5, (0.01, 5), 'length', 'distance at which nothing acts')\n"
_REACH = "reach = Parameter(1.5, (0.05, 20), 'length', 'distance over which it acts')\n"


def _strength(unit: str) -> str:
    return f"strength = Parameter(1.0, (0, 100), '{unit}', 'of what acts between them')\n"


def _between(name: str, parameters: str, pull: str) -> str:
    """A pull of each towards the other, over the distance d."""
    return program(name, parameters, f"{OTHER}pull = ({pull}) / d\nreturn pull * dx, pull * dy")


_SPRING = _between("PairSpring", _STIFF + _LENGTH, "p.stiffness * (d - p.length)")
_SOFT = _between("PairBand", _STIFF, "p.stiffness * d")
_SQUARE = _between("Repelled", _strength("length^3/time^2"), "-p.strength / d**2")
_AWAY = _between("PushedApart", _strength("length/time^2"), "-p.strength")

_MOLECULE = _between("Molecule", _strength("length/time^2") + _LENGTH, "p.strength * ((p.length / d)**2 - (p.length / d)**6)")
_CUBIC = _between(
    "CubicPairSpring",
    _STIFF + _LENGTH + "hardening = Parameter(25.0, (0, 2000), '1/length^2/time^2', 'growth of the stiffness')",
    "p.stiffness * (d - p.length) + p.hardening * (d - p.length)**3",
)
_REPELLING = _between("LogarithmicRepulsion", _strength("length^2/time^2"), "-p.strength / d")
_PURSUIT = program(
    "Pursuit",
    """
    chase = Parameter(1.0, (0, 50), 'length/time^2', 'of the first after the second')
    flee = Parameter(0.4, (0, 50), 'length/time^2', 'of the second from the first')
    """,
    f"{OTHER}pull = np.where(np.arange(2) == 0, p.chase, -p.flee) / d\nreturn pull * dx, pull * dy",
)
_ALIGNED = program(
    "Aligning",
    "rate = Parameter(1.0, (0, 50), '1/time', 'at which they take on each other\\'s velocity')\n" + _REACH,
    f"{OTHER}pull = p.rate * np.exp(-d / p.reach)\nreturn pull * (vx[:, ::-1] - vx), pull * (vy[:, ::-1] - vy)",
)
_SWIRL = program("Swirling", _strength("length^2/time^2"), f"{OTHER}turn = p.strength / d**2\nreturn -turn * dy, turn * dx")
_DRAG = program("Drag", DAMPING, "return -p.damping * vx, -p.damping * vy")
_DECOYS = (EACH_PUSHED, EACH_TRAPPED, WHIRLED)
_APART = {"x": (0.0, 1.0), "y": (0.0, 0.2)}

WORLDS = (
    World(
        name="molecule",
        family="pairs",
        source=_MOLECULE,
        values={"strength": 3.0, "length": 0.8},
        objects=2,
        starts=(
            {"x": (0.0, 1.1), "y": (0.0, 0.1), "vx": (0.3, 0.1), "vy": (-0.4, 0.5)},
            {"x": (0.0, 0.7), "vx": (-0.6, 0.6), "vy": (0.2, -0.3)},
        ),
        steps=(_DRAG, _SOFT, _SPRING),
        decoys=_DECOYS,
        wrong_sign=changed(_MOLECULE, "((p.length / d)**2 -", "(-((p.length / d)**2) -"),
    ),
    World(
        name="cubic pair spring",
        family="pairs",
        source=_CUBIC,
        values={"stiffness": 2.0, "length": 0.8, "hardening": 60.0},
        objects=2,
        starts=(
            {"x": (0.0, 1.4), "y": (0.0, 0.1), "vx": (0.3, 0.1), "vy": (-0.5, 0.6)},
            {"x": (0.0, 0.9), "vx": (-0.8, 0.8), "vy": (0.2, -0.3)},
        ),
        steps=(_DRAG, _SPRING),
        decoys=_DECOYS,
        wrong_sign=changed(_CUBIC, "+ p.hardening", "- p.hardening"),
    ),
    World(
        name="logarithmic repulsion",
        family="pairs",
        source=_REPELLING,
        values={"strength": 2.0},
        objects=2,
        starts=({"x": (0.0, 1.5), "y": (0.0, 0.1), "vx": (0.9, -1.2)}, {"x": (0.0, 0.25), "vy": (0.2, -0.2)}),
        steps=(_DRAG, _AWAY, _SQUARE),
        decoys=_DECOYS,
        wrong_sign=changed(_REPELLING, "(-p.strength", "(p.strength"),
    ),
    World(
        name="pursuit",
        family="pairs",
        source=_PURSUIT,
        values={"chase": 2.0, "flee": 0.8},
        objects=2,
        starts=({**_APART, "vy": (1.2, -0.5)}, {"x": (0.0, -0.8), "y": (0.0, 0.6), "vx": (0.8, 0.4)}),
        steps=(
            _DRAG,
            program(
                "OneChases",
                "chase = Parameter(1.0, (0, 50), 'length/time^2', 'of the first')",
                f"{OTHER}pull = np.where(np.arange(2) == 0, p.chase, 0.0) / d\nreturn pull * dx, pull * dy",
            ),
        ),
        decoys=_DECOYS,
        wrong_sign=changed(_PURSUIT, "p.chase, -p.flee", "p.chase, p.flee"),
    ),
    World(
        name="aligning",
        family="pairs",
        source=_ALIGNED,
        values={"rate": 2.5, "reach": 0.8},
        objects=2,
        starts=(
            {"x": (0.0, 0.5), "y": (0.0, 0.5), "vx": (1.2, -0.6), "vy": (0.2, -1.0)},
            {"x": (0.0, 1.5), "y": (0.0, 0.3), "vx": (1.2, -0.8), "vy": (0.3, 0.2)},
        ),
        steps=(
            _DRAG,
            program(
                "AligningAnywhere",
                "rate = Parameter(1.0, (0, 50), '1/time', 'of aligning')",
                "return p.rate * (vx[:, ::-1] - vx), p.rate * (vy[:, ::-1] - vy)",
            ),
        ),
        decoys=_DECOYS,
        wrong_sign=changed(_ALIGNED, "return pull * (vx[:, ::-1] - vx), pull", "return -pull * (vx[:, ::-1] - vx), -pull"),
    ),
    World(
        name="swirl",
        family="pairs",
        source=_SWIRL,
        values={"strength": 2.0},
        objects=2,
        starts=({**_APART, "vx": (0.3, -0.3), "vy": (0.5, 0.2)}, {"x": (0.0, -0.4), "y": (0.0, 0.5), "vx": (0.4, -0.2)}),
        steps=(
            _DRAG,
            program("SwirlAnywhere", _strength("length/time^2"), f"{OTHER}return -p.strength * dy, p.strength * dx"),
        ),
        decoys=_DECOYS,
        wrong_sign=changed(_SWIRL, "return -turn * dy, turn", "return turn * dy, -turn"),
        equivalents=(changed(_SWIRL, "-turn * dy, turn * dx", "turn * (-dy), turn * dx"),),
    ),
)
