"""Fits of objects that have nothing to do with each other, put side by side as one fit of them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.composition import Restricted, Sum
from kinescribe.dynamics.fitting.identification import described
from kinescribe.dynamics.fitting.problem import Problem
from kinescribe.dynamics.fitting.result import ClipFit, Fit
from kinescribe.dynamics.fitting.slots import Slots
from kinescribe.dynamics.state import COMPONENTS

__all__ = ["join"]

Float = NDArray[np.float64]
Index = NDArray[np.intp]
ANGLE, SPIN = COMPONENTS.index("angle"), COMPONENTS.index("angular_velocity")


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One of the fits within the whole.

    Attributes:
        fit: of k objects. who: their indices among all.
        slots: (all of the part's) the indices of its numbers among the whole law's.
        free: (p of the part) the places of its free numbers among the whole law's free ones.
        counts: (c,) coordinates seen in each clip. spread: mean logarithm of their σ.
    """

    fit: Fit
    who: list[int]
    slots: Index
    free: Index
    counts: Index
    spread: float

    @property
    def squares(self) -> float:
        """Of its residuals in σ, outliers weighed down, the sum: what its likelihood was made from."""
        fit = self.fit
        with np.errstate(over="ignore"):  # of a fit that failed
            return fit.samples * float(np.exp(-2.0 * (fit.log_likelihood / max(fit.samples, 1) + self.spread) - 1.0) / (2.0 * np.pi))


def join(fits: Sequence[Fit], clips: Sequence[Clip], still: Fit | None = None) -> Fit | None:
    """One fit of the sum of these fits' laws, each restricted to its objects: values, errors and initial states are their own.

    Nothing is fitted again: what acts on other objects and shares no parameter changes neither the best values nor their errors, and the
    errors of one part don't depend on another's.

    Args:
        fits: of the same clips, each of some of their objects; none is of two fits' objects.
        clips: of all objects, which go by the same names in all of them and in the fits.
        still: a fit without parameters of those that no law is about, if there are any.

    Returns:
        None where two of the laws share a parameter, so that they do depend on each other.

    Raises:
        UsageError: a law that is no acceleration, or an object that the clips don't have.
    """
    law = Sum(*(Restricted(fit.law, fit.objects) for fit in fits))
    problem = Problem.of(law, clips)
    every = problem.slots.all
    names = [dict(theirs) for theirs in law.names_of_terms]
    at = {slot.name: i for i, slot in enumerate(every)}
    values, free = problem.slots.fixed_values.copy(), np.zeros(len(every), bool)
    whole = [*fits] if still is None else [*fits, still]
    places: list[tuple[list[int], Index]] = []
    for k, fit in enumerate(whole):
        who = [problem.bodies.names.index(name) for name in fit.objects]
        mine = np.array([at[_ours(problem, who, slot.object, names[k][slot.key])] for slot in fit.slots.all], np.intp)
        values[mine] = fit.slots.complete(fit.theta[None])[0]
        free[mine[fit.slots.free]] = True
        places.append((who, mine))
    taken = np.concatenate([mine for _, mine in places])
    if len(np.unique(taken)) < len(taken):
        return None
    slots = Slots(every, np.flatnonzero(free), values, len(problem.bodies))
    rank = np.cumsum(free) - 1
    parts = []
    for fit, (who, mine) in zip(whole, places, strict=True):
        own = Problem.of(fit.law, [clip.keeping(who) for clip in clips])
        seen = np.isfinite(own.observed)
        spread = float(np.log(own.sigma[seen]).mean()) if seen.any() else 0.0
        parts.append(_Part(fit, who, mine, rank[mine[fit.slots.free]], seen.sum(axis=(1, 2, 3)), spread))
    return _whole(law, replace(problem, slots=slots), parts)


def _ours(problem: Problem, who: Sequence[int], thing: int | None, key: str) -> str:
    return key if thing is None else f"{problem.bodies.names[who[thing]]}.{key}"


