"""Levenberg-Marquardt on shared parameters and all initial states together, bounds kept, outliers weighed down."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.fitting.linearization import linearize
from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.robust import cost, scale_of, weights_of

__all__ = ["MOST_STEPS", "minimize"]

Float = NDArray[np.float64]
MOST_STEPS = 40
TRIES = 8  # of one direction, each ten times more cautious
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
    for _ in range(steps):
        here = linearize(problem, point, frames)
        now = scale_of(here.residuals, seen, fitted)
        # a scale that still follows the residuals would change what is minimized at every step
        scale = scale if scale and STEADY * scale <= now <= scale / STEADY else now
        weights = weights_of(here.residuals, seen, scale, size)
        normal = here.normal(weights)
        before = float(cost(here.residuals, seen, scale, size).sum())
        gain = 0.0
        for _ in range(TRIES):
            frozen = _held(point.theta, -normal.gradient_theta, low, high)
            move, q = normal.step(damping, frozen)
            trial = Point(np.clip(point.theta + move, low, high), point.q + q)
            rollout = problem.run(np.repeat(trial.theta[None], len(every), axis=0), trial.q, every)
            after = float(cost(problem.residuals(rollout, every, frames), seen, scale, size).sum())
            if after < before:
                gain = (before - after) / max(before, 1e-300)
                point = trial
                found(point)
                damping = max(damping / 10.0, 1e-12)
                break
            damping = max(damping * 10.0, 1e-9)
        if gain < settled:
            break
    return point


def _held(theta: Float, downhill: Float, low: Float, high: Float) -> NDArray[np.bool_]:
    """(p,) parameters at a bound that want out."""
    return ((theta <= low) & (downhill < 0)) | ((theta >= high) & (downhill > 0))
