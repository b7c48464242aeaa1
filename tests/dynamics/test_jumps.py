"""Simulations of steps, in which a contact falls into one step or the next: derivatives don't see it, the fit must."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from drawn_clips import Free, clip_of, moved

from kinescribe.dynamics import Bodies, Clip, Impact, Law, Parameter
from kinescribe.dynamics.fitting import fit_law
from kinescribe.dynamics.fitting.jumps import across_jumps, has_jumps, plateaus
from kinescribe.dynamics.fitting.levenberg import minimize
from kinescribe.dynamics.fitting.problem import Point, Problem

STEP = 0.05
TIMES = np.arange(21) * 0.1
TRUTH = {"restitution": 0.9, "size": 1.02}


class Stepped(Law):
    """Two equal bodies on a line that bounce at the end of the step in which they overlap."""

    name = "stepped"
    restitution = Parameter(0.7, (0, 1))
    size = Parameter(1.0, (0.5, 2), meaning="distance of centres at a contact")
    nothing = Parameter(1.0, (0, 10), meaning="what the motion doesn't depend on")

    def rollout(self, initial: Any, times: Any, parameters: Any, inputs: Any) -> Any:
        data = np.array(initial.data, float)
        restitution, size = (np.broadcast_to(parameters[name], (data.shape[1], 1))[:, 0] for name in ("restitution", "size"))
        out = np.empty((6, data.shape[1], times.shape[1], 2))
        out[:, :, 0] = data
        for k in range(1, times.shape[1]):
            for _ in range(round(float(times[0, k] - times[0, k - 1]) / STEP)):
                data[:3] += STEP * data[3:]
                apart, closing = data[0, :, 1] - data[0, :, 0], data[3, :, 0] - data[3, :, 1]
                hit = (apart < size) & (closing > 0)
                middle, half = 0.5 * data[3].sum(axis=1), 0.5 * restitution * closing
                data[3, hit, 0], data[3, hit, 1] = (middle - half)[hit], (middle + half)[hit]
            out[:, :, k] = data
        return out


BODIES = Bodies.make(2, radius=0.5)


def clips(count: int = 6, sigma: float = 1e-3) -> list[Clip]:
    made = []
    for k in range(count):
        rng = np.random.default_rng(k)
        start = {"x": [0.0, 3.0 + rng.uniform(0, 0.5)], "vx": [rng.uniform(1, 2), -rng.uniform(1, 2)]}
        path = moved(Stepped(), TIMES, BODIES, parameters=TRUTH, **start)
        met = float(TIMES[np.flatnonzero(path.component("vx")[0, :, 0] != start["vx"][0])[0]])
        made.append(replace(clip_of(path, TIMES, rng, sigma), impacts=(Impact(met - 0.05, (0, 1)),)))
    return made


def started(seen: list[Clip]) -> tuple[Problem, Point]:
    problem = Problem.of(Stepped(), seen)
    return problem, Point(problem.slots.starts([]), problem.start())


def chi(problem: Problem, point: Point) -> np.ndarray:
    every = np.arange(len(problem.clips))
    return np.sqrt((problem.residuals(problem.at(point), every) ** 2).mean(axis=1))


def test_every_clip_ends_on_the_right_side() -> None:
    problem, start = started(clips())
    assert chi(problem, minimize(problem, start)).max() > 5.0  # what derivatives alone come to
    told: list[Point] = []
    best = across_jumps(problem, start, found=told.append)
    assert chi(problem, best).max() < 1.5
    assert told
    np.testing.assert_allclose(best.theta[:2], [0.9, 1.02], atol=0.01)


def test_a_plateau_is_an_interval_that_holds_the_truth() -> None:
    problem, start = started(clips())
    found = {problem.slots.names[one.index]: one for one in plateaus(problem, across_jumps(problem, start))}
    assert set(found) == {"restitution", "size"}  # nothing tells of the third
    size = found["size"]
    assert 1e-4 < size.spread < 0.02
    assert abs(size.middle - 1.02) < 3.0 * size.spread


def test_a_fit_goes_that_way_and_from_known_values_straight_to_the_starts() -> None:
    seen = clips()
    assert fit_law(Stepped(), seen).scale < 1.5
    known = fit_law(Stepped(), seen, start=TRUTH)
    assert known.scale < 1.5
    assert known.rollouts < fit_law(Stepped(), seen).rollouts


def test_errors_are_those_of_the_plateaus() -> None:
    fit = fit_law(Stepped(), clips())
    size = fit.estimates["size"]
    assert 1e-4 < size.sigma < 0.02
    assert size.low < 1.02 < size.high
    assert fit.estimates["restitution"].identified
    assert [one.names for one in fit.unidentified] == [("nothing",)]


@pytest.mark.parametrize(("law", "impacts", "expected"), [(Stepped(), True, True), (Stepped(), False, False), (Free(), True, False)])
def test_jumps_need_a_simulation_and_contacts(law: Law, impacts: bool, expected: bool) -> None:
    seen = clips(1) if impacts else [replace(clip, impacts=()) for clip in clips(1)]
    assert has_jumps(Problem.of(law, seen)) is expected


def test_without_frames_before_the_contact_least_squares_is_what_there_is() -> None:
    early = [replace(clip, impacts=(Impact(0.1, (0, 1)),)) for clip in clips(2)]
    problem, start = started(early)
    np.testing.assert_array_equal(across_jumps(problem, start).theta, minimize(problem, start).theta)
