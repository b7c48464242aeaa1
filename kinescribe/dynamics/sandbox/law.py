"""A law that runs in the sandbox, as the rest of the library sees it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.contacts import Contacts
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.sandbox import replies
from kinescribe.dynamics.sandbox.ahead import Ahead
from kinescribe.dynamics.sandbox.limits import Limits
from kinescribe.dynamics.sandbox.packing import Packed, pack_bodies, pack_schedule
from kinescribe.dynamics.sandbox.session import Session
from kinescribe.dynamics.sandbox.source import check_source
from kinescribe.dynamics.sandbox.starting import starts_of
from kinescribe.dynamics.sandbox.steady import Steady
from kinescribe.dynamics.simulation.elsewhere import Elsewhere
from kinescribe.dynamics.simulation.motion import Motion, bodies_of
from kinescribe.dynamics.simulation.schedule import Schedule
from kinescribe.dynamics.state import Bodies, State

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip

__all__ = ["SandboxedLaw"]

Float = NDArray[np.float64]
PART = 0.25  # of the time that a call may take: what a batch is split to


class SandboxedLaw(Elsewhere):
    """A law whose program runs in a process that can do nothing but compute.

    What it declares, and every number that it returns, is looked at here; data, residuals and scores stay here. Where nothing is struck,
    and for laws that step or roll out themselves, whole trajectories come back; contacts are found here, and the way between two of them
    is asked for. The worker is started once and stays warm; it ends with this object.

    Attributes:
        source: its text.
        file: a file's name for it, as saved fits quote it.
        session: the worker.
    """

    source: str
    file: str
    session: Session
    _steady: Steady | None
    _ahead: Ahead
    _pace: float | None

    def __init__(self) -> None:
        raise TypeError("make it with SandboxedLaw.of(source)")

    @classmethod
    def of(cls, source: str, *, name: str = "", limits: Limits | None = None, file: str = "law.py", check: bool = True) -> SandboxedLaw:
        """The law in a source.

        Args:
            name: of its class, where the source has several.
            limits: what it may use up.
            file: what to call the source in messages and saved fits.
            check: look at the source first; without, whatever it holds is run behind the other walls alone, with all that Python has.

        Raises:
            SandboxError: a source that may not run, or holds no law; or a system without isolation.
        """
        if check:
            check_source(source, file)
        session = Session(source, name, limits or Limits(), bare=not check)
        told = session.declared
        # a class of its own, for the simulator asks classes what they define
        bases = tuple(_ADDED[one] for one in sorted(told.methods) if one in _ADDED)
        kind = type("SandboxedLaw", (*bases, cls), {"name": told.name, "equation": told.equation, "__module__": cls.__module__})
        made: SandboxedLaw = object.__new__(kind)
        made.source, made.file, made.session, made._pace = source, file, session, None
        made.kind, made.parameters, made.inputs = told.kind, dict(told.parameters), told.inputs
        made.objects, made.time_step, made.turns = told.objects, told.time_step, told.turns
        made.steady, made.difference_step = told.steady, told.difference_step
        made._ahead = Ahead()
        # as the simulator takes it (`arcs.is_steady`), but for constraints, which it looks at itself
        once = told.steady and told.kind == "acceleration" and not told.inputs
        made._steady = Steady(session, told.name, "contacts" in told.methods) if once else None
        return made

    def close(self) -> None:
        """End the worker now; it starts again when it is needed."""
        self.session.close()

    # whole motions

    def followed(self, parameters: Values, initial: State, schedule: Schedule) -> Float:
        """Trajectories (6, b, T, n) without contacts, a few clips at a time where they take long."""
        clips, done = initial.data.shape[1], 0
        parts: list[Float] = []
        while done < clips or not parts:
            count = clips - done
            if self._pace is not None:
                count = max(1, min(count, int(PART * self.session.limits.seconds / max(self._pace, 1e-9))))
            some = np.arange(done, done + count)
            began = time.monotonic()
            bodies = bodies_of(initial.bodies, some)
            parts.append(self._followed(_rows(parameters, some), initial.data[:, some], bodies, schedule.take(some)))
            self._pace = (time.monotonic() - began) / max(count, 1)
            done += count
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _followed(self, parameters: Values, data: Float, bodies: Bodies, schedule: Schedule) -> Float:
        packed = _packed(bodies, parameters)
        packed.arrays[4:4] = _scheduled(packed, schedule)
        packed.put(data)
        shape = (6, data.shape[1], schedule.frames.shape[1], len(bodies))
        return self._floats("follow", packed, shape)

    def moved(self, motion: Motion, t: Float, data: Float, h: Float) -> Float:
        """The state (6, b, n) after h (b, 1) seconds."""
        whole, inputs = motion.whole or motion, [motion.inputs[name] for name in self.inputs]
        if motion.schedule is not None and _is_step(motion, motion.schedule, t, h):
            known = self._ahead.known(motion, motion.now, data)
            return self._steps_ahead(motion, motion.schedule, data) if known is None else known
        with self.session.held(whole, lambda: _held(whole)):
            packed = Packed()
            packed.put(np.concatenate([t, h, *inputs], axis=1), data)
            if motion.rows is not None:
                packed.put(motion.rows)
            return self._floats("move", packed, data.shape)

    def _steps_ahead(self, motion: Motion, schedule: Schedule, data: Float) -> Float:
        """The state after a whole step, and those after the next ones, for which it may be that nothing is struck."""
        k = motion.now
        count = self._ahead.count(schedule.instants.shape[1] - 1 - k)
        instants = schedule.instants[:, k : k + count + 1]
        columns = [instants[:, :-1], np.diff(instants, axis=1), *(schedule.inputs[name][:, k : k + count] for name in self.inputs)]
        with self.session.held(motion, lambda: _held(motion)):
            packed = Packed()
            packed.put(np.stack(columns, axis=2), data)
            return self._ahead.keep(motion, k, self._floats("steps", packed, (count, *data.shape)))

    # the contract, call by call

    def acceleration(self, t: Any, state: State, parameters: Values, inputs: Values) -> Sequence[Any]:
        """Two or three arrays (clips, objects)."""
        if self._steady is not None:
            return self._steady.forces(parameters, state.bodies, state.data.shape[1])
        packed = _packed(state.bodies, parameters, inputs)
        packed.put(t, state.data)
        shape = state.data.shape[1:]
        return list(self._floats("acceleration", packed, (2, *shape), (3, *shape)))

    def step(self, state: State, parameters: Values, inputs: Values, dt: Any) -> State:
        """The state `dt` seconds later."""
        packed = _packed(state.bodies, parameters, inputs)
        packed.put(dt, state.data)
        return State(self._floats("step", packed, state.data.shape), state.bodies)

    def rollout(self, initial: State, times: Any, parameters: Values, inputs: Sequence[Values]) -> Any:
        """Trajectories (6, clips, T, objects)."""
        names = list(inputs[0]) if inputs else []
        columns = Values({name: np.concatenate([np.asarray(one[name]) for one in inputs], axis=1) for name in names})
        packed = _packed(initial.bodies, parameters, columns)
        packed.put(times, initial.data)
        return self._floats("rollout", packed, (6, *np.shape(times), len(initial.bodies)))

    def _floats(self, op: str, packed: Packed, *shapes: tuple[int, ...]) -> Float:
        most = 8 * max(int(np.prod(shape, dtype=object)) for shape in shapes)
        return replies.floats(self.session.call(op, packed.text, packed.arrays, most), f"law {self.title}: {op}", *shapes)


class _Projecting(SandboxedLaw):
    def project(self, state: State, parameters: Values) -> State:
        packed = _packed(state.bodies, parameters)
        packed.put(state.data)
        return State(self._floats("project", packed, state.data.shape), state.bodies)


class _Striking(SandboxedLaw):
    def contacts(self, bodies: Bodies, parameters: Values) -> Contacts:
        clips = max([1, *(np.shape(value)[0] for value in parameters.values() if np.ndim(value))])
        if self._steady is not None:
            return self._steady.contacts(parameters, bodies, clips)
        packed = _packed(bodies, parameters)
        packed.text["clips"] = clips
        most = 8 * (clips * (5 * replies.MOST_WALLS + 4 + len(bodies)) + len(bodies) ** 2)
        return replies.contacts(self.session.call("contacts", packed.text, packed.arrays, most), clips, len(bodies))


class _Storing(SandboxedLaw):
    def potential(self, state: State, parameters: Values) -> Any:
        packed = _packed(state.bodies, parameters)
        packed.put(state.data)
        shape = state.data.shape[1:]
        reply = self.session.call("potential", packed.text, packed.arrays, 8 * int(np.prod(shape)))
        return None if reply.text.get("none") is True else replies.floats(reply, f"law {self.title}: potential", shape)


class _Constraining(SandboxedLaw):
    def constrained(self, bodies: Bodies) -> int:
        packed = Packed()
        pack_bodies(packed, bodies)
        reply = self.session.call("constrained", packed.text, packed.arrays, 8)
        return replies.integer(reply, f"law {self.title}: constrained", 6 * len(bodies))


class _Starting(SandboxedLaw):
    def starts(self, clip: Clip) -> Mapping[str, Any]:
        return starts_of(self.session, self.parameters, clip)


_ADDED = {"project": _Projecting, "contacts": _Striking, "potential": _Storing, "constrained": _Constraining, "starts": _Starting}


def _is_step(motion: Motion, schedule: Schedule, t: Float, h: Float) -> bool:
    """Whether it is the whole step from the present instant to the next, of all clips."""
    k = motion.now
    here, there = schedule.instants[:, k : k + 1], schedule.instants[:, k + 1 : k + 2]
    return motion.rows is None and there.shape[1] == 1 and np.array_equal(t, here) and np.array_equal(h, there - here)


def _held(motion: Motion) -> Packed:
    """What stays the same from step to step."""
    packed = _packed(motion.bodies, motion.parameters)
    packed.put(motion.moving)
    return packed


def _packed(bodies: Bodies, parameters: Mapping[str, Any], inputs: Mapping[str, Any] | None = None) -> Packed:
    packed = Packed()
    pack_bodies(packed, bodies)
    packed.values("values", parameters)
    if inputs is not None:
        packed.values("inputs", inputs)
    return packed


def _scheduled(packed: Packed, schedule: Schedule) -> list[NDArray[Any]]:
    """A schedule's arrays; its text goes where the others' is."""
    own = Packed()
    pack_schedule(own, schedule)
    packed.text.update(own.text)
    return own.arrays


def _rows(parameters: Values, clips: NDArray[np.intp]) -> Values:
    return Values({name: value[clips] if np.ndim(value) and np.shape(value)[0] > 1 else value for name, value in parameters.items()})
