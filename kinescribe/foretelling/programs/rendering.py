"""Choosing how a video's objects are drawn: the library's own way, and what a model proposes, each held against the video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kinescribe.errors import KinescribeError
from kinescribe.foretelling.programs.rendering_asking import description_of, findings, question, repair, schema
from kinescribe.foretelling.programs.rendering_description import Description
from kinescribe.foretelling.programs.rendering_judging import Bench, Judged
from kinescribe.foretelling.programs.rendering_parts import with_parts
from kinescribe.foretelling.programs.rendering_scene import behind, described
from kinescribe.llm import AnswerError, BudgetExceededError, EndpointError, Model, Part, picture
from kinescribe.llm.text import one_line
from kinescribe.renderers.contact_sheet import annotated_sheet
from kinescribe.renderers.reviewing import review
from kinescribe.renderers.reviewing.reviewer import opened
from kinescribe.renderers.scene import Scene
from kinescribe.states import States
from kinescribe.video import Video

__all__ = ["ROUNDS", "Rendering", "Trial", "propose_rendering"]

ROUNDS = 2  # repairs after the first answer
ENOUGH = 0.01  # of what the objects change: where no more is wrong, nothing is left to win
LESS, LEAST = 0.01, 0.001  # of what the default leaves, and of what the objects change: what gains less is a tie
LONGEST_SHEET = 1536  # px


@dataclass(frozen=True, slots=True)
class Trial:
    """A way to draw, and what came of it.

    Attributes:
        name: "default", "proposal", "repair 1" …. description: None where the answer held none.
        judged: None where it couldn't be drawn. said: what the review found, or why it failed, in lines; none of what
            wasn't to be mended.
    """

    name: str
    description: Description | None
    judged: Judged | None = None
    said: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """In one line."""
        return self.judged.words() if self.judged is not None else one_line("; ".join(self.said), 400) or "it could not be drawn"


@dataclass(frozen=True, slots=True)
class Rendering:
    """How a scene's objects are drawn.

    Attributes:
        description: of it; empty: all as the scene has it.
        best: name of the trial that it comes from. trials: all that was tried, in order; none of one that was read.
        warnings: one line each.
    """

    description: Description = field(default_factory=Description)
    best: str = "default"
    trials: tuple[Trial, ...] = ()
    warnings: tuple[str, ...] = ()

    def scene(self, video: Video | str | Path, states: States) -> Scene:
        """The scene of a video and its table, drawn so, without traces of the parts in its background.

        Raises as `Scene.from_video` and `apply` do.
        """
        video = opened(video, states)
        made = Scene.from_video(video, states)
        return self.apply(behind(made, video, self.completed(states)) if self.description.parts else made)

    def apply(self, scene: Scene) -> Scene:
        """The scene drawn so. Programs run in the sandbox, in processes that end with the scene.

        Raises:
            UsageError: a scene without the objects that are spoken of. SandboxError: a program that may not run, or fails.
        """
        return described(scene, self.description)

    def completed(self, states: States) -> States:
        """The table, seen or predicted, with a row for each part in every frame that has both its ends: what parts are drawn from.

        Raises UsageError for a table that has objects with the parts' ids.
        """
        return with_parts(states, self.description.parts)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: `{"format": 1, "objects": {…}, "parts": […]}`."""
        return self.description.to_dict()

    @classmethod
    def from_dict(cls, data: Any, where: str = "scene.json") -> Rendering:
        """From what `to_dict` made, by whomever; its programs have not run yet. Raises InputError for anything else."""
        return cls(Description.from_dict(data, where), "read")


