"""The law of what matters: the library's, or, where that leaves more than noise, a program that a model writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kinescribe.dynamics.api import AUTO, clips_of
from kinescribe.dynamics.api import fit as fitted
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.sandbox import isolation
from kinescribe.dynamics.saving.model import LawModel
from kinescribe.dynamics.saving.reference import reference
from kinescribe.dynamics.synthesis import synthesize
from kinescribe.errors import NothingFoundError
from kinescribe.foretelling.programs.plan import bodies
from kinescribe.foretelling.programs.purse import Purse
from kinescribe.llm import picture
from kinescribe.renderers.contact_sheet import annotated_sheet
from kinescribe.states import States
from kinescribe.video import Video

__all__ = ["LawFound", "find_law", "in_words", "sources_in"]

Progress = Callable[[str, int, int | None], None]
ROLLOUTS, SECONDS = 100_000, 900.0  # the first is to end a search, so that runs can be repeated


@dataclass(frozen=True, slots=True, eq=False)
class LawFound:
    """A fitted law.

    Attributes:
        fit: it. clips: that it was fitted to. source: of the model's program; "" where the library's law won.
        said: why the search ended. partial: why it ended early, where nobody answered; else None. warnings: one line each.
    """

    fit: Fit
    clips: tuple[Clip, ...]
    source: str
    said: str
    partial: str | None = None
    warnings: tuple[str, ...] = ()


def find_law(
    video: Video, states: States, objects: Sequence[int], purse: Purse, *, task: str, seed: int = 0, progress: Progress | None = None
) -> LawFound:
    """The law behind these objects of a table; the model is asked only where the library's leaves more than noise.

    Raises:
        NothingFoundError: too few sightings for any law.
    """
    # where all matter, those that were seen for a moment are left out, as `predict_video` does
    clips = clips_of([states], objects=None if set(objects) == set(bodies(states)) else list(objects), brief=True)
    alone = None if purse.left else "no question to the model was left for the law"
    if isolation().level == "none":
        alone = "this system has no sandbox, so that no law of a model's is asked for"
    if alone is not None:
        library = fitted(clips, AUTO, seed=seed, max_rollouts=ROLLOUTS, max_seconds=SECONDS)
        return LawFound(_timeless(library), tuple(clips), "", alone, None, (alone,))
    try:
        sheet = picture(annotated_sheet(video, states), longest=1536)
    except NothingFoundError:  # nothing of the table lies in a frame: the model gets its numbers alone
        sheet = None
    made = synthesize(clips, purse, max_calls=purse.left, task=task, sheet=sheet, seed=seed, progress=progress)
    source = made.winner.source if made.winner is not None else ""
    return LawFound(_timeless(made.fit), tuple(clips), source, made.stopped, made.partial, made.warnings)


def sources_in(fit: Fit) -> list[str]:
    """Texts of the programs in a law that run in the sandbox, or came from a file."""

    def walk(node: LawModel) -> list[str]:
        own = ["\n".join(node.source)] if node.source else []
        return [*own, *(text for part in [*node.terms, *([node.law] if node.law is not None else [])] for text in walk(part))]

    return walk(reference(fit.law))


def in_words(fit: Fit) -> str:
    """Law, parameters and residuals in one line."""
    return repr(fit).replace("Fit(", "", 1).removesuffix(")")


def _timeless(fit: Fit) -> Fit:
    """Without the time that it took: a run that is repeated writes the same."""
    return replace(fit, seconds=0.0)
