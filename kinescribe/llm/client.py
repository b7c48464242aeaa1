"""The client: questions in, checked answers out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kinescribe.errors import InputError, UsageError

from .cache import Cache, Entry, key_of
from .dialogue import Dialogue, UnusableError
from .endpoint import Endpoint
from .errors import AnswerError, NotRecordedError
from .forms import Form, MisfitError
from .messages import Message, Part, with_pictures
from .settings import Settings
from .text import one_line
from .usage import Meter, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import BaseModel

__all__ = ["Client", "Reply"]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        text: what the model wrote.
        data: in the form that was asked for (a JSON value, or an instance of the pydantic model); None where none was.
        usage: what it took, a repair included.
        cached: whether it was recorded earlier.
        model: as the endpoint names it, which may be more exact than what was asked for.
    """

    text: str
    data: Any = None
    usage: Usage = field(default_factory=Usage)
    cached: bool = False
    model: str = ""


class Client:
    """Asks one model at one endpoint. May be shared between threads.

    Attributes:
        settings: as given.
        warnings: one line for each thing that was not as it should be and was got over.
    """

    def __init__(self, settings: Settings, transport: Any = None, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Nothing is sent yet.

        Args:
            settings: model, endpoint, caps.
            transport: an httpx transport in place of the network.
            sleep: waits so many seconds between tries.

        Raises:
            InputError: the cache's place is a file.
        """
        self.settings = settings
        self._meter = Meter(settings)
        self._endpoint = Endpoint(settings, self._meter, transport, sleep)
        self._dialogue = Dialogue(settings, self._endpoint)
        self._cache = Cache(settings.cache) if settings.cache is not None else None

    @property
    def model(self) -> str:
        """The model's name, as it is asked for."""
        return self.settings.model

    @property
    def usage(self) -> Usage:
        """All that was asked through this client so far; a copy."""
        return self._meter.usage

    @property
    def warnings(self) -> list[str]:
        """See the class; a copy."""
        return [*self._endpoint.warnings, *self._dialogue.warnings, *(self._cache.warnings if self._cache else [])]

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. The client stays usable."""
        self._endpoint.close()

    def ask(
        self,
        messages: Sequence[Message],
        *,
        schema: dict[str, Any] | type[BaseModel] | None = None,
        images: Sequence[NDArray[np.uint8] | Part] = (),
        seed: int | None = None,
        n_tag: int = 0,
    ) -> Reply:
        """The model's answer.

        Args:
            messages: the conversation so far, the question last.
            schema: the form of the answer, a JSON schema (see `kinescribe.llm.schema`) or a pydantic model.
            images: added to the end of the last of the user's messages; arrays as `picture` takes them.
            seed: handed to the endpoint.
            n_tag: distinguishes recorded answers to one and the same question, where it is to be asked several times.

        Raises:
            EndpointError: no answer; `AnswerError` where the model's own is not in the form, even after being asked to mend it;
                `NotRecordedError` in replay.
            BudgetExceededError: a cap leaves no room for the question.
            UsageError: messages, a schema, a picture or a key that makes no sense; httpx isn't installed.
        """
        form = Form.of(schema) if schema is not None else None
        asked = with_pictures(_checked(messages), images)
        key = self._key(asked, form, seed, n_tag)
        recorded = self._recorded(key, asked, form)
        if recorded is not None:
            return recorded
        usage = Usage()
        try:
            completion, data = self._dialogue.answer(asked, form, seed, usage)
        except UnusableError as fault:
            self._record(key, asked, Entry(fault.text, False, usage.prompt_tokens, usage.completion_tokens, self.settings.model))
            raise AnswerError(str(fault)) from None
        model = completion.model or self.settings.model
        self._record(key, asked, Entry(completion.text, True, usage.prompt_tokens, usage.completion_tokens, model))
        return Reply(completion.text, data, usage, False, model)

    def stream(self, messages: Sequence[Message], *, images: Sequence[NDArray[np.uint8] | Part] = ()) -> Iterator[str]:
        """The answer's text as it comes, piece by piece; a recorded one in one piece. Raises as `ask` does, while it is read."""
        asked = with_pictures(_checked(messages), images)
        key = self._key(asked, None, None, 0)
        recorded = self._recorded(key, asked, None)
        if recorded is not None:
            yield recorded.text
            return
        before, pieces = self.usage, []
        for piece in self._dialogue.stream(asked):
            pieces.append(piece)
            yield piece
        after = self.usage
        text = "".join(pieces)
        counts = (after.prompt_tokens - before.prompt_tokens, after.completion_tokens - before.completion_tokens)
        self._record(key, asked, Entry(text, bool(text.strip()), *counts, self.settings.model))

    def _key(self, asked: Sequence[Message], form: Form | None, seed: int | None, n_tag: int) -> str:
        settings = self.settings
        return key_of(
            model=settings.model,
            base_url=settings.base_url,
            messages=asked,
            schema=form.schema if form else None,
            temperature=settings.temperature,
            max_reply_tokens=settings.max_reply_tokens,
            seed=seed,
            n_tag=n_tag,
        )

    def _recorded(self, key: str, asked: Sequence[Message], form: Form | None) -> Reply | None:
        """The recorded answer, None where it has to be asked for. Raises where only recorded ones may be used."""
        entry = self._cache.get(key) if self._cache else None
        replay = self.settings.replay
        if entry is None:
            if replay:
                question = one_line(asked[-1].text if asked else "", 60)
                raise NotRecordedError(
                    f"no answer of {self.settings.model} is recorded in '{self.settings.cache}' for \"{question}\" ({key[:12]}); "
                    "run once without replay"
                )
            return None
        try:
            data = form.read(entry.text) if form and entry.fits else None
        except MisfitError as error:
            fault = str(error)
        else:
            fault = "" if entry.fits else "it had not the form that was asked for"
        if not fault:
            self._meter.count_cached()
            return Reply(entry.text, data, Usage(cached_calls=1), True, one_line(entry.model))
        if replay:
            raise AnswerError(f"{self.settings.model}: the recorded answer {key[:12]} can't be used: {one_line(fault)}")
        if entry.fits and self._cache:  # others were recorded as what they are
            self._cache.warn(f"the recorded answer {self._cache.folder / key}.json can't be used ({one_line(fault)}) and is passed over")
        return None

    def _record(self, key: str, asked: Sequence[Message], entry: Entry) -> None:
        """Into the cache; where that can't be, the answer is used all the same, and a warning says so."""
        if self._cache is not None:
            try:
                self._cache.put(key, entry, base_url=self.settings.base_url, question=asked[-1].text if asked else "")
            except InputError as error:
                self._cache.warn(str(error))


def _checked(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages. Raises `UsageError` where they are something else, such as the bare question."""
    if not isinstance(messages, Sequence) or isinstance(messages, str | bytes) or not all(isinstance(one, Message) for one in messages):
        raise UsageError(f"{one_line(repr(messages), 60)} is no list of messages: give [Message.user('…')]")
    return messages
