"""Residuals of a law against clips, for many trial values at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting.budget import Budget
from kinescribe.dynamics.fitting.initial_states import start_of
from kinescribe.dynamics.fitting.robust import scale_of
from kinescribe.dynamics.fitting.slots import Slots
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.simulation import Rollout, Schedule, simulate
from kinescribe.dynamics.simulation.arcs import is_steady
from kinescribe.dynamics.simulation.motion import bodies_of
from kinescribe.dynamics.simulation.tangents import differentiate
from kinescribe.dynamics.state import Bodies, State
from kinescribe.errors import UsageError

__all__ = ["Point", "Problem"]

Float = NDArray[np.float64]
Index = NDArray[np.intp]
FAR = 1e6  # σ, or this share of the clip's extent where that is more: residuals beyond grow with their logarithm alone
FAR_OFF = 1e3
LOST = 1e2  # times that: residual of a sighting where the simulation diverged
PART = 0.5  # of the time that is left: what a batch of simulations may take before the caps are looked at again
SUBSTEPS = (1, 2, 4, 8, 16, 32, 64)
ACCURATE = 0.05  # of a σ: by how much a finer step may still change a trajectory
COARSE = 3e-5  # of the clip's extent: the same, for tables whose σ is smaller than any integrator's error


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A trial: shared parameters theta (p,) and initial states q (c, d) of every clip."""

    theta: Float
    q: Float


