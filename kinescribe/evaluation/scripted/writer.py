"""A model that is a program: it takes questions as a client does, and writes programs of a known quality."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kinescribe.evaluation.worlds import World
from kinescribe.llm import AnswerError, Message, Part, Settings, Usage
from kinescribe.llm.client import Reply
from kinescribe.llm.extraction import fenced_blocks
from kinescribe.llm.messages import estimated_tokens, with_pictures
from kinescribe.llm.usage import Meter

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray
    from pydantic import BaseModel

__all__ = ["Writer", "fenced", "varied"]

ASKED_FOR = re.compile(r"(\d+) different program")
MOST_PROGRAMS = 50  # in one answer, whatever is asked for
CHARACTERS_A_TOKEN = 4
NOWHERE = "http://localhost/v1"  # what settings need, and nothing is sent to
SPELLINGS = 8  # of one decoy
START = re.compile(r"Parameter\((-?[0-9.]*[1-9][0-9.]*),")


class Writer:
    """Abstract: plays a model in one world, by chance, and the same way for the same seed.

    A question whose last message holds a fenced program asks for it to be mended; another asks for ``N different programs``. What an
    answer holds depends on the seed, the world, the number of the question and the number of the program in the answer, and on nothing
    else, so that strategies of search that ask differently meet the same luck.

    Args:
        world: whose law is looked for.
        seed: of its luck.
        settings: caps and prices, as for a client; None: no caps.
    """

    name: ClassVar[str] = ""

    def __init__(self, world: World, seed: int = 0, settings: Settings | None = None) -> None:
        self.world, self.seed = world, seed
        asked = settings or Settings(f"scripted-{self.name}", NOWHERE, max_calls=None)
        self._meter, self._longest = Meter(asked), asked.max_reply_tokens
        self._place = zlib.crc32(world.name.encode())  # so that worlds don't share their luck
        self._asked = 0

    @property
    def model(self) -> str:
        """Its name."""
        return f"scripted-{self.name}"

    @property
    def usage(self) -> Usage:
        """All that was asked so far, tokens by the length of texts; a copy."""
        return self._meter.usage

    def ask(
        self,
        messages: Sequence[Message],
        *,
        schema: dict[str, Any] | type[BaseModel] | None = None,
        images: Sequence[NDArray[np.uint8] | Part] = (),
        seed: int | None = None,
        n_tag: int = 0,
    ) -> Reply:
        """The next answer. `seed` and `n_tag` change nothing: every question is a new one.

        Raises:
            AnswerError: an answer of a form is asked for, and this writes programs alone.
            BudgetExceededError: a cap is reached.
        """
        if schema is not None:
            raise AnswerError(f"{self.model} writes programs, and has no answers in a form")
        prompt = estimated_tokens(with_pictures(messages, images))
        with self._meter.call(prompt) as ticket:
            text = self._answered(next((one.text for one in reversed(messages) if one.role == "user"), ""))
            if self._longest is not None:  # where an endpoint cuts it off
                text = text[: self._longest * CHARACTERS_A_TOKEN]
            completion = -(-len(text) // CHARACTERS_A_TOKEN)
            ticket.usage = Usage(1, 0, prompt, completion, self._meter.cost(prompt, completion), estimated=True)
        return Reply(text, usage=ticket.usage, model=self.model)

    def _answered(self, question: str) -> str:
        self._asked += 1
        programs = fenced_blocks(question)
        if programs:
            return self.repair(programs[0].strip() + "\n", self._luck(0))
        wanted = ASKED_FOR.search(question)
        return self.proposals([self._luck(k) for k in range(min(int(wanted[1]), MOST_PROGRAMS) if wanted else 1)])

    def _luck(self, number: int) -> Generator:
        return np.random.default_rng([self.seed, self._place, self._asked, number])

    def proposals(self, luck: Sequence[Generator]) -> str:
        """An answer with as many programs as there are generators."""
        return fenced(*(self.proposal(one, number) for number, one in enumerate(luck)))

    def repair(self, source: str, luck: Generator) -> str:
        """An answer that mends a program."""
        return fenced(self.repaired(source, luck))

    def proposal(self, luck: Generator, number: int) -> str:
        """One of the programs of a first answer, the number-th from 0."""
        raise NotImplementedError

    def repaired(self, source: str, luck: Generator) -> str:
        """What becomes of a program."""
        raise NotImplementedError

    # what there is to write

    def decoy(self, luck: Generator) -> str:
        """One of the world's decoys, one of whose parameters starts a little elsewhere, for few are written alike."""
        return varied(str(luck.choice(self.world.decoys)), luck)

    def step_of(self, source: str) -> int | None:
        """Where among the world's steps a program stands; None for another."""
        return next((k for k, step in enumerate(self.world.steps) if step.strip() == source.strip()), None)

    def after(self, step: int) -> str:
        """The program that comes after a step: the next one, or the true law."""
        return (*self.world.steps, self.world.source)[step + 1]


def fenced(*programs: str) -> str:
    """An answer with these programs."""
    blocks = [f"Program {number}:\n\n```python\n{source.strip()}\n```\n" for number, source in enumerate(programs, 1)]
    return "\n".join(["The motion suggests the following.\n", *blocks])


def varied(source: str, luck: Generator) -> str:
    """The same law, one of whose parameters starts a little elsewhere: the first that doesn't start at 0."""
    factor = 1.0 + 0.02 * float(luck.integers(1, SPELLINGS + 1))
    return START.sub(lambda found: f"Parameter({float(found[1]) * factor:#.4g},", source, count=1)
