"""Sending requests to a chat endpoint: tries again where that may help, and bounds time and size of what comes back."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kinescribe.errors import UsageError

from .errors import EndpointError
from .messages import CHARACTERS_A_TOKEN
from .refusals import PassingError, failure_of
from .replies import Completion, piece_of, read_completion
from .retrying import LONGEST_WAIT_S, backoff
from .settings import Settings
from .usage import Meter, Ticket

__all__ = ["Endpoint"]

MOST_BYTES = 10_000_000  # of a reply
MOST_ERROR_BYTES = 100_000
LONGEST_CONNECT_S = 10.0
STREAM_TIMES = 10  # a streamed reply may take so many times the longest wait for a whole one
HIDDEN = "(key)"


class Endpoint:
    """The HTTP side of a client. Safe to share between threads.

    Attributes:
        warnings: one line where what is sent can be read on the way.
    """

    def __init__(self, settings: Settings, meter: Meter, transport: Any, sleep: Callable[[float], None]) -> None:
        self._settings = settings
        self._meter = meter
        self._transport = transport
        self._sleep = sleep
        self._chance = random.Random()
        self._lock = threading.Lock()
        self._http: Any = None
        self.warnings: list[str] = []
        self._url = f"{settings.base_url}/chat/completions"

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._http is not None:
                self._http.close()
                self._http = None

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
                    with self._opened(body, ticket) as response:
                        self._estimate(ticket, prompt_tokens, 0)
                        for text in self._pieces(response, ticket, prompt_tokens):
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
        with self._opened(body, ticket) as response:
            data = b"".join(self._chunks(response, self._settings.timeout_s, MOST_BYTES))
            content_type = str(response.headers.get("content-type", ""))
        completion = read_completion(self._hide(data), content_type, self._settings.base_url)
        self._count(ticket, completion.prompt_tokens, completion.completion_tokens, prompt_tokens, completion.text)
        return completion

    @contextmanager
    def _opened(self, body: dict[str, Any], ticket: Ticket) -> Iterator[Any]:
        """A response with status 200, not read yet; the library's errors are turned into ours."""
        httpx = _httpx()
        settings = self._settings
        key = settings.key()
        headers = {"Accept-Encoding": "identity", "Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        try:
            with self._client().stream("POST", self._url, content=json.dumps(body).encode(), headers=headers) as response:
                if response.status_code != 200:
                    ticket.worked = False
                    self._refuse(response, body, bool(key))
                yield response
        except (httpx.ReadTimeout, httpx.WriteTimeout):
            ticket.worked = True  # it may well have worked on it
            raise PassingError(self._too_slow()) from None
        except httpx.TransportError as error:
            # nothing of the library's errors is chained: they hold the request with its headers
            ticket.worked = not isinstance(error, (httpx.ConnectError, httpx.TimeoutException))
            reason = " ".join(str(error).split()) or type(error).__name__
            line = self._hide(f"no answer from {settings.base_url} ({reason}); is the server running there, and the URL right?".encode())
            failure = EndpointError(line.decode())
            if "certificate" in reason.lower():
                raise failure from None
            raise PassingError(failure) from None
        except httpx.HTTPError as error:
            raise EndpointError(f"{settings.base_url} answers with what can't be read ({type(error).__name__})") from None

    def _client(self) -> Any:
        httpx = _httpx()
        settings = self._settings
        with self._lock:
            if self._http is None:
                if settings.in_the_clear and not self.warnings:
                    self.warnings.append(
                        f"{settings.base_url} is plain http to another machine: pictures and answers can be read on the way"
                    )
                self._http = httpx.Client(
                    transport=self._transport,
                    timeout=httpx.Timeout(settings.timeout_s, connect=min(settings.timeout_s, LONGEST_CONNECT_S)),
                    verify=settings.base_url.startswith("https:"),  # reading the certificates takes time
                    follow_redirects=False,  # a key goes nowhere but where the user sends it
                    trust_env=not (settings.is_local and settings.base_url.startswith("http:")),  # no proxy leads to this machine
                    headers={"User-Agent": "kinescribe"},
                )
            return self._http

    def _chunks(self, response: Any, longest_s: float, most: int) -> Iterator[bytes]:
        """The body, within bounds: a server that trickles is too slow even though each piece comes in time."""
        deadline, size = time.monotonic() + longest_s, 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > most:
                raise EndpointError(
                    f"{self._settings.base_url} sends more than {most // 1_000_000} MB for one reply; that is no chat endpoint"
                )
            if time.monotonic() > deadline:
                raise PassingError(self._too_slow())
            yield chunk

    def _pieces(self, response: Any, ticket: Ticket, prompt_tokens: int) -> Iterator[str]:
        """The texts of a stream of server-sent events; of a whole completion where the endpoint doesn't stream."""
        url, said = self._settings.base_url, 0
        content_type = str(response.headers.get("content-type", ""))
        chunks = self._chunks(response, self._settings.timeout_s * STREAM_TIMES, MOST_BYTES)
        if "event-stream" not in content_type:
            completion = read_completion(self._hide(b"".join(chunks)), content_type, url)
            self._count(ticket, completion.prompt_tokens, completion.completion_tokens, prompt_tokens, completion.text)
            yield completion.text
            return
        for line in _lines(chunks):
            field, _, value = self._hide(line).decode("utf-8", "replace").partition(":")
            if field != "data":
                continue  # comments, which keep a connection open, and fields that chat endpoints don't use
            if value.strip() == "[DONE]":
                return
            text, (prompt, completion_tokens) = piece_of(value.strip(), url)
            said += len(text)
            if prompt is not None:
                self._count(ticket, prompt, completion_tokens, prompt_tokens, "")
            elif not ticket.usage.completion_tokens or ticket.usage.estimated:
                self._estimate(ticket, prompt_tokens, said // CHARACTERS_A_TOKEN + 1)
            if text:
                yield text
        raise PassingError(EndpointError(f"{url} breaks off its reply"))

    def _refuse(self, response: Any, body: dict[str, Any], with_key: bool) -> None:
        """Raise what a status other than 200 means."""
        data = self._hide(b"".join(self._chunks(response, self._settings.timeout_s, MOST_ERROR_BYTES)))
        raise failure_of(int(response.status_code), data, response.headers.get("retry-after"), body, self._settings, with_key)

    def _wait(self, attempt: int, failure: PassingError) -> None:
        """Sleep before the next try; raise where there is none, or where the endpoint asks for too long a wait."""
        if attempt >= self._settings.retries:
            raise failure.error from None
        if failure.wait_s is not None and failure.wait_s > LONGEST_WAIT_S:
            raise EndpointError(f"{failure.error}; it asks to wait {failure.wait_s:.0f} s", failure.error.status) from None
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
            f"{self._settings.base_url} gives no whole answer within {self._settings.timeout_s:g} s; allow more time (timeout_s)"
        )

    def _hide(self, data: bytes) -> bytes:
        """What came back, without the key: some servers repeat it in their errors."""
        key = self._settings.key()
        return data.replace(key.encode(), HIDDEN.encode()) if key else data


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


def _httpx() -> Any:
    try:
        import httpx
    except ImportError as error:
        raise UsageError("asking a model needs httpx, which isn't installed; pip install 'kinescribe[llm]'") from error
    return httpx
