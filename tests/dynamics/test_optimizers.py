"""The general optimizers: they agree with least squares, take a loss of one's own, and mend a wrong order of contacts."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_clips import Bounce, Fall, Pucks, clip_of, moved

from kinescribe.dynamics import Bodies, Law, Parameter
from kinescribe.dynamics.fitting import Budget, fit_law
from kinescribe.dynamics.fitting.evolution import evolve
from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.search import disordered
from kinescribe.errors import UsageError

ONE = Bodies.make(1, radius=0.1)
TIMES = np.linspace(0.0, 1.5, 16)


@pytest.fixture(scope="module")
def fall():
    return clip_of(moved(Fall(), TIMES, ONE, vx=2.0, vy=4.0), TIMES, np.random.default_rng(1), 0.02)


@pytest.mark.parametrize("optimizer", ["powell", "lbfgs", "cma"])
def test_every_optimizer_finds_what_least_squares_finds(fall, optimizer):
    reference = fit_law(Fall(gravity=5.0), [fall]).estimates["gravity"]
    fit = fit_law(Fall(gravity=5.0), [fall], optimizer=optimizer, seed=1)
    assert fit.optimizer == optimizer
    assert fit.estimates["gravity"].value == pytest.approx(reference.value, abs=0.2 * reference.sigma)
    assert fit.estimates["gravity"].sigma == pytest.approx(reference.sigma, rel=0.05)


@pytest.mark.parametrize("optimizer", ["powell", "lbfgs", "cma"])
def test_bounds_hold_for_every_optimizer(fall, optimizer):
    law = Fall(gravity=Parameter(3.0, (1, 5), "length/time^2"))
    fit = fit_law(law, [fall], optimizer=optimizer, budget=Budget(1_500))
    assert fit.estimates["gravity"].value == pytest.approx(5.0, abs=0.05)
    assert fit.estimates["gravity"].value <= 5.0


@pytest.mark.parametrize("optimizer", ["powell", "lbfgs"])
def test_a_loss_of_ones_own_is_minimized(fall, optimizer):
    asked = []

    def loss(path, clip):
        asked.append((path.shape, clip))
        return float(np.abs(path[:2, :, 0] - np.stack([fall.x[:, 0], fall.y[:, 0]])).sum())

    fit = fit_law(Fall(gravity=8.0), [fall], optimizer=optimizer, loss=loss, budget=Budget(2_000))
    assert fit.estimates["gravity"].value == pytest.approx(9.0, abs=0.15)
    assert set(asked) == {((6, 16, 1), 0)}


class Brittle(Law):
    """A black box that rounds its parameter, so that no derivative says anything."""

    name = "brittle"
    speed = Parameter(1.0, (0, 5))

    def rollout(self, initial, times, parameters, inputs):
        out = np.repeat(initial.data[:, :, None], times.shape[1], axis=2)
        out[0] += np.round(parameters.speed, 2)[..., None] * (times - times[:, :1])[..., None]
        return out


def test_cma_goes_where_no_derivative_leads():
    path = moved(Brittle(), TIMES, ONE, parameters={"speed": 2.5})
    clip = clip_of(path, TIMES, np.random.default_rng(2), 0.01)
    fit = fit_law(Brittle(), [clip], optimizer="cma", seed=1)
    assert fit.estimates["speed"].value == pytest.approx(2.5, abs=0.02)


def three_in_a_row(rng):
    """Disc 1 strikes disc 2, which strikes disc 3."""
    path = moved(Pucks(), np.linspace(0, 3, 31), Bodies.make(3, radius=0.4), x=[0.0, 2.0, 4.0], y=[0.0, 0.1, 0.0], vx=[3.0, 0.0, 0.0],
                 parameters={"restitution": 0.95})  # fmt: skip
    assert [hit.objects for hit in path.impacts_of(0)][:2] == [(0, 1), (1, 2)]
    return path, clip_of(path, np.linspace(0, 3, 31), rng, 0.01)


def test_evolution_mends_a_clip_whose_contacts_come_in_a_wrong_order():
    path, clip = three_in_a_row(np.random.default_rng(3))
    problem = Problem.of(Pucks(), [clip])
    theta = problem.slots.starts([{"restitution": 0.95}])
    good = path.data[problem.components[:, 0], 0, 0, problem.components[:, 1]][None]
    off = good.copy()
    # the first disc passes the second by
    off[0, 1] -= 0.8
    bad = Point(theta, off)
    assert disordered(problem, bad).tolist() == [0]
    mended = evolve(problem, bad, np.array([0]), seed=1, shared=False)
    assert disordered(problem, mended).tolist() == []
    np.testing.assert_array_equal(mended.theta, theta)


def test_a_fit_with_a_start_that_misses_the_contact_ends_with_the_right_order():
    class Misled(Pucks):
        def starts(self, clip):
            return {"restitution": 0.1}

    _, clip = three_in_a_row(np.random.default_rng(4))
    fit = fit_law(Misled(), [clip], fixed={"mass": 1.0})
    assert fit.clips[0].events_agree
    assert fit.estimates["restitution"].value == pytest.approx(0.95, abs=0.05)


def test_an_order_that_cannot_be_mended_is_said():
    _, clip = three_in_a_row(np.random.default_rng(5))
    fit = fit_law(Pucks(), [clip], fixed={"mass": 1.0, "restitution": 0.0}, budget=Budget(1_500))
    assert fit.scale > 3
    free = clip_of(moved(Bounce(), TIMES, ONE, y=9.0, parameters={"gravity": 1.0}), TIMES, np.random.default_rng(1), 0.01)
    from dataclasses import replace

    from kinescribe.dynamics import Impact

    claimed = replace(free, impacts=(Impact(1.0, (0,)),))
    told = fit_law(Bounce(), [claimed])
    assert told.clips[0].events_agree is False
    assert "another order than they were seen in 1 of 1 clips: of two in one frame a table may tell one" in told.advice


def test_an_unknown_optimizer_is_refused(fall):
    with pytest.raises(UsageError, match="unknown optimizer 'adam'"):
        fit_law(Fall(), [fall], optimizer="adam")
