"""Things that bounce under forces that the library doesn't know."""

from __future__ import annotations

from kinescribe.evaluation.worlds.programs import DAMPING, FLOOR, GRAVITY, WHIRLED, changed, program
from kinescribe.evaluation.worlds.world import World

__all__ = ["WORLDS"]

_RESTITUTION = "restitution = Parameter(0.5, (0, 1), '', 'speed after over before a bounce', revealed_by='a bounce')\n"
_SPIN = "spin = Parameter(1.2, (0, 50), '1/time', 'rate at which the velocity turns')\n"
_BALL = program("Ball", GRAVITY + _RESTITUTION, "return 0.0, -p.gravity", FLOOR)
_PUSH = "push = Parameter(0.0, (-50, 50), 'length/time^2', 'constant acceleration to the right')\n"
_DECOYS = (
    program("PushedBall", GRAVITY + DAMPING + _PUSH + _RESTITUTION, "return p.push - p.damping * vx, -p.gravity - p.damping * vy", FLOOR),
    program(
        "RampedBall",
        GRAVITY + _PUSH + _RESTITUTION + "ramp = Parameter(0.0, (-50, 50), 'length/time^3', 'growth of the push')",
        "return p.push + p.ramp * t, -p.gravity",
        FLOOR,
    ),
    WHIRLED,
)

_MAGNETIC = program("MagneticBall", GRAVITY + _SPIN + _RESTITUTION, "return -p.spin * vy, p.spin * vx - p.gravity", FLOOR)
_SHAKEN = program(
    "ShakenBall",
    GRAVITY
    + _RESTITUTION
    + """
    shake = Parameter(3.0, (0, 100), 'length/time^2', 'greatest acceleration by what shakes')
    frequency = Parameter(3.0, (0.5, 30), '1/time', 'angular frequency')
    """,
    "return p.shake * np.sin(p.frequency * t), -p.gravity",
    FLOOR,
)
_WINDY = program(
    "WindyBall",
    GRAVITY + DAMPING + _RESTITUTION + "gust = Parameter(1.2, (0, 20), '1/time', 'growth of the wind\\'s speed with height')",
    "return -p.damping * (vx - p.gust * y), -p.gravity - p.damping * vy",
    FLOOR,
)
_BALLS = ({"y": 1.2, "vx": 1.0}, {"y": 0.8, "vx": -0.5, "vy": 1.5})

WORLDS = (
    World(
        name="magnetic ball",
        family="walls",
        source=_MAGNETIC,
        values={"gravity": 9.8, "spin": 2.0, "restitution": 0.8},
        starts=_BALLS,
        frames=50,
        steps=(_BALL, changed(_MAGNETIC, "p.spin * vx - p.gravity", "-p.gravity")),
        decoys=_DECOYS,
        wrong_sign=changed(_MAGNETIC, "return -p.spin * vy, p.spin", "return p.spin * vy, -p.spin"),
    ),
    World(
        name="shaken ball",
        family="walls",
        source=_SHAKEN,
        frames=50,
        values={"gravity": 9.8, "restitution": 0.8, "shake": 5.0, "frequency": 4.5},
        starts=_BALLS,
        steps=(_BALL, changed(_SHAKEN, "np.sin(", "np.cos(")),
        decoys=_DECOYS,
        wrong_sign=changed(_SHAKEN, "return p.shake", "return -p.shake"),
    ),
    World(
        name="gusty ball",
        family="walls",
        source=_WINDY,
        frames=50,
        values={"gravity": 9.8, "damping": 0.9, "restitution": 0.8, "gust": 3.0},
        starts=_BALLS,
        steps=(_BALL, changed(_WINDY, "-p.gravity - p.damping * vy", "-p.gravity")),
        decoys=_DECOYS,
        wrong_sign=changed(_WINDY, "vx - p.gust", "vx + p.gust"),
    ),
)
