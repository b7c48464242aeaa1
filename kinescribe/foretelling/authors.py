"""A language model that helps to write the law of a video, and the record of what it wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.synthesis import CALLS, MOST_CALLS, synthesize
from kinescribe.dynamics.synthesis.page import check_page, write_page
from kinescribe.dynamics.synthesis.records import Keeper, Recorded, unfinished, write_record
from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.llm import Part, picture
from kinescribe.renderers.contact_sheet import annotated_sheet
from kinescribe.states import States
from kinescribe.video import Video

__all__ = ["LLM", "Author", "sheet_of"]

LLM = "llm"


@dataclass(frozen=True, slots=True)
class Author:
    """Who is asked, and how often.

    Attributes:
        model: a `kinescribe.llm.Model`, or the settings of one.
        max_calls: questions at most.
        record: JSON file of what was asked and said, its page beside it; None: nowhere.
    """

    model: Any
    max_calls: int
    record: Path | None

    @classmethod
    def of(cls, law: Any, model: Any, max_calls: int | None, record: str | Path | None) -> Author | None:
        """None for a law that needs none. Raises UsageError for one that lacks its model, or has one and no use for it."""
        if not (isinstance(law, str) and law.strip() == LLM):
            given = [name for name, value in (("model", model), ("max_calls", max_calls), ("record", record)) if value is not None]
            if given:
                raise UsageError(f"{' and '.join(given)} belong to law '{LLM}': name it, or leave them out")
            return None
        if model is None:
            raise UsageError(
                f"law '{LLM}' needs a language model: give --model and --base-url (KINESCRIBE_MODEL, KINESCRIBE_BASE_URL), "
                "such as --model qwen3:8b --base-url http://localhost:11434/v1"
            )
        if max_calls is not None and not 1 <= max_calls <= MOST_CALLS:
            raise UsageError(f"{max_calls} calls: a law is asked for in 1 to {MOST_CALLS} questions")
        check_page()
        return cls(model, max_calls or CALLS, None if record is None else Path(record))

    def written(
        self, video: Video, table: States, clips: Sequence[Clip], *, fixed: Mapping[str, float], seed: int
    ) -> tuple[Fit, tuple[str, ...], str | None]:
        """The law that wins, what is to be warned of, and why it isn't what was asked for; recorded before anything else is done."""
        sheet = sheet_of(video, table)
        keeper = None
        if self.record is not None:
            asked = Recorded((), self.model.model, "rex", seed, self.max_calls, "", False, "auto", fixed, sheet, ())
            keeper = Keeper(unfinished(self.record), asked, clips)
        run = synthesize(clips, self.model, max_calls=self.max_calls, sheet=sheet, fixed=fixed, seed=seed, keep=keeper)
        if self.record is None or keeper is None:
            return run.fit, run.warnings, run.partial
        write_record(run, self.record, clips, fixed=fixed, sheet=sheet)
        keeper.done()
        write_page(run, self.record.with_suffix(".html"), sheet=sheet)
        return run.fit, (*run.warnings, *keeper.warnings), run.partial


def sheet_of(video: Video, table: States) -> Part | None:
    """The picture that a model sees of a video and its table; None where nothing of the table lies in a frame."""
    try:
        return picture(annotated_sheet(video, table), longest=1536)
    except NothingFoundError:
        return None
