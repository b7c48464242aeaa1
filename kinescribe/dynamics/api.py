"""The one call from states tables to a fitted law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kinescribe.dynamics import arguments
from kinescribe.dynamics.affordances import Affordances, Constrained, apply, narrow
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.composition import Restricted, Sum
from kinescribe.dynamics.exits import survived
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Budget, Fit, fit_law
from kinescribe.dynamics.fitting.optimizers import Loss
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.selection import Candidate, Selection, candidates, groups, select
from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.states import States, read

__all__ = ["AUTO", "clips_of", "fit"]

AUTO = "auto"
A_FIT, A_SEARCH = 50_000, 1_000_000  # rollouts, by default
MOST_FRAMES = 150  # of a clip, from which its law is chosen
BRIEF = 0.25  # share of a table's frames, below which an object that nobody named is left out

Source = States | Clip | str | Path


@survived
def fit(
    states: Source | Sequence[Source],
    law: str | Path | Law | type[Law] = AUTO,
    *,
    inputs: Inputs | str | Path | Sequence[Inputs | str | Path] | None = None,
    objects: Sequence[str | int] | None = None,
    optimizer: str = "lm",
    fixed: Mapping[str, float] | None = None,
    free: Sequence[str] = (),
    loss: Loss | None = None,
    rules: Affordances | Mapping[str, object] | str | Path | None = None,
    seed: int = 0,
    max_rollouts: int | None = None,
    max_seconds: float = 300.0,
) -> Fit:
    """Fit a law to one table or several that share it, or find out which law it is.

    Args:
        states: tables, their files, or clips.
        law: "auto", the name of an installed law, a sum of names ("free-fall + floor"), a file, or a law.
        inputs: known inputs, one for all clips or one each: a CSV with ``time_s`` and a column an input.
        objects: names, labels or ids; None: all bodies; for "auto" those that were seen in a quarter of the frames or more.
        optimizer: lm, powell, lbfgs or cma. fixed: known values by name. free: parameters to fit that the law holds fixed. loss: in place
            of the one in state space. All as `fit_law` has them.
        rules: affordance rules, their dictionary or JSON file: who is static, may touch, which walls there are.
        seed: of what is random.
        max_rollouts, max_seconds: caps; by default 50,000 simulations of a clip for one law, a million for a search.

    Returns:
        A `Fit`. With "auto" objects that have nothing to do with each other are explained each by its own law, and `Fit.selection` tells
        what else was tried.

    Raises:
        UsageError: an unknown law or object, tables that don't go together, missing inputs.
        InputError: a file that can't be read.
        NothingFoundError: no object with enough sightings.
    """
    free = arguments.check_fit(
        optimizer=optimizer, fixed=fixed, free=free, loss=loss, inputs=inputs, rules=rules, seed=seed, max_rollouts=max_rollouts,
        max_seconds=max_seconds,
    )  # fmt: skip
    clips = clips_of(states, inputs=inputs, objects=objects, brief=law == AUTO)
    searching = isinstance(law, str) and law == AUTO
    budget = Budget((A_SEARCH if searching else A_FIT) if max_rollouts is None else max_rollouts, max_seconds)
    given = _rules(rules)
    if given is not None:
        clips = [apply(given, clip) for clip in clips]
    if not searching:
        found = find_law(law)
        if given is not None and found.kind == "acceleration":
            found = Constrained(found, given)
        return fit_law(found, clips, optimizer=optimizer, fixed=fixed, free=free, loss=loss, seed=seed, budget=budget)
    if loss is not None or optimizer != "lm" or free:
        raise UsageError("a loss, an optimizer or parameters to free belong to one law: name it with law=")
    return _search(clips, given, fixed or {}, seed, budget)


def clips_of(
    states: Source | Sequence[Source],
    *,
    inputs: Inputs | str | Path | Sequence[Inputs | str | Path] | None = None,
    objects: Sequence[str | int] | None = None,
    brief: bool = False,
) -> list[Clip]:
    """Tables as clips; `brief` leaves out objects that nobody named and that were seen in few frames. Raises as `fit` does."""
    arguments.check_inputs(inputs)
    objects = arguments.names(objects)
    several = list(states) if isinstance(states, Sequence) and not isinstance(states, str) else [states]
    if not several:
        raise UsageError("a fit needs at least one states table")
    given = list(inputs) if isinstance(inputs, Sequence) and not isinstance(inputs, str) else [inputs] * len(several)
    if len(given) == 1:
        given *= len(several)
    if len(given) != len(several):
        raise UsageError(f"{len(given)} files of inputs for {len(several)} tables: give one for all, or one each")
    clips = []
    for number, (source, one) in enumerate(zip(several, given, strict=True), 1):
        held = Inputs.read(Path(one)) if isinstance(one, str | Path) else one
        if isinstance(source, Clip):
            clips.append(source if held is None else replace(source, inputs=held))
            continue
        table = read(source) if isinstance(source, str | Path) else source
        if not isinstance(table, States):
            raise UsageError(f"a fit takes states tables, their files or clips, not {type(source).__name__}")
        name = Path(source).name if isinstance(source, str | Path) else f"table {number}"
        clip = Clip.from_states(table, objects=objects, inputs=held, name=name)
        clips.append(_lasting(clip) if brief and objects is None else clip)
    return clips


def _lasting(clip: Clip) -> Clip:
    share = clip.seen.mean(axis=0)
    keep = np.flatnonzero(share >= BRIEF)
    if not len(keep):
        raise NothingFoundError(f"{clip.name}: no object was seen in {BRIEF:.0%} of the frames; name those that you mean")
    return clip.keeping(keep.tolist())


def _rules(rules: Affordances | Mapping[str, object] | str | Path | None) -> Affordances | None:
    if rules is None or isinstance(rules, Affordances):
        return rules
    return Affordances.read(Path(rules)) if isinstance(rules, str | Path) else Affordances.of(rules)


def _search(clips: Sequence[Clip], rules: Affordances | None, fixed: Mapping[str, float], seed: int, budget: Budget) -> Fit:
    """The law of every group of objects that belong together, and all of them as one."""
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
        found.append((mine[0].bodies.names, _selected(mine, _about(rules, mine[0]), fixed, seed, share)))
    if len(found) == 1:
        selection = found[0][1]
        return replace(selection.candidates[0].fit, selection=selection, rollouts=selection.rollouts, seconds=budget.elapsed)
    return _together(found, clips, rules, fixed, seed, budget)


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


def _selected(clips: Sequence[Clip], rules: Affordances | None, fixed: Mapping[str, float], seed: int, budget: Budget) -> Selection:
    """The law of one group. Long clips are thinned for the choice, and the winner is fitted to all of their frames."""
    laws = _laws(clips, rules)
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


def _laws(clips: Sequence[Clip], rules: Affordances | None) -> list[Law]:
    laws = candidates(clips)
    if rules is None:
        return laws
    reasons = narrow(rules, [law.title for law in laws], clips[0])
    left = [Constrained(law, rules) if law.kind == "acceleration" else law for law in laws if not reasons[law.title]]
    if not left:
        raise UsageError("the rules leave no room for any law: " + "; ".join(f"{name}: {why}" for name, why in list(reasons.items())[:3]))
    return left


def _together(
    found: Sequence[tuple[tuple[str, ...], Selection]],
    clips: Sequence[Clip],
    rules: Affordances | None,
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
    terms = [Restricted(fit.law, names) for (names, _), fit in zip(found, winners, strict=True)]
    law = Sum(*terms)
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
    best = fit_law(law, clips, start=start, fixed=known, seed=seed, budget=_left(budget))
    spent += best.rollouts
    tried = []
    if len({fit.law.title for fit in winners}) == 1 and winners[0].law.objects is None:
        shared = fit_law(winners[0].law, clips, fixed=_known(winners[0].law, fixed), seed=seed, budget=_left(budget))
        spent += shared.rollouts
        best, other = (shared, best) if shared.ok and shared.bic <= best.bic else (best, shared)
        tried.append(Candidate(other.law.title, other, reason="higher BIC than one law for all" if best is shared else "higher BIC"))
    for names, selection in found:
        whose = ", ".join(names)
        tried += [replace(one, title=f"{one.title} on {whose}", reason=one.reason or "part of the winner") for one in selection.candidates]
    ties = tuple(f"{title} on {', '.join(names)}" for names, selection in found for title in selection.tie)
    selection = Selection((Candidate(best.law.title, best), *tried), ties, found[0][1].held_out, spent)
    return replace(best, selection=selection, rollouts=spent, seconds=budget.elapsed)


def _left(budget: Budget) -> Budget:
    return Budget(budget.rollouts, max(budget.seconds - budget.elapsed, 1.0))


def _known(law: Law, fixed: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in fixed.items() if name.rpartition(".")[2] in law.parameters}
