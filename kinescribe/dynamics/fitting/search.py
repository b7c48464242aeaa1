"""Least squares, and what helps where it ends in a wrong minimum: closed-form starts, a growing horizon, other branches, evolution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.fitting.branches import other_branch
from kinescribe.dynamics.fitting.events import same_order
from kinescribe.dynamics.fitting.evolution import evolve
from kinescribe.dynamics.fitting.levenberg import MOST_STEPS, minimize
from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.robust import scale_of
from kinescribe.dynamics.simulation import Rollout

__all__ = ["POOR", "Search", "disordered", "least_squares", "worst_scale"]

HORIZON = 0.25  # of a clip's frames, fitted before all of them where the start is far off
LEAST_FRAMES, FEWEST_FRAMES = 6, 3
FAST, SLOW = 2.0, 1.05  # by which the horizon grows at least
ATTEMPTS = 4  # at another branch, from further and further back, before the horizon grows without
NEAR = 4.0  # σ: residuals of frames, none of any object larger, that need no smaller horizon
FAR_OFF = 10.0  # σ: residuals of a start that needs to grow its horizon
AGAIN = 12  # steps from another start, which rarely helps
POOR = 3.0  # σ: residuals of a fit that deserves another attempt


@dataclass(slots=True)
class Search:
    """The best point so far, whatever happens.

    Attributes:
        problem: what is fitted. best: the point. rollout: of every clip there, where one was simulated.
        notes: for people, of what went wrong. stopped: a cap ended it. seed: of what is random.
    """

    problem: Problem
    best: Point
    notes: list[str] = field(default_factory=list)
    rollout: Rollout | None = None
    stopped: bool = False
    seed: int = 0

    def found(self, point: Point) -> None:
        """A better point."""
        self.best, self.rollout = point, self.problem.recalled(point)


def least_squares(search: Search, start: Point, seed: int) -> None:
    """Closed-form start, growing horizon, other starts and CMA-ES where that isn't enough."""
    problem = search.problem
    declared = Point(problem.slots.starts([]), start.q)
    point = _grown(search, start)
    best, least = point, problem.scale(point)
    if least > POOR and not np.allclose(declared.theta, start.theta):
        # what a second start finds on its way is worth nothing until it is better than the first
        point = _grown(search, declared, AGAIN, found=lambda _: None)
        scale = problem.scale(point)
        if scale < least:
            best, least = point, scale
    search.best = best
    for shared in (False, True):
        wrong = disordered(problem, best)
        if not len(wrong) or least <= POOR:
            break
        evolved = evolve(problem, best, wrong, seed=seed, shared=shared)
        point = minimize(problem, evolved)
        scale = problem.scale(point)
        if scale < least:
            best, least = point, scale
            search.found(best)
    search.best = best


def _grown(search: Search, point: Point, steps: int = MOST_STEPS, found: Callable[[Point], None] | None = None) -> Point:
    """A minimum on all frames, by way of the first ones where the start is far off.

    Contacts must come in their order, and an error before one is many times larger after it: where they matter and derivatives cost
    little, the horizon grows slowly, and as far as the residuals stay small.
    """
    problem = search.problem
    frames = problem.observed.shape[1]
    careful = problem.exact and problem.strikes
    if problem.scale(point) > (POOR if careful else FAR_OFF):
        part = LEAST_FRAMES if careful else max(LEAST_FRAMES, round(HORIZON * frames))
        growth = SLOW if careful else FAST
        start, sound = point, list[tuple[Point, int]]()
        attempts = 0
        while True:
            last = part >= frames
            point = minimize(problem, point, part, steps=12, settled=1e-4)
            near = _near(problem, point)
            if careful and near < part and not sound and part == LEAST_FRAMES < frames:
                # already wrong: before most contacts there is nothing to go wrong
                begun = minimize(problem, start, FEWEST_FRAMES, steps=12, settled=1e-4)
                if _near(problem, begun) >= FEWEST_FRAMES:
                    sound.append((begun, FEWEST_FRAMES))
            if careful and near < part and sound and attempts < ATTEMPTS:
                # what went wrong may have done so earlier than it shows
                attempts += 1
                wrong = np.flatnonzero(_off(problem, point)[:, :part].any(axis=1))
                point = other_branch(problem, *sound[-min(attempts, len(sound))], point, part, wrong, seed=search.seed + attempts)
                near = _near(problem, point)
            if near >= part:
                sound.append((point, part))
                attempts = 0
            if last:
                break
            part = min(max(near, int(np.ceil(growth * part))), frames if careful else 10**9)
            if part >= frames and not careful:
                break
    return minimize(problem, point, steps=steps, found=found or search.found)


def _off(problem: Problem, point: Point) -> NDArray[np.bool_]:
    """(c, T − 1) frames of each clip in which some object is off, and in the next one too: a single sighting that is off is a bad one."""
    residuals = problem.residuals(problem.at(point), np.arange(len(problem.clips)))
    seen = np.isfinite(problem.observed)
    squares = (residuals.reshape(seen.shape) ** 2).sum(axis=3) / np.maximum(seen.sum(axis=3), 1)
    off = squares > NEAR**2
    return np.asarray((off[:, :-1] & off[:, 1:]).any(axis=2))


def _near(problem: Problem, point: Point) -> int:
    """How many frames from the first one on the point explains without growing worse than `NEAR`."""
    off = _off(problem, point).any(axis=0)
    return int(off.argmax()) if off.any() else problem.observed.shape[1]


def worst_scale(problem: Problem, point: Point) -> float:
    """The same of the object that fits worst."""
    shape = problem.observed.shape
    residuals = problem.residuals(problem.at(point), np.arange(shape[0])).reshape(shape)
    seen = np.isfinite(problem.observed)
    flat = (shape[0], -1)
    return max(
        scale_of(residuals[:, :, i].reshape(flat), seen[:, :, i].reshape(flat), len(problem.components) // shape[2], shape[-1])
        for i in range(shape[2])
    )


def disordered(problem: Problem, point: Point) -> NDArray[np.intp]:
    """Clips in which contacts come in another order than they were seen."""
    if not (any(clip.impacts for clip in problem.clips) and problem.strikes):
        return np.zeros(0, np.intp)
    every = np.arange(len(problem.clips))
    rollout = problem.at(point)
    return np.array(
        [
            c
            for c in every.tolist()
            if same_order(rollout.impacts_of(c), problem.clips[c].impacts, float(problem.clips[c].times[-1])) is False
        ],
        np.intp,
    )
