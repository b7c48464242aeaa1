"""Laws whose paths depend on their numbers in jumps: simulations of steps, in which a contact falls into one step or the next.

Within a step nothing that moves the contact changes what comes after it, so that derivatives are blind to it, and least squares on all
frames ends wherever it began. Two things help. The frames before the first contact know nothing of the jumps, and nearly always lead to
the right side of each; and where derivatives say nothing of a parameter, trying values over its whole range does: the data leave an
interval of them alike, whose middle is the best guess.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.fitting.evolution import evolve
from kinescribe.dynamics.fitting.levenberg import minimize
from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.robust import cost

__all__ = ["Plateau", "across_jumps", "has_jumps", "information_of", "plateaus"]

Float = NDArray[np.float64]
ROUNDS = 3
POOR = 3.0  # σ: residuals of a point that deserves another attempt
STEPS = 8  # of least squares before a contact, where the path is smooth
MOST = 20  # and on all frames, each round
LEAST_FRAMES = 3  # before a contact, to tell an initial state
SETTLED = 1e-5  # relative change of the cost: what comes after isn't worth it before the sides are chosen
WORTH = 1.0  # of the logarithm of the likelihood: less is no gain
REACHES = np.geomspace(1e-4, 1.0, 9)  # of a parameter's size, to either side, that are tried first
FINE = 21  # values within the interval that these leave
PLAUSIBLE = 8.0  # of the logarithm of the likelihood below the best


@dataclass(frozen=True, slots=True)
class Plateau:
    """An interval of a parameter over which the data don't choose.

    Attributes:
        index: of the parameter among the free ones.
        middle: mean of its values under their likelihood. spread: their standard deviation.
    """

    index: int
    middle: float
    spread: float


def has_jumps(problem: Problem) -> bool:
    """Whether the law is a simulation that may have jumps, and the clips show contacts to have them at."""
    return problem.law.kind != "acceleration" and any(clip.impacts for clip in problem.clips)


def across_jumps(
    problem: Problem, start: Point, *, thorough: bool = True, seed: int = 0, found: Callable[[Point], None] = lambda _: None
) -> Point:
    """A minimum on the right side of the jumps, by way of the frames before contacts, and by evolution where that is not enough.

    Args:
        thorough: the parameters' starts are guesses; else they are nearly right, and initial states alone are sought.
        seed: of what is random.
        found: is told every better point.
    """
    early = _before_contacts(problem, start)
    if early is None or not thorough:
        return minimize(problem, early or start, found=found)
    best = _in_rounds(problem, _in_the_middle(problem, early), early.q, found)
    if problem.scale(best) > POOR:
        evolved = evolve(problem, best, _stuck(problem, best), seed=seed, shared=True)
        other = _in_rounds(problem, evolved, evolved.q, lambda _: None)
        scale = min(problem.scale(best), problem.scale(other))
        best = other if _loss(problem, other, scale) < _loss(problem, best, scale) else best
        found(best)
    return best


def _in_rounds(problem: Problem, best: Point, q: Float, found: Callable[[Point], None]) -> Point:
    """Least squares, with parameters put into the middle of their plateaus and stuck clips back to their starts q (c, d), in turns."""
    for _ in range(ROUNDS):
        found(best)
        trial = minimize(problem, best, steps=MOST, settled=SETTLED)
        # one clip on the wrong side draws the parameters away from all others': it is better off at its start
        trial = _in_the_middle(problem, _best_of(problem, trial, q))
        scale = min(problem.scale(trial), problem.scale(best))
        before, after = _loss(problem, best, scale), _loss(problem, trial, scale)
        if after < before:
            best = trial
        if after >= before - WORTH:
            break
    found(best)
    return best


def _stuck(problem: Problem, point: Point) -> NDArray[np.intp]:
    """The half of the clips that the point explains worse."""
    losses = _losses(problem, point.theta[None], point.q[None], 1.0)[0] / np.isfinite(problem.observed).sum(axis=(1, 2, 3))
    return np.flatnonzero(losses >= np.median(losses))


def plateaus(problem: Problem, point: Point) -> list[Plateau]:
    """What values over its whole range say of each parameter, all else as in the point; parameters that nothing depends on are left out."""
    natural = problem.slots.scales(problem.length, problem.duration)
    sizes = np.maximum(np.abs(point.theta), natural)
    low, high = problem.slots.bounds
    scale = problem.scale(point)
    out = []
    for k in range(len(point.theta)):

        def log_likelihood(values: Float, k: int = k) -> Float:
            thetas = np.repeat(point.theta[None], len(values), axis=0)
            thetas[:, k] = values
            losses: Float = _losses(problem, thetas, np.repeat(point.q[None], len(values), axis=0), scale)
            return -losses.sum(axis=1)  # type: ignore[no-any-return]

        wide = point.theta[k] + sizes[k] * np.concatenate([-REACHES[::-1], [0.0], REACHES])
        wide = np.unique(np.clip(wide, low[k], high[k]))
        likely = log_likelihood(wide)
        near = np.flatnonzero(likely >= likely.max() - PLAUSIBLE)
        if near[0] == 0 and near[-1] == len(wide) - 1:
            continue  # nothing tells one value from any other
        values = np.linspace(wide[max(near[0] - 1, 0)], wide[min(near[-1] + 1, len(wide) - 1)], FINE)
        likely = log_likelihood(values)
        weights = np.exp(likely - likely.max())
        weights /= weights.sum()
        middle = float(weights @ values)
        spread = float(np.sqrt(weights @ (values - middle) ** 2 + (values[1] - values[0]) ** 2 / 12.0))
        out.append(Plateau(k, middle, spread))
    return out


def information_of(problem: Problem, point: Point, information: Float, unit: float) -> Float:
    """The information on the parameters (p, p), with what derivatives say of each replaced by what its plateau does.

    Args:
        information: from derivatives, of which those across jumps say anything.
        unit: the square of the residuals' scale, by which information is divided afterwards.
    """
    diagonal = np.diag(information)
    wanted = np.zeros(len(diagonal))
    for plateau in plateaus(problem, point):
        wanted[plateau.index] = unit / plateau.spread**2
    shrunk = np.sqrt(wanted / np.where(diagonal > 0.0, diagonal, np.inf))
    out: Float = information * np.outer(shrunk, shrunk)
    np.fill_diagonal(out, wanted)
    return out


def _in_the_middle(problem: Problem, point: Point) -> Point:
    """The point with each parameter in the middle of its plateau, where that is as good."""
    scale = problem.scale(point)
    for plateau in plateaus(problem, point):
        theta = point.theta.copy()
        theta[plateau.index] = plateau.middle
        moved = Point(theta, point.q)
        # the middle of an interval with a hole in it may lie in the hole
        if _loss(problem, moved, scale) <= _loss(problem, point, scale) + 1.0:
            point = moved
    return point


def _before_contacts(problem: Problem, point: Point) -> Point | None:
    """The point with initial states fitted to the frames before each clip's first contact that was seen; None where no clip has both."""
    early = copy.copy(problem)
    early.observed = problem.observed.copy()
    cut = []
    for c, clip in enumerate(problem.clips):
        first = min((hit.time for hit in clip.impacts), default=np.inf)
        after = np.flatnonzero(clip.times >= first)
        if len(after) and after[0] >= LEAST_FRAMES:
            early.observed[c, after] = np.nan
            cut.append(c)
    if not cut:
        return None
    try:
        made = minimize(early, point, steps=STEPS)
    finally:
        problem.rollouts = early.rollouts
    q = point.q.copy()
    q[cut] = made.q[cut]
    return Point(point.theta, q)


def _best_of(problem: Problem, point: Point, q: Float) -> Point:
    """The point with each clip's better initial state of its own and another (c, d)."""
    losses = _losses(problem, np.repeat(point.theta[None], 2, axis=0), np.stack([point.q, q]), problem.scale(point))
    return Point(point.theta, np.where((losses[1] < losses[0])[:, None], q, point.q))


def _loss(problem: Problem, point: Point, scale: float) -> float:
    return float(_losses(problem, point.theta[None], point.q[None], scale).sum())


def _losses(problem: Problem, thetas: Float, qs: Float, scale: float) -> Float:
    """(k, c) robust losses of k points (k, p), (k, c, d), clip by clip."""
    k, c = len(thetas), len(problem.clips)
    clips = np.tile(np.arange(c), k)
    residuals = problem.residuals(problem.run(np.repeat(thetas, c, axis=0), qs.reshape(k * c, -1), clips), clips)
    seen = np.isfinite(problem.observed).reshape(c, 1, -1)
    size = problem.observed.shape[-1]
    by_clip = residuals.reshape(k, c, -1).transpose(1, 0, 2)
    return np.stack([cost(mine, its, scale, size) for mine, its in zip(by_clip, seen, strict=True)], axis=1)
