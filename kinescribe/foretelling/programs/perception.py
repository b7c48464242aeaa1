"""Choosing how a video's objects are found: the library's own way, and what a model proposes, each held against the video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kinescribe.errors import InputError, KinescribeError, NothingFoundError
from kinescribe.foretelling.programs.asking import matters_by_default, plan_of, question, repair, schema
from kinescribe.foretelling.programs.judging import Energy, Ignored, Score, findings, score_of
from kinescribe.foretelling.programs.looking import Looking
from kinescribe.foretelling.programs.plan import PerceptionPlan, bodies, plain_plan, usable_backends
from kinescribe.llm import AnswerError, BudgetExceededError, EndpointError, Model, Part, picture
from kinescribe.llm.text import one_line
from kinescribe.perception.discovery import contact_sheet
from kinescribe.renderers.contact_sheet import annotated_sheet
from kinescribe.renderers.reviewing import Review, review
from kinescribe.states import States
from kinescribe.video import Video

if TYPE_CHECKING:
    from kinescribe.perception.progress import Progress

__all__ = ["ROUNDS", "Chosen", "Trial", "choose_perception"]

ROUNDS = 2  # repairs after the first answer
GAIN = 0.01  # of what moves: what explains less more than the default is a tie
LONGEST_SHEET = 1536  # px


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A way to find things, and what came of it.

    Attributes:
        name: "default", "proposal", "repair 1" …. plan: None where the answer held none.
        states: None where it found nothing, or failed. score: None where it couldn't be judged.
        said: what the review found, or why it failed, in lines.
    """

    name: str
    plan: PerceptionPlan | None
    states: States | None = None
    score: Score | None = None
    said: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """In one line."""
        return self.score.words() if self.score is not None else one_line("; ".join(self.said), 400) or "it could not be judged"


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The way that is taken.

    Attributes:
        plan, states: the way, and what it finds. matters: ids of the objects that the task is about.
        best: name of its trial. trials: all that was tried, in order. warnings: one line each.
    """

    plan: PerceptionPlan
    states: States
    matters: tuple[int, ...]
    best: str
    trials: tuple[Trial, ...]
    warnings: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """Of the best trial, in one line."""
        return next(one.outcome for one in self.trials if one.name == self.best)


@dataclass(slots=True)
class _Court:
    """Holds every way against the same video with the same measure."""

    looking: Looking
    progress: Progress | None
    video: Video
    ignored: Ignored = field(default_factory=Ignored)
    scale: float | None = None

    def tried(self, name: str, plan: PerceptionPlan) -> Trial:
        """What comes of a model's plan; whatever fails in it is its own."""
        try:
            states = self.looking.states(plan, self.progress)
            if not plan.matters(states):
                return Trial(name, plan, states, None, ("nothing that it finds goes by a phrase that matters",))
            found = review(self.video, states, progress=self.progress)
        except KinescribeError as error:
            return Trial(name, plan, None, None, (one_line(str(error), 400),))
        return Trial(name, plan, states, score_of(found, self.ignored, self.scale, plan.matters(states)), tuple(findings(found, plan)))


def choose_perception(
    looking: Looking, task: str, model: Model, *, rounds: int = ROUNDS, progress: Progress | None = None, tell: Callable[[str], None]
) -> Chosen:
    """Look in the library's own way, ask the model for a better one, and take what leaves the least unexplained; ties go to the library's.

    Args:
        task: in the user's words. rounds: how often the model may mend its proposal. tell: gets a line for people after each trial.

    Raises:
        NothingFoundError: neither way finds anything. InputError: a video that can't be read. EndpointError: nobody answers.
    """
    court = _Court(looking, progress, looking.opened())
    plain, reviewed = _plain(court)
    tell(f"default perception: {plain.outcome}")
    backends = usable_backends()
    asked = question(task, plain.states, plain.outcome, plain.said, _pictures(court.video, plain.states), backends)
    form, warnings, trials = schema(backends), [], [plain]
    matters = bodies(plain.states) if plain.states is not None else ()
    for k in range(rounds + 1):
        name = f"repair {k}" if k else "proposal"
        try:
            reply = model.ask(asked, schema=form)
        except (AnswerError, BudgetExceededError) as error:
            warnings.append(f"perception: {one_line(str(error))}")
            break
        except EndpointError as error:
            if not k:
                raise
            warnings.append(f"perception: {one_line(str(error))}")
            break
        if not k:
            matters = matters_by_default(reply.data, plain.states)
            plain = trials[0] = _judged(court, plain, reviewed, matters)
        one = _trial(court, name, reply.data)
        if one is None:
            break
        trials.append(one)
        tell(f"{name}: {one.outcome}")
        if one.score is not None and one.score.value < GAIN:
            break
        asked = [*asked, *repair(reply.text, one.outcome, plain.outcome, one.said if one.score is not None else ())]
    return _best(trials, matters, warnings)


