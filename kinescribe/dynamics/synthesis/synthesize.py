"""A law written by a language model, fitted, judged against the library's, mended and judged again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from kinescribe.dynamics.affordances import Affordances, apply
from kinescribe.dynamics.api import AUTO, Source, clips_of
from kinescribe.dynamics.api import fit as fitted
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.report.equation import equations
from kinescribe.dynamics.sandbox import SandboxError, isolation
from kinescribe.dynamics.synthesis.attempts import Attempt, Question, Synthesis
from kinescribe.dynamics.synthesis.briefing import briefing
from kinescribe.dynamics.synthesis.choosing import best_of, by_residuals
from kinescribe.dynamics.synthesis.feedback import feedback, hints
from kinescribe.dynamics.synthesis.judging import LONGEST, Judge, Judged, enough, explains
from kinescribe.dynamics.synthesis.lines import lines_of
from kinescribe.dynamics.synthesis.programs import drafts, normalised, size_of
from kinescribe.dynamics.synthesis.prompts import Tried, proposal, repair
from kinescribe.dynamics.synthesis.strategies import STRATEGIES
from kinescribe.errors import UsageError, unknown_value
from kinescribe.llm import (
    AnswerError,
    BudgetExceededError,
    Client,
    EndpointError,
    Exchange,
    Message,
    Model,
    Part,
    Recorder,
    Settings,
    refuses_pictures,
)
from kinescribe.llm.text import one_line

__all__ = ["CALLS", "MOST_CALLS", "synthesize"]

CALLS, MOST_CALLS = 12, 40
FIRST = 4  # programs that the first question asks for
LIBRARY_ROLLOUTS, LIBRARY_SECONDS = 100_000, 900.0  # the first is to end the search, so that runs can be repeated
NO_PROGRAM = "no program in the reply"
LONGEST_TASK = 2_000  # characters

Progress = Callable[[str, int, int | None], None]


def synthesize(
    states: Source | Sequence[Source],
    model: Model | Settings,
    *,
    inputs: Inputs | str | Path | Sequence[Inputs | str | Path] | None = None,
    objects: Sequence[str | int] | None = None,
    library: Fit | str | Path | Law | type[Law] = AUTO,
    max_calls: int = CALLS,
    strategy: str = "rex",
    task: str = "",
    sheet: Part | None = None,
    rules: Affordances | None = None,
    fixed: Mapping[str, float] | None = None,
    seed: int = 0,
    always: bool = False,
    judge: Judge | None = None,
    progress: Progress | None = None,
    keep: Callable[[Sequence[Exchange]], None] | None = None,
) -> Synthesis:
    """Find the law behind clips with the help of a language model.

    The library's best law comes first, and competes to the end. Where it leaves more than noise, the model is asked for four diverse
    programs; each runs in the sandbox, is fitted and scored like any law, and the likeliest to lead on are sent back with what is wrong.

    Args:
        states: tables that share the law, their files, or clips. inputs, objects: as `kinescribe.fit` has them.
        model: that is asked: a `kinescribe.llm.Client`, its settings, or a `Replayer` of what one said.
        library: what programs compete with: "auto" for the best that the library has, a law as `kinescribe.fit` takes it, or its fit.
        max_calls: questions at most, 1 to 40.
        strategy: rex, best-first or resample.
        task: what the user says of the scene. sheet: a picture of it, for models that see (see `kinescribe.llm.picture`).
        rules: affordance rules. fixed: known parameters by name.
        seed: of what is random, and handed to the endpoint.
        always: ask the model even where the library's law leaves nothing but noise.
        judge: that fits programs to these clips, where fits of earlier runs are to be used again.
        progress: called with the stage ("library", "model", "choice"), what is done, and all of it.
        keep: called after every answer with all that was said so far, to keep what was paid for whatever becomes of the run.

    Raises:
        UsageError: tables that don't go together, an unknown strategy, no isolation for programs of others (`SandboxError`).
        InputError, NothingFoundError: as `kinescribe.fit` does.
    """
    if isinstance(model, Settings):
        with Client(model) as client:
            return synthesize(
                states, client, inputs=inputs, objects=objects, library=library, max_calls=max_calls, strategy=strategy, task=task,
                sheet=sheet, rules=rules, fixed=fixed, seed=seed, always=always, judge=judge, progress=progress, keep=keep,
            )  # fmt: skip
    if strategy not in STRATEGIES:
        raise unknown_value("strategy", strategy, STRATEGIES)
    if not 1 <= max_calls <= MOST_CALLS:
        raise UsageError(f"{max_calls} calls: a synthesis asks 1 to {MOST_CALLS} questions")
    walls = isolation()
    if walls.level == "none":
        raise SandboxError(f"programs of a model run in the sandbox alone, and there is none here: {walls.text}", "unavailable")
    clips = clips_of(states, inputs=inputs, objects=objects, brief=True)
    if rules is not None:
        clips = [apply(rules, clip) for clip in clips]
    tell = progress or _silent
    tell("library", 0, 1)
    against = library if isinstance(library, str | Path) else library.law.title if isinstance(library, Fit) else ""
    began, slow = time.monotonic(), False
    if not isinstance(library, Fit):
        library = fitted(
            clips, library, rules=rules, fixed=_known(library, fixed), seed=seed, max_rollouts=LIBRARY_ROLLOUTS, max_seconds=LIBRARY_SECONDS
        )
        slow = time.monotonic() - began >= LIBRARY_SECONDS
    library = replace(library, seconds=0.0)  # how long it took is left out: a run that is repeated finds the same
    tell("library", 1, 1)
    run = _Run(
        clips,
        Recorder(model, keep),
        judge or Judge(clips, fixed=fixed, seed=seed),
        library,
        strategy,
        one_line(task, LONGEST_TASK),
        sheet,
        rules,
        seed,
        str(against),
    )
    if explains(library, clips) and not always:
        run.stopped = "the library's law leaves nothing but noise to explain: the model was not asked"
    else:
        run.go(max_calls, tell)
    tell("choice", 0, 1)
    fit, winner = best_of(run.attempts, library, clips, fixed=fixed or {}, seed=seed)
    tell("choice", 1, 1)
    hurried = [*(["the library's law"] if slow else []), *(f"program {one.number}" for one in run.attempts if one.judged.hurried)]
    if hurried:
        run.warnings.append(f"the clock ended the fit of {' and '.join(hurried)}: a repeat of this run may come out otherwise")
    if winner is not None and winner.judged.doubt:
        run.warnings.append(f"{fit.law.title}: {winner.judged.doubt}")
    return Synthesis(
        fit=fit, winner=winner, library=library, attempts=tuple(run.attempts), questions=tuple(run.questions),
        exchanges=tuple(run.model.exchanges), usage=run.model.usage, model=model.model, strategy=strategy, seed=seed, max_calls=max_calls,
        task=run.task, always=always, against=str(against),
        stopped=run.stopped, partial=run.partial, warnings=tuple(run.warnings),
    )  # fmt: skip


def _known(law: str | Path | Law | type[Law], fixed: Mapping[str, float] | None) -> Mapping[str, float]:
    """Of the known values those that a law which is named has parameters for; a search sorts them out itself."""
    if law == AUTO or not fixed:
        return fixed or {}
    names = find_law(law).parameters
    return {name: value for name, value in fixed.items() if name in names or name.rpartition(".")[2] in names}


def _silent(stage: str, done: int, whole: int | None) -> None:
    return


@dataclass(slots=True, eq=False)
class _Run:
    """The search itself."""

    clips: Sequence[Clip]
    model: Recorder
    judge: Judge
    library: Fit
    strategy: str
    task: str
    sheet: Part | None
    rules: Affordances | None
    seed: int
    against: str
    attempts: list[Attempt] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    stopped: str = ""
    partial: str | None = None
    _known: dict[str, int] = field(default_factory=dict)

    def go(self, max_calls: int, tell: Progress) -> None:
        """Ask until something explains the data, or the calls are used up."""
        brief = briefing(self.clips, self.rules, pictured=self.sheet is not None)
        clues = "\n".join(self._clues())
        choose, chance = STRATEGIES[self.strategy], np.random.default_rng(self.seed)
        fresh = 0
        for number in range(1, max_calls + 1):
            tell("model", number - 1, max_calls)
            lines = lines_of(self.attempts, self.questions)
            most = max((one.judged.score for one in self.attempts), default=0.0)
            chosen = choose([line.arm(most) for line in lines], fresh, chance) if lines else None
            parent = None if chosen is None else lines[chosen].next()
            shared: Any = {"tried": self._tried(), "task": self.task, "sheet": self.sheet, "last": self._last()}
            if parent is None:
                asked = proposal(brief, clues, count=1 if self.attempts else FIRST, **shared)
                fresh += 1
            else:
                asked = repair(brief, parent.source, self._verdict(parent), **shared)
            if not self._asked(number, parent, asked):
                return
            if any(enough(one.fit, self.clips) for one in self.attempts if one.call == number):
                self.stopped = f"a program leaves nothing but noise to explain, after {number} call{'s' * (number > 1)}"
                tell("model", max_calls, max_calls)
                return
        self.stopped = f"all {max_calls} calls were used" if max_calls > 1 else "its one call was used"
        tell("model", max_calls, max_calls)

    def _asked(self, number: int, parent: Attempt | None, asked: Sequence[Message]) -> bool:
        """Ask, and judge what comes; False where nothing more can be asked."""
        about = None if parent is None else parent.number
        try:
            reply = self.model.ask(asked, seed=self.seed + number, n_tag=number)
        except (BudgetExceededError, EndpointError) as error:
            said = self.model.exchanges[-1].said  # as the record has it, so that a repeat says and does the same
            self.questions.append(Question(number, about, (), said))
            return self._goes_on(error, said)
        found = [self._attempt(number, about, draft.source, draft.idea).number for draft in drafts(reply.text)[: 1 if parent else FIRST]]
        self.questions.append(Question(number, about, tuple(found), "" if found else NO_PROGRAM))
        return True

    def _goes_on(self, error: Exception, said: str) -> bool:
        """Whether more can be asked after a question without an answer; says why not."""
        if isinstance(error, AnswerError):  # the model answers, and not with what was asked for
            return True
        if isinstance(error, BudgetExceededError):
            self.stopped = f"a cap ended the run: {said}"
            return False
        if self.sheet is not None and refuses_pictures(EndpointError(said)):
            self.sheet = None
            self.warnings.append(f"{self.model.model} takes no pictures ({said}): it gets numbers alone")
            return True
        self.stopped = self.partial = f"the model could not be asked: {said}"
        return False

    def _attempt(self, call: int, parent: int | None, source: str, idea: str) -> Attempt:
        form = normalised(source)
        twin = self._known.get(form)
        judged = Judged("", None, f"the same as program {twin}", 0.0) if twin is not None else self.judge(source)
        made = Attempt(len(self.attempts) + 1, call, parent, source, idea, twin, judged, size_of(source))
        self.attempts.append(made)
        self._known.setdefault(form, made.number)
        return made

    def _last(self) -> str:
        """What was wrong with the last reply as such."""
        if not self.questions or self.questions[-1].failed != NO_PROGRAM:
            return ""
        return "Your last reply held no program: no block that begins with ```python and holds a class derived from Law."

    def _verdict(self, one: Attempt) -> str:
        """What is wrong with a program, for the model that is to mend it."""
        if one.fit is None:
            return f"It was rejected: {one.judged.reason}"
        units = f"\n\nIts units are wrong: {one.judged.doubt}." if one.judged.doubt else ""
        try:
            told = feedback(one.fit, self.clips)
        except UsageError as error:  # a program that ran may fail all the same when it is run once more
            told = f"residuals of {one.fit.scale:.3g} sigma; run once more it failed: {one_line(str(error), LONGEST)}"
        return f"Fitted to the data it gives:\n{told}{units}"

    def _clues(self) -> list[str]:
        """What the library makes of the motion."""
        law = self.library.law
        which = "best law of a library of common ones" if self.against == AUTO else "law to compare with"
        said = "; ".join(f"{one_line(title)}: {one_line(text)}" for title, text in equations(law) if text)
        values = ", ".join(f"{one_line(one.name)} = {one.value:.4g}" for one in self.library.estimates.values())
        known = [f"The {which} is '{law.title}', with residuals of {self.library.scale:.3g} sigma."]
        known += [f"Its equations: {said}. Its values: {values}."] if said and self.library.ok else []
        whole = hints(self.clips, None)
        rest = hints(self.clips, self.library) if self.library.ok else []
        return [*known, *whole, *(rest if rest != whole else [])]

    def _tried(self) -> list[Tried]:
        ranked = by_residuals(self.attempts)
        told = []
        for one in ranked:
            how = (
                f"residuals {one.fit.scale:.3g} sigma"
                if one.fit is not None and one.fit.ok
                else f"failed: {one_line(one.judged.reason, 120)}"
            )
            told.append((one_line(one.idea or one.judged.title or "a program", 120), how))
        return told
