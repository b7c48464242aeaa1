"""One clip's world in Box2D: bodies, walls, joints, and who may touch whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.affordances import WORLD, JointRule, Resolved, WallRule
from kinescribe.dynamics.rigid.box2d import box2d
from kinescribe.dynamics.rigid.scale import Scale

__all__ = ["Body", "World"]

Float = NDArray[np.float64]
REACH = 500.0  # Box2D metres to either side of a wall's middle, and half its thickness
ROUND = ("disc", "blob", "")
NEARLY = 1.25  # sides of a blob that differ by less make it a circle


@dataclass(frozen=True, slots=True)
class Body:
    """One body, in world units.

    Attributes:
        shape: disc, box, rod, blob or "".
        radius, width, height: > 0.
        mass: > 0.
        kind: static, dynamic or kinematic.
    """

    shape: str
    radius: float
    width: float
    height: float
    mass: float
    kind: str

    @property
    def round(self) -> bool:
        """A circle in Box2D, else a box."""
        longest, shortest = max(self.width, self.height), min(self.width, self.height)
        return self.shape == "disc" or (self.shape in ROUND and (shortest <= 0.0 or longest < NEARLY * shortest))

    @property
    def area(self) -> float:
        """In world units."""
        return np.pi * self.radius**2 if self.round else self.width * self.height

    @property
    def thickness(self) -> float:
        """Least extent."""
        return 2.0 * self.radius if self.round else min(self.width, self.height)


class World:
    """A Box2D world that is stepped.

    Args:
        bodies: as they are.
        state: (6, n) at the start, world units.
        rules: joints, and who may touch whom.
        walls: straight walls.
        numbers: gravity, restitution, friction, linear_damping, angular_damping, world units.
        scale: to Box2D's units.
    """

    def __init__(
        self, bodies: Sequence[Body], state: Float, rules: Resolved, walls: Sequence[WallRule], numbers: Mapping[str, float], scale: Scale
    ) -> None:
        self.engine = box2d()
        self.scale = scale
        self.world = self.engine.b2World(gravity=(0.0, -numbers["gravity"] * scale.acceleration), doSleep=False)
        self._callbacks = _callbacks(self.engine, rules, walls)
        self.world.contactFilter, listener = self._callbacks
        if listener is not None:
            self.world.contactListener = listener
        self.ground = self.world.CreateStaticBody(position=(0.0, 0.0), userData=WORLD)
        self.bodies = [self._body(k, body, state[:, k], numbers) for k, body in enumerate(bodies)]
        for k, wall in enumerate(walls):
            self._wall(k, wall, numbers)
        for joint, i, j in rules.joints:
            self._joint(joint, self.ground if i == WORLD else self.bodies[i], self.bodies[j], bool(i != WORLD and rules.pairs[i, j]))

    def _body(self, index: int, body: Body, state: Float, numbers: Mapping[str, float]) -> Any:
        s, engine = self.scale, self.engine
        make = {"static": self.world.CreateStaticBody, "kinematic": self.world.CreateKinematicBody}.get(
            body.kind, self.world.CreateDynamicBody
        )
        made = make(position=s.point(float(state[0]), float(state[1])), angle=float(state[2]), userData=index)
        if body.round:
            shape = engine.b2CircleShape(radius=body.radius * s.length)
        else:
            shape = engine.b2PolygonShape(box=(0.5 * body.width * s.length, 0.5 * body.height * s.length))
            shape.radius = 0.0  # Box2D's skin of 0.01 m would hold polygons apart
        density = body.mass / (body.area * s.length**2)
        made.CreateFixture(
            shape=shape, density=density, restitution=numbers["restitution"], friction=numbers["friction"], userData=index
        )  # fmt: skip
        if body.kind != "static":
            made.linearVelocity = (float(state[3]) * s.speed, float(state[4]) * s.speed)
            made.angularVelocity = float(state[5]) / s.time
            made.linearDamping, made.angularDamping = numbers["linear_damping"] / s.time, numbers["angular_damping"] / s.time
        return made

    def _wall(self, index: int, wall: WallRule, numbers: Mapping[str, float]) -> None:
        nx, ny = wall.normal
        ahead = nx * self.scale.x0 + ny * self.scale.y0 - wall.offset
        x, y = self.scale.point(self.scale.x0 - ahead * nx, self.scale.y0 - ahead * ny)
        # a thick box: Box2D gives edges a skin of their own, which nothing takes away
        made = self.world.CreateStaticBody(position=(x - REACH * nx, y - REACH * ny), angle=float(np.arctan2(-nx, ny)))
        shape = self.engine.b2PolygonShape(box=(REACH, REACH))
        shape.radius = 0.0
        made.CreateFixture(
            shape=shape, restitution=numbers["restitution"], friction=numbers["friction"], userData=WORLD - 1 - index
        )  # fmt: skip

    def _joint(self, rule: JointRule, first: Any, second: Any, touch: bool) -> None:
        s, vector = self.scale, self.engine.b2Vec2
        if rule.anchor is None:
            at = vector(0.0, 0.0)
        elif first is self.ground:
            at = vector(*s.point(*rule.anchor))
        else:
            at = vector(rule.anchor[0] * s.length, rule.anchor[1] * s.length)
        both = {"bodyA": first, "bodyB": second, "collideConnected": touch}
        turned = second.angle - first.angle
        if rule.kind == "revolute":
            self.world.CreateRevoluteJoint(**both, localAnchorA=at, localAnchorB=second.GetLocalPoint(first.GetWorldPoint(at)))
        elif rule.kind == "distance":
            apart = (first.GetWorldPoint(at) - second.position).length
            length = apart if rule.length is None else rule.length * s.length
            self.world.CreateDistanceJoint(**both, localAnchorA=at, localAnchorB=vector(0.0, 0.0), length=length)
        else:
            ends = {"localAnchorA": first.GetLocalPoint(second.position), "localAnchorB": vector(0.0, 0.0), "referenceAngle": turned}
            if rule.kind == "prismatic":
                axis = vector(*rule.axis)
                axis.Normalize()
                self.world.CreatePrismaticJoint(**both, **ends, localAxisA=axis)
            else:
                self.world.CreateWeldJoint(**both, **ends)

    def drive(self, index: int, rates: Sequence[float]) -> None:
        """Let a kinematic body move with these rates: world units and radians a second."""
        body = self.bodies[index]
        body.linearVelocity = (float(rates[0]) * self.scale.speed, float(rates[1]) * self.scale.speed)
        body.angularVelocity = float(rates[2]) / self.scale.time

    def step(self, h: float, velocity_iterations: int, position_iterations: int) -> None:
        """Advance by h seconds."""
        self.world.Step(h * self.scale.time, velocity_iterations, position_iterations)
        self.world.ClearForces()

    def read(self) -> Float:
        """The state (6, n), world units."""
        s = self.scale
        rows = [(*b.position, b.angle, *b.linearVelocity, b.angularVelocity) for b in self.bodies]
        x, y, angle, vx, vy, spin = np.array(rows, float).reshape(-1, 6).T
        return np.stack([x / s.length + s.x0, y / s.length + s.y0, angle, vx / s.speed, vy / s.speed, spin * s.time])


def _callbacks(engine: Any, rules: Resolved, walls: Sequence[WallRule]) -> tuple[Any, Any]:
    """Who may touch whom, and what walls have of their own; None where Box2D's own rules do."""
    pairs = rules.pairs
    own = [wall for wall in walls if wall.restitution is not None or wall.friction is not None]

    class Filter(engine.b2ContactFilter):  # type: ignore[misc]
        def ShouldCollide(self, first: Any, second: Any) -> bool:
            i, j = first.userData, second.userData
            return bool(i < 0 or j < 0 or pairs[i, j])

    class Listener(engine.b2ContactListener):  # type: ignore[misc]
        def BeginContact(self, contact: Any) -> None:
            wall = min(contact.fixtureA.userData, contact.fixtureB.userData)
            if wall < WORLD:
                rule = walls[WORLD - 1 - wall]
                # Box2D itself would take the greater restitution of the two, and the mean of frictions
                if rule.restitution is not None:
                    contact.restitution = rule.restitution
                if rule.friction is not None:
                    contact.friction = rule.friction

    n = len(pairs)
    free = bool(pairs[~np.eye(n, dtype=bool)].all())
    return (None if free else Filter()), (Listener() if own else None)
