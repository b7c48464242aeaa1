"""Discs that fall, bounce and collide, event by event: between two events every path is an exact parabola."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.evaluation.scenes.paths import Motion, Path

__all__ = ["Ball", "Contact", "simulate"]

Float = NDArray[np.float64]
LONGEST = 5_000
REST_S = 0.02  # a ball whose next hop off the floor would be shorter than this lies still


@dataclass(frozen=True, slots=True)
class Ball:
    """A disc at t = 0: position (px, y down), velocity (px/s), radius (px); its mass is its area."""

    position: tuple[float, float]
    velocity: tuple[float, float]
    radius: float


@dataclass(frozen=True, slots=True)
class Contact:
    """A collision: when, and between which balls; one ball alone hit a wall or the floor."""

    time_s: float
    balls: tuple[int, ...]


@dataclass(slots=True, eq=False)
class _World:
    """The state between two events: position, velocity and acceleration of n balls, (n, 2)."""

    x: Float
    v: Float
    a: Float
    radii: Float

    def advance(self, dt: float) -> None:
        self.x = self.x + self.v * dt + 0.5 * self.a * dt**2
        self.v = self.v + self.a * dt


def _first(coefficients: list[float], limit: float) -> float:
    """The smallest time in (0, limit) at which a polynomial (highest power first) falls through zero; infinity if none."""
    roots = np.roots(coefficients)
    slope = np.polyder(np.asarray(coefficients))
    real = np.sort(roots[np.abs(roots.imag) < 1e-9].real)
    for t in real:
        if -1e-9 < t < limit and np.polyval(slope, t) < 0:
            return max(float(t), 0.0)
    return float("inf")


def _to_wall(world: _World, i: int, axis: int, place: float, side: float, limit: float) -> float:
    """Time until ball i reaches a wall: `side` is +1 where the wall stops growing coordinates."""
    gap = side * (place - world.x[i, axis]) - world.radii[i]
    return _first([-0.5 * side * world.a[i, axis], -side * world.v[i, axis], gap], limit)


def _to_touch(world: _World, i: int, j: int, limit: float) -> float:
    """Time until balls i and j touch: the first fall through zero of |Δx(t)|² − (R₁ + R₂)²."""
    x, v, a = world.x[j] - world.x[i], world.v[j] - world.v[i], world.a[j] - world.a[i]
    reach = (world.radii[i] + world.radii[j]) ** 2
    return _first([0.25 * float(a @ a), float(a @ v), float(v @ v + a @ x), 2 * float(x @ v), float(x @ x) - reach], limit)


def simulate(
    balls: list[Ball],
    duration_s: float,
    *,
    gravity: float = 0.0,
    restitution: float = 1.0,
    walls: tuple[float | None, float | None] = (None, None),
    floor: float | None = None,
) -> tuple[list[Path], list[Contact]]:
    """Paths of discs under gravity (px/s², down) that bounce off each other, off walls at two x and off a floor at a y.

    Returns one path a ball, valid from 0 to `duration_s`, and the contacts in time order. Friction and spin are left out.
    A ball whose bounces have become too small to see lies on the floor until another one hits it.
    Raises ValueError where the contacts do not come to an end (a pile of resting balls).
    """
    places = [(0, walls[0], -1.0), (0, walls[1], 1.0), (1, floor, 1.0)]
    count = len(balls)
    world = _World(
        np.array([ball.position for ball in balls], np.float64),
        np.array([ball.velocity for ball in balls], np.float64),
        np.tile([0.0, gravity], (count, 1)),
        np.array([ball.radius for ball in balls], np.float64),
    )
    now, contacts = 0.0, []
    knots, states = [0.0], [(world.x, world.v, world.a)]
    for _ in range(LONGEST):
        left = duration_s - now
        events: list[tuple[float, tuple[int, ...], int, float]] = []
        for i in range(count):
            for axis, place, side in places:
                if place is not None:
                    events.append((_to_wall(world, i, axis, place, side, left), (i,), axis, side))
            events.extend((_to_touch(world, i, j, left), (i, j), 0, 0.0) for j in range(i + 1, count))
        wait, partners, axis, side = min(events, default=(float("inf"), (), 0, 0.0))
        if wait >= left:
            break
        world.advance(wait)
        now += wait
        world.v, world.a = world.v.copy(), world.a.copy()
        if len(partners) == 1:
            _bounce(world, partners[0], axis, side, gravity, restitution)
        else:
            _collide(world, partners[0], partners[1], gravity, restitution)
        contacts.append(Contact(now, partners))
        knots.append(now)
        states.append((world.x, world.v, world.a))
    else:
        raise ValueError(f"more than {LONGEST} contacts in {duration_s} s; use fewer balls, or a higher restitution than {restitution}")
    return [_path(np.array(knots), states, i) for i in range(count)], contacts


def _bounce(world: _World, i: int, axis: int, side: float, gravity: float, restitution: float) -> None:
    world.v[i, axis] *= -restitution
    if axis == 1 and gravity > 0 and abs(world.v[i, 1]) < gravity * REST_S / 2:
        world.v[i, 1] = world.a[i, 1] = 0.0


def _collide(world: _World, i: int, j: int, gravity: float, restitution: float) -> None:
    normal = world.x[j] - world.x[i]
    normal = normal / np.hypot(*normal)
    mass_i, mass_j = world.radii[i] ** 2, world.radii[j] ** 2
    closing = float((world.v[i] - world.v[j]) @ normal)
    push = (1 + restitution) * closing * mass_i * mass_j / (mass_i + mass_j)
    world.v[i] -= push / mass_i * normal
    world.v[j] += push / mass_j * normal
    for k in (i, j):  # a ball that lay on the floor stays there unless it was lifted or pressed
        if world.a[k, 1] == 0.0 and abs(world.v[k, 1]) < gravity * REST_S / 2:
            world.v[k, 1] = 0.0
        else:
            world.a[k, 1] = gravity


def _path(knots: Float, states: list[tuple[Float, Float, Float]], i: int) -> Path:
    x, v, a = (np.array([state[k][i] for state in states]) for k in range(3))

    def path(times: Float) -> Motion:
        t = np.asarray(times, np.float64)
        piece = np.clip(np.searchsorted(knots, t, side="right") - 1, 0, None)
        dt = (t - knots[piece])[:, None]
        zeros = np.zeros(len(t))
        return Motion(x[piece] + v[piece] * dt + 0.5 * a[piece] * dt**2, v[piece] + a[piece] * dt, zeros, zeros)

    return path
