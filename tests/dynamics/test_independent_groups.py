"""Objects that have nothing to do with each other: derivatives, and simulations, of each group by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_clips import Bounce, Drag, Fall, clip_of, moved

from kinescribe.dynamics import Bodies, Clip
from kinescribe.dynamics.composition import Restricted, Sum
from kinescribe.dynamics.fitting.groups import groups_of, merged
from kinescribe.dynamics.fitting.linearization import linearize
from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.law import Law

TIMES = np.linspace(0.0, 1.2, 31)
NAMES = ("a", "b", "c")


class Steady(Bounce):
    """The same, and says that it is steady, so that its derivatives are exact."""

    name = "steady bounce"
    steady = True


def clip(seed: int = 0) -> Clip:
    """a and b bounce, c is only slowed."""
    rng = np.random.default_rng(seed)
    bodies = Bodies.make(3, radius=0.1, names=NAMES)
    law = Sum(Restricted(Steady(), ["a", "b"]), Restricted(Drag(), ["c"]))
    rollout = moved(law, TIMES, bodies, substeps=2, x=[0.0, 1.0, 5.0], y=[1.0, 0.7, 3.0], vx=[0.3, 0.1, 2.0])
    return clip_of(rollout, TIMES, rng, 0.002)


def posed(law: Law, clips: list[Clip]) -> tuple[Problem, Point]:
    problem = Problem.of(law, clips)
    problem.substeps = 2
    return problem, Point(problem.slots.starts([]), problem.start())


@pytest.fixture
def both() -> Law:
    return Sum(Restricted(Drag(), ["c"]), Restricted(Steady(), ["a", "b"]))


def test_each_groups_derivatives_are_those_of_its_own_problem(both):
    clips = [clip(1), clip(2)]
    problem, point = posed(both, clips)
    made = linearize(problem, point)
    weights = np.ones_like(made.residuals)
    information, blocks, coupling = made.eliminated(weights)
    alone, start = posed(Steady(), [one.keeping([0, 1]) for one in clips])
    own = linearize(alone, start)
    assert own.exact
    assert not made.exact
    mine, theirs, across = own.eliminated(np.ones_like(own.residuals))
    theta = [problem.slots.names.index(name) for name in alone.slots.names]
    numbers = [k for k, (_, thing) in enumerate(problem.components.tolist()) if thing < 2]
    np.testing.assert_array_equal(information[np.ix_(theta, theta)], mine)
    np.testing.assert_array_equal(blocks[np.ix_([0, 1], numbers, numbers)], theirs)
    np.testing.assert_array_equal(coupling[np.ix_([0, 1], numbers, theta)], across)
    other = problem.slots.names.index("drag")
    assert information[other, other] > 0
    np.testing.assert_array_equal(information[other, theta], 0.0)


def test_they_are_those_of_all_objects_at_once(both):
    problem, point = posed(both, [clip(3)])
    made = linearize(problem, point, central=True)
    steps = 1e-6
    for k in range(point.q.shape[1]):
        sides = [Point(point.theta, point.q + sign * steps * np.eye(point.q.shape[1])[k]) for sign in (1.0, -1.0)]
        up, down = (problem.residuals(problem.at(side), np.arange(1)) for side in sides)
        np.testing.assert_allclose(made.by_q[..., k], (up - down) / (2 * steps), rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(made.residuals, problem.residuals(problem.at(point), np.arange(1)), atol=1e-5)


def test_the_rollouts_that_they_spend_are_counted_and_kept(both):
    problem, point = posed(both, [clip(4)])
    linearize(problem, point)
    # one simulation for exact derivatives, and one for each number of the other group and itself
    assert problem.rollouts == 1 + 1 + 1 + 4
    kept = problem.recalled(point)
    assert kept is not None
    problem.remember(Point(point.theta + 1.0, point.q), kept)
    fresh = problem.at(point)
    np.testing.assert_allclose(kept.data, fresh.data, atol=1e-9)
    assert [hit.objects for hit in kept.impacts_of(0)] == [hit.objects for hit in fresh.impacts_of(0)]
    assert {hit.objects for hit in kept.impacts_of(0)} == {(0,), (1,)}
    assert [hit.wall for hit in kept.impacts_of(0)] == [hit.wall for hit in fresh.impacts_of(0)]


def test_objects_that_no_law_is_about_move_on(both):
    law = Sum(Restricted(Steady(), ["a"]), Restricted(Drag(), ["c"]))
    problem, point = posed(law, [clip(5)])
    groups = groups_of(problem)
    assert [group.who.tolist() for group in groups] == [[0], [2], [1]]
    path = merged(problem, groups, [group.problem.at(group.of(point)) for group in groups])
    np.testing.assert_allclose(path.data, problem.at(point).data, atol=1e-9)


@pytest.mark.parametrize(
    "law",
    [
        Fall(),
        Restricted(Fall(), ["a"]),
        Sum(Fall(), Drag()),
        Sum(Restricted(Fall(), ["a"]), Drag()),
        Sum(Restricted(Fall(), ["a", "b"]), Restricted(Drag(), ["b"])),
    ],
    ids=lambda law: law.title,
)
def test_what_acts_on_the_same_objects_is_one_group(law):
    assert groups_of(posed(law, [clip()])[0]) == []


def test_a_number_that_two_laws_share_makes_them_one_group():
    class Heavy(Fall):
        name = "heavy"
        mass = replace(Fall.gravity, start=1.0)

    assert groups_of(posed(Sum(Restricted(Heavy(), ["a"]), Restricted(Heavy(), ["b"])), [clip()])[0]) == []
