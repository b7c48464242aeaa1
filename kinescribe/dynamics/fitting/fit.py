"""Stage two: the values of a law's parameters, and of every clip's initial state, that explain what was seen."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.checks.runner import place
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting.branches import other_branch
from kinescribe.dynamics.fitting.budget import Budget, SpentError
from kinescribe.dynamics.fitting.events import same_order
from kinescribe.dynamics.fitting.evidence import Evidence, weigh
from kinescribe.dynamics.fitting.evolution import evolve
from kinescribe.dynamics.fitting.jumps import across_jumps, has_jumps
from kinescribe.dynamics.fitting.levenberg import MOST_STEPS, minimize
from kinescribe.dynamics.fitting.optimizers import OPTIMIZERS, Loss, general
from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.result import Fit
from kinescribe.dynamics.fitting.robust import scale_of
from kinescribe.dynamics.fitting.slots import Slots
from kinescribe.dynamics.fitting.unweighed import unweighed
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.simulation import Rollout
from kinescribe.errors import KinescribeError, UsageError, unknown_value

__all__ = ["fit_law"]

Float = NDArray[np.float64]
HORIZON = 0.25  # of a clip's frames, fitted before all of them where the start is far off
LEAST_FRAMES, FEWEST_FRAMES = 6, 3
FAST, SLOW = 2.0, 1.05  # by which the horizon grows at least
ATTEMPTS = 4  # at another branch, from further and further back, before the horizon grows without
NEAR = 4.0  # σ: residuals of frames, none of any object larger, that need no smaller horizon
FAR_OFF = 10.0  # σ: residuals of a start that needs to grow its horizon
AGAIN = 12  # steps from another start, which rarely helps
POOR = 3.0  # σ: residuals of a fit that deserves another attempt
HOPELESS = 0.5  # share of the motion explained, from where on a law that leaves more than noise has failed
UNLIMITED = 10**9
ALLOWANCE = 0.1  # of the cap on time, or of a second where that is more: what errors may take where the search has used it up


@dataclass(slots=True)
class _Search:
    """The best point so far, whatever happens."""

    problem: Problem
    best: Point
    notes: list[str] = field(default_factory=list)
    rollout: Rollout | None = None
    stopped: bool = False
    seed: int = 0

    def found(self, point: Point) -> None:
        self.best, self.rollout = point, self.problem.recalled(point)


def fit_law(
    law: Law,
    clips: Sequence[Clip],
    *,
    optimizer: str = "lm",
    fixed: Mapping[str, float] | None = None,
    free: Sequence[str] = (),
    start: Mapping[str, float] | None = None,
    loss: Loss | None = None,
    seed: int = 0,
    budget: Budget | None = None,
    without: Sequence[str] = (),
) -> Fit:
    """Fit one law to clips that share it.

    Shared parameters and each clip's initial state are fitted together: by Levenberg-Marquardt on residuals in σ with Huber's loss ("lm"),
    from closed-form starts, over a growing horizon, with CMA-ES where contacts come in another order than they were seen; or by one
    general optimizer.

    Args:
        optimizer: lm, powell, lbfgs or cma.
        fixed: known values by name. free: parameters to fit that the law holds fixed.
        start: values to begin with, by name, in place of what the law makes of the clips.
        loss: in place of the loss in state space, such as a difference of pictures; needs powell, lbfgs or cma.
        seed: of what is random. budget: caps.
        without: walls that are taken away.

    Returns:
        A `Fit`; one that failed says what to try.

    Raises:
        UsageError: clips that don't go together, missing inputs, an unknown name, a law that breaks its contract or raises.
    """
    if optimizer not in OPTIMIZERS:
        raise unknown_value("optimizer", optimizer, OPTIMIZERS)
    if loss is not None and optimizer == "lm":
        raise UsageError("a loss of your own is no sum of squares, which lm needs: choose powell, lbfgs or cma")
    problem = Problem.of(law, clips)
    problem.slots = Slots.of(law, problem.bodies, fixed=fixed, free=free)
    problem.without = tuple(without)
    problem.budget = budget or Budget()
    try:
        return _fitted(problem, problem.budget, optimizer, start, loss, seed)
    except KinescribeError:
        raise
    except Exception as error:  # foreign code may fail in any way
        where = place(law, traceback.extract_tb(error.__traceback__))
        if not where:
            raise
        said = " ".join(str(error).split())
        raise UsageError(f"law {law.title}: raises {type(error).__name__}: {said} ({where}); mend it, and check it again") from error


def _fitted(problem: Problem, budget: Budget, optimizer: str, start: Mapping[str, float] | None, loss: Loss | None, seed: int) -> Fit:
    """The search, and what it found."""
    law, clips = problem.law, problem.clips
    found = [] if start is not None else [law.starts(clip) for clip in clips]
    first = Point(problem.slots.starts(found, start), problem.start())
    search = _Search(problem, first, seed=seed)
    try:
        scale = _scale(problem, first)
        search.found(first)
        problem.refine_steps(first, scale)
        if optimizer == "lm" and has_jumps(problem):
            search.best = across_jumps(problem, first, thorough=start is None, seed=seed, found=search.found)
        elif optimizer == "lm":
            _least_squares(search, first, seed)
        else:
            search.best = general(problem, first, optimizer, seed=seed, loss=loss, found=search.found)
        before = problem.substeps
        problem.refine_steps(search.best, max(_scale(problem, search.best), 1.0))
        if problem.substeps > before and optimizer == "lm":
            search.best = minimize(problem, search.best, found=search.found)
    except SpentError as spent:
        search.stopped = True
        search.notes.append(f"{spent}: raise the cap, or fit fewer clips")
    return _result(search, _weighed(search, budget), budget, seed, optimizer)


def _weighed(search: _Search, budget: Budget) -> Evidence:
    """What the best point means, within a small allowance beyond the cap on time."""
    problem, point = search.problem, search.best
    rollout = search.rollout or problem.recalled(point)
    seconds = max(budget.seconds - budget.elapsed, ALLOWANCE * max(budget.seconds, 1.0))
    problem.budget = Budget(UNLIMITED, seconds)
    try:
        return weigh(problem, point)
    except SpentError:
        search.notes.append("errors are not known, for the cap left no time for them: raise the cap")
    if rollout is None:
        try:
            problem.budget = Budget(UNLIMITED, seconds)
            rollout = problem.at(point)
        except SpentError:
            search.notes.append("not even one simulation of every clip was done")
    return unweighed(problem, point, rollout)


def _least_squares(search: _Search, start: Point, seed: int) -> None:
    """Closed-form start, growing horizon, other starts and CMA-ES where that isn't enough."""
    problem = search.problem
    declared = Point(problem.slots.starts([]), start.q)
    point = _grown(search, start)
    best, least = point, _scale(problem, point)
    if least > POOR and not np.allclose(declared.theta, start.theta):
        # what a second start finds on its way is worth nothing until it is better than the first
        point = _grown(search, declared, AGAIN, found=lambda _: None)
        scale = _scale(problem, point)
        if scale < least:
            best, least = point, scale
    search.best = best
    for shared in (False, True):
        wrong = _disordered(problem, best)
        if not len(wrong) or least <= POOR:
            break
        evolved = evolve(problem, best, wrong, seed=seed, shared=shared)
        point = minimize(problem, evolved)
        scale = _scale(problem, point)
        if scale < least:
            best, least = point, scale
            search.found(best)
    search.best = best


