"""The law of rigid bodies."""
# methods that fill in a law's contract, which says what they do
# ruff: noqa: D102

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.affordances import WORLD, Affordances, JointRule, Resolved, resolve
from kinescribe.dynamics.affordances.application import rate_inputs
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.library.discs import CollidingDiscs
from kinescribe.dynamics.parameters import Parameter, Values
from kinescribe.dynamics.rigid.scale import Scale
from kinescribe.dynamics.rigid.starts import gravity_of
from kinescribe.dynamics.rigid.world import Body, World
from kinescribe.dynamics.state import Bodies, State
from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["RigidWorld"]

Float = NDArray[np.float64]
NUMBERS = ("gravity", "restitution", "friction", "linear_damping", "angular_damping", "threshold", "size")
QUARTER_TURN = 0.25 * np.pi  # a step turns a body by no more; Box2D stops at twice that
MOST_STEPS = 20_000  # between two frames


class RigidWorld(Law):
    """Rigid bodies under gravity that bounce, rub, spin, and are joined, as Box2D simulates them: ProgGen's vocabulary.

    Discs (and round blobs) are circles, all else boxes, of the table's sizes. Walls and joints come from affordance rules; without rules
    there are none, and everything may touch. Pure Box2D otherwise: semi-implicit Euler steps, impulses, 32-bit numbers (relative precision
    10⁻⁷, so that finite differences of its trajectories want the steps of `difference_step`).

    Box2D's constants are kept from meddling by its units, which are chosen so that bodies are about 1 m large: bodies may overlap by 0.5 %
    of that size. What approaches each other more slowly than `threshold` does not bounce: in Box2D itself, and in worlds generated with it,
    1 m/s (there set ``RigidWorld(threshold=1.0, scale=1.0)``), here what two steps of free fall bring about, if that is more. A step is cut
    in parts where a body would pass its own thickness in it, which also keeps clear of Box2D's limit of 2 m a step.

    Args:
        rules: affordance rules: walls, joints, who may touch, who is static or kinematic (for the last fit what `apply` makes of the clip).
        time_step: seconds of a step at most; a frame interval is cut into equal ones.
        velocity_iterations, position_iterations: of Box2D's solver.
        scale: Box2D's metres in one world unit; None: what makes the geometric mean of the bodies' sizes 1.
        weigh: "density": mass is density times area; "mass": each body's own.
        **starts: of parameters.

    Raises:
        UsageError: numbers out of range; when it runs: rules that don't fit the objects, bodies without size, no Box2D.
    """

    name = "rigid"
    equation = "rigid bodies under gravity, with restitution, friction, linear_damping and angular_damping (Box2D)"
    turns = True
    last_resort = True
    difference_step = 1e-3
    """Of a number's size: finer finite differences of the trajectories are rounding."""
    gravity = Parameter(9.8, (0.0, np.inf), "length/time^2", "downward acceleration")
    restitution = Parameter(0.8, (0.0, 1.0), "", "speed after over before, along the normal of a contact")
    friction = Parameter(0.2, (0.0, 10.0), "", "Coulomb coefficient of all contacts")
    linear_damping = Parameter(0.0, (0.0, np.inf), "1/time", "rate at which speeds decay", fixed=True)
    angular_damping = Parameter(0.0, (0.0, np.inf), "1/time", "rate at which spins decay", fixed=True)
    density = Parameter(1.0, (1e-6, np.inf), "mass/length^2", "mass over area", per="object", fixed=True)
    mass = Parameter(1.0, (1e-6, np.inf), "mass", "mass of a body", per="object", fixed=True)
    threshold = Parameter(0.0, (0.0, np.inf), "length/time", "approach speed below which nothing bounces", fixed=True)
    size = Parameter(1.0, (0.5, 2.0), "", "size of the bodies at contacts, over the size that was seen", fixed=True)

    def __init__(
        self,
        rules: Affordances | None = None,
        *,
        time_step: float = 0.01,
        velocity_iterations: int = 15,
        position_iterations: int = 20,
        scale: float | None = None,
        weigh: str = "density",
        **starts: float | Parameter,
    ) -> None:
        super().__init__(**starts)
        if not (np.isfinite(time_step) and time_step > 0):
            raise UsageError(f"a rigid world's time step must be a number of seconds above 0, not {time_step}")
        if scale is not None and not (np.isfinite(scale) and scale > 0):
            raise UsageError(f"a rigid world's scale must be a number above 0, not {scale}")
        if min(velocity_iterations, position_iterations) < 1:
            raise UsageError("Box2D's solver needs at least one iteration of each kind")
        if weigh not in ("density", "mass"):
            raise UsageError(f"bodies are weighed by density or by mass, not by '{weigh}'")
        self.rules = rules or Affordances()
        self.time_step = time_step
        self.iterations = (velocity_iterations, position_iterations)
        self.scale, self.weigh = scale, weigh
        del self.parameters["mass" if weigh == "density" else "density"]
        self.inputs = tuple(name for word in self.rules.kinematic for name in rate_inputs(word))

    def rollout(self, initial: State, times: Any, parameters: Values, inputs: Sequence[Values]) -> Float:
        rules = self._rules(initial.bodies)
        masses = self.masses(initial.bodies, parameters)
        clips, count = times.shape
        out = np.full((6, clips, count, len(initial.bodies)), np.nan)
        for clip in range(clips):
            numbers = {name: float(np.broadcast_to(parameters[name], (clips, 1))[clip, 0]) for name in NUMBERS}
            start, weights = initial.data[:, clip], np.broadcast_to(masses, (clips, masses.shape[-1]))[clip]
            # Box2D takes no number that is none: such a clip is lost from the start
            if np.isfinite(start).all() and np.isfinite(weights).all() and np.isfinite(list(numbers.values())).all():
                bodies = _bodies(initial.bodies, clip, weights, rules, numbers["size"])
                driven = {int(i): rate_inputs(initial.bodies.names[i]) for i in np.flatnonzero(rules.kinematic)}
                rates = [{i: [float(one[name][clip, 0]) for name in names] for i, names in driven.items()} for one in inputs]
                self._run(bodies, start, rules, numbers, times[clip], rates if driven else [], out[:, clip])
        return out

    def _run(
        self, bodies: list[Body], start: Float, rules: Resolved, numbers: Mapping[str, float], times: Float,
        rates: list[dict[int, list[float]]], out: Float,
    ) -> None:  # fmt: skip
        """Fill `out` (6, T, n) of one clip, as far as the motion stays within bounds."""
        sizes = np.array([2.0 * body.radius if body.round else np.sqrt(body.width * body.height) for body in bodies])
        step = float(self.time_step or 0.01)
        scale = Scale.of(
            sizes, start[0], start[1],
            step=step, gravity=numbers["gravity"], threshold=numbers["threshold"], length=self.scale,
        )  # fmt: skip
        world = World(bodies, start, rules, self.rules.walls or (), numbers, scale)
        thinnest = min(body.thickness for body in bodies)
        out[:, 0] = start
        for k in range(1, len(times)):
            span = float(times[k] - times[k - 1])
            now = out[:, k - 1]
            way, turn = np.hypot(now[3], now[4]).max() * span, np.abs(now[5]).max() * span
            steps = max(1, round(span / step), int(np.ceil(min(max(way / thinnest, turn / QUARTER_TURN), 2.0 * MOST_STEPS))))
            if span > 0.0 and steps > MOST_STEPS:
                return
            for part in range(steps if span > 0.0 else 0):
                if rates:
                    passed = float(times[k - 1] - times[0]) + span * part / steps
                    held = k - 1 if len(rates) == len(times) - 1 else int(passed / step + 1e-6)
                    for i, values in rates[min(held, len(rates) - 1)].items():
                        world.drive(i, values)
                world.step(span / steps, *self.iterations)
            out[:, k] = world.read()
            if not np.isfinite(out[:, k]).all():
                return

    def _rules(self, bodies: Bodies) -> Resolved:
        resolved = resolve(self.rules, bodies)
        for i in np.flatnonzero(resolved.kinematic):
            if bodies.names[i] not in self.rules.kinematic:
                raise UsageError(f"kinematic objects need their own names in the rules: name '{bodies.names[i]}', not its label")
        return resolved

    def masses(self, bodies: Bodies, parameters: Values) -> Float:
        """Masses (b, n) or (1, n) of the bodies."""
        if self.weigh == "mass":
            return np.atleast_2d(np.asarray(parameters["mass"], float))
        shape = np.atleast_2d(bodies.radius).shape
        areas = np.array(
            [[_body(bodies, clip, i, 1.0, "").area for i in range(shape[1])] for clip in range(shape[0])]
        )  # fmt: skip
        out: Float = np.asarray(parameters["density"], float) * areas
        return out

    def under(self, rules: Affordances) -> RigidWorld:
        """The same world with these rules in place of its own."""
        made = copy.copy(self)
        made.rules = rules
        made.inputs = tuple(name for word in rules.kinematic for name in rate_inputs(word))
        return made

    def rescaled(self, length: float, time: float, mass: float) -> RigidWorld:
        """The same law with its rules, step and scale in units that are smaller by these factors."""
        made = copy.copy(self)
        made.rules = self.rules.rescaled(length)
        made.time_step = None if self.time_step is None else self.time_step * time
        made.scale = None if self.scale is None else self.scale / length
        return made

    def project(self, state: State, parameters: Values) -> State:
        """What hangs from the world moves as its joint lets it."""
        data = np.array(state.data, float)
        for joint, i, j in self._rules(state.bodies).joints:
            if i == WORLD:
                data[3:, :, j] = _allowed(joint, data[:, :, j])
        return State(data, state.bodies)

    def constrained(self, bodies: Bodies) -> int:
        taken = {"revolute": 2, "prismatic": 2, "distance": 1, "weld": 3}
        return sum(taken[joint.kind] for joint, i, _ in self._rules(bodies).joints if i == WORLD)

    def starts(self, clip: Clip) -> Mapping[str, Any]:
        rules = self._rules(clip.bodies)
        joined = {i for joint in rules.joints for i in joint[1:]}
        held = rules.static | rules.kinematic | clip.bodies.static
        found: dict[str, Any] = {name: value for name, value in CollidingDiscs().starts(clip).items() if name == "restitution"}
        gravity = gravity_of(clip, [i for i in range(len(held)) if not held[i] and i not in joined])
        return found if gravity is None else {**found, "gravity": gravity}

    def potential(self, state: State, parameters: Values) -> Any:
        if np.any(parameters["linear_damping"]) or np.any(parameters["angular_damping"]):
            return None
        # what spins holds energy too
        return parameters["gravity"] * state.y + 0.5 * _gyration(state.bodies) * state.angular_velocity**2


