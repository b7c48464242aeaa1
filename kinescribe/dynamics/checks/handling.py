"""What a law does with what it is handed: nothing may change, and everything that it returns must fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.checks.runner import Runner, place
from kinescribe.dynamics.checks.trial import Trial, copied
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.simulation.motion import Motion
from kinescribe.dynamics.state import State

__all__ = ["check_handling", "check_starts"]

Float = NDArray[np.float64]
CLIP_TABLES = ("times", "x", "y", "angle", "vx", "vy", "angular_velocity", "sigma_x", "sigma_y", "sigma_angle")


class _Read(Values):
    """Values that remember which of them were asked for."""

    __slots__ = ("asked",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            self.asked.add(name)
        return super().__getattr__(name)


class _Handed:
    """Arguments of one set of calls, copied so that changes show."""

    def __init__(self, trial: Trial) -> None:
        bodies = copied(trial.initial.bodies)
        self.state = State(trial.initial.data.copy(), bodies)
        self.values = _Read({name: value.copy() for name, value in trial.values.items()})
        count, n = trial.count, len(trial.times)
        held = trial.inputs.at(trial.times)
        self.inputs = [Values({name: np.full((count, 1), held[name][k]) for name in trial.law.inputs}) for k in range(max(n - 1, 1))]
        self.times = np.repeat(trial.times[None], count, axis=0)
        self.t = np.full((count, 1), trial.times[0])
        self.dt = np.full((count, 1), trial.law.time_step or (trial.times[1] - trial.times[0] if n > 1 else 1.0))

    def arrays(self) -> Iterator[tuple[str, Float]]:
        """What it is called, and the array."""
        yield "the state", self.state.data
        for name in list(self.values):
            yield f"the parameter '{name}'", self.values._values[name]
        for one in self.inputs:
            for name in one:
                yield f"the input '{name}'", one[name]
        yield from (("the times", values) for values in (self.times, self.t, self.dt))
        bodies = self.state.bodies
        yield from ((f"the bodies' {name}", getattr(bodies, name)) for name in ("radius", "width", "height", "static"))


def check_handling(runner: Runner, trial: Trial) -> set[str]:
    """Call each method by itself, see that no argument changes, and return the names of parameters that were asked for."""
    law, asked = trial.law, set()
    for method in ("project", "contacts", "potential", law.kind):
        if getattr(type(law), method) is getattr(Law, method):
            continue
        handed = _Handed(trial)
        before = [(name, values.copy()) for name, values in handed.arrays()]
        runner.call(_call(law, method, handed), f"(in {method})")
        asked |= handed.values.asked
        changed = {
            name
            for (name, old), (_, new) in zip(before, handed.arrays(), strict=True)
            if not np.array_equal(old, new, equal_nan=old.dtype.kind == "f")
        }
        for name in sorted(changed):
            runner.add(
                "error", "handed", f"{method} changes {name} that it was handed",
                "work on a copy, and make states with state.replace(x=…)", _line(trial, method),
            )  # fmt: skip
    return asked


def _call(law: Law, method: str, handed: _Handed) -> Callable[[], Any]:
    state, values = handed.state, handed.values
    if method == "acceleration":
        motion = Motion(law, values, state.bodies, handed.inputs[0], (~state.bodies.static).astype(float)[None])
        return lambda: motion.rates(handed.t, state.data)
    if method == "step":
        return lambda: law.step(state, values, handed.inputs[0], handed.dt)
    if method == "rollout":
        return lambda: law.rollout(state, handed.times, values, handed.inputs)
    if method == "contacts":
        return lambda: law.contacts(state.bodies, values)
    return lambda: getattr(law, method)(state, values)


def _line(trial: Trial, method: str) -> str:
    """Where it writes: the line that fails on arrays that can't be written to."""
    if trial.law.array_library == "torch":
        return ""  # tensors over such arrays take no notice
    handed = _Handed(trial)
    for array in (handed.state.data, *handed.values._values.values(), *(one[name] for one in handed.inputs for name in one)):
        array.flags.writeable = False
    quiet = Runner(trial.law, 10.0)
    quiet.call(_call(trial.law, method, handed))
    return next((finding.where for finding in quiet.findings if "read-only" in finding.what), "")


def check_starts(runner: Runner, clip: Clip) -> None:
    """Starts from a clip, whole, with gaps, and with next to nothing in it: never an exception, and only values that can be used."""
    law = runner.law
    if type(law).starts is Law.starts:
        return
    for doing, one in _odd(replace(clip, bodies=copied(clip.bodies))):
        before = [getattr(one, name).copy() for name in CLIP_TABLES]
        found = runner.call(lambda one=one: law.starts(one), f"(in starts, for {doing})")  # type: ignore[misc]
        if any(not np.array_equal(old, getattr(one, name), equal_nan=True) for old, name in zip(before, CLIP_TABLES, strict=True)):
            runner.add("error", "handed", "starts changes the clip that it was handed", "work on copies of its arrays")
        for name, value in (found or {}).items():
            _check_start(runner, law, len(one.bodies), name, value, doing)


def _check_start(runner: Runner, law: Law, objects: int, name: str, value: Any, doing: str) -> None:
    where = place(law, ())
    if name not in law.parameters:
        runner.add("error", "starts", f"starts names '{name}', which is no parameter of it", f"it has: {', '.join(law.parameters)}", where)
        return
    shapes = [(), (1,)] + ([(objects,)] if law.parameters[name].per == "object" else [])
    if np.shape(value) not in shapes:
        said = f"starts gives '{name}' the shape {np.shape(value)} for {doing}"
        runner.add("error", "starts", said, "give a number, or one an object for a parameter per object", where)
    elif not np.isfinite(np.asarray(value, float)).all():
        runner.add("error", "starts", f"starts gives '{name}' = {value} for {doing}", "leave out what the data don't tell", where)


def _odd(clip: Clip) -> Iterator[tuple[str, Clip]]:
    def thinned(values: Float) -> Float:
        out = values.copy()
        out[1::3] = np.nan
        return out

    gaps = replace(clip, x=thinned(clip.x), y=thinned(clip.y), angle=thinned(clip.angle))
    none = np.full_like(clip.x, np.nan)
    empty = replace(clip, x=none, y=none, angle=none, vx=none, vy=none, angular_velocity=none)
    yield "the whole clip", clip
    yield "a clip with gaps", gaps
    yield "two frames", clip.first(2)
    yield "one frame", clip.first(1)
    yield "a clip without any sighting", empty
    yield "one object", clip.keeping([0])
