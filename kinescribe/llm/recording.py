"""Exchanges with a model, kept in order: written down as they happen, and answered from again without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from kinescribe.errors import InputError

from .errors import AnswerError, BudgetExceededError, EndpointError
from .forms import Form, MisfitError
from .messages import Message, Part, with_pictures
from .text import one_line
from .usage import Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import BaseModel

    from .client import Reply

__all__ = ["Exchange", "Model", "Recorder", "Replayer"]

MOST_CHARACTERS = 2_000_000  # of one text in a record
LONGEST_SAID = 400  # of an error's line
_FAULTS: dict[str, type[EndpointError] | type[BudgetExceededError]] = {
    "answer": AnswerError,
    "endpoint": EndpointError,
    "budget": BudgetExceededError,
}


class Model(Protocol):
    """Who answers: a `Client`, a record of one, or a program that plays a model."""

    @property
    def model(self) -> str:
        """Its name."""

    @property
    def usage(self) -> Usage:
        """All that was asked so far; a copy."""

    def ask(
        self,
        messages: Sequence[Message],
        *,
        schema: dict[str, Any] | type[BaseModel] | None = None,
        images: Sequence[NDArray[np.uint8] | Part] = (),
        seed: int | None = None,
        n_tag: int = 0,
    ) -> Reply:
        """The answer, as `Client.ask` gives it and with its errors."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and what came of it.

    Attributes:
        question: the messages; pictures, which are large, are counted and left out.
        reply: the text of the answer; "" where none came.
        fault, said: "answer", "endpoint" or "budget" and the error's line, where none came; "" else.
        usage: what it took. model: as the endpoint names it.
    """

    question: tuple[tuple[str, str], ...]
    pictures: int
    reply: str
    fault: str = ""
    said: str = ""
    usage: Usage = field(default_factory=Usage)
    model: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        used = self.usage
        return {
            "question": [{"role": role, "text": text} for role, text in self.question],
            "pictures": self.pictures,
            "reply": self.reply,
            "fault": self.fault,
            "said": self.said,
            "prompt_tokens": used.prompt_tokens,
            "completion_tokens": used.completion_tokens,
            "cost": used.cost,
            "estimated": used.estimated,
            "model": self.model,
        }

    @classmethod
    def of(cls, row: Any, where: str) -> Exchange:
        """From what `to_dict` made, by whomever. Raises InputError for anything else; `where` is for the message."""
        bad = InputError(f"{where}: this is no exchange with a model; record the run again")
        if not isinstance(row, Mapping) or not isinstance(row.get("question"), list):
            raise bad
        asked = row["question"]
        if not all(isinstance(one, Mapping) and all(_is_text(one.get(name)) for name in ("role", "text")) for one in asked):
            raise bad
        if not all(_is_text(row.get(name)) for name in ("reply", "fault", "said", "model")) or row["fault"] not in ("", *_FAULTS):
            raise bad
        counts: list[Any] = [row.get(name) for name in ("pictures", "prompt_tokens", "completion_tokens")]
        cost = row.get("cost")
        if not all(type(one) is int and 0 <= one < 10**12 for one in counts):
            raise bad
        if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost < 1e12:
            raise bad
        about = row.get("estimated", False)
        if not isinstance(about, bool):
            raise bad
        calls = 0 if row["fault"] == "budget" else 1
        usage = Usage(calls=calls, prompt_tokens=counts[1], completion_tokens=counts[2], cost=float(cost), estimated=about)
        question = tuple((one["role"], one["text"]) for one in asked)
        return cls(question, counts[0], row["reply"], row["fault"], one_line(row["said"], LONGEST_SAID), usage, one_line(row["model"]))


class Recorder:
    """A model whose exchanges are kept.

    Attributes:
        exchanges: in order, those without an answer too.
    """

    def __init__(self, asked: Model, keep: Callable[[Sequence[Exchange]], None] | None = None) -> None:
        """`keep` is called with all exchanges after each of them, so that what was paid for outlives the process."""
        self._asked = asked
        self._keep = keep
        self.exchanges: list[Exchange] = []

    @property
    def model(self) -> str:
        """Its name."""
        return self._asked.model

    @property
    def usage(self) -> Usage:
        """What the kept exchanges took: the same as when they are answered from the record."""
        out = Usage()
        for one in self.exchanges:
            out.add(one.usage)
        return out

    def ask(
        self,
        messages: Sequence[Message],
        *,
        schema: dict[str, Any] | type[BaseModel] | None = None,
        images: Sequence[NDArray[np.uint8] | Part] = (),
        seed: int | None = None,
        n_tag: int = 0,
    ) -> Reply:
        """The model's answer, or its error, kept."""
        question, pictures = _written(messages, images)
        before = self._asked.usage
        try:
            reply = self._asked.ask(messages, schema=schema, images=images, seed=seed, n_tag=n_tag)
        except (EndpointError, BudgetExceededError) as error:
            fault = "answer" if isinstance(error, AnswerError) else "budget" if isinstance(error, BudgetExceededError) else "endpoint"
            spent = _between(before, self._asked.usage)
            self._add(Exchange(question, pictures, "", fault, one_line(str(error), LONGEST_SAID), spent, one_line(self.model)))
            raise
        if len(reply.text) > MOST_CHARACTERS:  # no record could hold it; an answer stands at the end of what was thought
            reply = replace(reply, text=reply.text[-MOST_CHARACTERS:])
        # what was answered from a cache cost nothing this time
        self._add(Exchange(question, pictures, reply.text, usage=reply.usage, model=one_line(reply.model)))
        return reply

    def _add(self, one: Exchange) -> None:
        self.exchanges.append(one)
        if self._keep is not None:
            self._keep(self.exchanges)


