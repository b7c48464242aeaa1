"""Trajectories of many trials of one clip, before and after an intervention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Impact
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.prediction.intervention import Intervention, without_objects, without_walls
from kinescribe.dynamics.prediction.overlaps import overlaps
from kinescribe.dynamics.prediction.start import Start
from kinescribe.dynamics.simulation import Schedule, simulate
from kinescribe.dynamics.simulation.motion import Motion
from kinescribe.dynamics.state import State

__all__ = ["Paths", "contact_point", "follow"]

Float = NDArray[np.float64]
SAME = 1e-9  # seconds within which two instants are one
PRESSED = 0.2  # of an acceleration: what a contact that lasts takes from it


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Of b trials at T times for n objects; NaN for objects that were taken away, and from where a trial diverged.

    Attributes:
        data: (6, b, T, n). acceleration: (3, b, T, n); NaN where the law says nothing of it.
        impacts: of each trial, in time order.
        notes: what is worth knowing.
    """

    data: Float
    acceleration: Float
    impacts: tuple[tuple[Impact, ...], ...]
    notes: tuple[str, ...] = ()


def follow(start: Start, values: Float, q: Float, times: Float, intervention: Intervention, substeps: int, interval: float) -> Paths:
    """Simulate trials at times (T,), the first of them the clip's own first; the intervention happens at its own.

    Args:
        values: (b, all) numbers of the law; q: (b, d) of initial states.
        substeps: parts of a step from time to time. interval: seconds from frame to frame, for laws that are defined by a step.
    """
    first = start.problem.states(q, np.zeros(len(q), np.intp)).data
    law = start.fit.law
    at = times[0] if intervention.at is None else intervention.at
    if not intervention.changes or at > times[-1] + SAME:
        return _run(start, law, values, first, times, (), (), substeps, interval)
    changed = intervention.values(values, start)
    after = without_walls(law, intervention.walls)
    if at <= times[0] + SAME:
        made = intervention.state(first, start)
        part = _run(start, after, changed, made, times, intervention.walls, intervention.objects, substeps, interval)
        return Paths(part.data, part.acceleration, part.impacts, (*part.notes, *_held(part, made, intervention)))
    early, late = times[times < at - SAME], times[times > at - SAME]
    at_frame = bool(len(late)) and abs(late[0] - at) < SAME
    before = _run(start, law, values, first, np.r_[early, at], (), (), substeps, interval)
    made = intervention.state(before.data[:, :, -1], start)
    then = np.r_[at, late[1:] if at_frame else late]
    part = _run(start, after, changed, made, then, intervention.walls, intervention.objects, substeps, interval)
    skip = 0 if at_frame else 1
    return Paths(
        np.concatenate([before.data[:, :, :-1], part.data[:, :, skip:]], axis=2),
        np.concatenate([before.acceleration[:, :, :-1], part.acceleration[:, :, skip:]], axis=2),
        tuple((*a, *b) for a, b in zip(before.impacts, part.impacts, strict=True)),
        (*before.notes, *part.notes, *_held(part, made, intervention)),
    )


def _held(part: Paths, made: Float, intervention: Intervention) -> tuple[str, ...]:
    """What the law's constraints make of a changed state."""
    notes = []
    for component, thing, change in intervention.states:
        wanted, got = made[component, 0, thing], part.data[component, 0, 0, thing]
        if np.isfinite(got) and abs(got - wanted) > 1e-6 * max(abs(wanted), abs(got)):
            notes.append(f"{change}: the law's constraints leave {abs(got):g} of {abs(wanted):g}")
    return tuple(notes)


def _run(
    start: Start,
    law: Law,
    numbers: Float,
    first: Float,
    times: Float,
    walls: Sequence[str],
    gone: Sequence[int],
    substeps: int,
    interval: float,
) -> Paths:
    """One stretch of motion from states (6, b, n)."""
    bodies = start.clip.bodies
    n = len(bodies)
    stay = [i for i in range(n) if i not in gone]
    theirs, values, left = without_objects(law, _values(start, numbers), bodies, gone)
    schedule = Schedule.of(
        [times], [start.clip.inputs], names=theirs.inputs, substeps=substeps if theirs.kind == "acceleration" else 1,
        time_step=(theirs.time_step or interval) if theirs.kind == "step" else None,
    ).take(np.zeros(first.shape[1], np.intp))  # fmt: skip
    rollout = simulate(theirs, values, State(first[:, :, stay], left), schedule, without=(*start.fit.without, *walls))
    data = np.full((6, first.shape[1], len(times), n), np.nan)
    data[..., stay] = rollout.data
    impacts = tuple(
        tuple(Impact(hit.time, tuple(stay[i] for i in hit.objects), hit.wall) for hit in rollout.impacts_of(trial))
        for trial in range(first.shape[1])
    )
    acceleration = np.full((3, *data.shape[1:]), np.nan)
    motion = Motion.of(theirs, values, left)
    acceleration[..., stay] = _accelerations(start, motion, times, rollout.data, interval)
    if theirs.kind == "acceleration":
        contacts = theirs.contacts(left, values)
        if contacts.walls or contacts.discs is not None:
            _pressed(acceleration, data, times, impacts)
    clip = start.clip
    sigma = float(np.nanmedian(np.r_[clip.sigma_x, clip.sigma_y]))
    centre = Values({name: value[:1] for name, value in values.items()})
    told = overlaps(theirs, centre, left, first[:, 0, stay], float(times[0]), sigma, clip.unit, (*start.fit.without, *walls))
    return Paths(data, acceleration, impacts, tuple(told))


