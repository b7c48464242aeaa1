"""A model that says what a test wants it to say of a question, in the form that it is asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from kinescribe.llm import Message, Usage
from kinescribe.llm.client import Reply
from kinescribe.llm.forms import Form


def told(quantity: str, thing: str | None = "ball", **fields: Any) -> dict[str, Any]:
    """One entry of a reply's report."""
    empty = dict.fromkeys(("other", "time", "since", "axis", "value", "nth"))
    return {"quantity": quantity, "object": thing, **empty, **fields}


def edits(*do: tuple[str, str, float], report: Sequence[dict[str, Any]] = (), **fields: Any) -> dict[str, Any]:
    """A reply."""
    plain = {"thoughts": "", "answerable": True, "reason": "", "remove": [], "at": None, "until": None}
    made = [{"target": target, "operator": operator, "value": value} for target, operator, value in do]
    return {**plain, "do": made, "report": list(report), **fields}


def declined(reason: str = "not-in-the-law") -> dict[str, Any]:
    """The reply to what the law can't answer."""
    return edits(answerable=False, reason=reason)


class Scripted:
    """Gives its replies in order. `asked`: the messages of every question."""

    model = "scripted"

    def __init__(self, *replies: dict[str, Any]) -> None:
        self.replies = list(replies)
        self.asked: list[Sequence[Message]] = []

    @property
    def usage(self) -> Usage:
        return Usage(calls=len(self.asked), prompt_tokens=1000 * len(self.asked), completion_tokens=100 * len(self.asked))

    def ask(self, messages: Sequence[Message], *, schema: Any = None, images: Any = (), seed: int | None = None, n_tag: int = 0) -> Reply:
        text = json.dumps(self.replies[len(self.asked)], ensure_ascii=False)
        self.asked.append(messages)
        return Reply(text, Form.of(schema).read(text), Usage(calls=1, prompt_tokens=1000, completion_tokens=100), model=self.model)
