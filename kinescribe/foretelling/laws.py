"""The law that the objects follow: one that was saved, one that is named, or one that is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinescribe.dynamics.api import AUTO, clips_of
from kinescribe.dynamics.api import fit as fitted
from kinescribe.dynamics.arguments import check_fit, check_inputs
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.law import Law
from kinescribe.dynamics.saving import load
from kinescribe.errors import UsageError
from kinescribe.foretelling.authors import Author
from kinescribe.states import States
from kinescribe.video import Video

if TYPE_CHECKING:
    from kinescribe.dynamics.saving.revival import Source

__all__ = ["Lawgiver"]


@dataclass(frozen=True, slots=True)
class Lawgiver:
    """What is known of the law before the video is looked at.

    Attributes:
        fit: a saved law; None where one is fitted. law: "auto", or what to fit.
        inputs: known inputs of all videos, or of each, the first of which is foretold; None for laws without.
        objects: whom the law is about; None: all, or those of the saved law.
        fixed: known parameters. seed, max_seconds: of the fit.
        author: a language model that helps to write the law; None: no model does.
    """

    fit: Fit | None
    law: str | Law | type[Law]
    inputs: tuple[Inputs | None, ...]
    objects: tuple[str | int, ...] | None
    fixed: Mapping[str, float]
    seed: int
    max_seconds: float
    author: Author | None = None

    @classmethod
    def of(
        cls, law: Any, *, videos: int, source: Source | None, trust: bool, inputs: Any, objects: Sequence[str | int] | None,
        fixed: Mapping[str, float] | None, seed: int, max_seconds: float,
        model: Any = None, max_calls: int | None = None, record: str | Path | None = None,
    ) -> Lawgiver:  # fmt: skip
        """Find and read all of it.

        Raises:
            UsageError: an unknown law, or one that isn't installed. InputError: a file that can't be read.
        """
        author = Author.of(law, model, max_calls, record)
        several = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        if len(several) not in (1, videos):
            for_what = f"{videos} video{'s' * (videos != 1)}"
            raise UsageError(
                f"{len(several)} files of inputs for {for_what}: give --inputs once for all, or once for each, in the same order"
            )
        held = [Inputs.read(Path(one)) if isinstance(one, str | Path) else one for one in several]
        check_inputs(held if len(held) > 1 else held[0])
        check_fit(
            optimizer="lm", fixed=fixed, free=(), loss=None, inputs=None, rules=None, seed=seed, max_rollouts=None, max_seconds=max_seconds
        )
        saved: Fit | None = law if isinstance(law, Fit) else None
        if isinstance(law, Path) or (isinstance(law, str) and law.strip().lower().endswith(".json")):
            path = Path(law)
            saved = load(path, source=source, trust=trust) if path.suffix.lower() == ".json" else None
        found = AUTO if saved is not None or author is not None or law == AUTO else find_law(law)
        if saved is not None and fixed:
            raise UsageError("--fix belongs to a fit, and this law was fitted before: edit its file, or change it with --do")
        chosen = None if objects is None else tuple(objects)
        return cls(saved, found, tuple(held), chosen, dict(fixed or {}), seed, max_seconds, author)

    def fitted_to(self, tables: Sequence[States], video: Video) -> Given:
        """The law with its values. `video`: of the first table. Raises as `kinescribe.fit` does."""
        if self.fit is not None:
            return Given(self.fit, [])
        clips = clips_of(
            list(tables), inputs=[one for one in self.inputs if one is not None] or None, objects=self.objects, brief=self.law == AUTO
        )
        if self.author is not None:
            fit, odd, partial = self.author.written(video, tables[0], clips, fixed=self.fixed, seed=self.seed)
            return Given(fit, clips, odd, partial)
        return Given(fitted(clips, self.law, fixed=self.fixed, seed=self.seed, max_seconds=self.max_seconds), clips)


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A fit, the clips that it is of (none of a saved one), what is to be warned of, and why it is not what was asked for, or None."""

    fit: Fit
    clips: list[Clip]
    odd: tuple[str, ...] = ()
    partial: str | None = None
