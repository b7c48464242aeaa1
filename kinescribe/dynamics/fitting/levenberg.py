"""Levenberg-Marquardt on shared parameters and all initial states together, bounds kept, outliers weighed down."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.fitting.linearization import Normal, linearize
from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.robust import cost, scale_of, weights_of

__all__ = ["MOST_STEPS", "minimize"]

Float = NDArray[np.float64]
MOST_STEPS = 40
TRIES = 8  # of one step, each ten times more cautious
STEADY = 0.7  # a scale of residuals within this factor of the one in use is no other
SETTLED = 1e-6  # relative change of the cost below which nothing more comes


def minimize(
    problem: Problem,
    point: Point,
    frames: int | None = None,
    *,
    steps: int = MOST_STEPS,
    settled: float = SETTLED,
    found: Callable[[Point], None] = lambda _: None,
) -> Point:
    """The nearest minimum from a start, on the first `frames` of each clip. `found` is told every better point."""
    low, high = problem.slots.bounds
    every = np.arange(len(problem.clips))
    seen = np.isfinite(problem.observed[:, :frames]).reshape(len(every), -1)
    size = problem.observed.shape[-1]
    fitted = len(point.theta) + point.q.size
    damping, scale = 1e-3, 0.0
    here = linearize(problem, point, frames)
    for _ in range(steps):
        now = scale_of(here.residuals, seen, fitted, size)
        # a scale that still follows the residuals would change what is minimized at every step
        scale = scale if scale and STEADY * scale <= now <= scale / STEADY else now
        normal = here.normal(weights_of(here.residuals, seen, scale, size))
        before = float(cost(here.residuals, seen, scale, size).sum())
        frozen = _held(point.theta, -normal.gradient_theta, low, high)

        def proposed(damping: float, at: Point = point, normal: Normal = normal, frozen: NDArray[np.bool_] = frozen) -> Point:
            move, q = normal.step(damping, frozen)
            return problem.keeping_constraints(Point(np.clip(at.theta + move, low, high), at.q + q))

        # most steps are good, so that their derivatives are taken along at once
        trial = proposed(damping)
        there = linearize(problem, trial, frames)
        after = float(cost(there.residuals, seen, scale, size).sum())
        if after < before:
            damping = max(damping / 10.0, 1e-12)
        else:
            cautious = damping * 10.0 ** np.arange(1, TRIES)
            trials = [proposed(float(more)) for more in cautious]
            thetas = np.repeat(np.stack([one.theta for one in trials]), len(every), axis=0)
            clips = np.tile(every, len(trials))
            rollout = problem.run(thetas, np.concatenate([one.q for one in trials]), clips, frames=frames)
            residuals = problem.residuals(rollout, clips, frames).reshape(len(trials), len(every), -1)
            costs = cost(residuals, seen, scale, size).sum(axis=1)
            best = int(costs.argmin())
            if costs[best] >= before:
                break
            trial, after, damping = trials[best], float(costs[best]), float(cautious[best])
            there = linearize(problem, trial, frames)
        point, here = trial, there
        found(point)
        if before - after < settled * before:
            break
    return point


def _held(theta: Float, downhill: Float, low: Float, high: Float) -> NDArray[np.bool_]:
    """(p,) parameters at a bound that want out."""
    return ((theta <= low) & (downhill < 0)) | ((theta >= high) & (downhill > 0))
