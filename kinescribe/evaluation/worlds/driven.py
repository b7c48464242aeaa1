"""Forces that depend on time."""

from __future__ import annotations

from kinescribe.evaluation.worlds.programs import DAMPING, GRAVITY, PUSHED, RAMPED, SHAKEN, STIFFNESS, TRAPPED, WHIRLED, changed, program
from kinescribe.evaluation.worlds.world import World

__all__ = ["WORLDS"]

_FREQUENCY = "frequency = Parameter(3.0, (0.5, 30), '1/time', 'angular frequency')\n"
_SHAKE = "shake = Parameter(3.0, (0, 100), 'length/time^2', 'greatest acceleration by what shakes')\n"
_FALL = program("Fall", GRAVITY, "return 0.0, -p.gravity")
_SPRING = program("Spring", STIFFNESS, "return -p.stiffness * x, -p.stiffness * y")

_SHAKEN_FALL = program("ShakenFall", GRAVITY + _SHAKE + _FREQUENCY, "return p.shake * np.sin(p.frequency * t), -p.gravity")
_SHAKEN_SPRING = program(
    "ShakenSpring", STIFFNESS + _SHAKE + _FREQUENCY, "return p.shake * np.sin(p.frequency * t) - p.stiffness * x, -p.stiffness * y"
)
_GROWING = program(
    "GrowingGravity",
    GRAVITY + "growth = Parameter(2.0, (0, 50), 'length/time^3', 'of gravity')",
    "return 0.0, -p.gravity - p.growth * t",
)
_DEEP = program(
    "DeepGravity",
    GRAVITY + "slope = Parameter(1.0, (0, 50), '1/time^2', 'growth of gravity downwards')",
    "return 0.0, -p.gravity + p.slope * y",
)
_PUMPED = program(
    "PumpedSpring",
    STIFFNESS + _FREQUENCY + "depth = Parameter(0.25, (0, 0.95), '', 'share by which the stiffness swings')",
    "pull = p.stiffness * (1.0 + p.depth * np.cos(p.frequency * t))\nreturn -pull * x, -pull * y",
)
_FADING = program(
    "FadingSpring",
    STIFFNESS + "life = Parameter(2.5, (0.1, 50), 'time', 'in which the spring gets weaker by e')",
    "pull = p.stiffness * np.exp(-t / p.life)\nreturn -pull * x, -pull * y",
)

WORLDS = (
    World(
        name="shaken fall",
        family="driven",
        source=_SHAKEN_FALL,
        values={"gravity": 9.8, "shake": 6.0, "frequency": 4.5},
        starts=({"vx": 1.0, "vy": 8.0}, {"vx": -1.0, "vy": 5.0}),
        steps=(
            _FALL,
            changed(_SHAKEN_FALL, "np.sin(", "np.cos("),
        ),
        decoys=(PUSHED, TRAPPED, WHIRLED),
        wrong_sign=changed(_SHAKEN_FALL, "return p.shake", "return -p.shake"),
    ),
    World(
        name="shaken spring",
        family="driven",
        source=_SHAKEN_SPRING,
        values={"stiffness": 10.0, "shake": 5.0, "frequency": 4.5},
        starts=({"x": 0.5, "vy": 1.0}, {"x": -0.3, "y": 0.4}),
        steps=(_SPRING, changed(_SHAKEN_SPRING, "np.sin(", "np.cos(")),
        decoys=(TRAPPED, WHIRLED, RAMPED),
        wrong_sign=changed(_SHAKEN_SPRING, "return p.shake", "return -p.shake"),
    ),
    World(
        name="growing gravity",
        family="driven",
        source=_GROWING,
        values={"gravity": 4.0, "growth": 4.0},
        starts=({"vx": 1.0, "vy": 6.0}, {"vx": 2.0, "vy": 4.0}),
        steps=(_FALL, changed(_GROWING, "p.growth * t", "p.growth * t**2")),
        decoys=(_DEEP, TRAPPED, WHIRLED),
        wrong_sign=changed(_GROWING, "- p.growth * t", "+ p.growth * t"),
        equivalents=(changed(_GROWING, "-p.gravity - p.growth * t", "-(p.gravity + p.growth * t)"),),
    ),
    World(
        name="pumped spring",
        family="driven",
        source=_PUMPED,
        values={"stiffness": 12.0, "frequency": 5.0, "depth": 0.5},
        starts=({"x": 0.6, "vy": 1.5}, {"x": -0.3, "y": 0.5, "vx": 1.0}),
        steps=(_SPRING, changed(_PUMPED, "(1.0 + p.depth * np.cos(p.frequency * t))", "np.exp(p.depth * np.cos(p.frequency * t))")),
        decoys=(TRAPPED, WHIRLED, SHAKEN),
        wrong_sign=changed(_PUMPED, "1.0 + p.depth", "1.0 - p.depth"),
    ),
    World(
        name="fading spring",
        family="driven",
        source=_FADING,
        values={"stiffness": 15.0, "life": 1.0},
        starts=({"x": 0.6, "vy": 1.5},),
        steps=(_SPRING, program("LosingSpring", STIFFNESS + DAMPING, "pull = p.stiffness - p.damping * t\nreturn -pull * x, -pull * y")),
        decoys=(TRAPPED, WHIRLED, SHAKEN),
        wrong_sign=changed(_FADING, "np.exp(-t", "np.exp(t"),
    ),
)