def _whole(law: Sum, problem: Problem, parts: Sequence[_Part]) -> Fit:
    slots, fits = problem.slots, [part.fit for part in parts]
    p = len(slots.free)
    covariance = np.zeros((p, p))
    lost, at_bound = [], []
    for part in parts:
        covariance[np.ix_(part.free, part.free)] = part.fit.covariance
        ours = {theirs.name: slots.all[i] for theirs, i in zip(part.fit.slots.all, part.slots, strict=True)}
        lost += [described([ours[name] for name in one.names], one.powers) for one in part.fit.unidentified]
        at_bound += [ours[name].name for name in part.fit.at_bound]
    samples = sum(fit.samples for fit in fits)
    squares = np.array([part.squares for part in parts])
    freedom = np.array([max(fit.samples - fit.parameters, 1.0) for fit in fits])
    likely = max(float(squares.sum()) / max(samples, 1), 1e-300)
    spread = sum(part.spread * part.fit.samples for part in parts)
    correlation = np.array([fit.correlation for fit in fits])
    failed = [fit for fit in fits if not fit.ok]
    return Fit(
        law=law,
        slots=slots,
        theta=slots.fixed_values[slots.free],
        covariance=covariance,
        status="failed" if failed else "fitted",
        advice="; ".join(f"{', '.join(fit.objects)}: {fit.advice}" for fit in failed + [fit for fit in fits if fit.ok] if fit.advice),
        unidentified=tuple(lost),
        clips=tuple(_clip(problem, parts, c) for c in range(len(problem.clips))),
        scale=float(np.sqrt((np.array([fit.scale for fit in fits]) ** 2 * freedom).sum() / freedom.sum())),
        log_likelihood=-0.5 * samples * (1.0 + float(np.log(2.0 * np.pi * likely))) - spread,
        correlation=float((correlation * squares).sum() / max(float(squares.sum()), 1e-300)),
        parameters=sum(fit.parameters for fit in fits),
        samples=samples,
        rollouts=sum(fit.rollouts for fit in fits),
        seconds=sum(fit.seconds for fit in fits),
        seed=fits[0].seed,
        optimizer=fits[0].optimizer,
        substeps=max(fit.substeps for fit in fits),
        unit=fits[0].unit,
        objects=problem.bodies.names,
        at_bound=tuple(at_bound),
        without=tuple(dict.fromkeys(name for fit in fits for name in fit.without)),
        warnings=tuple(dict.fromkeys(note for fit in fits for note in fit.warnings)),
    )


def _clip(problem: Problem, parts: Sequence[_Part], c: int) -> ClipFit:
    """One clip of all objects."""
    clip, n, p = problem.clips[c], len(problem.bodies), len(problem.slots.free)
    initial, rms, noise = problem.initial[c].copy(), np.zeros(n), np.full((3, n), np.nan)
    components: list[tuple[int, int]] = []
    blocks: list[tuple[Index, Float]] = []
    total, count = 0.0, 0
    for part in parts:
        mine = part.fit.clips[c]
        begin = p + len(components)
        components += [(row, part.who[thing]) for row, thing in mine.components.tolist()]
        blocks.append((np.r_[part.free, np.arange(begin, p + len(components))], mine.covariance))
        rows = [row for row in range(len(COMPONENTS)) if part.fit.law.turns or row not in (ANGLE, SPIN)]
        initial[np.ix_(rows, part.who)] = mine.initial[rows]
        rms[part.who] = mine.rms
        if mine.noise is not None:
            noise[:, part.who] = mine.noise
        total, count = total + part.counts[c] * mine.chi**2, count + int(part.counts[c])
    turned = {thing for part in parts if part.fit.law.turns for thing in part.who}
    # the same numbers in every clip
    seen = np.isfinite(problem.observed[..., ANGLE:]).any(axis=(0, 1, 3))
    for thing in sorted(set(np.flatnonzero(seen).tolist()) - turned):
        rows, found, errors, left = _steadily(problem, c, thing)
        begin = p + len(components)
        initial[rows, thing] = found
        noise[ANGLE, thing] = left
        components += [(row, thing) for row in rows]
        blocks.append((np.arange(begin, begin + len(rows)), errors))
    covariance = np.zeros((p + len(components),) * 2)
    for index, block in blocks:
        covariance[np.ix_(index, index)] = block
    agree = {part.fit.clips[c].events_agree for part in parts}
    return ClipFit(
        name=clip.name,
        bodies=clip.bodies,
        initial=initial,
        start_time=float(clip.times[0]),
        components=np.array(components, np.intp).reshape(-1, 2),
        covariance=covariance,
        rms=rms,
        chi=float(np.sqrt(total / max(count, 1))),
        events_agree=False if False in agree else True if True in agree else None,
        noise=None if any(part.fit.clips[c].noise is None for part in parts) else noise,
    )


def _steadily(problem: Problem, c: int, thing: int) -> tuple[list[int], Float, Float, float]:
    """The angle, and its rate unless the object never moves, of one that no law turns: fitted numbers, values, errors, scatter.

    Where some law of the sum turns its objects, the simulation turns all others steadily.
    """
    rows = [ANGLE] if problem.bodies.static[thing] else [ANGLE, SPIN]
    clip = problem.clips[c]
    angle = problem.observed[c, : len(clip.times), thing, ANGLE]
    sigma = problem.sigma[c, : len(clip.times), thing, ANGLE]
    seen = np.isfinite(angle)
    if seen.sum() <= len(rows):
        return rows, problem.initial[c][rows, thing], np.zeros((len(rows),) * 2), float("nan")
    design = np.stack([np.ones(seen.sum()), clip.times[seen] - clip.times[0]])[: len(rows)] / sigma[seen]
    inverse = np.linalg.pinv(design @ design.T, hermitian=True)
    values = inverse @ design @ (angle[seen] / sigma[seen])
    left = angle[seen] / sigma[seen] - values @ design
    variance = float(left @ left) / (len(left) - len(rows))
    return rows, values, np.asarray(inverse * variance, float), float(np.sqrt(np.mean((left * sigma[seen]) ** 2)))
