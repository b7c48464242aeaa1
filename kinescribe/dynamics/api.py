"""The one call from states tables to a fitted law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinescribe.dynamics import arguments
from kinescribe.dynamics.affordances import Affordances, apply, keeping_to
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.exits import survived
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Budget, Fit, fit_law
from kinescribe.dynamics.fitting.optimizers import Loss
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.searching import search
from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.states import States, read

if TYPE_CHECKING:
    from kinescribe.llm import Model, Settings

__all__ = ["AUTO", "LLM", "Source", "clips_of", "fit"]

AUTO, LLM = "auto", "llm"
A_FIT, A_SEARCH = 50_000, 1_000_000  # rollouts, by default
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
    model: Model | Settings | None = None,
) -> Fit:
    """Fit a law to one table or several that share it, or find out which law it is.

    Args:
        states: tables, their files, or clips.
        law: "auto", the name of an installed law, a sum of names ("free-fall + floor"), a file, or a law; "llm": a language model writes
            programs that compete with what "auto" finds (`kinescribe.synthesize` hands out all that it does).
        inputs: known inputs, one for all clips or one each: a CSV with ``time_s`` and a column an input.
        objects: names, labels or ids; None: all bodies; for "auto" those that were seen in a quarter of the frames or more.
        optimizer: lm, powell, lbfgs or cma. fixed: known values by name. free: parameters to fit that the law holds fixed. loss: in place
            of the one in state space. All as `fit_law` has them.
        rules: affordance rules, their dictionary or JSON file: who is static, may touch, which walls there are.
        seed: of what is random.
        max_rollouts, max_seconds: caps; by default 50,000 simulations of a clip for one law, a million for a search.
        model: the language model of "llm", or how to reach it.

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
    if model is not None and law != LLM:
        raise UsageError(f"a model is for law='{LLM}' alone: name that, or leave the model out")
    clips = clips_of(states, inputs=inputs, objects=objects, brief=law in (AUTO, LLM))
    if isinstance(law, str) and law == LLM:
        if loss is not None or optimizer != "lm" or free:
            raise UsageError("a loss, an optimizer or parameters to free belong to one law: name it with law=")
        return _written(clips, model, _rules(rules), fixed or {}, seed)
    searching = isinstance(law, str) and law == AUTO
    budget = Budget((A_SEARCH if searching else A_FIT) if max_rollouts is None else max_rollouts, max_seconds)
    given = _rules(rules)
    if given is not None:
        clips = [apply(given, clip) for clip in clips]
    if not searching:
        found = find_law(law)
        if given is not None:
            found = keeping_to(given, found)
        return fit_law(found, clips, optimizer=optimizer, fixed=fixed, free=free, loss=loss, seed=seed, budget=budget)
    if loss is not None or optimizer != "lm" or free:
        raise UsageError("a loss, an optimizer or parameters to free belong to one law: name it with law=")
    return search(clips, given, fixed or {}, seed, budget)


def _written(clips: list[Clip], model: Model | Settings | None, rules: Affordances | None, fixed: Mapping[str, float], seed: int) -> Fit:
    from kinescribe.dynamics.synthesis import synthesize  # it fits laws itself

    if model is None:
        raise UsageError("law='llm' needs a language model: give model=kinescribe.llm.Settings(model=…, base_url=…)")
    return synthesize(clips, model, rules=rules, fixed=fixed, seed=seed).fit


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
