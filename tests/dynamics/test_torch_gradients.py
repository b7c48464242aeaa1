"""Laws written in torch: the same motion as in numpy, and exact gradients of the loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_clips import Fall, clip_of, moved

from kinescribe.dynamics import Bodies, Contacts, Discs, Inputs, Law, Parameter
from kinescribe.dynamics.fitting import fit_law
from kinescribe.dynamics.fitting.optimizers import _Objective
from kinescribe.dynamics.fitting.problem import Point, Problem

torch = pytest.importorskip("torch")
TIMES = np.array([0.0, 0.07, 0.2, 0.31, 0.5, 0.55, 0.8, 1.0, 1.1, 1.3, 1.4, 1.6])
TWO = Bodies.make(2, radius=0.1)


class Tensor(Law):
    """Drag that saturates, a pull between two bodies, a push."""

    name = "tensor"
    array_library = "torch"
    inputs = ("push",)
    drag = Parameter(0.5, (0, 10), "1/time")
    pull = Parameter(2.0, (0, 10), "1/time^2")
    weight = Parameter(1.0, (0.1, 10), per="object")

    def acceleration(self, t, state, parameters, inputs):
        apart = state.x - torch.flip(state.x, (1,))
        return (
            -parameters.pull * torch.tanh(apart) / parameters.weight + inputs.push,
            -parameters.drag * state.vy * torch.exp(-0.1 * t),
        )


class Plain(Tensor):
    name = "plain"
    array_library = "numpy"

    def acceleration(self, t, state, parameters, inputs):
        apart = state.x - state.x[:, ::-1]
        return -parameters.pull * np.tanh(apart) / parameters.weight + inputs.push, -parameters.drag * state.vy * np.exp(-0.1 * t)


PUSH = Inputs.of([0.0, 0.4, 1.0, 1.5], push=[0.5, -0.5, 1.0, 0.0])
START = {"x": [0.0, 2.0], "vy": [3.0, -2.0], "vx": [0.5, 0.0]}


def path_of(law):
    return moved(law, TIMES, TWO, inputs=PUSH, substeps=2, parameters={"weight": [1.0, 3.0]}, **START)


def clips():
    rng = np.random.default_rng(1)
    return [clip_of(path_of(Plain()), TIMES, rng, 0.02, missing=0.15, inputs=PUSH) for _ in range(2)]


def test_torch_and_numpy_move_alike():
    np.testing.assert_allclose(path_of(Tensor()).data, path_of(Plain()).data, atol=1e-12)


def test_gradients_are_those_of_finite_differences():
    seen = clips()
    # one bad sighting, beyond the knee of Huber's loss
    x = seen[0].x.copy()
    x[4, 0] += 5.0
    seen[0] = replace(seen[0], x=x)
    problem = Problem.of(Tensor(), seen)
    problem.substeps = 2
    theta, q = problem.slots.starts([]) * 1.2, problem.start()
    objective = _Objective(problem, Point(theta, q), None, lambda _: None)
    at = 0.01 * np.random.default_rng(2).normal(size=len(objective.centre))
    value, gradient = objective.both(at)
    assert value == pytest.approx(objective.value(at), rel=1e-9)
    steps = 1e-6 * np.eye(len(at))
    differences = np.array([(objective.value(at + e) - objective.value(at - e)) / 2e-6 for e in steps])
    np.testing.assert_allclose(gradient, differences, rtol=1e-5, atol=1e-5 * np.abs(gradient).max())


def test_lbfgs_with_exact_gradients_finds_what_least_squares_finds():
    seen = clips()
    fixed = {"object 1.weight": 1.0}
    exact = fit_law(Tensor(), seen, optimizer="lbfgs", fixed=fixed)
    squares = fit_law(Plain(), seen, fixed=fixed)
    for name in ("drag", "pull", "object 2.weight"):
        one, other = exact.estimates[name], squares.estimates[name]
        assert one.value == pytest.approx(other.value, abs=0.3 * other.sigma), name


def test_gradients_of_a_law_on_some_objects_are_those_of_finite_differences():
    bodies = Bodies.make(3, radius=0.1)
    path = moved(Plain().on("object 1", "object 3"), TIMES, bodies, inputs=PUSH, x=[0.0, 5.0, 2.0], vy=[3.0, 1.0, -2.0])
    seen = [clip_of(path, TIMES, np.random.default_rng(5), 0.02, inputs=PUSH)]
    problem = Problem.of(Tensor().on("object 1", "object 3"), seen)
    assert problem.slots.names == ["drag", "pull", "object 1.weight", "object 3.weight"]
    objective = _Objective(problem, Point(problem.slots.starts([]) * 1.2, problem.start()), None, lambda _: None)
    at = 0.01 * np.random.default_rng(6).normal(size=len(objective.centre))
    _, gradient = objective.both(at)
    differences = np.array([(objective.value(at + e) - objective.value(at - e)) / 2e-6 for e in 1e-6 * np.eye(len(at))])
    np.testing.assert_allclose(gradient, differences, rtol=1e-5, atol=1e-5 * np.abs(gradient).max())


def test_a_law_in_torch_that_strikes_is_fitted_by_differences():
    """Gradients don't go through contacts; without them there would be no sign of the restitution."""

    class Struck(Law):
        name = "struck"
        array_library = "torch"
        restitution = Parameter(0.5, (0, 1))

        def acceleration(self, t, state, parameters, inputs):
            return torch.zeros_like(state.x), 0.0

        def contacts(self, bodies, parameters):
            return Contacts((), Discs(parameters.restitution))

    times = np.linspace(0, 2, 21)
    path = moved(Struck(), times, Bodies.make(2, radius=0.5), x=[0.0, 3.0], vx=[2.0, 0.0], parameters={"restitution": 0.8})
    clip = clip_of(path, times, np.random.default_rng(3), 0.01)
    fit = fit_law(Struck(), [clip], optimizer="lbfgs")
    assert fit.estimates["restitution"].value == pytest.approx(0.8, abs=0.03)


def test_least_squares_take_a_law_in_torch_too():
    class Dropped(Fall):
        array_library = "torch"

        def acceleration(self, t, state, parameters, inputs):
            return torch.zeros_like(state.x), -parameters.gravity

    clip = clip_of(moved(Fall(), TIMES, TWO, vy=3.0), TIMES, np.random.default_rng(4), 0.01)
    one, other = (fit_law(law, [clip]).estimates["gravity"] for law in (Dropped(), Fall()))
    assert one.value == pytest.approx(other.value, abs=1e-5)