def _plain(court: _Court) -> tuple[Trial, Review | None]:
    """The library's own way; it may find nothing, or nothing that a review can judge."""
    everything = PerceptionPlan((), everything=True)
    try:
        states = court.looking.states(everything, court.progress)
    except NothingFoundError as error:
        return Trial("default", everything, None, None, (str(error),)), None
    plan = plain_plan(states, None)
    try:
        found = review(court.video, states, progress=court.progress)
    except (InputError, NothingFoundError) as error:  # a camera that moves, or nothing that a sprite could be cut of
        return Trial("default", plan, states, None, (one_line(str(error), 400),)), None
    return Trial("default", plan, states, score_of(found, Ignored()), tuple(findings(found, plan))), found


def _judged(court: _Court, plain: Trial, reviewed: Review | None, matters: tuple[int, ...]) -> Trial:
    """The default again, without what the task isn't about; the measure of all that follow is set by it."""
    if plain.states is None:
        return plain
    court.ignored = Ignored.of(plain.states, set(bodies(plain.states)) - set(matters))
    plan = plain_plan(plain.states, matters)
    if reviewed is None:
        return Trial(plain.name, plan, plain.states, None, plain.said)
    court.scale = Energy.of(reviewed, court.ignored).whole
    return Trial(plain.name, plan, plain.states, score_of(reviewed, court.ignored, court.scale, matters), plain.said)


def _trial(court: _Court, name: str, data: dict[str, Any]) -> Trial | None:
    """What comes of an answer; None where it is for the default."""
    try:
        plan = plan_of(data)
    except KinescribeError as error:  # also a backend that went missing since the question
        return Trial(name, None, None, None, (one_line(str(error), 400),))
    return None if plan is None else court.tried(name, plan)


def _best(trials: list[Trial], matters: tuple[int, ...], warnings: list[str]) -> Chosen:
    plain = trials[0]
    judged = [one for one in trials[1:] if one.score is not None]
    best = min(judged, key=lambda one: one.score.value if one.score is not None else 0.0, default=None)
    bar = plain.score.value if plain.score is not None else 1.0
    if best is not None and best.score is not None and best.plan is not None and best.states is not None and best.score.value < bar - GAIN:
        return Chosen(best.plan, best.states, best.plan.matters(best.states), best.name, tuple(trials), tuple(warnings))
    if plain.states is None or plain.plan is None:
        tried = "; ".join(f"{one.name}: {one.outcome}" for one in trials[1:]) or "and the model proposed nothing"
        raise NothingFoundError(f"{plain.outcome}; {tried}")
    return Chosen(plain.plan, plain.states, matters, plain.name, tuple(trials), tuple(warnings))


def _pictures(video: Video, states: States | None) -> list[Part]:
    """The contact sheet, and the one with what was found."""
    out = [picture(contact_sheet(video).image, longest=LONGEST_SHEET)]
    if states is not None:
        try:
            out.append(picture(annotated_sheet(video, states), longest=LONGEST_SHEET))
        except NothingFoundError:  # nothing of it lies in a frame: the table is of no use, as the review says
            return out
    return out
