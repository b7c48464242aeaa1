"""Answers to what `kinescribe program` asks, and a model that gives them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from kinescribe.llm import AnswerError, Message, Usage
from kinescribe.llm.client import Reply
from kinescribe.llm.forms import Form, MisfitError
from kinescribe.llm.text import one_line


def thing(phrase: str, matters: bool = True, **others: Any) -> dict[str, Any]:
    """One object of an answer about perception."""
    return {"phrase": phrase, "color": "", "shape": "", "count": None, "moves": None, "matters": matters, "why": "", **others}


def looks(use: str = "default", *objects: dict[str, Any], matters: Sequence[int] = (), **others: Any) -> dict[str, Any]:
    """An answer about perception."""
    plain = {"backend": "classical", "ends": True, "one_each": False, "detect_every": None, "detector": None}
    return {"default_matters": list(matters), "use": use, "objects": list(objects), **plain, **others}


class ProgramModel:
    """Gives the answers of each kind in order, the last one for ever; kinds are told by the form that is asked for, "" for none.

    An answer is a dict, a text, or an error that is raised.
    """

    model = "scripted"

    def __init__(self, **answers: Any) -> None:
        self.answers = {kind: list(several) if isinstance(several, list) else [several] for kind, several in answers.items()}
        self.asked: list[tuple[str, list[Message]]] = []

    @property
    def usage(self) -> Usage:
        return Usage(calls=len(self.asked))

    def of(self, kind: str) -> list[list[Message]]:
        """The questions of a kind."""
        return [messages for one, messages in self.asked if one == kind]

    def ask(
        self, messages: Sequence[Message], *, schema: Any = None, images: Sequence[Any] = (), seed: int | None = None, n_tag: int = 0
    ) -> Reply:
        kind = "law" if schema is None else str(schema["title"])
        self.asked.append((kind, list(messages)))
        several = self.answers.get(kind, ["I don't know"])
        answer = several[min(len(self.of(kind)), len(several)) - 1]
        if isinstance(answer, BaseException):
            raise answer
        text = answer if isinstance(answer, str) else json.dumps(answer)
        try:
            data = None if schema is None else Form.of(schema).read(text)
        except MisfitError as error:
            raise AnswerError(f"scripted does not answer in the form that was asked for: {one_line(str(error))}") from None
        return Reply(text, data, Usage(calls=1, prompt_tokens=100, completion_tokens=20), False, "scripted-1")
