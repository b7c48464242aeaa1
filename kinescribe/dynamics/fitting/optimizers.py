"""General optimizers on all numbers at once, for black boxes and for losses that are no sum of squares: Powell, L-BFGS, CMA-ES."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.fitting.linearization import linearize
from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.robust import cost, scale_of, weights_of
from kinescribe.dynamics.simulation import Rollout

__all__ = ["OPTIMIZERS", "Loss", "general"]

Float = NDArray[np.float64]
OPTIMIZERS = ("lm", "powell", "lbfgs", "cma")


class Loss(Protocol):
    """A loss in place of the one in state space, such as the difference of pictures."""

    def __call__(self, trajectory: Float, clip: int) -> float:
        """Of a trajectory (6, T, n) of that clip; the lower the better, finite."""


def general(
    problem: Problem, point: Point, optimizer: str, *, seed: int, loss: Loss | None, found: Callable[[Point], None] = lambda _: None
) -> Point:
    """The best point that one of these optimizers finds."""
    objective = _Objective(problem, point, loss, found)
    if optimizer == "cma":
        return _cma(objective, seed)
    from scipy.optimize import minimize

    low, high = objective.bounds
    limits = [(None if np.isinf(a) else a, None if np.isinf(b) else b) for a, b in zip(low, high, strict=True)]
    start = np.zeros(len(low))
    if optimizer == "powell":
        # without finite bounds Powell's first line searches leap by a whole natural size
        minimize(objective.value, start, method="Powell", bounds=limits, options={"xtol": 1e-6, "ftol": 1e-10, "maxiter": 60})
    elif loss is not None:
        minimize(objective.value, start, method="L-BFGS-B", bounds=limits, options={"maxiter": 200})
    else:
        minimize(objective.both, start, jac=True, method="L-BFGS-B", bounds=limits, options={"maxiter": 400, "ftol": 1e-14, "gtol": 1e-8})
    return objective.best


class _Objective:
    """A loss of all numbers, each in its natural size from the start on."""

    def __init__(self, problem: Problem, point: Point, loss: Loss | None, found: Callable[[Point], None]) -> None:
        self.problem, self.start, self.loss, self.found = problem, point, loss, found
        c = len(problem.clips)
        self.every = np.arange(c)
        natural = np.maximum(np.abs(point.theta), problem.slots.scales(problem.length, problem.duration))
        self.sizes = np.concatenate([natural, np.tile(problem.q_scales, c)])
        self.centre = np.concatenate([point.theta, point.q.ravel()])
        self.seen = np.isfinite(problem.observed).reshape(c, -1)
        self.size = problem.observed.shape[-1]
        self.scale = 1.0
        if loss is None:
            residuals = problem.residuals(self._run(point), self.every)
            self.scale = scale_of(residuals, self.seen, len(self.centre), self.size)
        self.best, self.least = point, np.inf

    @property
    def bounds(self) -> tuple[Float, Float]:
        low, high = self.problem.slots.bounds
        p = len(low)
        wide = np.full(len(self.centre) - p, np.inf)
        a = np.concatenate([(low - self.centre[:p]) / self.sizes[:p], -wide])
        b = np.concatenate([(high - self.centre[:p]) / self.sizes[:p], wide])
        return np.minimum(a, 0.0), np.maximum(b, 0.0)

    def _run(self, point: Point) -> Rollout:
        return self.problem.run(np.repeat(point.theta[None], len(self.every), axis=0), point.q, self.every)

    def point(self, numbers: Float) -> Point:
        low, high = self.problem.slots.bounds
        full = self.centre + self.sizes * numbers
        p = len(low)
        return Point(np.clip(full[:p], low, high), full[p:].reshape(self.start.q.shape))

    def value(self, numbers: Float) -> float:
        point = self.point(numbers)
        rollout = self._run(point)
        if self.loss is None:
            total = float(cost(self.problem.residuals(rollout, self.every), self.seen, self.scale, self.size).sum())
        else:
            total = float(sum(self.loss(rollout.data[:, c], int(c)) for c in self.every)) if not rollout.diverged.any() else 1e30
        return self._noted(point, total)

    def both(self, numbers: Float) -> tuple[float, Float]:
        """Value and gradient."""
        point = self.point(numbers)
        if self.problem.law.array_library == "torch" and not self._strikes(point):
            from kinescribe.dynamics.fitting.gradients import value_and_gradient

            total, by_theta, by_q = value_and_gradient(self.problem, point, self.scale)
        else:
            here = linearize(self.problem, point)
            weights = weights_of(here.residuals, self.seen, self.scale, self.size)
            normal = here.normal(weights)
            total = float(cost(here.residuals, self.seen, self.scale, self.size).sum())
            by_theta, by_q = normal.gradient_theta / self.scale**2, normal.gradient_q / self.scale**2
        gradient = np.concatenate([by_theta, by_q.ravel()]) * self.sizes
        return self._noted(point, total), gradient

    def _strikes(self, point: Point) -> bool:
        """The law has contacts, which gradients don't go through."""
        contacts = self.problem.law.contacts(self.problem.bodies, self.problem.slots.values(point.theta[None]))
        return bool(contacts.walls) or contacts.discs is not None

    def _noted(self, point: Point, total: float) -> float:
        if total < self.least:
            self.best, self.least = point, total
            self.found(point)
        return total


def _cma(objective: _Objective, seed: int) -> Point:
    from cmaes import CMA

    low, high = objective.bounds
    strategy = CMA(mean=np.zeros(len(low)), sigma=0.1, bounds=np.column_stack([low, high]), seed=seed)
    for _ in range(100 + 20 * len(low)):
        told = []
        for _ in range(strategy.population_size):
            asked = strategy.ask()
            told.append((asked, objective.value(asked)))
        strategy.tell(told)
        if strategy.should_stop():
            break
    return objective.best
