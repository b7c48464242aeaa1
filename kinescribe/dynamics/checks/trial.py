"""What a law is tried on: a handful of clips that differ a little, made from one clip, one state, or out of thin air."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.simulation import Rollout, Schedule, simulate
from kinescribe.dynamics.state import COMPONENTS, Bodies, State
from kinescribe.errors import UsageError

__all__ = ["Trial", "copied", "start_values"]

Float = NDArray[np.float64]
SPACING = 3.0  # between the objects of a trial from nothing, in diameters of 1
DIFFERENCE = 0.01  # of the motion's size, by which clips are shifted; five times that for their speeds


def start_values(law: Law, objects: int, clips: int = 1) -> Values:
    """The law's starts as it gets them: (clips, 1), or (clips, objects) for a parameter per object."""
    return Values(
        {name: np.full((clips, objects if one.per == "object" else 1), one.start) for name, one in law.parameters.items()}
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Clips of one law to run.

    Attributes:
        law, values, initial: values are (c, 1) or (c, n), the initial state (6, c, n).
        times: (T,) seconds, of every clip.
        inputs: of every clip.
        substeps: equal parts of each interval between frames.
    """

    law: Law
    values: Values
    initial: State
    times: Float
    inputs: Inputs = field(default_factory=Inputs.none)
    substeps: int = 1

    @classmethod
    def of(cls, law: Law, subject: Clip | State | None, times: Float | None, values: Values | None, inputs: Inputs | None) -> Trial:
        """One more clip than objects, and at least three, so that shapes that are mixed up don't fit by chance.

        Raises:
            UsageError: a state without times, inputs that are missing or end early, values for other parameters than the law's.
        """
        if isinstance(subject, Clip):
            first, when, given = _seen(subject), subject.times if times is None else times, inputs or subject.inputs
        else:
            if isinstance(subject, State) and times is None:
                raise UsageError("a state needs the times at which it is asked for: check_law(law, state, times=…)")
            first = subject if isinstance(subject, State) else _made(law)
            when = np.linspace(0.0, 2.0, 21) if times is None else np.asarray(times, float)
            given = inputs or Inputs.of([when[0]], **{name: [0.5] for name in law.inputs})
        given.require(law.inputs, float(when[-1]), law.title)
        n = len(first.bodies)
        count = max(3, n + 1)
        starts = start_values(law, n, count)
        for name, value in (values or {}).items():
            if name not in starts:
                raise UsageError(f"law {law.title} has no parameter '{name}'")
            starts = _with(starts, **{name: np.broadcast_to(np.asarray(value, float), starts[name].shape).copy()})
        return cls(law, starts, _varied(first, count), when, given)

    @property
    def count(self) -> int:
        """How many clips."""
        return int(self.initial.data.shape[1])

    @property
    def size(self) -> float:
        """Extent of positions and bodies at the start, and of the way at the speed of the start; world units, > 0."""
        data, bodies = self.initial.data, self.initial.bodies
        ways = np.hypot(data[3], data[4]).max() * (self.times[-1] - self.times[0])
        return float(max(np.ptp(data[0]), np.ptp(data[1]), ways, 2.0 * np.max(bodies.radius, initial=0.0)) or 1.0)

    def run(self) -> Rollout:
        """The trajectories of all clips."""
        schedule = Schedule.of(
            [self.times] * self.count, [self.inputs] * self.count, names=self.law.inputs, time_step=self.law.time_step,
            substeps=self.substeps,
        )  # fmt: skip
        # copies, so that a law that writes into what it is handed spoils this run alone
        values = Values({name: value.copy() for name, value in self.values.items()})
        return simulate(self.law, values, State(self.initial.data, copied(self.initial.bodies)), schedule)

    def only(self, clips: Sequence[int]) -> Trial:
        """These clips alone, which may repeat."""
        index = np.asarray(clips)
        picked = Values({name: value[index] for name, value in self.values.items()})
        return replace(self, values=picked, initial=State(self.initial.data[:, index].copy(), self.initial.bodies))

    def with_values(self, **values: Any) -> Trial:
        """With other values of some parameters."""
        return replace(self, values=_with(self.values, **values))

    def nudged(self, relative: float) -> Trial:
        """With starts that differ by so much of the motion's size: how far trajectories part by themselves."""
        data = self.initial.data.copy()
        data[:2] += relative * self.size
        data[3:5] *= 1.0 + relative
        return replace(self, initial=State(data, self.initial.bodies))


def copied(bodies: Bodies) -> Bodies:
    """The same with arrays of its own."""
    return replace(
        bodies, radius=bodies.radius.copy(), width=bodies.width.copy(), height=bodies.height.copy(), static=bodies.static.copy()
    )  # fmt: skip


def _with(values: Values, **other: Any) -> Values:
    return Values({**values, **other})


def _seen(clip: Clip) -> State:
    """The first sighting of each component of each object; 0 where there is none."""

    def first(name: str) -> Float:
        table = getattr(clip, name)
        known = np.isfinite(table)
        return np.where(known.any(axis=0), table[known.argmax(axis=0), np.arange(table.shape[1])], 0.0)

    bodies = clip.bodies
    one = replace(bodies, **{name: np.atleast_2d(getattr(bodies, name)).mean(axis=0) for name in ("radius", "width", "height")})
    return State.of(one, **{name: first(name) for name in COMPONENTS})


def _made(law: Law) -> State:
    """Discs of diameter 1 on a slanted line, that drift apart a little."""
    n = law.objects or 2
    k = np.arange(n)
    return State.of(Bodies.make(n), x=SPACING * k + 1.0, y=1.0 * k + 2.0, vx=1.0 + 0.2 * k, vy=0.5 - 0.1 * k, angle=0.2 + 0.1 * k)


def _varied(first: State, count: int) -> State:
    data = np.repeat(np.asarray(first.data, float)[:, :1], count, axis=1)
    size = max(np.ptp(data[0]), np.ptp(data[1]), float(np.max(first.bodies.radius, initial=0.0))) or 1.0
    for k in range(count):
        data[:2, k] += DIFFERENCE * k * size
        data[3:, k] *= 1.0 + 5.0 * DIFFERENCE * k
    return State(data, first.bodies)