@dataclass(slots=True, eq=False)
class Problem:
    """c clips of the same n objects under one law.

    Attributes:
        law, clips, slots: what is fitted, to what, and the numbers of it that may change.
        observed, sigma: (c, T, n, k) positions and their σ, k = 2 (x, y) or 3 (and the angle); NaN where not seen.
        components: (d, 2) of each number of an initial state its component and object.
        initial: (c, 6, n) initial states that hold what isn't fitted.
        substeps: equal parts of a frame's interval.
        without: walls that are taken away.
        rollouts: simulations of one clip, spent so far; budget: what may be spent.
        pace: seconds that the last simulation of one clip took, as part of its batch; None before the first.
    """

    law: Law
    clips: tuple[Clip, ...]
    slots: Slots
    bodies: Bodies
    observed: Float
    sigma: Float
    components: Index
    initial: Float
    without: tuple[str, ...] = ()
    substeps: int = 1
    rollouts: int = 0
    budget: Budget | None = None
    pace: float | None = None
    _schedule: Schedule | None = field(default=None, repr=False)
    _last: tuple[tuple[bytes, bytes, int], Rollout] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, law: Law, clips: Sequence[Clip], slots: Slots | None = None) -> Problem:
        """Line up the clips.

        Raises:
            UsageError: no clips, clips of unequal numbers of objects or units, a law for another number, missing inputs.
        """
        if not clips:
            raise UsageError("a fit needs at least one clip")
        counts = {len(clip.bodies) for clip in clips}
        units = {clip.unit for clip in clips}
        if len(counts) > 1:
            raise UsageError(f"clips that share a law need the same number of objects; these have {', '.join(map(str, sorted(counts)))}")
        if len(units) > 1:
            named = ", ".join(unit or "none" for unit in sorted(units))
            raise UsageError(f"clips that share a law need the same unit of length; these have {named}")
        n = counts.pop()
        if law.objects is not None and law.objects != n:
            raise UsageError(f"law {law.title} is about {law.objects} objects; the table has {n}: choose which (objects)")
        for clip in clips:
            clip.inputs.require(law.inputs, float(clip.times[-1]), law.title)
        clips = [law.read(clip) for clip in clips]
        bodies = _joined([clip.bodies for clip in clips])
        turning = law.turns and any(np.isfinite(clip.angle).any() for clip in clips)
        frames = max(len(clip.times) for clip in clips)
        names = ("x", "y", "angle")[: 3 if turning else 2]
        observed = np.full((len(clips), frames, n, len(names)), np.nan)
        sigma = np.ones_like(observed)
        initial = np.zeros((len(clips), 6, n))
        for c, clip in enumerate(clips):
            for k, name in enumerate(names):
                observed[c, : len(clip.times), :, k] = getattr(clip, name)
                sigma[c, : len(clip.times), :, k] = getattr(clip, f"sigma_{name}")
            initial[c] = start_of(clip, turning)
            # noise is no motion of what never moves
            initial[c, 3:, bodies.static] = 0.0
        rows = (0, 1, 3, 4, 2, 5) if turning else (0, 1, 3, 4)
        components = np.array([(row, i) for i in range(n) for row in rows if not (bodies.static[i] and row >= 3)])
        return cls(law, tuple(clips), slots or Slots.of(law, bodies), bodies, observed, sigma, components, initial)

    # sizes

    @property
    def length(self) -> float:
        """Extent of the motion, world units: the median over clips of the larger side of what is covered; of a rest, the objects' size."""
        spans = [max(float(np.nanmax(c.x) - np.nanmin(c.x)), float(np.nanmax(c.y) - np.nanmin(c.y))) for c in self.clips]
        return max(float(np.median(spans)), float(np.max(self.bodies.radius)), 1e-9)

    @property
    def strikes(self) -> bool:
        """Under this law objects can strike something."""
        if self.law.kind != "acceleration":
            return False
        contacts = self.law.contacts(bodies_of(self.bodies, np.arange(1)), self.slots.values(self.slots.starts([])[None]))
        return bool(contacts.walls) or contacts.discs is not None

    @property
    def exact(self) -> bool:
        """Derivatives are exact, and cost little more than a simulation."""
        return is_steady(self.law)

    @property
    def duration(self) -> float:
        """Median duration of the clips, seconds."""
        return max(float(np.median([clip.times[-1] - clip.times[0] for clip in self.clips])), 1e-9)

    @property
    def q_scales(self) -> Float:
        """(d,) natural sizes of the numbers of an initial state."""
        sizes = np.array([self.length, self.length, 1.0, self.length / self.duration, self.length / self.duration, 1.0 / self.duration])
        return sizes[self.components[:, 0]]

    # simulation

    def schedule(self) -> Schedule:
        """Of the clips, at the present number of substeps."""
        if self._schedule is None:
            self._schedule = Schedule.of(
                [clip.times for clip in self.clips],
                [clip.inputs for clip in self.clips],
                names=self.law.inputs,
                substeps=self.substeps,
                time_step=self.law.time_step if self.law.kind == "step" else None,
            )
        return self._schedule

    def start(self) -> Float:
        """(c, d) the initial states that the data suggest."""
        return np.stack([state[self.components[:, 0], self.components[:, 1]] for state in self.initial])

    def states(self, q: Float, clips: Index) -> State:
        """Initial states from numbers (b, d) of these clips (b,)."""
        data = self.initial[clips].transpose(1, 0, 2).copy()
        data[self.components[:, 0], :, self.components[:, 1]] = q.T
        return State(data, bodies_of(self.bodies, clips))

    def run(self, theta: Float, q: Float, clips: Index, *, contacts: bool = True, frames: int | None = None) -> Rollout:
        """Simulate b trials: theta (b, p), q (b, d), each of one clip (b,), over the first `frames`.

        Where a batch would take long beside the time that is left, it is split, so that a cap on time holds to within a simulation or so.

        Raises:
            SpentError: the budget is spent.
        """
        schedule = self.schedule().until(frames)
        parts: list[Rollout] = []
        done = 0
        while done < len(clips) or not parts:
            if self.budget is not None:
                self.budget.check(self.rollouts)
            part = slice(done, done + self._affordable(len(clips) - done))
            start, count = self.states(q[part], clips[part]), len(clips[part])
            before = time.monotonic()
            values = self.slots.values(theta[part])
            parts.append(simulate(self.law, values, start, schedule.take(clips[part]), without=self.without, contacts=contacts))
            self.pace = (time.monotonic() - before) / max(count, 1)
            self.rollouts += count
            done += count
        return parts[0] if len(parts) == 1 else Rollout.joined(parts, bodies_of(self.bodies, clips))

    def _affordable(self, count: int) -> int:
        """How many of so many simulations may run before the caps are looked at again; the first of all runs alone, to be timed."""
        if self.budget is None or count <= 1:
            return count
        if self.pace is None:
            return 1
        most = PART * max(self.budget.seconds - self.budget.elapsed, 0.0)
        return count if self.pace * count <= most else max(1, int(most / self.pace))

    def at(self, point: Point) -> Rollout:
        """Every clip at a point; the last one is remembered."""
        known = self.recalled(point)
        if known is None:
            every = np.arange(len(self.clips))
            known = self.run(np.repeat(point.theta[None], len(every), axis=0), point.q, every)
            self.remember(point, known)
        return known

    def recalled(self, point: Point) -> Rollout | None:
        """Every clip at a point, where that was the last one to be simulated."""
        return self._last[1] if self._last is not None and self._last[0] == self._key(point) else None

    def remember(self, point: Point, rollout: Rollout) -> None:
        """Keep a rollout whose first clips are every clip at this point."""
        c = len(self.clips)
        if rollout.data.shape[1] > c:
            impacts = rollout.impacts[rollout.impacts[:, 0] < c]
            bodies = bodies_of(self.bodies, np.arange(c))
            rollout = Rollout(rollout.data[:, :c].copy(), impacts, rollout.walls, rollout.diverged[:c], bodies)
        self._last = (self._key(point), rollout)

    def _key(self, point: Point) -> tuple[bytes, bytes, int]:
        return point.theta.tobytes(), point.q.tobytes(), self.substeps

    def differentiate(self, point: Point, thetas: Float, steps: Float, frames: int | None = None) -> tuple[Rollout, Float | None] | None:
        """Every clip at a point, and the exact derivatives (c, T, n, k, p + d) of its positions, for laws whose arcs are parabolas.

        `thetas` (p + 1, p) are the point's parameters, and those with each one moved by its step (p,). None for other laws; None in place
        of derivatives where something piles up.
        """
        if not self.exact:
            return None
        if self.budget is not None:
            self.budget.check(self.rollouts)
        every = np.arange(len(self.clips))
        self.rollouts += len(every)
        rollout, by = differentiate(
            self.law, self.slots.values(np.repeat(thetas, len(every), axis=0)), steps, self.states(point.q, every), self.components,
            self.schedule().until(frames), self.observed.shape[-1], self.without,
        )  # fmt: skip
        return rollout, None if by is None else by.transpose(0, 1, 3, 2, 4)

    def scale(self, point: Point) -> float:
        """By how much residuals at a point exceed σ, robustly."""
        every = np.arange(len(self.clips))
        seen = np.isfinite(self.observed).reshape(len(every), -1)
        return scale_of(self.residuals(self.at(point), every), seen, len(point.theta) + point.q.size, self.observed.shape[-1])

    def keeping_constraints(self, point: Point) -> Point:
        """The point with its initial states on the law's constraints: off them, numbers that mean nothing would wander."""
        if self.law.array_library == "torch" or not self.law.constrained(self.bodies):
            return point
        every = np.arange(len(self.clips))
        start = self.states(point.q, every)
        data = np.asarray(self.law.project(start, self.slots.values(np.repeat(point.theta[None], len(every), axis=0))).data)
        q = data[self.components[:, 0], :, self.components[:, 1]].T
        return Point(point.theta, q) if np.isfinite(q).all() else point

    def residuals(self, rollout: Rollout, clips: Index, frames: int | None = None) -> Float:
        """(b, T·n·k) differences to the observed in σ, predicted less observed; 0 where nothing was seen; the first `frames` alone."""
        return self._differences(rollout, clips, frames)[0]

    def residuals_by(self, rollout: Rollout, by: Float, frames: int | None = None) -> tuple[Float, Float]:
        """Residuals (c, m) of every clip, and their derivatives (c, m, q) from those of positions (c, T, n, k, q)."""
        out, slopes = self._differences(rollout, np.arange(len(self.clips)), frames)
        slopes = slopes.reshape(by.shape[:-1])[..., None]
        return out, np.where(slopes != 0.0, slopes * by, 0.0).reshape(*out.shape, by.shape[-1])

    def _differences(self, rollout: Rollout, clips: Index, frames: int | None) -> tuple[Float, Float]:
        """Residuals (b, m), and how fast each grows with the position that it is of."""
        k = self.observed.shape[-1]
        predicted = rollout.data[:k].transpose(1, 2, 3, 0)[:, :frames]
        observed, sigma = self.observed[clips][:, :frames], self.sigma[clips][:, :frames]
        out = (predicted - observed) / sigma
        seen, found = np.isfinite(observed), np.isfinite(out)
        size = np.abs(out)
        far = np.maximum(FAR, FAR_OFF * self.length / sigma)
        slope = np.where(seen & found, 1.0, 0.0) / sigma
        beyond = seen & found & (size > far)
        if beyond.any():
            # still downhill to where it should be, but no reason to give up all else
            ratio = np.where(beyond, size / far, 1.0)
            out = np.where(beyond, np.sign(out) * far * (1.0 + np.log(ratio)), out)
            slope /= ratio
        out = np.where(seen, np.where(found, out, LOST * far), 0.0)
        return out.reshape(len(clips), -1), slope.reshape(len(clips), -1)

    def refine_steps(self, point: Point, scale: float = 1.0) -> None:
        """Choose the fewest substeps beyond which a trial's trajectories change by no more than a small part of what is left unexplained.

        `scale` is the size of the residuals in σ: a start that is far off needs no fine steps.
        """
        if self.law.kind != "acceleration" or self.exact:
            return
        every = np.arange(len(self.clips))
        theta = np.repeat(point.theta[None], len(every), axis=0)
        coarse: Float | None = None
        for parts in SUBSTEPS:
            self.substeps, self._schedule = parts, None
            # contacts happen at their exact moments whatever the step, and would hide how accurate the motion between them is
            fine = self.run(theta, point.q, every, contacts=False).data[:2]
            if coarse is not None:
                sigma = float(np.nanmedian(np.where(np.isfinite(self.observed), self.sigma, np.nan)))
                tolerance = max(ACCURATE * scale * sigma, COARSE * self.length)
                change = np.abs(fine - coarse)
                if not np.isfinite(change).any() or np.nanmax(change) < tolerance:
                    self.substeps, self._schedule = parts // 2, None
                    return
            coarse = fine


def _joined(bodies: Sequence[Bodies]) -> Bodies:
    """The clips' objects as one: sizes (c, n) where they differ from clip to clip."""
    first = bodies[0]
    if len(bodies) == 1:
        return first
    sizes = {name: np.stack([getattr(one, name) for one in bodies]) for name in ("radius", "width", "height")}
    return Bodies(first.names, first.labels, first.object_ids, first.shapes, **sizes, static=first.static)
