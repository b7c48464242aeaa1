"""Where a prediction starts: a clip's initial state under the fitted parameters, with the covariance of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.affordances import Affordances
from kinescribe.dynamics.affordances.application import apply
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.composition import Restricted, Sum
from kinescribe.dynamics.fitting import Fit, fit_law
from kinescribe.dynamics.fitting.evidence import weigh
from kinescribe.dynamics.fitting.groups import groups_of
from kinescribe.dynamics.fitting.levenberg import minimize
from kinescribe.dynamics.fitting.linearization import linearize
from kinescribe.dynamics.fitting.problem import Point, Problem
from kinescribe.dynamics.fitting.robust import scale_of, weights_of
from kinescribe.dynamics.fitting.slots import Slots
from kinescribe.dynamics.prediction.likely import likeliest
from kinescribe.errors import UsageError

__all__ = ["Start", "start_of"]

Float = NDArray[np.float64]
PRIOR = 20  # degrees of freedom that the fit's own scale of residuals counts for, beside the clip's


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A clip under a fitted law.

    Attributes:
        fit, clip: what was handed in, the clip's objects in the fit's order.
        slots: the law's numbers, named after the clip's objects. theta (p,): values of the free ones.
        q: (d,) numbers of the initial state. coupling: (d, p) how it would differ under other parameters: q − coupling·δθ.
        joint: (p + d, p + d) covariance of theta and q.
        problem: turns q into states; its substeps are fine enough for the clip.
        scale: by how much the clip's residuals exceed σ.
        notes: what is worth knowing.
    """

    fit: Fit
    clip: Clip
    slots: Slots
    theta: Float
    q: Float
    coupling: Float
    joint: Float
    problem: Problem
    scale: float
    notes: tuple[str, ...]

    @property
    def values(self) -> Float:
        """(all,) values of all numbers of the law."""
        return np.asarray(self.slots.complete(self.theta[None])[0])

    @property
    def turned(self) -> Float:
        """(n,) by how much more than the table the law turns each object, radians: half turns, for what looks the same from behind."""
        more = self.problem.clips[0].angle - self.clip.angle
        return np.array([float(np.median(one[known])) if (known := np.isfinite(one)).any() else 0.0 for one in more.T])


def start_of(clip: Clip, fit: Fit, *, named: bool = False, prior: bool = False, along: Sequence[str] = ()) -> Start:
    """Fit the clip's initial state, the law's parameters held.

    What the clip's own sightings leave open of the initial state, and what the parameters' covariance does to it, make the joint
    covariance: for a clip of the fit it is the fit's own.

    Args:
        named: the user chose the clip's objects, so that none is left out.
        along: names of objects that go along with others, and so are not left out.
        prior: the clip starts as those of the fit did: their spread counts beside its own sightings.

    Raises:
        UsageError: starts that can't be told from the fit's clips; a clip whose objects, unit or inputs don't fit the law.
    """
    rules = getattr(fit.law, "rules", None)
    if isinstance(rules, Affordances):
        clip = apply(rules, clip)
    clip, notes = _aligned(clip, fit, named, along)
    if clip.unit != fit.unit:
        raise UsageError(f"the table is in {clip.unit or 'an unknown unit'} and the fit in {fit.unit or 'an unknown unit'}: use one scale")
    every = Slots.of(fit.law, clip.bodies)
    slots = Slots(every.all, fit.slots.free, fit.slots.fixed_values, every.objects)
    known = slots.complete(fit.theta[None])[0]
    held = Slots(slots.all, np.zeros(0, np.intp), known, slots.objects)
    q, substeps = _initial(clip, fit, held)
    problem = Problem.of(fit.law, [clip], slots)
    problem.without, problem.substeps = fit.without, substeps
    if prior:
        likely = likeliest(problem, fit, q, substeps)
        joint = _joint(fit.covariance, likely.block, likely.coupling)
        return Start(fit, clip, slots, fit.theta, likely.q, likely.coupling, joint, problem, likely.scale, (*notes, *likely.notes))
    still = Problem.of(fit.law, [clip], held)
    still.without, still.substeps = fit.without, substeps
    scale, inflation = _inflation(still, q, fit)
    here = linearize(problem, Point(fit.theta, q[None]), central=True)
    seen = np.isfinite(problem.observed).reshape(1, -1)
    size = problem.observed.shape[-1]
    weights = np.ones(seen.shape)
    for rows, count in [(rows, group.q.size) for group, rows, _ in here.parts] or [(np.arange(seen.size), q.size)]:
        mine, known = here.residuals[:, rows], seen[:, rows]
        weights[:, rows] = weights_of(mine, known, scale_of(mine, known, count, size), size)
    _, blocks, coupling = here.eliminated(weights)
    root = np.sqrt(inflation)
    joint = _joint(fit.covariance, np.outer(root, root) * blocks[0], coupling[0])
    return Start(fit, clip, slots, fit.theta, q, coupling[0], joint, problem, scale, tuple(notes))


