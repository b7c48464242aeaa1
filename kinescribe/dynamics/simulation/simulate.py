"""The simulator: free motion between contacts, each of which happens at its exact moment.

Where the law says that its accelerations are steady, `arcs` does the same in closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.contacts import Contacts
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.simulation.arcs import follow_arcs, is_steady
from kinescribe.dynamics.simulation.elsewhere import Elsewhere
from kinescribe.dynamics.simulation.gaps import Gaps, Path
from kinescribe.dynamics.simulation.impact import strike
from kinescribe.dynamics.simulation.limits import REPEATS, STALLED, STALLS, STALLS_OF_A_PILE
from kinescribe.dynamics.simulation.motion import Motion, bodies_of
from kinescribe.dynamics.simulation.piles import settle
from kinescribe.dynamics.simulation.rollout import Rollout
from kinescribe.dynamics.simulation.schedule import Schedule
from kinescribe.dynamics.state import Bodies, State
from kinescribe.errors import UsageError

__all__ = ["finished", "simulate", "what_is_struck"]

Float = NDArray[np.float64]
Index = NDArray[np.intp]
FAR = 1e12  # a coordinate or speed beyond this has diverged
EXACT = 1e-13  # of a radius: a gap that is left at the moment of contact
CORRECTIONS = 3


def simulate(
    law: Law, parameters: Values, initial: State, schedule: Schedule, *, without: Sequence[str] = (), contacts: bool = True
) -> Rollout:
    """Trajectories of b clips, each with its own parameters, start and times.

    Args:
        parameters: by name (b, 1), or (b, n) for a parameter per object.
        initial: (6, b, n) at each clip's first instant.
        schedule: of b clips.
        without: walls that are taken away.
        contacts: whether anything can be struck at all.

    Returns:
        A `Rollout`; a clip whose state leaves all bounds is NaN from there on, and said to have diverged.

    Raises:
        UsageError: the law returns what its contract doesn't allow.
    """
    data = np.array(initial.data, float)
    clips = data.shape[1]
    bodies = bodies_of(initial.bodies, np.arange(clips))
    motion = Motion.of(law, parameters, bodies)
    out = np.full((6, clips, schedule.frames.shape[1], len(bodies)), np.nan)
    struck = what_is_struck(law, bodies, parameters, without) if contacts else Contacts()
    log: list[Float] = []
    data = motion.projected(data)
    with np.errstate(all="ignore"):  # a state that diverges is found by its value
        if law.kind == "rollout":
            out = _black_box(law, parameters, State(data, bodies), schedule)
        elif is_steady(law):
            out, hits, _ = follow_arcs(motion, data, schedule, Gaps.of(struck, bodies, parameters.get("mass", 1.0)))
            log.append(hits)
        elif isinstance(law, Elsewhere) and (law.kind == "step" or Gaps.of(struck, bodies) is None):
            # from the start as it was given: what follows it puts it onto its constraints itself
            out = law.followed(parameters, State(np.array(initial.data, float), bodies), schedule)
        else:
            _run(motion, data, schedule, struck, out, log)
    return finished(out, np.concatenate(log) if log else np.zeros((0, 5)), struck, bodies)


def what_is_struck(law: Law, bodies: Bodies, parameters: Values, without: Sequence[str] = ()) -> Contacts:
    """The law's contacts, less the walls that are taken away. Raises UsageError where it returns something else."""
    struck = law.contacts(bodies, parameters)
    if not isinstance(struck, Contacts):
        raise UsageError(f"law {law.title}: contacts must return Contacts, not a {type(struck).__name__}")
    for name in without:
        struck = struck.without(name)
    return struck


def finished(out: Float, impacts: Float, struck: Contacts, bodies: Bodies) -> Rollout:
    """Trajectories (6, b, T, n) as a `Rollout`: NaN from where a clip leaves all bounds."""
    inside = (np.abs(out) < FAR).all(axis=(0, 3))
    late = np.logical_or.accumulate(~inside, axis=1)
    out = np.where(late[None, :, :, None], np.nan, out)
    return Rollout(out, impacts, tuple(wall.name for wall in struck.walls), late[:, -1], bodies)


def _run(motion: Motion, data: Float, schedule: Schedule, contacts: Contacts, out: Float, log: list[Float]) -> None:
    """Fill `out` (6, b, T, n) instant by instant."""
    gaps = Gaps.of(contacts, motion.bodies, motion.parameters.get("mass", 1.0)) if motion.law.kind == "acceleration" else None
    step = _stepped if motion.law.kind == "step" else _free if gaps is None else None
    patience = np.full(data.shape[1], STALLS * data.shape[2])
    instants, frames, rests = schedule.instants, schedule.frames, schedule.rests
    due: dict[int, list[tuple[Index, int]]] = {}
    for frame in range(frames.shape[1]):
        for at in np.unique(frames[:, frame]):
            due.setdefault(int(at), []).append((np.flatnonzero(frames[:, frame] == at), frame))
    motion.schedule = schedule
    for k in range(instants.shape[1]):
        t, motion.now = instants[:, k : k + 1], k
        motion.inputs = Values({name: values[:, k : k + 1] for name, values in schedule.inputs.items()})
        for clips, frame in due.get(k, ()):
            rest = rests[clips, frame]
            out[:, clips, frame] = data[:, clips]
            if rest.any() and step is not None:
                out[:, clips, frame] = step(motion.take(clips), t[clips], data[:, clips], rest[:, None])
        if k + 1 < instants.shape[1]:
            h = instants[:, k + 1 : k + 2] - t
            if step is not None:
                data = step(motion, t, data, h)
            elif gaps is not None:
                data = _through_contacts(motion, gaps, t, data, h, patience, log)


