"""Getting an answer in the form that is wanted out of an endpoint that may not take, or not heed, some of what it is asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

from .endpoint import Endpoint
from .errors import AnswerError
from .forms import LEVELS, Form, MisfitError
from .messages import Message, estimated_tokens
from .refusals import RefusedError
from .replies import Completion
from .settings import Settings
from .text import one_line
from .usage import Usage

__all__ = ["Dialogue", "UnusableError"]

LONGEST_QUOTE = 4000  # characters of an unusable answer that are shown to the model again
SHOWN = 60  # characters of it that are shown to people
CUT_OFF = ", for it was cut off at its longest"
IGNORED_TIMES = 2  # answers without any JSON in a row after which a level is given up


class UnusableError(Exception):
    """An answer that can't be used, with its text."""

    def __init__(self, message: str, text: str) -> None:
        super().__init__(message)
        self.text = text


class Dialogue:
    """Asks, lets the model mend its answer once, and remembers what the endpoint doesn't take.

    Attributes:
        warnings: one line for each thing that is left out of the questions.
    """

    def __init__(self, settings: Settings, endpoint: Endpoint) -> None:
        self.settings = settings
        self.warnings: list[str] = []
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._level = 0  # index in LEVELS
        self._ignored = 0
        self._refused: set[str] = set()  # parameters that the endpoint doesn't take

    def answer(self, asked: list[Message], form: Form | None, seed: int | None, usage: Usage) -> tuple[Completion, Any]:
        """A completion and its data, mended once where needed. Raises `UnusableError`."""
        completion, level = self._complete(asked, form, seed, usage)
        if form is None:
            return completion, None
        try:
            data = form.read(completion.text)
        except MisfitError as error:
            self._note_level(level, error.found_json)
            fault = f"{error}{CUT_OFF}; be brief" if completion.cut_off else str(error)
        else:
            self._note_level(level, True)
            return completion, data
        quote = Message.assistant(completion.text[:LONGEST_QUOTE])
        completion, _ = self._complete([*asked, quote, Message.user(form.repair(fault))], form, seed, usage)
        try:
            return completion, form.read(completion.text)
        except MisfitError as error:
            fault = f'{one_line(str(error))}{CUT_OFF if completion.cut_off else ""} ("{one_line(completion.text, SHOWN)}")'
            line = f"{self.settings.model} does not answer in the form that was asked for: {fault}; ask another model"
            raise UnusableError(line, completion.text) from None

    def stream(self, asked: list[Message]) -> Iterator[str]:
        """The text of an answer, piece by piece."""
        refused: set[str] = set()
        while True:
            body = self._body(asked, refused, {"stream_options": {"include_usage": True}}) | {"stream": True}
            try:
                yield from self._endpoint.stream(body, estimated_tokens(asked))
            except RefusedError as refusal:
                if refusal.parameter is None:
                    raise
                refused.add(refusal.parameter)
            else:
                self._leave_out(refused)
                return

    def _complete(self, asked: list[Message], form: Form | None, seed: int | None, usage: Usage) -> tuple[Completion, int]:
        """A completion and the level at which the endpoint took the question; what the endpoint doesn't take is left out."""
        with self._lock:
            level = self._level
        refused: set[str] = set()
        first: RefusedError | None = None
        while True:
            instruction = form.instruction(LEVELS[level]) if form else ""
            messages = [*asked[:-1], _with_text(asked[-1], instruction)] if instruction and asked else asked
            body = self._body(messages, refused, {} if seed is None else {"seed": seed}, form, level)
            try:
                completion, ticket = self._endpoint.complete(body, estimated_tokens(messages))
            except AnswerError as error:
                raise UnusableError(str(error), "") from None
            except RefusedError as refusal:
                first = first or refusal
                if refusal.parameter not in (None, "response_format"):
                    refused.add(str(refusal.parameter))
                elif form and level < len(LEVELS) - 1:
                    level += 1
                else:
                    raise first from None  # the first request was the one that was meant
                continue
            usage.add(ticket.usage)
            self._leave_out(refused)
            with self._lock:
                if form:
                    self._level = max(self._level, level)
            return completion, level

    def _body(
        self, messages: Sequence[Message], refused: set[str], options: dict[str, Any], form: Form | None = None, level: int = 0
    ) -> dict[str, Any]:
        """A request, without those of its options that the endpoint doesn't take."""
        body: dict[str, Any] = {"model": self.settings.model, "messages": [message.wire() for message in messages]}
        if form:
            body |= form.request(LEVELS[level])
        options = {"temperature": self.settings.temperature, **options}
        gone = self._refused | refused
        if self.settings.max_reply_tokens is not None:
            # the newer name is the only one that some hosted models take, and the older one the only one that some servers take
            options["max_completion_tokens" if "max_tokens" in gone else "max_tokens"] = self.settings.max_reply_tokens
        return body | {name: value for name, value in options.items() if name not in gone}

    def _leave_out(self, names: set[str]) -> None:
        """From now on, and say so."""
        with self._lock:
            for name in sorted(names - self._refused):
                self.warnings.append(f"{self.settings.model} doesn't take '{name}' and is asked without it")
            self._refused = self._refused | names  # a new set: others may be reading the old one

    def _note_level(self, level: int, found_json: bool) -> None:
        """An endpoint that takes a level and ignores it is asked at the next one from some time on."""
        with self._lock:
            self._ignored = 0 if found_json else self._ignored + 1
            if self._ignored >= IGNORED_TIMES and level < len(LEVELS) - 1:
                self._level, self._ignored = max(self._level, level + 1), 0


def _with_text(message: Message, text: str) -> Message:
    """A message with more words at its end."""
    if isinstance(message.content, str):
        return Message(message.role, f"{message.content}\n\n{text}".strip())
    return Message(message.role, (*message.content, {"type": "text", "text": text}))
