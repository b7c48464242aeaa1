"""``run.json``: what was asked of the model and what it answered, so that the making of a program can be repeated without it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from kinescribe.errors import InputError, UsageError
from kinescribe.foretelling.programs.plan_files import text_within
from kinescribe.foretelling.programs.purse import MOST_CALLS
from kinescribe.foretelling.programs.world import Closed, World, WorldModel, first_fault
from kinescribe.llm import Exchange
from kinescribe.llm.text import one_line

__all__ = ["RUN", "Record", "Terms"]

RUN = "run.json"
FORMAT = 1
MOST_BYTES = 200_000_000
MOST_LINES = 1000


@dataclass(frozen=True, slots=True)
class Terms:
    """What a making was asked for.

    Attributes:
        task: in the user's words. calls: most questions. rounds: repairs of one proposal. seed: of what is random.
        until: seconds in the video's time, None for as far as `predict_video` goes by itself. world: frame and times.
    """

    task: str
    calls: int
    rounds: int
    seed: int
    until: float | None
    world: World


@dataclass(frozen=True, slots=True)
class Record:
    """A making that is done.

    Attributes:
        terms: of it. model: that was asked. video, sha256: name of the video's file, and its hash.
        told: what came of each trial, in lines. exchanges: questions and answers, in order.
    """

    terms: Terms
    model: str
    video: str
    sha256: str | None
    told: tuple[str, ...]
    exchanges: tuple[Exchange, ...]

    def text(self) -> str:
        """As JSON."""
        terms = self.terms
        asked = {name: getattr(terms, name) for name in ("task", "calls", "rounds", "seed", "until")}
        data = {
            "kinescribe_program": FORMAT,
            **asked,
            "world": terms.world.to_dict(),
            "model": self.model,
            "video": self.video,
            "sha256": self.sha256,
        }
        rows = [one.to_dict() for one in self.exchanges]
        return json.dumps({**data, "told": list(self.told), "exchanges": rows}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def read(cls, path: str | Path) -> Record:
        """From a file, whoever wrote it. Raises `InputError`."""
        file = Path(path)
        try:
            data = json.loads(text_within(file, MOST_BYTES))
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(f"{file}: no JSON: {one_line(str(error), 100)}; give the run.json of a program's folder") from None
        try:
            model = _Run.model_validate(data)
        except ValidationError as error:
            raise InputError(f"{file}: {first_fault(error)}; record the run again") from None
        if model.kinescribe_program > FORMAT:
            raise InputError(f"{file}: written by a later kinescribe (format {model.kinescribe_program}, here {FORMAT}): update it")
        try:
            world = model.world.world()
        except UsageError as error:
            raise InputError(f"{file}: world: {error}") from None
        exchanges = tuple(Exchange.of(row, str(file)) for row in model.exchanges)
        terms = Terms(model.task, model.calls, model.rounds, model.seed, model.until, world)
        told = tuple(one_line(line, 400) for line in model.told)
        return cls(terms, one_line(model.model), model.video, model.sha256, told, exchanges)

    def check_video(self, name: str, sha256: str | None) -> None:
        """Raise `UsageError` for another video than the recorded one: the answers are about that one."""
        if sha256 != self.sha256:
            raise UsageError(f"'{name}' holds other pictures than this run's '{one_line(self.video, 80)}': give that, or ask the model")


def lines_told(lines: Sequence[str]) -> tuple[str, ...]:
    """As a record holds them."""
    return tuple(one_line(line, 400) for line in lines[:MOST_LINES])


class _Run(Closed):
    kinescribe_program: int
    task: str = Field(max_length=10_000)
    calls: int = Field(ge=1, le=MOST_CALLS)
    rounds: int = Field(ge=0, le=MOST_CALLS)
    seed: int = Field(ge=0, lt=2**63)
    until: float | None
    world: WorldModel
    model: str = Field(max_length=1000)
    video: str = Field(max_length=1000)
    sha256: str | None = Field(max_length=100)
    told: list[str] = Field(max_length=MOST_LINES)
    exchanges: list[Any] = Field(max_length=2 * MOST_CALLS)
