"""The calls: predict, what if, and sweep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kinescribe.dynamics.arguments import a_kind, number, seconds, words
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.exits import survived
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.prediction.changes import Change, Changes, Sweep, changes_of
from kinescribe.dynamics.prediction.differences import Difference, differences
from kinescribe.dynamics.prediction.forecast import Forecast, Predictor
from kinescribe.dynamics.prediction.table import table_of
from kinescribe.errors import UsageError
from kinescribe.states import States

__all__ = ["Counterfactual", "counterfactual", "predict", "sweep"]


@dataclass(frozen=True, slots=True, eq=False)
class Counterfactual:
    """What happens, what would have happened, and the difference.

    Attributes:
        factual, changed: tables over the same times.
        forecasts: both as numbers.
        difference: of contacts and ends.
        words: the changes as they were written.
    """

    factual: States
    changed: States
    forecasts: tuple[Forecast, Forecast]
    difference: Difference
    words: tuple[str, ...]


@survived
def predict(
    states: States | Clip | str | Path,
    fit: Fit | str | Path,
    *,
    until: float,
    every: float | None = None,
    inputs: Inputs | str | Path | None = None,
    do: Changes = (),
    remove: Sequence[str] = (),
    at: float | None = None,
    objects: Sequence[str | int] | None = None,
    from_start: bool = False,
    start_prior: bool = False,
) -> States:
    """What a fitted law foretells of a table's objects, with σ that grows; with changes, what would have happened.

    The initial state is fitted to the table's own sightings, the law's parameters held; a law is deterministic from there, so that a change
    acts on the very motion that was seen.

    Args:
        states: a table, its file, or a clip.
        fit: what `fit` found, or the file that it was saved to.
        until: seconds, in the table's time.
        every: seconds between rows; None: the table's frames, continued.
        inputs: known inputs to the end, for laws that have some.
        do: changes: ``{"gravity": 1.62, "ball 1.mass": "*=2"}`` or ``["gravity=1.62", "ball.vx+=0.5"]``; parameters as the fit prints
            them, y up; positions and velocities as the table has them.
        remove: walls and objects to take away.
        at: when the change happens, seconds; None: at the first sighting. Without changes: where rows begin.
        objects: names, labels or ids; None: those of the fit.
        from_start: rows from the first sighting on. Else they begin after the last one, or where the change happens if that comes sooner.
        start_prior: this clip starts as those of the fit did, such as after the same reset: where few frames leave its initial state
            open, the spread of theirs decides. Needs a fit to four clips or more.

    Returns:
        A states table with ``status = predicted``; its metadata hold the contacts that are foretold, and warnings.

    Raises:
        UsageError: unknown names, values outside a parameter's bounds, times that make no sense, missing inputs, another unit than the
            fit's.
        InputError: inputs that can't be read.
        NothingFoundError: no object with enough sightings.
    """
    predictor = Predictor.of(states, fit, inputs=inputs, objects=objects, start_prior=start_prior)
    forecast = predictor.ask(until=until, every=every, do=do, remove=remove, at=at, from_start=from_start)
    return table_of(forecast, predictor.states)


@survived
def counterfactual(
    states: States | Clip | str | Path | Predictor,
    fit: Fit | str | Path | None = None,
    *,
    until: float,
    do: Changes = (),
    remove: Sequence[str] = (),
    at: float | None = None,
    every: float | None = None,
    inputs: Inputs | str | Path | None = None,
    objects: Sequence[str | int] | None = None,
    from_start: bool = False,
    start_prior: bool = False,
) -> Counterfactual:
    """Both courses and their difference; arguments as `predict` has them. A `Predictor` in place of the table keeps its initial state."""
    predictor = _predictor(states, fit, inputs, objects, start_prior)
    return _compared(predictor, changes_of(do), remove, until=until, at=at, every=every, from_start=from_start)


def sweep(
    states: States | Clip | str | Path | Predictor,
    fit: Fit | str | Path | None = None,
    *,
    over: Sweep | str,
    until: float,
    do: Changes = (),
    remove: Sequence[str] = (),
    at: float | None = None,
    every: float | None = None,
    inputs: Inputs | str | Path | None = None,
    objects: Sequence[str | int] | None = None,
    from_start: bool = False,
    start_prior: bool = False,
) -> Iterator[tuple[Change, Counterfactual]]:
    """One counterfactual for each value of a sweep such as ``"gravity=1:20:8"``, after the changes of `do`; the first raises what is wrong
    with any. Arguments as `predict` has them.
    """
    from kinescribe.dynamics.prediction.intervention import intervene

    if not isinstance(over, str | Sweep):
        raise UsageError(f"a sweep (over) is {a_kind(over)}: write NAME=FIRST:LAST:COUNT, as in 'gravity=1:20:8'")
    swept = Sweep.parse(over) if isinstance(over, str) else over
    remove, at = words(remove, "what to remove"), seconds(at, "at")
    predictor = _predictor(states, fit, inputs, objects, start_prior)
    before = changes_of(do)
    for change in swept.changes:
        intervene(predictor.start, (*before, change), remove, at)
    for change in swept.changes:
        yield change, _compared(predictor, (*before, change), remove, until=until, at=at, every=every, from_start=from_start)


def _predictor(
    states: States | Clip | str | Path | Predictor,
    fit: Fit | str | Path | None,
    inputs: Inputs | str | Path | None,
    objects: Sequence[str | int] | None,
    start_prior: bool,
) -> Predictor:
    if isinstance(states, Predictor):
        return states
    if fit is None:
        raise UsageError("a table or clip needs a fit, or the file of one")
    return Predictor.of(states, fit, inputs=inputs, objects=objects, start_prior=start_prior)


@survived
def _compared(
    predictor: Predictor, changes: Sequence[Change], remove: Sequence[str], *, until: float, at: float | None, every: float | None,
    from_start: bool,
) -> Counterfactual:  # fmt: skip
    until, at, remove = number(until, "until"), seconds(at, "at"), words(remove, "what to remove")
    changed = predictor.run(changes, remove, until=until, every=every, at=at, from_start=from_start)
    # the same rows: from where the change happens
    begin = at if at is not None else float(predictor.start.clip.times[0]) if changed.intervention.changes else None
    factual = predictor.run((), (), until=until, every=every, at=begin, from_start=from_start, substeps=changed.substeps)
    if factual.substeps > changed.substeps:
        # contact times are compared: both in the same steps
        changed = predictor.run(changes, remove, until=until, every=every, at=at, from_start=from_start, substeps=factual.substeps)
    return Counterfactual(
        table_of(factual, predictor.states),
        table_of(changed, predictor.states),
        (factual, changed),
        differences(factual, changed),
        changed.intervention.words,
    )