def _values(start: Start, numbers: Float) -> Values:
    return replace(start.slots, free=np.arange(len(start.slots.all))).values(numbers)


def contact_point(
    start: Start, intervention: Intervention, times: Float, data: Float, acceleration: Float, hit: Impact
) -> tuple[float, float]:
    """Where a contact of the centre's path (6, T, n) happens, world frame; NaN where it can't be told.

    Positions run on through a contact, so that those of the instant before, moved on, are exact but for another contact between.
    """
    k = max(int(np.searchsorted(times, hit.time, side="right")) - 1, 0)
    # a state at the very instant of the contact has the position, and either velocity
    passed = hit.time - times[k]
    i = hit.objects[0]
    pull = np.nan_to_num(acceleration[:2, k, i])
    place = data[:2, k, i] + passed * data[3:5, k, i] + 0.5 * passed**2 * pull
    radius = np.atleast_2d(start.clip.bodies.radius)[0]
    if len(hit.objects) > 1:
        j = hit.objects[1]
        other = data[:2, k, j] + passed * data[3:5, k, j] + 0.5 * passed**2 * np.nan_to_num(acceleration[:2, k, j])
        total = radius[i] + radius[j]
        place = place + (other - place) * (radius[i] / total if total > 0 else 0.5)
    elif hit.wall:
        wall = _wall(start, intervention, hit)
        if wall is not None:
            place = place - radius[i] * np.array(wall)
    return float(place[0]), float(place[1])


def _wall(start: Start, intervention: Intervention, hit: Impact) -> tuple[float, float] | None:
    """Unit normal of the wall that was struck."""
    values = intervention.values(start.values[None], start) if hit.time >= (intervention.at or 0.0) else start.values[None]
    for wall in start.fit.law.contacts(start.clip.bodies, _values(start, values)).walls:
        if wall.name == hit.wall:
            return float(np.ravel(wall.normal_x)[0]), float(np.ravel(wall.normal_y)[0])
    return None


def _accelerations(start: Start, motion: Motion, times: Float, data: Float, interval: float) -> Float:
    """(3, b, T, n) that the law gives at each time: its own, or what one more of its steps adds over the step."""
    law = motion.law
    out = np.full((3, *data.shape[1:]), np.nan)
    if law.kind == "rollout":
        return out
    held = start.clip.inputs.at(times)
    step = np.full((data.shape[1], 1), law.time_step or interval)
    with np.errstate(all="ignore"):
        for k, t in enumerate(times):
            motion.inputs = Values({name: np.full((data.shape[1], 1), held[name][k]) for name in law.inputs})
            now = data[:, :, k]
            if law.kind == "acceleration":
                out[:, :, k] = motion.rates(np.full((data.shape[1], 1), t), now)[3:]
            else:
                made = law.step(State(now.copy(), motion.bodies), motion.parameters, motion.inputs, step)
                out[:, :, k] = (made.data[3:] - now[3:]) / step
    return out


def _pressed(acceleration: Float, data: Float, times: Float, impacts: Sequence[Sequence[Impact]]) -> None:
    """Where something lies on another, the law's forces alone don't tell its acceleration: then the change of its velocity does."""
    if len(times) < 2:
        return
    span = np.diff(times)
    quotient = np.diff(data[3:], axis=2) / span[None, None, :, None]
    mean = 0.5 * (acceleration[:, :, 1:] + acceleration[:, :, :-1])
    with np.errstate(invalid="ignore"):
        off = np.asarray((np.abs(quotient - mean) > PRESSED * np.abs(mean) + 1e-9).any(axis=0))
    for trial, hits in enumerate(impacts):
        for hit in hits:
            k = int(np.searchsorted(times, hit.time, side="right")) - 1
            for i in hit.objects:
                off[trial, max(min(k, len(span) - 1), 0), i] = False
    rows = np.concatenate([off, off[:, -1:]], axis=1)
    theirs = np.concatenate([quotient, quotient[:, :, -1:]], axis=2)
    acceleration[:, rows] = theirs[:, rows]