def _inflation(still: Problem, q: Float, fit: Fit) -> tuple[float, Float]:
    """By how much the clip's residuals exceed σ under a law that is held, and (d,) what that does to the variances of its start.

    Objects that have nothing to do with each other don't blur each other: each group's own residuals count for its part.
    """
    start = Point(np.zeros(0), q[None])
    parts = [(group.q, weigh(group.problem, group.of(start))) for group in groups_of(still)] or [(np.arange(q.size), weigh(still, start))]
    out = np.ones(q.size)
    for numbers, evidence in parts:
        # of few sightings the residuals' size is a matter of luck, so that of the fit counts too
        own, all_of = max(evidence.samples - evidence.parameters, 0), min(max(fit.samples - fit.parameters, 0), PRIOR)
        variance = (own * evidence.scale**2 + all_of * fit.scale**2) / max(own + all_of, 1)
        correlation = max(evidence.correlation, fit.correlation if own < PRIOR else 0.0)
        out[numbers] = variance * (1.0 + correlation) / (1.0 - correlation)
    freedom = np.array([max(evidence.samples - evidence.parameters, 1) for _, evidence in parts])
    return float(np.sqrt((freedom * np.array([evidence.scale for _, evidence in parts]) ** 2).sum() / freedom.sum())), out


def _joint(covariance: Float, block: Float, coupling: Float) -> Float:
    """Of parameters and start, from the start's own covariance with the parameters held."""
    cross = -covariance @ coupling.T
    whole = block + coupling @ covariance @ coupling.T
    return np.block([[covariance, cross], [cross.T, whole]]) if len(covariance) else whole


def _initial(clip: Clip, fit: Fit, held: Slots) -> tuple[Float, int]:
    """(d,) the initial state that explains the clip best: from its own sightings, or from that of a clip of the fit, and substeps."""
    fixed = {slot.name: float(value) for slot, value in zip(held.all, held.fixed_values, strict=True)}
    fresh = fit_law(fit.law, [clip], fixed=fixed, seed=fit.seed, without=fit.without)
    problem = Problem.of(fit.law, [clip], held)
    problem.without, problem.substeps = fit.without, max(fresh.substeps, fit.substeps)
    mine = fresh.clips[0]
    candidates = [mine.initial[mine.components[:, 0], mine.components[:, 1]]]
    # the clip itself may be among those of the fit, whose search began elsewhere
    candidates += [
        other.initial[problem.components[:, 0], problem.components[:, 1]]
        for other in fit.clips
        if other.initial.shape == mine.initial.shape and abs(other.start_time - mine.start_time) < 1e-9
    ]
    costs = [_cost(problem, q) for q in candidates]
    best = candidates[int(np.argmin(costs))]
    if best is not candidates[0]:
        best = minimize(problem, Point(np.zeros(0), best[None])).q[0]
    return best, problem.substeps


def _cost(problem: Problem, q: Float) -> float:
    rollout = problem.run(np.zeros((1, 0)), q[None], np.zeros(1, np.intp))
    return float(np.minimum(problem.residuals(rollout, np.zeros(1, np.intp)) ** 2, 1e6).sum())


def _aligned(clip: Clip, fit: Fit, named: bool, along: Sequence[str]) -> tuple[Clip, list[str]]:
    """The clip with the fit's objects in the fit's order: by name, or, where the names differ and the number doesn't, in order."""
    names, wanted = clip.bodies.names, fit.objects
    if set(wanted) == set(names) or (set(wanted) < set(names) and not named):
        # the table may show more than the law is about
        order = [names.index(name) for name in wanted]
        left = [name for name in names if name not in (*wanted, *along)]
        said = f"left out {', '.join(left)}: the law was fitted to {', '.join(wanted)}; choose others by name (objects)"
        return (clip if list(names) == list(wanted) else clip.keeping(order)), [said] if left else []
    about_each = (
        any(slot.object is not None for slot in fit.slots.all)
        or fit.law.objects is not None
        or any(isinstance(term, Restricted) for term in (fit.law.terms if isinstance(fit.law, Sum) else [fit.law]))
    )
    if len(names) == len(wanted):
        pairs = ", ".join(f"{mine} as {theirs}" for mine, theirs in zip(names, wanted, strict=True))
        return clip, [f"the table's objects are taken in order: {pairs}"] if about_each else []
    if about_each:
        raise UsageError(f"the law was fitted to {', '.join(wanted)}, and the table has {', '.join(names)}: choose as many (objects)")
    return clip, []


def chosen(clip: Clip, objects: Sequence[str | int] | None) -> Clip:
    """A clip with these objects alone, by name, label or id. Raises UsageError for one that it doesn't have."""
    if objects is None:
        return clip
    b = clip.bodies
    found = []
    for one in objects:
        matches = [
            i
            for i in range(len(b))
            if (b.object_ids[i] == one if isinstance(one, int) else one in (b.names[i], b.labels[i], str(b.object_ids[i])))
        ]
        if not matches:
            raise UsageError(f"no object '{one}' in {clip.name}; it has: {', '.join(b.names)}")
        found += [i for i in matches if i not in found]
    return clip.keeping(found)