def _free(motion: Motion, t: Float, data: Float, h: Float) -> Float:
    return motion.step(t, data, h)


def _stepped(motion: Motion, t: Float, data: Float, h: Float) -> Float:
    """One step of a law that is defined by its step."""
    made = motion.law.step(State(data.copy(), motion.bodies), motion.parameters, motion.inputs, h)
    new = np.asarray(made.data, float) if isinstance(made, State) else None
    if new is None or new.shape != data.shape:
        raise UsageError(
            f"law {motion.law.title}: step must return a State of the shape it was given; make it with state.replace(x=…, vx=…)"
        )
    # a clip that is over waits for the others
    return np.where((h > 0)[None] & (motion.moving > 0), new, data)


def _through_contacts(motion: Motion, gaps: Gaps, t: Float, data: Float, h: Float, patience: Index, log: list[Float]) -> Float:
    """One step (6, b, n) over h (b, 1): free motion to the first contact of each clip, its impulse, and on.

    Contacts that pile up (one that rests, two bodies that strike each other again and again, many at one moment) are solved together over
    what is left of the step. `patience` (b,) counts how many stalls a clip is allowed in this step, and is set for the next.
    """
    data = data.copy()
    active = np.flatnonzero(h[:, 0] > 0)
    time, left = t.copy(), h.copy()
    allowed = patience.copy()
    patience[:] = STALLS * data.shape[2]
    struck = np.zeros((data.shape[1], len(gaps.first)), np.int8)
    while len(active):
        here = motion if len(active) == data.shape[1] else motion.take(active)
        mine = gaps.take(active)
        now, span = data[:, active], left[active]
        after = here.step(time[active], now, span)
        path = Path.between(now, after, span)
        touched = mine.touched(path)
        piled = touched.resting.copy()
        # what closes at once is struck before anything is called a pile
        piled[touched.clips[touched.high == 0.0]] = False
        piled |= (allowed[active] < 0) | (struck[active].max(axis=1) >= REPEATS)
        # so little time is left that a step would not change the clock: nothing moves in it
        over = span[:, 0] <= np.spacing(np.abs(time[active, 0]) + h[active, 0])
        piled &= ~over
        after[:, over] = now[:, over]
        if piled.any():
            rows = np.flatnonzero(piled)
            after[:, rows] = settle(here.take(rows), mine.take(rows), time[active][rows], now[:, rows], span[rows])
            patience[active[rows]] = STALLS_OF_A_PILE
        keep = ~(piled | over)[touched.clips]
        clips, touch, fraction = _earliest(mine, path, touched.clips[keep], touched.touches[keep], touched.low[keep], touched.high[keep])
        hit = np.zeros(len(active), bool)
        hit[clips] = True
        data[:, active[~hit]] = after[:, ~hit]
        some, theirs, rows = here.take(clips), mine.take(clips), np.arange(len(clips))
        active = active[clips]
        if len(active):
            reached, used = _to_contact(some, theirs, rows, touch, time[active], now[:, clips], fraction[:, None] * span[clips])
            strike(theirs, reached, rows, touch)
            data[:, active] = some.projected(reached)
            struck[active, touch] += 1
            allowed[active] -= (used[:, 0] < STALLED * h[active, 0]).astype(np.intp)
            time[active] += used
            left[active] = np.maximum(left[active] - used, 0.0)
            log.append(np.column_stack([active, time[active, 0], gaps.first[touch], gaps.second[touch], gaps.wall[touch]]).astype(float))
    return data


def _earliest(gaps: Gaps, path: Path, clips: Index, touch: Index, low: Float, high: Float) -> tuple[Index, Index, Float]:
    """Of each clip that is touched at all the first touch: clips (k,), touches (k,), fractions (k,) of the step."""
    if not len(clips):
        return clips, touch, low
    fraction = gaps.first_touch(path, clips, touch, low, high)
    order = np.lexsort((fraction, clips))
    firsts = order[np.r_[True, np.diff(clips[order]) > 0]]
    return clips[firsts], touch[firsts], fraction[firsts]


def _to_contact(motion: Motion, gaps: Gaps, rows: Index, touch: Index, t: Float, data: Float, h: Float) -> tuple[Float, Float]:
    """States (6, k, n) at the moment of contact near h (k, 1), and that moment: the path's cubic is exact for constant accelerations
    only, so the integrator has the last word.
    """
    tolerance = EXACT * gaps.radius.max()
    for _ in range(CORRECTIONS):
        reached = motion.step(t, data, h)
        gap, rate = gaps.closing(rows, touch, reached)
        off = (np.abs(gap) > tolerance) & (rate < 0)
        if not off.any():
            break
        h = np.maximum(h - np.where(off, gap / np.where(off, rate, 1.0), 0.0)[:, None], 0.0)
    else:
        reached = motion.step(t, data, h)
    return reached, h


def _black_box(law: Law, parameters: Values, initial: State, schedule: Schedule) -> Float:
    """The trajectories that a law's own simulator gives."""
    inputs = [
        Values({name: values[:, k : k + 1] for name, values in schedule.inputs.items()}) for k in range(schedule.instants.shape[1] - 1)
    ]
    times = schedule.frame_times
    returned = law.rollout(replace(initial, data=initial.data.copy()), times, parameters, inputs)
    shape = (6, *times.shape, len(initial.bodies))
    try:
        made = np.asarray(returned, float)
    except (ValueError, TypeError):
        raise UsageError(f"law {law.title}: rollout returned a {type(returned).__name__} that is no array of numbers {shape}") from None
    if made.shape != shape:
        raise UsageError(f"law {law.title}: rollout returned the shape {made.shape}; (6, clips, T, objects) is {shape}")
    return made
