"""Which law it is that moves what a table tells: the search behind `auto`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kinescribe.dynamics.affordances import Affordances, keeping_to, narrow
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.composition import Restricted, Sum
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Budget, Fit, fit_law
from kinescribe.dynamics.fitting.joining import join
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.selection import Candidate, Selection, at_a_distance, candidates, groups, select
from kinescribe.errors import UsageError

__all__ = ["search"]

MOST_FRAMES = 150  # of a clip, from which its law is chosen
POOR = 3.0  # σ: residuals that leave room for forces at a distance


def search(clips: Sequence[Clip], rules: Affordances | None, fixed: Mapping[str, float], seed: int, budget: Budget) -> Fit:
    """The law behind clips: of every group of objects that belong together, and of all of them as one.

    Args:
        rules: affordance rules, already applied to the clips. fixed: known values. seed: of what is random. budget: caps of it all.

    Raises:
        UsageError: clips of unequal numbers of objects, or rules that leave no law.
    """
    counts = {len(clip.bodies) for clip in clips}
    if len(counts) > 1:
        listed = ", ".join(map(str, sorted(counts)))
        raise UsageError(f"clips that share a law need the same objects; these have {listed} of them: name those that you mean")
    # what is joined belongs together, however far apart
    parts = groups(clips) if rules is None or not rules.joints else [tuple(range(counts.pop()))]
    # what never moves, and nothing strikes, needs no law
    parts = [part for part in parts if not clips[0].bodies.static[list(part)].all()] or parts
    found: list[tuple[tuple[str, ...], Selection]] = []
    for part in parts:
        mine = [clip.keeping(part) for clip in clips]
        share = Budget(max(budget.rollouts // len(parts), 1), max((budget.seconds - budget.elapsed) / len(parts), 1.0))
        # beside other objects' laws a step or a simulator of its own has no place
        possible = [law for law in candidates(mine) if len(parts) == 1 or law.kind == "acceleration"]
        laws, reasons = _kept_to(_about(rules, mine[0]), possible, mine)
        if reasons and not laws:
            raise UsageError("the rules leave no room for any law: " + "; ".join(reasons[:3]))
        found.append((mine[0].bodies.names, _selected(laws, mine, fixed, seed, share)))
    if len(found) == 1:
        selection = found[0][1]
        best = replace(selection.candidates[0].fit, selection=selection, rollouts=selection.rollouts, seconds=budget.elapsed)
    else:
        best = _together(found, clips, fixed, seed, budget)
    explained = all(selection.candidates[0].fit.ok and selection.candidates[0].fit.scale <= POOR for _, selection in found)
    # one group of all has tried forces between them already
    if explained or len(parts[0]) == len(clips[0].bodies):
        return best
    distant, _ = _kept_to(rules, at_a_distance(clips), clips)
    return _better(best, _selected(distant, clips, fixed, seed, _left(budget)), budget) if distant else best


def _better(best: Fit, distant: Selection, budget: Budget) -> Fit:
    """What explains the objects one by one, or as they act on each other at a distance, by the lower BIC."""
    tried = best.selection.candidates if best.selection is not None else ()
    ties = best.selection.tie if best.selection is not None else ()
    held_out = best.selection.held_out if best.selection is not None else ""
    spent = best.rollouts + distant.rollouts
    winner = distant.winner
    if winner is None or (best.ok and best.bic <= winner.fit.bic):
        others = tuple(replace(one, reason=one.reason or "higher BIC than without forces at a distance") for one in distant.candidates)
        return replace(best, selection=Selection((*tried, *others), ties, held_out, spent), rollouts=spent, seconds=budget.elapsed)
    before = tuple(replace(one, reason=one.reason or "higher BIC than with forces at a distance") for one in tried)
    selection = Selection((*distant.candidates, *before), distant.tie, distant.held_out, spent)
    return replace(winner.fit, selection=selection, rollouts=spent, seconds=budget.elapsed)


def _about(rules: Affordances | None, clip: Clip) -> Affordances | None:
    """What the rules say about these objects."""
    if rules is None:
        return None
    words = {*clip.bodies.names, *clip.bodies.labels}
    kinds = {kind: tuple(word for word in getattr(rules, kind) if word in words) for kind in ("static", "dynamic", "kinematic")}
    pairs = {
        name: None if getattr(rules, name) is None else tuple(pair for pair in getattr(rules, name) if words.issuperset(pair))
        for name in ("touch", "apart")
    }
    return rules.model_copy(update={**kinds, **pairs})


def _selected(laws: Sequence[Law], clips: Sequence[Clip], fixed: Mapping[str, float], seed: int, budget: Budget) -> Selection:
    """The law of one group. Long clips are thinned for the choice, and the winner is fitted to all of their frames."""
    # a law that is defined by its own step wants every frame
    thinned = [clip if any(law.kind == "step" for law in laws) else clip.thinned(MOST_FRAMES) for clip in clips]
    selection = select(laws, thinned, fixed=fixed, seed=seed, budget=budget)
    winner = selection.winner
    if winner is None or all(short is whole for short, whole in zip(thinned, clips, strict=True)):
        return selection
    start = {name: one.value for name, one in winner.fit.estimates.items()}
    known = {name: one.value for name, one in winner.fit.estimates.items() if one.fixed}
    whole = fit_law(winner.fit.law, clips, fixed=known, start=start, seed=seed, budget=Budget(budget.rollouts, budget.seconds))
    return replace(
        selection, candidates=(replace(winner, fit=whole), *selection.candidates[1:]), rollouts=selection.rollouts + whole.rollouts
    )


def _kept_to(rules: Affordances | None, laws: list[Law], clips: Sequence[Clip]) -> tuple[list[Law], list[str]]:
    """Those laws that the rules leave, kept to them, and why the others aren't left."""
    if rules is None:
        return laws, []
    reasons = narrow(rules, [law.title for law in laws], clips[0])
    left = [keeping_to(rules, law) for law in laws if not reasons[law.title]]
    return left, [f"{name}: {why}" for name, why in reasons.items() if why]


