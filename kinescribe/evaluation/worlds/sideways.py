"""Forces across the velocity."""

from __future__ import annotations

from kinescribe.evaluation.worlds.programs import DAMPING, GRAVITY, PUSHED, RAMPED, SHAKEN, TRAPPED, changed, program
from kinescribe.evaluation.worlds.world import World

__all__ = ["WORLDS"]

_SPIN = "spin = Parameter(2.0, (0, 50), '1/time', 'rate at which the velocity turns')\n"
_DRAG = program("Drag", DAMPING, "return -p.damping * vx, -p.damping * vy")
_TURN = program("Turning", _SPIN, "return -p.spin * vy, p.spin * vx")
_FALL = program("Fall", GRAVITY, "return 0.0, -p.gravity")

_MAGNET = program("Magnet", _SPIN + DAMPING, "return -p.spin * vy - p.damping * vx, p.spin * vx - p.damping * vy")
_MAGNUS = program("Magnus", GRAVITY + _SPIN, "return -p.spin * vy, p.spin * vx - p.gravity")
_CAROUSEL = program(
    "Carousel",
    "turning = Parameter(0.6, (0, 20), '1/time', 'angular speed of the platform, counter-clockwise')",
    "return 2.0 * p.turning * vy + p.turning**2 * x, -2.0 * p.turning * vx + p.turning**2 * y",
)
_GRADIENT = program(
    "UnevenMagnet",
    _SPIN + "slope = Parameter(0.4, (0, 20), '1/length', 'relative growth of the field, to the right')",
    "turn = p.spin * (1.0 + p.slope * x)\nreturn -turn * vy, turn * vx",
)
_CURVE = program(
    "CurveBall",
    GRAVITY
    + """
    lift = Parameter(0.1, (0, 5), '1/length', 'sideways acceleration over the square of speed')
    drag = Parameter(0.03, (0, 5), '1/length', 'deceleration over the square of speed')
    """,
    """
    speed = np.hypot(vx, vy)
    return -speed * (p.drag * vx + p.lift * vy), speed * (p.lift * vx - p.drag * vy) - p.gravity
    """,
)

WORLDS = (
    World(
        name="magnet",
        family="sideways",
        source=_MAGNET,
        values={"spin": 3.5, "damping": 0.6},
        starts=({"vx": 2.0, "vy": 0.5}, {"x": 0.5, "y": 0.5, "vx": -0.5, "vy": 1.5}),
        steps=(_DRAG, _TURN),
        decoys=(TRAPPED, SHAKEN, RAMPED),
        wrong_sign=changed(
            _MAGNET, "return -p.spin * vy - p.damping * vx, p.spin * vx", "return p.spin * vy - p.damping * vx, -p.spin * vx"
        ),
        equivalents=(changed(_MAGNET, "-p.spin * vy - p.damping * vx", "-(p.damping * vx + p.spin * vy)"),),
    ),
    World(
        name="lift",
        family="sideways",
        source=_MAGNUS,
        values={"gravity": 9.8, "spin": 3.0},
        starts=({"vx": 2.0, "vy": 4.0}, {"vx": -1.0, "vy": 2.0}),
        steps=(_FALL, changed(_MAGNUS, "p.spin * vx - p.gravity", "-p.gravity")),
        decoys=(TRAPPED, SHAKEN, RAMPED),
        wrong_sign=changed(_MAGNUS, "return -p.spin * vy, p.spin", "return p.spin * vy, -p.spin"),
    ),
    World(
        name="carousel",
        family="sideways",
        source=_CAROUSEL,
        values={"turning": 1.2},
        starts=({"x": 0.3, "vx": 1.0, "vy": 0.8}, {"x": -0.4, "y": 0.3, "vx": 1.0, "vy": -0.6}),
        steps=(
            _DRAG,
            program(
                "Coriolis",
                "turning = Parameter(0.6, (0, 20), '1/time', 'angular speed')",
                "return 2.0 * p.turning * vy, -2.0 * p.turning * vx",
            ),
        ),
        decoys=(RAMPED, SHAKEN, TRAPPED),
        wrong_sign=changed(
            _CAROUSEL, "return 2.0 * p.turning * vy + p.turning**2 * x, -2.0", "return -2.0 * p.turning * vy + p.turning**2 * x, 2.0"
        ),
    ),
    World(
        name="uneven magnet",
        family="sideways",
        source=_GRADIENT,
        values={"spin": 3.5, "slope": 0.8},
        starts=({"vx": 1.8}, {"x": -0.4, "vx": 0.5, "vy": 1.5}),
        steps=(_DRAG, _TURN, changed(_GRADIENT, "(1.0 + p.slope * x)", "np.exp(p.slope * x)")),
        decoys=(TRAPPED, SHAKEN, RAMPED),
        wrong_sign=changed(_GRADIENT, "1.0 + p.slope", "1.0 - p.slope"),
    ),
    World(
        name="curve ball",
        family="sideways",
        source=_CURVE,
        values={"gravity": 9.8, "lift": 0.2, "drag": 0.06},
        starts=({"vx": 6.0, "vy": 3.0}, {"vx": 3.0, "vy": 6.0}),
        steps=(
            _FALL,
            program("Lifted", GRAVITY + _SPIN, "return -p.spin * vy, p.spin * vx - p.gravity"),
            program("Turned", GRAVITY + _SPIN + DAMPING, "return -p.spin * vy - p.damping * vx, p.spin * vx - p.damping * vy - p.gravity"),
        ),
        decoys=(PUSHED, RAMPED, SHAKEN),
        wrong_sign=changed(_CURVE, "(p.drag * vx + p.lift * vy), speed * (p.lift", "(p.drag * vx - p.lift * vy), speed * (-p.lift"),
    ),
)
