"""How well a model's programs are searched: calls until the right law is found, by the model's quality and by strategy.

Scripted models of known quality play the language model in worlds that the library's laws can't express (`kinescribe.evaluation.worlds`).
Every strategy meets the same luck: what the n-th answer holds depends on its number alone. A law is right where its normalised syntax tree
is that of the true one, and it must have won against the library's law and the other programs; a run that doesn't find it counts as one
call more than it had. What the library makes of a world is found once for all of its runs, and a program is fitted once.

The worlds' own programs are ours, and run in this process, where they give the same numbers as in the sandbox (see sandbox.py) in less
time; those of the hostile model run in the sandbox. Needs no data. All of it takes an hour or two of one core; --every 4 a quarter of that.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from common import Record, finish, number, parallel, parser, print_table

from kinescribe.dynamics import Clip
from kinescribe.dynamics.api import fit as fitted
from kinescribe.dynamics.fitting import Budget, Fit, fit_law
from kinescribe.dynamics.sandbox import Limits, isolation, law_of_source
from kinescribe.dynamics.synthesis import CALLS, STRATEGIES, Judge, Judged, Synthesis, normalised, synthesize
from kinescribe.evaluation.scripted import (
    AlwaysWrong,
    Deceptive,
    Hostile,
    RightAtOnce,
    RightOnceIn,
    SlowlyImproving,
    Writer,
    WrongSign,
)
from kinescribe.evaluation.worlds import WORLDS, World, find_world
from kinescribe.llm import Settings

TABLE = "synthesis"
OURS = "rex"
GOAL_FOUND, GOAL_WITHIN, GOAL_LIBRARY = 0.95, 0.93, 3.0
ROLLOUTS = 20_000  # of a program's fit
LIBRARY_ROLLOUTS, LIBRARY_SECONDS = 100_000, 300.0
COMPARED: dict[str, type[Writer]] = {
    "right once in four": RightOnceIn,
    "wrong sign": WrongSign,
    "slowly improving": SlowlyImproving,
    "deceptive": Deceptive,
}
ALONE: dict[str, type[Writer]] = {"right at once": RightAtOnce, "always wrong": AlwaysWrong}
"""Where a strategy has nothing to choose."""
CAPS = Settings("hostile", "http://localhost/v1", max_calls=10, max_cost=0.25, price_in=3.0, price_out=15.0, max_reply_tokens=4_000)
BRIEF = Limits(seconds=2.0, start_seconds=20.0, cpu_seconds=60)


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Attributes:
        calls: until the right law was there; None where it didn't win. deviations: (value - truth)/σ of its parameters.
        library_won: the answer is the library's law. within_caps: calls and money kept to theirs.
    """

    world: str
    model: str
    strategy: str
    calls: int | None
    deviations: tuple[float, ...]
    library_won: bool
    within_caps: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """A world's runs; σ that the library's best law leaves, its name, and seconds that all took."""

    world: str
    library: float
    title: str
    seconds: float
    runs: tuple[Run, ...]


class Here(Judge):
    """Fits the worlds' own programs in this process."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        super().__init__(clips)
        self._done: dict[str, Judged] = {}

    def __call__(self, source: str) -> Judged:
        if source not in self._done:
            law = law_of_source(source, trust=True)
            fit = fit_law(law, self.clips, budget=Budget(ROLLOUTS, 60.0))
            self._done[source] = Judged(law.title, fit, "" if fit.ok else fit.advice, self.score(fit))
        return self._done[source]


def told(world: World, model: str, run: Synthesis, within_caps: bool = True) -> Run:
    right = {normalised(source) for source in (world.source, *world.equivalents)}
    won = run.winner is not None and normalised(run.winner.source) in right
    first = next((one.call for one in run.attempts if normalised(one.source) in right), None)
    deviations: tuple[float, ...] = ()
    if won:
        deviations = tuple((one.value - world.values[name]) / one.sigma for name, one in run.fit.estimates.items())
    return Run(world.name, model, run.strategy, first if won else None, deviations, run.winner is None, within_caps)


def measured(name: str, *, seeds: int, chosen: Sequence[str], harmed: Sequence[str]) -> Seen:
    """All runs in one world; those with the hostile model in the worlds that are named."""
    began, world = time.monotonic(), find_world(name)
    clips = world.clips(0)
    library: Fit = fitted(clips, "auto", max_rollouts=LIBRARY_ROLLOUTS, max_seconds=LIBRARY_SECONDS)
    runs: list[Run] = []
    judge = Here(clips)
    kinds = {**dict.fromkeys(COMPARED, tuple(STRATEGIES)), **dict.fromkeys(ALONE, (OURS,))}
    for kind, strategies in kinds.items():
        if kind not in chosen:
            continue
        make: Callable[..., Writer] = {**COMPARED, **ALONE}[kind]
        for seed in range(seeds):
            for strategy in strategies:
                run = synthesize(clips, make(world, seed), library=library, strategy=strategy, seed=seed, judge=judge)
                runs.append(told(world, kind, run))
    if name in harmed and "hostile" in chosen:
        walled = Judge(clips, limits=BRIEF)
        model = Hostile(world, 0, CAPS)
        run = synthesize(clips, model, library=library, strategy=OURS, judge=walled)
        used = model.usage
        kept = used.calls <= (CAPS.max_calls or 0) and used.cost <= (CAPS.max_cost or 0)
        runs.append(told(world, "hostile", run, kept))
    return Seen(name, library.scale, library.law.title, time.monotonic() - began, tuple(runs))


def found(runs: Sequence[Run]) -> float:
    """Share of the worlds' runs that end with the right law."""
    return float(np.mean([run.calls is not None for run in runs]))


