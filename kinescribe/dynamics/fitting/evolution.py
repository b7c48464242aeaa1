"""CMA-ES, where the ground is broken: contacts that come in another order than they were seen leave least squares nothing to follow.

N. Hansen, "The CMA evolution strategy: a tutorial", arXiv 1604.00772; the strategy is the `cmaes` package's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.robust import cost, scale_of
from kinescribe.dynamics.simulation import Rollout

__all__ = ["evolve"]

Float = NDArray[np.float64]
GENERATIONS = 60
SPREAD = 0.1  # of natural sizes: the first cloud


def evolve(
    problem: Problem,
    point: Point,
    clips: NDArray[np.intp],
    *,
    seed: int,
    shared: bool,
    generations: int = GENERATIONS,
    spread: float = SPREAD,
    found: Callable[[Point], None] = lambda _: None,
) -> Point:
    """A better point by evolution of the initial states of `clips`, and of the shared parameters too where told; all other numbers stay."""
    from cmaes import CMA

    low, high = problem.slots.bounds
    p, d = len(point.theta) if shared else 0, point.q.shape[1]
    every = np.arange(len(problem.clips))
    watched = every if shared else clips
    seen = np.isfinite(problem.observed[watched]).reshape(len(watched), -1)
    size = problem.observed.shape[-1]
    centre = np.concatenate([point.theta[:p], point.q[clips].ravel()])
    natural = problem.slots.scales(problem.length, problem.duration)[:p]
    sizes = np.concatenate([np.maximum(np.abs(point.theta[:p]), natural), np.tile(0.3 * problem.q_scales, len(clips))])
    bounds = None
    if p:
        free = np.full((d * len(clips), 2), (-np.inf, np.inf))
        bounds = np.concatenate([(np.column_stack([low, high]) - centre[:p, None]) / sizes[:p, None], free])
        bounds = np.column_stack([np.minimum(bounds[:, 0], 0.0), np.maximum(bounds[:, 1], 0.0)])
    strategy = CMA(mean=np.zeros(len(centre)), sigma=spread, bounds=bounds, seed=seed)
    start = problem.residuals(_run(problem, point.theta[None], point.q[None], watched), np.asarray(watched))
    scale = scale_of(start.reshape(len(watched), -1), seen, 0, size)
    best, least = point, float(cost(start, seen, scale, size).sum())
    for _ in range(generations):
        asked = [strategy.ask() for _ in range(strategy.population_size)]
        numbers = centre + sizes * np.stack(asked)
        thetas = np.repeat(point.theta[None], len(asked), axis=0)
        if p:
            thetas = np.clip(numbers[:, :p], low, high)
        qs = np.repeat(point.q[None], len(asked), axis=0)
        qs[:, clips] = numbers[:, p:].reshape(len(asked), len(clips), d)
        rollout = _run(problem, thetas, qs, watched)
        residuals = problem.residuals(rollout, np.tile(watched, len(asked))).reshape(len(asked), len(watched), -1)
        losses = cost(residuals, seen, scale, size).sum(axis=1)
        strategy.tell(list(zip(asked, losses.tolist(), strict=True)))
        if losses.min() < least:
            k = int(losses.argmin())
            best, least = Point(thetas[k], qs[k]), float(losses[k])
            found(best)
        if strategy.should_stop():
            break
    return best


def _run(problem: Problem, thetas: Float, qs: Float, clips: NDArray[np.intp]) -> Rollout:
    """Simulate trials (b, p), (b, c, d) on some clips, trial by trial."""
    trials = len(thetas)
    return problem.run(np.repeat(thetas, len(clips), axis=0), qs[:, clips].reshape(trials * len(clips), -1), np.tile(clips, trials))
