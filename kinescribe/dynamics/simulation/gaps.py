"""How far apart things are that can strike each other, along a step of motion, and when they first touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.contacts import Contacts
from kinescribe.dynamics.simulation.limits import REST, SAME, TOUCHING
from kinescribe.dynamics.state import Bodies

__all__ = ["Gaps", "Path", "Touched"]

Float = NDArray[np.float64]
Index = NDArray[np.intp]
PIECES = 4  # straight pieces of a step's path in which a touch is looked for
FALSE_POSITIONS = 30


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """Positions over a step of h seconds, as the cubic through both ends' positions and velocities: exact for constant acceleration,
    to fourth order else. Arrays are (2, b, n), h is (b, 1).
    """

    start: Float
    end: Float
    start_rate: Float
    end_rate: Float
    h: Float

    @classmethod
    def between(cls, before: Float, after: Float, h: Float) -> Path:
        """From states (6, b, n)."""
        return cls(before[:2], after[:2], before[3:5], after[3:5], h)

    def at(self, u: float | Float) -> Float:
        """Positions (2, b, n) at the fraction u of the step, a number or (b, 1)."""
        v = 1.0 - u
        return (
            (1.0 + 2.0 * u) * v * v * self.start
            + u * u * (3.0 - 2.0 * u) * self.end
            + self.h * (u * v * v * self.start_rate - u * u * v * self.end_rate)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Touched:
    """Touches along a step.

    Attributes:
        clips, touches: (k,) which clip, and which of its possible touches.
        low, high: (k,) fractions of the step between which the gap closes; both 0 for what is in contact and closes.
        resting: (b,) something is in contact and stays so.
    """

    clips: Index
    touches: Index
    low: Float
    high: Float
    resting: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """All possible touches: first every object with every wall, wall by wall, then pairs of discs.

    Attributes:
        normals: (2, b or 1, w) of walls; offsets, wall_restitution, wall_friction: (b or 1, w).
        radius: (b or 1, n).
        first, second: (m,) objects of each touch; second is −1 for a wall; wall: (m,) its index, or −1.
        disc_restitution, disc_friction, disc_threshold: (b or 1, 1).
        masses: (b or 1, n), infinite for what never moves.
    """

    normals: Float
    offsets: Float
    wall_restitution: Float
    wall_friction: Float
    radius: Float
    first: Index
    second: Index
    wall: Index
    disc_restitution: Float
    disc_friction: Float
    disc_threshold: Float
    masses: Float

    @classmethod
    def of(cls, contacts: Contacts, bodies: Bodies, mass: Any = 1.0) -> Gaps | None:
        """None where nothing can touch. `mass` is the law's, (b, n) or a number."""
        n = len(bodies)
        movable = np.flatnonzero(~bodies.static)
        parts = [np.zeros((3, 0), np.intp)]
        for k, one in enumerate(contacts.walls):
            strikers = movable if one.objects is None else movable[np.isin(movable, one.objects)]
            parts.append(np.stack([strikers, np.full_like(strikers, -1), np.full_like(strikers, k)]))
        if contacts.discs is not None:
            i, j = np.triu_indices(n, 1)
            meet = ~(bodies.static[i] & bodies.static[j])
            if contacts.discs.pairs is not None:
                meet &= contacts.discs.pairs[i, j] | contacts.discs.pairs[j, i]
            parts.append(np.stack([i[meet], j[meet], np.full(int(meet.sum()), -1)]))
        first, second, wall = np.concatenate(parts, axis=1)
        if not len(first):
            return None
        walls = contacts.walls
        discs = contacts.discs
        if discs is not None and discs.masses is not None:
            mass = discs.masses
        return cls(
            normals=np.stack([_stacked([w.normal_x for w in walls]), _stacked([w.normal_y for w in walls])]),
            offsets=_stacked([w.offset for w in walls]),
            wall_restitution=_stacked([w.restitution for w in walls]),
            wall_friction=_stacked([w.friction for w in walls]),
            radius=np.atleast_2d(bodies.radius) * _column(discs.size if discs else 1.0),
            first=first,
            second=second,
            wall=wall,
            disc_restitution=_column(discs.restitution if discs else 1.0),
            disc_friction=_column(discs.friction if discs else 0.0),
            disc_threshold=_column(discs.threshold if discs else 0.0),
            masses=np.where(bodies.static, np.inf, np.atleast_2d(np.broadcast_to(mass, np.broadcast_shapes(np.shape(mass), (n,))))),
        )

    @property
    def touches(self) -> Index:
        """(n, ·) the touches of each object, filled up with −1."""
        n = self.radius.shape[1]
        who = np.concatenate([self.first, self.second])
        which = np.tile(np.arange(len(self.first)), 2)[who >= 0]
        who = who[who >= 0]
        order = np.argsort(who, kind="stable")
        counts = np.bincount(who, minlength=n)
        out = np.full((n, max(int(counts.max()), 1)), -1)
        out[who[order], np.arange(len(who)) - np.repeat(np.cumsum(counts) - counts, counts)] = which[order]
        return out

    def numbers(self, clips: int) -> Float:
        """(clips, ·) all of it that may be differentiated: of walls normals x, normals y, offsets, restitutions, frictions; of discs
        restitution, friction, threshold; inverse masses and radii of the objects.
        """
        parts = (
            *self.normals, self.offsets, self.wall_restitution, self.wall_friction,
            self.disc_restitution, self.disc_friction, self.disc_threshold, 1.0 / self.masses, self.radius,
        )  # fmt: skip
        return np.concatenate([np.broadcast_to(part, (clips, part.shape[-1])) for part in parts], axis=1)

    def take(self, clips: Index) -> Gaps:
        """For these clips alone."""

        def rows(values: Float) -> Float:
            return values if values.shape[-2] == 1 else values[..., clips, :]

        return Gaps(
            rows(self.normals), rows(self.offsets), rows(self.wall_restitution), rows(self.wall_friction), rows(self.radius),
            self.first, self.second, self.wall, rows(self.disc_restitution), rows(self.disc_friction),
            rows(self.disc_threshold), rows(self.masses),
        )  # fmt: skip

    def normal(self, clips: Index, touch: Index, positions: Float) -> tuple[Float, Float, Float]:
        """Gap (k,) and unit normal (k,), (k,) from the wall or first object towards the free side or second object, of k touches, each in
        its clip. For a wall the normal points at the object; `positions` is (2, b, n).
        """
        i, j, w = self.first[touch], self.second[touch], self.wall[touch]
        isw = w >= 0
        xi, yi = positions[0, clips, i], positions[1, clips, i]
        ri = _pick(self.radius, clips, i)
        nx, ny, gap = np.empty(len(touch)), np.empty(len(touch)), np.empty(len(touch))
        if isw.any():
            c, k = clips[isw], w[isw]
            nx[isw], ny[isw] = _pick(self.normals[0], c, k), _pick(self.normals[1], c, k)
            gap[isw] = nx[isw] * xi[isw] + ny[isw] * yi[isw] - _pick(self.offsets, c, k) - ri[isw]
        if not isw.all():
            p = ~isw
            c, k = clips[p], j[p]
            dx, dy = positions[0, c, k] - xi[p], positions[1, c, k] - yi[p]
            distance = np.hypot(dx, dy)
            safe = np.where(distance > 0, distance, 1.0)
            # two discs on one spot are pushed apart along x
            nx[p], ny[p] = np.where(distance > 0, dx / safe, 1.0), dy / safe
            gap[p] = distance - ri[p] - _pick(self.radius, c, k)
        return gap, nx, ny

    def closing(self, clips: Index, touch: Index, data: Float) -> tuple[Float, Float]:
        """Gaps (k,) of k touches and the rates (k,) at which they grow; data is (6, b, n)."""
        gap, nx, ny = self.normal(clips, touch, data[:2])
        return gap, self._rate(clips, touch, nx, ny, data[3:5])

    def touched(self, path: Path) -> Touched:
        """Touches on the way.

        Looked for on straight pieces of the path, so that nothing slips through between two instants. What is in contact and parts is no
        touch; what is in contact and closes touches at once; what is in contact, does not close and yet is driven together rests.
        """
        fractions = np.linspace(0.0, 1.0, PIECES + 1)
        points = [path.at(float(u)) for u in fractions]
        count = path.start.shape[1]
        resting = np.zeros(count, bool)
        near = self._near(points)
        if not near.any():
            return Touched(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0), np.zeros(0), resting)
        clips, touch = np.nonzero(near)
        slack = TOUCHING * _pick(self.radius, clips, self.first[touch])
        before, nx, ny = self.normal(clips, touch, points[0])
        rate = self._rate(clips, touch, nx, ny, path.start_rate)
        closed = before <= slack
        speed = np.abs(path.start_rate).sum(axis=0)
        speed = speed[clips, self.first[touch]] + np.where(self.second[touch] >= 0, speed[clips, self.second[touch]], 0.0)
        # two that go on together don't strike each other for the rounding of their speeds
        found = closed & (rate < -SAME * speed)
        low, high = np.zeros(clips.shape), np.where(found, 0.0, 1.0)
        open_ = ~closed
        for k in range(PIECES):
            after, *_ = self.normal(clips, touch, points[k + 1])
            if k == 0:
                driven = closed & ~found & (after < before - REST * slack)
                np.logical_or.at(resting, clips[driven], True)
            depth, at = self._deepest(clips, touch, points[k], points[k + 1], after)
            new = ~found & open_ & (depth < 0.0)
            low[new], high[new] = fractions[k], fractions[k] + at[new] / PIECES
            found |= new
            open_ |= after > slack
        return Touched(clips[found], touch[found], low[found], high[found], resting)

    def _rate(self, clips: Index, touch: Index, nx: Float, ny: Float, velocity: Float) -> Float:
        """Rates (k,) at which the gaps grow, from velocities (2, b, n)."""
        i, j = self.first[touch], self.second[touch]
        pair = j >= 0
        vx, vy = velocity[0, clips, i], velocity[1, clips, i]
        vx = np.where(pair, velocity[0, clips, j] - vx, vx)
        vy = np.where(pair, velocity[1, clips, j] - vy, vy)
        return np.asarray(nx * vx + ny * vy)

    def _near(self, points: list[Float]) -> NDArray[np.bool_]:
        """Which touches each clip could have on the way (b, m)."""
        low = np.minimum.reduce(points)
        high = np.maximum.reduce(points)
        near = np.zeros((low.shape[1], len(self.first)), bool)
        isw = self.wall >= 0
        if isw.any():
            i, w = self.first[isw], self.wall[isw]
            n = self.normals[:, :, w]
            least = np.minimum(n[0] * low[0][:, i], n[0] * high[0][:, i]) + np.minimum(n[1] * low[1][:, i], n[1] * high[1][:, i])
            near[:, isw] = least < self.offsets[:, w] + self.radius[:, i]
        if not isw.all():
            i, j = self.first[~isw], self.second[~isw]
            reach = self.radius[:, i] + self.radius[:, j]
            apart = [np.maximum(low[a][:, i] - high[a][:, j], low[a][:, j] - high[a][:, i]) for a in (0, 1)]
            near[:, ~isw] = (apart[0] < reach) & (apart[1] < reach)
        return near

    def _deepest(self, clips: Index, touch: Index, start: Float, end: Float, after: Float) -> tuple[Float, Float]:
        """Least gap (k,) on the straight piece between two positions, and where on it, (k,) in [0, 1]."""
        i, j = self.first[touch], self.second[touch]
        pair = j >= 0
        depth, at = after.copy(), np.ones(len(touch))
        if pair.any():
            c, a, b = clips[pair], i[pair], j[pair]
            d0 = start[:, c, b] - start[:, c, a]
            step = end[:, c, b] - end[:, c, a] - d0
            length = (step**2).sum(axis=0)
            u = np.clip(-(d0 * step).sum(axis=0) / np.where(length > 0, length, 1.0), 0.0, 1.0)
            nearest = np.hypot(*(d0 + u * step)) - _pick(self.radius, c, a) - _pick(self.radius, c, b)
            inside = nearest < after[pair]
            depth[pair] = np.where(inside, nearest, after[pair])
            at[pair] = np.where(inside, u, 1.0)
        return depth, at

    def first_touch(self, path: Path, clips: Index, touch: Index, low: Float, high: Float) -> Float:
        """Fractions (k,) of the step at which the gaps close, by regula falsi (the Illinois variant)."""
        part = Path(
            path.start[:, clips], path.end[:, clips], path.start_rate[:, clips], path.end_rate[:, clips],
            np.broadcast_to(path.h, (path.start.shape[1], 1))[clips],
        )  # fmt: skip
        rows = np.arange(len(clips))
        mine = self.take(clips)

        def gap(u: Float) -> Float:
            return mine.normal(rows, touch, part.at(u[:, None]))[0]

        a, b = low.copy(), high.copy()
        ga, gb = gap(a), gap(b)
        # what is closed from the start touches at once; what isn't closed at the end (the straight piece cut a corner) touches there
        b, gb = np.where(ga <= 0.0, a, b), np.where(ga <= 0.0, 0.0, gb)
        for _ in range(FALSE_POSITIONS):
            open_ = (ga > 0.0) & (gb < 0.0) & (b - a > SAME)
            if not open_.any():
                break
            u = np.where(open_, a + (b - a) * ga / np.where(open_, ga - gb, 1.0), b)
            here = gap(u)
            closed = here < 0.0
            # the end that stays counts half, so that both close in
            ga_next = np.where(closed, 0.5 * ga, here)
            gb_next = np.where(closed, here, 0.5 * gb)
            a, b = np.where(open_ & ~closed, u, a), np.where(open_ & closed, u, b)
            ga, gb = np.where(open_, ga_next, ga), np.where(open_, gb_next, gb)
            done = open_ & (np.abs(here) < SAME * mine.radius.max())
            b, gb = np.where(done, u, b), np.where(done, 0.0, gb)
        return b


def _pick(values: Float, clips: Index, column: Index) -> Float:
    """values[clip, column], where one row may stand for all clips."""
    return np.asarray(values[0, column] if values.shape[0] == 1 else values[clips, column])


def _column(value: object) -> Float:
    out = np.asarray(value, float)
    return out.reshape(1, 1) if out.ndim == 0 else out


def _stacked(values: list[object]) -> Float:
    """(b or 1, w) from w values, each a number or (b, 1)."""
    if not values:
        return np.zeros((1, 0))
    columns = [_column(value) for value in values]
    count = max(len(column) for column in columns)
    return np.concatenate([np.broadcast_to(column, (count, 1)) for column in columns], axis=1)