class Replayer:
    """A record in place of its model: the first question gets the first answer, and so on.

    Attributes:
        model: as it was asked for.
        exchanges: the record.
        warnings: one line for each question that isn't the recorded one word for word, which another version or machine may ask.
    """

    def __init__(self, exchanges: Sequence[Exchange], model: str, *, then: Model | None = None, broken_off: bool = False) -> None:
        """Args: then: who is asked what the record has no answer to. broken_off: the record ends before its run did."""
        self.model = model
        self._then, self._broken_off = then, broken_off
        kept = list(exchanges)
        while then is not None and kept and kept[-1].fault in ("endpoint", "budget"):
            kept.pop()  # what ended the run then is tried again
        self.exchanges = tuple(kept)
        self.warnings: list[str] = []
        self._asked = 0
        self._usage = Usage()

    @property
    def usage(self) -> Usage:
        """What the answers given so far took, those of the record when they were recorded; a copy."""
        out = Usage()
        out.add(self._usage)
        if self._then is not None:
            out.add(self._then.usage)
        return out

    def ask(
        self,
        messages: Sequence[Message],
        *,
        schema: dict[str, Any] | type[BaseModel] | None = None,
        images: Sequence[NDArray[np.uint8] | Part] = (),
        seed: int | None = None,
        n_tag: int = 0,
    ) -> Reply:
        """The next recorded answer, or its error.

        Raises:
            InputError: no more of them, or one without the form that is asked for.
            EndpointError: no more of them, for the run was broken off there.
        """
        from .client import Reply

        if self._asked == len(self.exchanges) and self._then is not None:
            return self._then.ask(messages, schema=schema, images=images, seed=seed, n_tag=n_tag)
        if self._asked == len(self.exchanges) and self._broken_off:
            raise EndpointError(f"its record ends after {self._asked} answers, for the run was broken off; name the model to go on")
        if self._asked == len(self.exchanges):
            raise InputError(f"the record holds {len(self.exchanges)} exchanges, and another question comes up; record the run again")
        found = self.exchanges[self._asked]
        self._asked += 1
        if _written(messages, images) != (found.question, found.pictures):
            self.warnings.append(f"question {self._asked} is not the recorded one word for word; the recorded answer is taken all the same")
        self._usage.add(found.usage)
        if found.fault:
            raise _FAULTS[found.fault](found.said)
        try:
            data = None if schema is None else Form.of(schema).read(found.reply)
        except MisfitError as error:
            raise InputError(f"recorded answer {self._asked} hasn't the form that is asked for: {one_line(str(error))}") from None
        return Reply(found.reply, data, found.usage, True, found.model)


def _written(messages: Sequence[Message], images: Sequence[Any]) -> tuple[tuple[tuple[str, str], ...], int]:
    """Words and number of pictures of a question."""
    whole = with_pictures(messages, [one if isinstance(one, dict) else {"type": "image_url"} for one in images])
    parts = [part for message in whole if not isinstance(message.content, str) for part in message.content]
    return tuple((str(message.role), message.text) for message in whole), sum(part.get("type") == "image_url" for part in parts)


def _between(before: Usage, after: Usage) -> Usage:
    return Usage(
        calls=after.calls - before.calls,
        prompt_tokens=after.prompt_tokens - before.prompt_tokens,
        completion_tokens=after.completion_tokens - before.completion_tokens,
        cost=after.cost - before.cost,
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MOST_CHARACTERS