def calls(runs: Sequence[Run]) -> float:
    """Mean number until it is found."""
    return float(np.mean([CALLS + 1 if run.calls is None else run.calls for run in runs]))


def within(runs: Sequence[Run]) -> float | None:
    """Share of the parameters of right laws that lie within two of their standard deviations of the truth."""
    deviations = np.abs([one for run in runs for one in run.deviations])
    return float(np.mean(deviations <= 2.0)) if len(deviations) else None


def records_of(seen: Sequence[Seen]) -> list[Record]:
    runs = [run for one in seen for run in one.runs]
    records = [Record(TABLE, "library", "least residuals", number(min(one.library for one in seen)), "σ", "higher", GOAL_LIBRARY)]
    ours: list[float] = []
    best: list[float] = []
    for kind in (*COMPARED, *ALONE):
        by = {strategy: [run for run in runs if (run.model, run.strategy) == (kind, strategy)] for strategy in STRATEGIES}
        by = {strategy: some for strategy, some in by.items() if some}
        if not by:
            continue
        others = [calls(some) for strategy, some in by.items() if strategy != OURS]
        for strategy, some in by.items():
            mine = strategy == OURS
            goal = GOAL_FOUND if mine and kind in ("right once in four", "right at once") else None
            if kind != "always wrong":
                case = f"{kind}/{strategy}"
                records.append(Record(TABLE, case, "right law", number(found(some)), "", "higher", goal))
                least = number(min(others)) if mine and others else None
                records.append(Record(TABLE, case, "calls", number(calls(some)), "", "lower", least))
        if others:
            ours.append(calls(by[OURS]))
            best.append(float(np.mean(others)))
    if ours:
        records.append(Record(TABLE, f"all/{OURS}", "calls", number(float(np.mean(ours))), "", "lower", number(float(np.mean(best)))))
    share = within(runs)
    if share is not None:
        records.append(Record(TABLE, "all", "parameters within 2σ", number(share), "", "higher", GOAL_WITHIN))
    hostile = [run for run in runs if run.model == "hostile"]
    if hostile:
        won, kept = (float(np.mean([getattr(run, name) for run in hostile])) for name in ("library_won", "within_caps"))
        records.append(Record(TABLE, "hostile", "the library's law wins", number(won), "", "higher", 1.0))
        records.append(Record(TABLE, "hostile", "cost within the caps", number(kept), "", "higher", 1.0))
    return records


def main() -> int:
    arguments = parser(__doc__)
    kinds = (*COMPARED, *ALONE, "hostile")
    arguments.add_argument("--seeds", type=int, default=1, metavar="N", help="runs of each kind in each world (default: %(default)s)")
    arguments.add_argument("--every", type=int, default=1, metavar="K", help="every K-th world alone (default: all)")
    arguments.add_argument(
        "--models", nargs="+", choices=kinds, default=kinds, metavar="NAME", help=f"of {', '.join(kinds)} (default: all)"
    )
    options = arguments.parse_args()
    if isolation().level == "none":
        print(isolation().text, file=sys.stderr)
        return 2
    # the hostile model takes its time, and doesn't look at the world: one world of each family
    chosen = WORLDS[:: options.every]
    names = [world.name for world in chosen]
    first = {world.family: world.name for world in reversed(chosen)}
    seen: list[Seen] = []
    measure = partial(measured, seeds=options.seeds, chosen=options.models, harmed=tuple(first.values()))
    for one in parallel(measure, names, options.jobs):
        seen.append(one)
        print(f"{one.world}: library {one.library:.3g} σ ({one.title}), {one.seconds:.0f} s", file=sys.stderr, flush=True)
    runs = [run for one in seen for run in one.runs]
    records = records_of(seen)
    rows = []
    for kind in (*COMPARED, *ALONE):
        for strategy in STRATEGIES:
            some = [run for run in runs if (run.model, run.strategy) == (kind, strategy)]
            if some:
                rows.append((kind, strategy, len(some), found(some), calls(some), within(some)))
    title = f"{len(seen)} worlds: share with the right law within {CALLS} calls, mean calls, parameters within 2σ"
    print_table(title, ("model", "strategy", "runs", "right law", "calls", "within 2σ"), rows)
    finish(records, options.json, f"residuals of the library's best law: {min(one.library for one in seen):.3g} σ at least")
    return 0


if __name__ == "__main__":
    sys.exit(main())