def _grown(search: _Search, point: Point, steps: int = MOST_STEPS, found: Callable[[Point], None] | None = None) -> Point:
    """A minimum on all frames, by way of the first ones where the start is far off.

    Contacts must come in their order, and an error before one is many times larger after it: where they matter and derivatives cost
    little, the horizon grows slowly, and as far as the residuals stay small.
    """
    problem = search.problem
    frames = problem.observed.shape[1]
    careful = problem.exact and problem.strikes
    if _scale(problem, point) > (POOR if careful else FAR_OFF):
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


def _scale(problem: Problem, point: Point) -> float:
    every = np.arange(len(problem.clips))
    rollout = problem.at(point)
    seen = np.isfinite(problem.observed).reshape(len(every), -1)
    return scale_of(problem.residuals(rollout, every), seen, len(point.theta) + point.q.size, problem.observed.shape[-1])


def _worst(problem: Problem, point: Point) -> float:
    """The same of the object that fits worst."""
    shape = problem.observed.shape
    residuals = problem.residuals(problem.at(point), np.arange(shape[0])).reshape(shape)
    seen = np.isfinite(problem.observed)
    flat = (shape[0], -1)
    return max(
        scale_of(residuals[:, :, i].reshape(flat), seen[:, :, i].reshape(flat), len(problem.components) // shape[2], shape[-1])
        for i in range(shape[2])
    )


def _disordered(problem: Problem, point: Point) -> NDArray[np.intp]:
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


def _result(search: _Search, evidence: Evidence, budget: Budget, seed: int, optimizer: str) -> Fit:
    problem, point = search.problem, search.best
    # whatever a few wild sightings say, or things that only rest
    told = problem.recalled(point) is not None
    poor = (_scale(problem, point) if told else evidence.scale) > POOR
    hopeless = evidence.explained < HOPELESS and (_worst(problem, point) if told else evidence.scale) > POOR
    failed = evidence.diverged or not np.isfinite(evidence.scale) or hopeless
    low, high = problem.slots.bounds
    near = 1e-9 * np.maximum(np.abs(point.theta), problem.slots.scales(problem.length, problem.duration))
    names = problem.slots.names
    at_bound = tuple(name for name, v, a, b, e in zip(names, point.theta, low, high, near, strict=True) if v <= a + e or v >= b - e)
    return Fit(
        law=problem.law,
        slots=problem.slots,
        theta=point.theta,
        covariance=evidence.covariance,
        status="failed" if failed else "fitted",
        advice="; ".join([*search.notes, *_advice(problem, evidence, at_bound, failed, poor, search.stopped)]),
        unidentified=evidence.unidentified,
        clips=evidence.clips,
        scale=evidence.scale,
        log_likelihood=evidence.log_likelihood,
        correlation=evidence.correlation,
        parameters=evidence.parameters,
        samples=evidence.samples,
        rollouts=problem.rollouts,
        seconds=budget.elapsed,
        seed=seed,
        optimizer=optimizer,
        substeps=problem.substeps,
        unit=problem.clips[0].unit,
        objects=problem.bodies.names,
        at_bound=at_bound,
        without=problem.without,
    )


def _advice(problem: Problem, evidence: Evidence, at_bound: Sequence[str], failed: bool, poor: bool, stopped: bool) -> list[str]:
    title = problem.law.title
    lines = []
    if evidence.diverged:
        lines.append(f"the simulation of {title} leaves all bounds: start its parameters nearer, or bound them more tightly")
    elif stopped and poor:
        lines.append(f"residuals are still {evidence.scale:.1f} σ")
    elif failed and np.isfinite(evidence.scale):
        share = f"only {evidence.explained:.0%}" if evidence.explained >= 0.01 else "nothing"
        lines.append(f"{title} explains {share} of this motion: try another law, or start its parameters nearer")
    elif poor:
        lines.append(
            f"residuals are {evidence.scale:.1f} σ: {title} misses something; look at the plot of residuals, add a term, or let the law be found (auto)"
        )
    lines += [f"{name} lies at its bound: widen the bound, or leave the parameter out" for name in at_bound]
    if any(clip.events_agree is False for clip in evidence.clips):
        count = sum(clip.events_agree is False for clip in evidence.clips)
        lines.append(f"contacts come in another order than they were seen in {count} of {len(evidence.clips)} clips: try the optimizer cma")
    return lines
