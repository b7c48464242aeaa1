"""Springs that don't obey Hooke."""

from __future__ import annotations

from kinescribe.evaluation.worlds.programs import GRAVITY, RAMPED, SHAKEN, STIFFNESS, TRAPPED, WHIRLED, changed, program
from kinescribe.evaluation.worlds.world import World

__all__ = ["WORLDS"]

_SPRING = program("Spring", STIFFNESS, "return -p.stiffness * x, -p.stiffness * y")
_FALL = program("Fall", GRAVITY, "return 0.0, -p.gravity")

_HARD = program(
    "HardSpring",
    STIFFNESS + "hardening = Parameter(20.0, (0, 1000), '1/length^2/time^2', 'growth of the stiffness')",
    "pull = p.stiffness + p.hardening * (x**2 + y**2)\nreturn -pull * x, -pull * y",
)
_WELLS = program(
    "TwoWells",
    STIFFNESS
    + """
    push = Parameter(3.0, (0, 500), '1/time^2', 'away from the middle')
    hardening = Parameter(6.0, (0, 1000), '1/length^2/time^2', 'back to it from afar')
    """,
    "return p.push * x - p.hardening * x**3, -p.stiffness * y",
)
_SLANTED = program(
    "SlantedTrap",
    STIFFNESS
    + """
    stiffness_y = Parameter(5.0, (0, 500), '1/time^2', 'the same, upwards')
    cross = Parameter(2.0, (0, 500), '1/time^2', 'pull by the other distance')
    """,
    "return -p.stiffness * x - p.cross * y, -p.stiffness_y * y - p.cross * x",
)
_BUNGEE = program(
    "Bungee",
    GRAVITY + STIFFNESS + "length = Parameter(0.5, (0.05, 5), 'length', 'of the slack cord')",
    """
    d = np.maximum(np.hypot(x, y), 1e-100)
    pull = p.stiffness * np.maximum(d - p.length, 0.0) / d
    return -pull * x, -p.gravity - pull * y
    """,
)
_BUMPERS = program(
    "Bumpers",
    STIFFNESS
    + """
    bumper = Parameter(60.0, (0, 2000), '1/time^2', 'stiffness beyond the gap')
    gap = Parameter(0.3, (0.01, 3), 'length', 'distance at which the bumpers begin')
    """,
    "beyond = np.sign(x) * np.maximum(np.abs(x) - p.gap, 0.0)\nreturn -p.stiffness * x - p.bumper * beyond, -p.stiffness * y",
)

WORLDS = (
    World(
        name="hard spring",
        family="springs",
        source=_HARD,
        values={"stiffness": 8.0, "hardening": 40.0},
        starts=({"x": 0.6, "y": 0.2, "vy": 1.0}, {"x": -0.4, "vy": 0.8}),
        steps=(_SPRING, program("QuadraticSpring", STIFFNESS, "d = np.hypot(x, y)\nreturn -p.stiffness * d * x, -p.stiffness * d * y")),
        decoys=(TRAPPED, WHIRLED, SHAKEN),
        wrong_sign=changed(_HARD, "p.stiffness + p.hardening", "p.stiffness - p.hardening"),
        equivalents=(changed(_HARD, "(x**2 + y**2)", "np.hypot(x, y)**2"),),
    ),
    World(
        name="two wells",
        family="springs",
        source=_WELLS,
        values={"stiffness": 9.0, "push": 6.0, "hardening": 12.0},
        starts=({"x": 0.9, "y": 0.3, "vx": 1.2}, {"x": -0.8, "y": -0.4, "vx": 0.3}),
        steps=(
            _SPRING,
            program(
                "FlatWell",
                STIFFNESS + "hardening = Parameter(6.0, (0, 1000), '1/length^2/time^2', 'pull over the cube of distance')",
                "return -p.hardening * x**3, -p.stiffness * y",
            ),
        ),
        decoys=(TRAPPED, WHIRLED, SHAKEN),
        wrong_sign=changed(_WELLS, "return p.push * x", "return -p.push * x"),
    ),
    World(
        name="slanted trap",
        family="springs",
        source=_SLANTED,
        values={"stiffness": 10.0, "stiffness_y": 15.0, "cross": 4.0},
        starts=({"x": 0.8, "y": 0.2, "vy": 1.5},),
        steps=(
            _SPRING,
            program(
                "StraightTrap",
                STIFFNESS + "stiffness_y = Parameter(5.0, (0, 500), '1/time^2', 'the same, upwards')",
                "return -p.stiffness * x, -p.stiffness_y * y",
            ),
        ),
        decoys=(WHIRLED, SHAKEN, RAMPED),
        wrong_sign=_SLANTED.replace("- p.cross", "+ p.cross"),
    ),
    World(
        name="bungee",
        family="springs",
        source=_BUNGEE,
        values={"gravity": 9.8, "stiffness": 15.0, "length": 1.0},
        starts=({"x": 0.3, "y": 0.0, "vx": 0.6}, {"x": 0.0, "y": -0.5, "vx": 1.0}),
        frames=70,
        steps=(
            _FALL,
            program("Hanging", GRAVITY + STIFFNESS, "return -p.stiffness * x, -p.gravity - p.stiffness * y"),
            program(
                "StiffCord",
                GRAVITY + STIFFNESS + "length = Parameter(0.5, (0.05, 5), 'length', 'of the cord')",
                "d = np.maximum(np.hypot(x, y), 1e-100)\npull = p.stiffness * (d - p.length) / d\nreturn -pull * x, -p.gravity - pull * y",
            ),
        ),
        decoys=(TRAPPED, WHIRLED, SHAKEN),
        wrong_sign=changed(_BUNGEE, "return -pull * x, -p.gravity - pull", "return pull * x, -p.gravity + pull"),
    ),
    World(
        name="bumpers",
        family="springs",
        source=_BUMPERS,
        values={"stiffness": 8.0, "bumper": 150.0, "gap": 0.5},
        starts=({"x": 0.2, "y": 0.3, "vx": 2.5}, {"x": -0.3, "vx": 1.5, "vy": 1.0}),
        steps=(
            _SPRING,
            program(
                "Duffing",
                STIFFNESS + "hardening = Parameter(20.0, (0, 1000), '1/length^2/time^2', 'growth of the stiffness')",
                "return -p.stiffness * x - p.hardening * x**3, -p.stiffness * y",
            ),
        ),
        decoys=(TRAPPED, WHIRLED, SHAKEN),
        wrong_sign=changed(_BUMPERS, "- p.bumper", "+ p.bumper"),
    ),
)