def propose_rendering(
    video: Video | str | Path,
    states: States,
    model: Model,
    *,
    task: str = "",
    rounds: int = ROUNDS,
    scene: Scene | None = None,
    tell: Callable[[str], None] | None = None,
) -> Rendering:
    """Draw the video in the library's own way, ask a model for a better one, and take what leaves least; ties go to the library's.

    The model sees frames with numbered objects, the scene's objects as a table, what a review of the default says, and a frame beside
    what is drawn of it; then, for each repair, what came of its answer. Where the default leaves next to nothing, it isn't asked.

    Args:
        states: the table of the video. task: in the user's words. rounds: how often the model may mend its proposal.
        scene: of the video; None: built from it. tell: gets a line for people after each trial.

    Raises:
        NothingFoundError, InputError: a video or table that no scene can be made of, as `Scene.from_video` and `review` raise.
        EndpointError: nobody answers the first question.
    """
    tell = tell or _silent
    video = opened(video, states)
    scene = scene if scene is not None else Scene.from_video(video, states)
    reviewed = review(video, states, scene)
    bench = Bench(video, states, scene, reviewed.ground)
    plain = Trial("default", Description(), bench.judged(Description()), tuple(findings(reviewed)))
    tell(f"default drawing: {plain.outcome}")
    trials, warnings = [plain], []
    if plain.judged is None or plain.judged.left < ENOUGH:
        return Rendering(trials=tuple(trials))
    sheet = picture(annotated_sheet(video, states), longest=LONGEST_SHEET)
    asked = question(task, scene, plain.outcome, plain.said, [sheet, _shown(bench, plain.judged, Description())])
    for k in range(rounds + 1):
        name = f"repair {k}" if k else "proposal"
        try:
            reply = model.ask(asked, schema=schema())
        except (AnswerError, BudgetExceededError) as error:
            warnings.append(f"rendering: {one_line(str(error))}")
            break
        except EndpointError as error:
            if not k:
                raise
            warnings.append(f"rendering: {one_line(str(error))}")
            break
        one = _tried(bench, name, reply.data)
        if one.description is not None and one.description.empty:
            break
        last = k == rounds or (one.judged is not None and one.judged.left < ENOUGH)
        one = one if last else _reviewed(bench, one)
        trials.append(one)
        tell(f"{name}: {one.outcome}")
        if last:
            break
        shown = [] if one.judged is None or one.description is None else [_shown(bench, one.judged, one.description)]
        asked = [*asked, *repair(reply.text, one.outcome, plain.outcome, one.said if one.judged is not None else (), shown)]
    return _best(trials, warnings)


def _tried(bench: Bench, name: str, data: Any) -> Trial:
    """What comes of an answer; whatever fails in it is its own."""
    made: Description | None = None
    try:
        made = description_of(data, bench.bodies, bench.states.object_ids)
        return Trial(name, made, None if made.empty else bench.judged(made))
    except KinescribeError as error:
        return Trial(name, made, None, (one_line(str(error), 400),))


def _reviewed(bench: Bench, one: Trial) -> Trial:
    """With what a review says of it, for the model to mend it by."""
    if one.judged is None or one.description is None:
        return one
    parts = one.description.parts
    whole = with_parts(bench.states, parts)
    try:
        said = findings(review(bench.video, whole, bench.scene_of(one.description)))
    except KinescribeError as error:  # a program that fails on what only the review draws
        return replace(one, judged=None, said=(one_line(str(error), 400),))
    nowhere = [part.name or str(part.id) for part in parts if part.id not in whole.object_ids]
    return replace(one, said=(*(f"part {name} is in no frame: its ends are never there together" for name in nowhere), *said))


def _best(trials: list[Trial], warnings: list[str]) -> Rendering:
    plain = trials[0]
    bar = 1.0 if plain.judged is None else plain.judged.left
    best, least = plain, bar - max(LESS * bar, LEAST)
    for one in trials[1:]:
        if one.judged is not None and one.description is not None and one.judged.left < least:
            best, least = one, one.judged.left
    return Rendering(best.description or Description(), best.name, tuple(trials), tuple(warnings))


def _shown(bench: Bench, judged: Judged, description: Description) -> Part:
    return picture(bench.shown(description, judged.worst), longest=LONGEST_SHEET)


def _silent(line: str) -> None:
    """Tell nobody."""
