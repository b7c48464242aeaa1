"""An OpenAI-compatible chat endpoint on localhost that says what a test wants it to say.

``from fake_server import FakeServer`` finds it, for pytest puts this folder on the path.

    with FakeServer("hello", {"answer": "right"}, Raw(status=429, headers={"Retry-After": "2"}), "after that always this") as server:
        client = Client(Settings(model="fake", base_url=server.url))

Answers are given in order, the last one for ever; or a function makes each of them from the `Request`. An answer is

* a str: what the model says; * a dict or list: the same as JSON; * a `Raw`: any HTTP response; * `HANG_UP`: the connection is closed;
* a function of the request that returns one of these.

`accepts` lists what `response_format` types the endpoint takes ("json_schema", "json_object"); others get a 400.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANG_UP = object()


@dataclass
class Request:
    """What a client sent."""

    path: str
    headers: dict[str, str]  # names in small letters
    body: dict[str, Any]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.body["messages"]

    @property
    def text(self) -> str:
        """All words of all messages."""
        pieces = []
        for message in self.messages:
            content = message["content"]
            pieces += [content] if isinstance(content, str) else [part["text"] for part in content if part["type"] == "text"]
        return "\n".join(pieces)

    @property
    def images(self) -> list[str]:
        """Data URLs of all pictures."""
        parts = [part for m in self.messages if not isinstance(m["content"], str) for part in m["content"]]
        return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]

    @property
    def level(self) -> str | None:
        return self.body.get("response_format", {}).get("type")

    @property
    def schema(self) -> dict[str, Any] | None:
        """The JSON schema that the answer is to fit, where it was sent as such."""
        return self.body.get("response_format", {}).get("json_schema", {}).get("schema")


@dataclass
class Raw:
    """A response as it is. `delay_s` before it, `pause_s` between its pieces; a missing `length` breaks off before the end."""

    body: bytes | str | Sequence[bytes] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay_s: float = 0.0
    pause_s: float = 0.0
    length: int | None = None


def completion(
    text: str | None, *, model: str = "fake-1", usage: dict[str, int] | None = None, finish_reason: str = "stop"
) -> dict[str, Any]:
    """The body of a chat completion."""
    counts = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120} if usage is None else usage
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    return {"id": "x", "object": "chat.completion", "model": model, "choices": [choice], "usage": counts}


def error(status: int, message: str = "no", **headers: str) -> Raw:
    """An error as hosts send it; header names with _ for -."""
    body = json.dumps({"error": {"message": message, "type": "some_error"}})
    return Raw(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


def events(*pieces: str, done: bool = True, usage: bool = True) -> Raw:
    """A streamed completion."""
    datas = [json.dumps({"choices": [{"index": 0, "delta": {"content": piece}}]}) for piece in pieces]
    if usage:
        datas.append(json.dumps({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20}}))
    body = [f"data: {data}\n\n".encode() for data in [*datas, *(["[DONE]"] if done else [])]]
    return Raw(body, content_type="text/event-stream; charset=utf-8")


class FakeServer:
    """The endpoint. Use it as a context manager.

    Attributes:
        requests: all that came so far, in order.
        url: base URL.
    """

    def __init__(
        self,
        *answers: Any,
        accepts: Sequence[str] = ("json_schema", "json_object"),
        key: str | None = None,
    ) -> None:
        self.answers = list(answers) or ["hello"]
        self.accepts = accepts
        self.key = key
        self.requests: list[Request] = []
        self._given = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def calls(self) -> int:
        return len(self.requests)

    def __enter__(self) -> FakeServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the test."""
        self._stopping.wait(seconds)

    def answer(self, request: Request) -> Any:
        """What to send for a request: a `Raw` or `HANG_UP`."""
        with self._lock:
            self.requests.append(request)
        if request.path != "/v1/chat/completions":
            return error(404, f"no path {request.path}")
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            return error(401, "Incorrect API key provided: " + request.headers.get("authorization", "none"))
        if request.level is not None and request.level not in self.accepts:
            return error(400, f"response_format of type {request.level} is not supported")
        with self._lock:
            answer = self.answers[min(self._given, len(self.answers) - 1)]
            self._given += 1
        while isinstance(answer, Callable):
            answer = answer(request)
        if isinstance(answer, (dict, list)):
            answer = json.dumps(answer)
        if isinstance(answer, str):
            answer = events(answer) if request.body.get("stream") else Raw(json.dumps(completion(answer)))
        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Request(self.path, {name.lower(): value for name, value in self.headers.items()}, json.loads(data))
                answer = outer.answer(request)
                if answer is HANG_UP:
                    self.close_connection = True
                    return
                try:
                    self.send(answer)
                except OSError:
                    self.close_connection = True  # the client has gone, as some tests want it to

            def send(self, raw: Raw) -> None:
                outer.pause(raw.delay_s)
                body = raw.body.encode() if isinstance(raw.body, str) else raw.body
                pieces = [body] if isinstance(body, bytes) else body
                self.send_response(raw.status)
                self.send_header("Content-Type", raw.content_type)
                for name, value in raw.headers.items():
                    self.send_header(name, value)
                if isinstance(body, bytes):
                    self.send_header("Content-Length", str(len(body) if raw.length is None else raw.length))
                else:
                    self.send_header("Connection", "close")
                self.end_headers()
                for piece in pieces:
                    if outer._stopping.is_set():
                        break
                    self.wfile.write(piece)
                    self.wfile.flush()
                    if raw.pause_s:
                        outer.pause(raw.pause_s)
                if not isinstance(body, bytes) or raw.length is not None:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Tests are quiet."""

        return Handler
