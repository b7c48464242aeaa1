"""Stage two: the values of a law's parameters, and of every clip's initial state, that explain what was seen."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.checks.runner import place
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting.budget import Budget, SpentError
from kinescribe.dynamics.fitting.evidence import Evidence, weigh
from kinescribe.dynamics.fitting.jumps import across_jumps, has_jumps
from kinescribe.dynamics.fitting.levenberg import minimize
from kinescribe.dynamics.fitting.optimizers import OPTIMIZERS, Loss, general
from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.result import Fit
from kinescribe.dynamics.fitting.search import POOR, Search, least_squares, worst_scale
from kinescribe.dynamics.fitting.slots import Slots
from kinescribe.dynamics.fitting.unweighed import unweighed
from kinescribe.dynamics.law import Law
from kinescribe.errors import KinescribeError, UsageError, unknown_value

__all__ = ["fit_law"]

Float = NDArray[np.float64]
HOPELESS = 0.5  # share of the motion explained, from where on a law that leaves more than noise has failed
UNLIMITED = 10**9
ALLOWANCE = 0.1  # of the cap on time, or of a second where that is more: what errors may take where the search has used it up


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
    search = Search(problem, first, seed=seed)
    try:
        scale = problem.scale(first)
        search.found(first)
        problem.refine_steps(first, scale)
        if optimizer == "lm" and has_jumps(problem):
            search.best = across_jumps(problem, first, thorough=start is None, seed=seed, found=search.found)
        elif optimizer == "lm":
            least_squares(search, first, seed)
        else:
            search.best = general(problem, first, optimizer, seed=seed, loss=loss, found=search.found)
        before = problem.substeps
        problem.refine_steps(search.best, max(problem.scale(search.best), 1.0))
        if problem.substeps > before and optimizer == "lm":
            search.best = minimize(problem, search.best, found=search.found)
    except SpentError as spent:
        search.stopped = True
        search.notes.append(f"{spent}: raise the cap, or fit fewer clips")
    return _result(search, _weighed(search, budget), budget, seed, optimizer)


def _weighed(search: Search, budget: Budget) -> Evidence:
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


def _result(search: Search, evidence: Evidence, budget: Budget, seed: int, optimizer: str) -> Fit:
    problem, point = search.problem, search.best
    # whatever a few wild sightings say, or things that only rest
    told = problem.recalled(point) is not None
    poor = (problem.scale(point) if told else evidence.scale) > POOR
    hopeless = evidence.explained < HOPELESS and (worst_scale(problem, point) if told else evidence.scale) > POOR
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
            f"residuals are {evidence.scale:.1f} σ: {title} misses something; look at the plot of residuals, add a term, or try other laws"
        )
    lines += [f"{name} lies at its bound: if that isn't its natural limit, widen it, or leave the parameter out" for name in at_bound]
    if any(clip.events_agree is False for clip in evidence.clips):
        count = sum(clip.events_agree is False for clip in evidence.clips)
        lines.append(
            f"contacts come in another order than they were seen in {count} of {len(evidence.clips)} clips: "
            + ("fit fewer frames first, start nearer, or try another optimizer" if poor else "of two in one frame a table may tell one")
        )
    return lines
