"""Sending requests to a chat endpoint: tries again where that may help, and bounds time and size of what comes back."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from kinescribe.errors import KinescribeError, UsageError

from .errors import EndpointError
from .lines import Line, Lines, library
from .messages import CHARACTERS_A_TOKEN
from .refusals import LATER, PassingError, failure_of
from .replies import Completion, piece_of, read_completion
from .retrying import LONGEST_WAIT_S, backoff
from .secrecy import begun_in, hider
from .settings import EXAMPLE, Settings
from .text import one_line
from .usage import Meter, Ticket

__all__ = ["Endpoint"]

MOST_BYTES = 10_000_000  # of a reply
MOST_ERROR_BYTES = 100_000
STREAM_TIMES = 10  # a streamed reply may take so many times the longest wait for a whole one


class Endpoint:
    """The HTTP side of a client. Safe to share between threads.

    Attributes:
        warnings: one line where what is sent can be read on the way.
    """

    def __init__(self, settings: Settings, meter: Meter, transport: Any, sleep: Callable[[float], None]) -> None:
        self._settings = settings
        self._meter = meter
        self._lines = Lines(settings, transport)
        self._sleep = sleep
        self._chance = random.Random()
        self._lock = threading.Lock()
        self.warnings: list[str] = []
        self._url = f"{settings.base_url}/chat/completions"

    def close(self) -> None:
        """Close the connections."""
        self._lines.close()

    def complete(self, body: dict[str, Any], prompt_tokens: int) -> tuple[Completion, Ticket]:
        """The reply to a request, and what it took. `prompt_tokens` is an estimate.

        Raises:
            EndpointError: no usable reply. `RefusedError` where the request itself is refused.
            BudgetExceededError: a cap leaves no room for it.
        """
        for attempt in range(self._settings.retries + 1):
            with self._meter.call(prompt_tokens) as ticket:
                try:
                    return self._once(body, prompt_tokens, ticket), ticket
                except PassingError as failure:
                    last = failure
            self._wait(attempt, last)
        raise AssertionError("the last wait raises")

    def stream(self, body: dict[str, Any], prompt_tokens: int) -> Iterator[str]:
        """The text of a reply, piece by piece. Raises as `complete` does; once text has come, a failure is final."""
        for attempt in range(self._settings.retries + 1):
            with self._meter.call(prompt_tokens) as ticket:
                begun = False
                try:
                    with self._opened(body, ticket) as (line, response):
                        self._estimate(ticket, prompt_tokens, 0)
                        for text in self._pieces(line, response, ticket, prompt_tokens):
                            begun = True
                            yield text
                    return
                except PassingError as failure:
                    if begun:
                        raise failure.error from None
                    last = failure
            self._wait(attempt, last)

    def _once(self, body: dict[str, Any], prompt_tokens: int, ticket: Ticket) -> Completion:
        self._estimate(ticket, prompt_tokens, 0)
        with self._opened(body, ticket) as (line, response):
            data = b"".join(self._chunks(line, response, ticket, MOST_BYTES))
            content_type = str(response.headers.get("content-type", ""))
        completion = read_completion(data, content_type, self._settings.base_url, self._hide)
        self._count(ticket, completion.prompt_tokens, completion.completion_tokens, prompt_tokens, completion.text)
        return completion

    @contextmanager
    def _opened(self, body: dict[str, Any], ticket: Ticket) -> Iterator[tuple[Line, Any]]:
        """A response with status 200, not read yet, and the line that it comes by, which is cut when the time is up."""
        key = self._settings.key()
        headers = {"Accept-Encoding": "identity", "Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        content = json.dumps(body).encode()
        with self._lines.line() as line, ExitStack() as stack:
            self._warn()
            line.allow(self._settings.timeout_s)
            with self._failures(line, ticket):
                response = self._sent(line, content, headers)
                stack.callback(response.close)
                if response.status_code != 200:
                    self._refuse(line, response, ticket, body, bool(key))
            if _is_packed(response):
                raise EndpointError(
                    f"{self._settings.base_url} packs its reply ({self._shown(response.headers['content-encoding'])}), though it was "
                    "asked not to; switch compression off there"
                )
            yield line, response

    def _sent(self, line: Line, content: bytes, headers: dict[str, str]) -> Any:
        httpx, url = library(), self._settings.base_url
        try:
            request = line.http.build_request("POST", self._url, content=content, headers=headers, extensions={"trace": line.note})
            return line.http.send(request, stream=True)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as error:  # what names of hosts must not hold comes out late
            raise UsageError(f"{url} is no URL that can be asked ({self._shown(str(error))}); give one such as {EXAMPLE}") from None

    @contextmanager
    def _failures(self, line: Line, ticket: Ticket) -> Iterator[None]:
        """Turn what the library raises, and the end of the time, into our errors. Nothing of its errors is chained: they hold the key."""
        httpx, settings = library(), self._settings
        try:
            yield
        except KinescribeError:
            raise
        except (httpx.HTTPError, OSError) as error:
            if line.late or isinstance(error, (httpx.ReadTimeout, httpx.WriteTimeout)):
                ticket.worked = True  # it may well have worked on it
                raise PassingError(self._too_slow()) from None
            if not isinstance(error, (httpx.TransportError, OSError)):
                raise EndpointError(f"{settings.base_url} answers with what can't be read ({type(error).__name__})") from None
            ticket.worked = not isinstance(error, (httpx.ConnectError, httpx.TimeoutException))
            reason = self._shown(str(error)) or type(error).__name__
            failure = EndpointError(f"no answer from {settings.base_url} ({reason}); is the server running there, and the URL right?")
            if "certificate" in reason.lower():
                raise failure from None
            raise PassingError(failure) from None

    def _warn(self) -> None:
        settings = self._settings
        with self._lock:
            if settings.in_the_clear and not self.warnings:
                self.warnings.append(f"{settings.base_url} is plain http to another machine: pictures and answers can be read on the way")

    def _chunks(self, line: Line, response: Any, ticket: Ticket, most: int) -> Iterator[bytes]:
        """The body, which isn't packed (see `_opened`), within bounds."""
        size = 0
        with self._failures(line, ticket):
            for chunk in response.iter_bytes():
                size += len(chunk)
                if size > most:
                    raise EndpointError(f"{self._settings.base_url} sends more than {_bytes(most)} for one reply; that is no chat endpoint")
                yield chunk
        if line.late:  # a body without a length ends with its connection
            raise PassingError(self._too_slow())

    def _pieces(self, line: Line, response: Any, ticket: Ticket, prompt_tokens: int) -> Iterator[str]:
        """The texts of a stream of server-sent events; of a whole completion where the endpoint doesn't stream."""
        url, said = self._settings.base_url, 0
        content_type = str(response.headers.get("content-type", ""))
        line.allow(self._settings.timeout_s * STREAM_TIMES)
        chunks = self._chunks(line, response, ticket, MOST_BYTES)
        if "event-stream" not in content_type:
            completion = read_completion(b"".join(chunks), content_type, url, self._hide)
            self._count(ticket, completion.prompt_tokens, completion.completion_tokens, prompt_tokens, completion.text)
            yield completion.text
            return
        held = ""  # the beginning of what may turn out to be the key
        for event in _lines(chunks):
            field, _, value = event.decode("utf-8", "replace").partition(":")
            if field != "data":
                continue  # comments, which keep a connection open, and fields that chat endpoints don't use
            if value.strip() == "[DONE]":
                if held:
                    yield held
                return
            text, (prompt, completion_tokens) = piece_of(value.strip(), url, self._hide)
            said += len(text)
            if prompt is not None:
                self._count(ticket, prompt, completion_tokens, prompt_tokens, "")
            elif not ticket.usage.completion_tokens or ticket.usage.estimated:
                self._estimate(ticket, prompt_tokens, said // CHARACTERS_A_TOKEN + 1)
            text = self._hide(held + text)
            end = len(text) - begun_in(text, self._settings.key())
            text, held = text[:end], text[end:]
            if text:
                yield text
        raise PassingError(EndpointError(f"{url} breaks off its reply"))

    def _refuse(self, line: Line, response: Any, ticket: Ticket, body: dict[str, Any], with_key: bool) -> None:
        """Raise what a status other than 200 means."""
        data = b"(packed)"
        if not _is_packed(response):
            data = b""
            with suppress(PassingError):  # of a body that breaks off or never ends; the status says enough
                for chunk in self._chunks(line, response, ticket, MOST_ERROR_BYTES):
                    data += chunk
        ticket.worked = False
        status, wait = int(response.status_code), response.headers.get("retry-after")
        raise failure_of(status, data, wait, body, self._settings, with_key, self._hide)

    def _wait(self, attempt: int, failure: PassingError) -> None:
        """Sleep before the next try; raise where there is none, or where the endpoint asks for too long a wait."""
        if attempt >= self._settings.retries:
            raise failure.error from None
        if failure.wait_s is not None and failure.wait_s > LONGEST_WAIT_S:
            line = f"{str(failure.error).removesuffix(LATER)} and asks to wait {failure.wait_s:.0f} s, which is long{LATER}"
            raise EndpointError(line, failure.error.status) from None
        self._sleep(backoff(attempt, self._chance) if failure.wait_s is None else failure.wait_s)

    def _estimate(self, ticket: Ticket, prompt_tokens: int, completion_tokens: int) -> None:
        usage = ticket.usage
        usage.prompt_tokens, usage.completion_tokens, usage.estimated = prompt_tokens, completion_tokens, True
        usage.cost = self._meter.cost(prompt_tokens, completion_tokens)

    def _count(self, ticket: Ticket, prompt: int | None, completion: int | None, estimate: int, text: str) -> None:
        """Write down what the endpoint counted, and estimates of ours where it didn't."""
        usage = ticket.usage
        usage.estimated = prompt is None or completion is None
        usage.prompt_tokens = estimate if prompt is None else prompt
        usage.completion_tokens = len(text) // CHARACTERS_A_TOKEN + 1 if completion is None else completion
        usage.cost = self._meter.cost(usage.prompt_tokens, usage.completion_tokens)

    def _too_slow(self) -> EndpointError:
        return EndpointError(
            f"{self._settings.base_url} gives no whole answer within {self._settings.timeout_s:g} s; "
            "allow more time (timeout_s; --timeout, or --vlm-timeout)"
        )

    def _hide(self, text: str) -> str:
        """A text that came back, without the key."""
        return hider(self._settings.key())(text)

    def _shown(self, text: str) -> str:
        """The same, as part of a message."""
        return one_line(self._hide(text))


def _is_packed(response: Any) -> bool:
    """Whether a body is compressed: unpacked it may be a thousand times as large before a bound on its size holds."""
    return str(response.headers.get("content-encoding", "")).strip().lower() not in ("", "identity")


def _bytes(count: int) -> str:
    return f"{count // 1_000_000} MB" if count >= 1_000_000 else f"{count // 1000} kB"


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Lines of a stream, however it is cut into chunks."""
    rest: list[bytes] = []
    for chunk in chunks:
        *lines, last = chunk.replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            yield (b"".join([*rest, line])).rstrip(b"\r")
            rest = []
        rest.append(last)
    if any(rest):
        yield b"".join(rest)
