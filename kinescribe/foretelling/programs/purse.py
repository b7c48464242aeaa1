"""How many questions each part of a program may ask, so that one part doesn't use up what the others need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kinescribe.errors import UsageError
from kinescribe.llm import BudgetExceededError, Message, Model, Part, Reply, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import BaseModel

__all__ = ["MOST_CALLS", "USUAL_CALLS", "Purse"]

USUAL_CALLS, MOST_CALLS = 12, 40


class Purse:
    """A model that answers so many questions and no more; a purse that is taken out of another spends that one's too.

    Attributes:
        left: questions that it still answers.
    """

    def __init__(self, asked: Model, calls: int) -> None:
        self._asked = asked
        self._calls = calls
        self._spent = 0

    @classmethod
    def of(cls, asked: Model, calls: int) -> Purse:
        """For a whole run. Raises `UsageError` for a number that makes no sense."""
        if isinstance(calls, bool) or not isinstance(calls, int) or not 1 <= calls <= MOST_CALLS:
            raise UsageError(f"{calls} questions to the model: allow from 1 to {MOST_CALLS} (--max-calls), {USUAL_CALLS} as a rule")
        return cls(asked, calls)

    def part(self, calls: int) -> Purse:
        """A purse of at most so many of these questions."""
        return Purse(self, min(max(calls, 0), self.left))

    @property
    def model(self) -> str:
        """Its name."""
        return self._asked.model

    @property
    def usage(self) -> Usage:
        """All that was asked so far; a copy."""
        return self._asked.usage

    @property
    def left(self) -> int:
        """See the class."""
        mine = self._calls - self._spent
        return min(mine, self._asked.left) if isinstance(self._asked, Purse) else mine

    def ask(
        self,
        messages: Sequence[Message],
        *,
        schema: dict[str, Any] | type[BaseModel] | None = None,
        images: Sequence[NDArray[np.uint8] | Part] = (),
        seed: int | None = None,
        n_tag: int = 0,
    ) -> Reply:
        """The model's answer, as `Client.ask` gives it. Raises `BudgetExceededError` where nothing is left."""
        if self.left < 1:
            raise BudgetExceededError(f"{self._calls} questions to {self.model} are asked, and no more are allowed here; raise --max-calls")
        self._spent += 1
        return self._asked.ask(messages, schema=schema, images=images, seed=seed, n_tag=n_tag)
