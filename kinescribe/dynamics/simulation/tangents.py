"""Exact derivatives of trajectories, for laws whose motion between contacts is a parabola."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.law import Law
from kinescribe.dynamics.parameters import Values
from kinescribe.dynamics.simulation.arcs import Derivatives, follow_arcs
from kinescribe.dynamics.simulation.gaps import Gaps
from kinescribe.dynamics.simulation.motion import Motion, bodies_of
from kinescribe.dynamics.simulation.rollout import Rollout
from kinescribe.dynamics.simulation.schedule import Schedule
from kinescribe.dynamics.simulation.simulate import finished, what_is_struck
from kinescribe.dynamics.state import State

__all__ = ["differentiate"]

Float = NDArray[np.float64]


def differentiate(
    law: Law,
    parameters: Values,
    steps: Float,
    initial: State,
    components: NDArray[np.intp],
    schedule: Schedule,
    coordinates: int,
    without: Sequence[str] = (),
) -> tuple[Rollout, Float | None]:
    """Trajectories of b clips, and their derivatives (b, T, coordinates, n, p + d), by p parameters and d numbers of the initial state.

    What contacts do is differentiated exactly. Accelerations, walls and masses are the law's own, and are taken by differences.

    Args:
        parameters: of b clips as they are, then of b clips each with the first parameter moved, and so on: (b + p·b, ·).
        steps: (p,) by which each was moved.
        components: (d, 2) component and object of each number of an initial state.
        coordinates: 2 for x and y, 3 for the angle too.
        without: walls that are taken away.

    Returns:
        None in place of derivatives where something piles up: it has none.
    """
    clips, p, d = initial.data.shape[1], len(steps), len(components)
    n = len(initial.bodies)
    here, every = np.arange(clips), np.tile(np.arange(clips), p + 1)
    bodies = bodies_of(initial.bodies, every)
    trials = Motion.of(law, parameters, bodies)
    data = np.array(initial.data, float)
    force = trials.rates(schedule.instants[every, :1], data[:, every])[3:].transpose(1, 0, 2).reshape(p + 1, clips, 3, n)
    struck = what_is_struck(law, bodies, parameters, without)
    gaps = Gaps.of(struck, bodies, parameters.get("mass", 1.0))
    numbers = np.zeros((p + 1, clips, 0)) if gaps is None else gaps.numbers(len(every)).reshape(p + 1, clips, -1)

    def by_parameters(values: Float) -> Float:
        out = np.zeros((*values.shape[1:], p + d))
        for k in range(p):
            out[..., k] = (values[k + 1] - values[0]) / steps[k]
        return out

    by_data = np.zeros((clips, 6, n, p + d))
    by_data[:, components[:, 0], components[:, 1], p + np.arange(d)] = 1.0
    with np.errstate(all="ignore"):  # a state that diverges is found by its value
        by = Derivatives(by_data, by_parameters(force), by_parameters(numbers), coordinates)
        out, impacts, made = follow_arcs(trials.take(here), data, schedule, None if gaps is None else gaps.take(here), by)
    rollout = finished(out, impacts, struck, initial.bodies)
    return rollout, made