def _bodies(bodies: Bodies, clip: int, masses: Float, rules: Resolved, size: float = 1.0) -> list[Body]:
    kinds = ["static" if bodies.static[i] else rules.kinds[i] or "dynamic" for i in range(len(bodies))]
    seen = [_body(bodies, clip, i, float(masses[i]), kind) for i, kind in enumerate(kinds)]
    made = [replace(one, radius=size * one.radius, width=size * one.width, height=size * one.height) for one in seen]
    for body, name in zip(made, bodies.names, strict=True):
        if not (np.isfinite(body.area) and body.area > 0.0):
            raise UsageError(f"'{name}' has no size in the table, and a rigid body needs one; leave the object out")
        if body.mass <= 0.0:
            raise UsageError(f"'{name}' has the mass {body.mass:g}; a rigid body's must be above 0")
    return made


def _body(bodies: Bodies, clip: int, index: int, mass: float, kind: str) -> Body:
    def of(values: Float) -> float:
        return float(values[index] if values.ndim == 1 else values[clip, index])

    return Body(bodies.shapes[index], of(bodies.radius), of(bodies.width), of(bodies.height), mass, kind)


def _gyration(bodies: Bodies) -> Float:
    """Moments of inertia over masses, as `bodies.radius`."""
    shape = bodies.radius.shape
    square = np.empty(shape)
    for at in np.ndindex(*shape):
        body = _body(bodies, at[0], at[-1], 1.0, "")
        square[at] = 0.5 * body.radius**2 if body.round else (body.width**2 + body.height**2) / 12.0
    return square


def _allowed(joint: JointRule, data: Float) -> Float:
    """Rates (3, b) of a body (6, b) that hangs from the world, those that its joint allows."""
    vx, vy, spin = data[3:]
    ax, ay = joint.anchor or (0.0, 0.0)
    rx, ry = data[0] - ax, data[1] - ay
    square = rx**2 + ry**2
    away = np.where(square > 0, square, 1.0)
    if joint.kind == "revolute":
        turning = np.where(square > 0, (rx * vy - ry * vx) / away, spin)
        return np.stack([-turning * ry, turning * rx, turning])
    if joint.kind == "distance":
        along = np.where(square > 0, (rx * vx + ry * vy) / away, 0.0)
        return np.stack([vx - along * rx, vy - along * ry, spin])
    if joint.kind == "prismatic":
        nx, ny = np.array(joint.axis) / np.hypot(*joint.axis)
        slid = nx * vx + ny * vy
        return np.stack([slid * nx, slid * ny, 0.0 * spin])
    return np.zeros_like(data[3:])