def _together(
    found: Sequence[tuple[tuple[str, ...], Selection]],
    clips: Sequence[Clip],
    fixed: Mapping[str, float],
    seed: int,
    budget: Budget,
) -> Fit:
    """One fit of all objects: each group under its own law, or, where all follow the same one, under shared parameters if simpler."""
    winners = [selection.candidates[0].fit for _, selection in found]
    spent = sum(selection.rollouts for _, selection in found)
    # the terms go by the first clip's names
    first = clips[0].bodies
    clips = [replace(clip, bodies=replace(clip.bodies, names=first.names, labels=first.labels)) for clip in clips]
    about = {name for names, _ in found for name in names}
    resting = [i for i, name in enumerate(first.names) if name not in about]
    still = fit_law(find_law("uniform-motion"), [clip.keeping(resting) for clip in clips], seed=seed) if resting else None
    spent += still.rollouts if still is not None else 0
    best = join(winners, clips, still)
    if best is None:
        best = _fitted_together(winners, clips, fixed, seed, _left(budget))
        spent += best.rollouts
    tried = []
    if len({fit.law.title for fit in winners}) == 1 and winners[0].law.objects is None:
        shared = fit_law(winners[0].law, clips, fixed=_known(winners[0].law, fixed), seed=seed, budget=_left(budget))
        spent += shared.rollouts
        best, other = (shared, best) if shared.ok and not (best.ok and best.bic < shared.bic) else (best, shared)
        tried.append(Candidate(other.law.title, other, reason="higher BIC than one law for all" if best is shared else "higher BIC"))
    for names, selection in found:
        whose = ", ".join(names)
        tried += [replace(one, title=f"{one.title} on {whose}", reason=one.reason or "part of the winner") for one in selection.candidates]
    ties = tuple(f"{title} on {', '.join(names)}" for names, selection in found for title in selection.tie)
    selection = Selection((Candidate(best.law.title, best), *tried), ties, found[0][1].held_out, spent)
    return replace(best, selection=selection, rollouts=spent, seconds=budget.elapsed)


def _fitted_together(winners: Sequence[Fit], clips: Sequence[Clip], fixed: Mapping[str, float], seed: int, budget: Budget) -> Fit:
    """One fit of the parts' laws where some of them share a parameter, from what each found."""
    law = Sum(*(Restricted(fit.law, fit.objects) for fit in winners))
    start: dict[str, float] = {}
    for theirs, fit in zip(law.names_of_terms, winners, strict=True):
        for slot, value in zip(fit.slots.all, fit.slots.complete(fit.theta[None])[0], strict=True):
            ours = theirs[slot.key]
            start[ours if slot.object is None else f"{fit.objects[slot.object]}.{ours}"] = float(value)
    known = {
        name.removesuffix(key) + theirs[key]: value
        for theirs in law.names_of_terms
        for name, value in fixed.items()
        if (key := name.rpartition(".")[2]) in theirs
    }
    return fit_law(law, clips, start=start, fixed=known, seed=seed, budget=budget)


def _left(budget: Budget) -> Budget:
    return Budget(budget.rollouts, max(budget.seconds - budget.elapsed, 1.0))


def _known(law: Law, fixed: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in fixed.items() if name.rpartition(".")[2] in law.parameters}
