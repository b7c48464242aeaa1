"""Time is kept over the whole exchange, whatever the server does; what the environment says wrong is told in one line."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fake_server import FakeServer, completion

from kinescribe.errors import KinescribeError, UsageError
from kinescribe.llm import Client, EndpointError, Message, Settings

ASK = [Message.user("hello?")]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def read_request(connection: socket.socket) -> bytes:
    """A whole request; empty where the client has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    (length,) = (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(body) < length:
        body += connection.recv(65536)
    return head + body


@contextmanager
def serving(serve: Callable[[socket.socket, threading.Event], None]) -> Iterator[tuple[str, list[socket.socket]]]:
    """A server that hands each connection to a function; its URL and the connections so far."""
    connections: list[socket.socket] = []
    done = threading.Event()

    def one(connection: socket.socket) -> None:
        try:
            serve(connection, done)
        except OSError:
            pass  # the client has gone, as the tests want it to
        finally:
            connection.close()

    def run() -> None:
        while not done.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connections.append(connection)
            connection.settimeout(20.0)
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.02)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", connections
        finally:
            done.set()
            thread.join()


def drip(start: bytes, piece: bytes, pause_s: float) -> Callable[[socket.socket, threading.Event], None]:
    def serve(connection: socket.socket, done: threading.Event) -> None:
        read_request(connection)
        connection.sendall(start)
        while not done.wait(pause_s):
            connection.sendall(piece)

    return serve


@pytest.mark.parametrize(
    ("start", "piece", "pause_s"),
    [
        (b"HTTP/1.1 200 OK\r\nX-a: ", b"a", 0.02),
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n", 0.02),
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 200, 0.0),
        (HEAD + b"Content-Length: 1000000\r\n\r\n", b" ", 0.02),
        (HEAD + b"\r\n", b" ", 0.02),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 0.02),
        (b"", b"", 0.02),
    ],
    ids=["header", "102", "flood of 102", "body", "body without length", "chunks", "nothing"],
)
@pytest.mark.parametrize("way", ["ask", "stream"])
def test_a_server_that_never_comes_to_an_end_is_given_up(monkeypatch, start, piece, pause_s, way):
    monkeypatch.setattr("kinescribe.llm.endpoint.STREAM_TIMES", 1)
    with serving(drip(start, piece, pause_s)) as (url, _), Client(Settings("m", url, timeout_s=0.25, retries=0)) as client:
        with pytest.raises(
            EndpointError, match=r"no whole answer within 0\.25 s; allow more time \(timeout_s; --timeout, or --vlm-timeout\)"
        ):
            client.ask(ASK) if way == "ask" else list(client.stream(ASK))
        assert client.usage.calls == 1  # it may well have worked on it


def answering(connection: socket.socket, done: threading.Event) -> None:
    body = json.dumps(completion("hi")).encode()
    while request := read_request(connection):
        if b"slow" in request:
            done.wait(20.0)
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def test_a_connection_is_kept_for_the_next_question():
    with serving(answering) as (url, connections), Client(Settings("m", url)) as client:
        assert [client.ask(ASK).text for _ in range(3)] == ["hi"] * 3
        assert len(connections) == 1
        client.close()
        assert client.ask(ASK).text == "hi"
        assert len(connections) == 2


def test_the_end_of_the_time_of_one_exchange_leaves_the_others_alone():
    with serving(answering) as (url, _), Client(Settings("m", url, timeout_s=0.5, retries=0, max_calls=None)) as client:
        client.ask(ASK)
        faults: list[str] = []

        def slow() -> None:
            try:
                client.ask([Message.user("slow")])
            except EndpointError as error:
                faults.append(str(error))

        thread = threading.Thread(target=slow)
        thread.start()
        texts = []
        while thread.is_alive():
            texts.append(client.ask(ASK).text)
        thread.join()
        assert "no whole answer" in faults[0]
        assert set(texts) == {"hi"}
        assert client.ask(ASK).text == "hi"


@pytest.mark.parametrize("timeout_s", [1e9, 1e300])
def test_a_wait_without_end_is_a_long_one(timeout_s):
    with FakeServer() as server, Client(Settings("m", server.url, timeout_s=timeout_s)) as client:
        assert client.ask(ASK).text == "hello"


FAR = "https://api.example.com/v1"


def fault(url: str, **more: Any) -> str:
    with pytest.raises(KinescribeError) as caught, Client(Settings("m", url, retries=0, timeout_s=1.0), **more) as client:
        client.ask(ASK)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 700
    assert isinstance(caught.value, UsageError | EndpointError)
    return str(caught.value)


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("HTTPS_PROXY", "foo://me:pass-word@x", "what HTTPS_PROXY says is no URL of a proxy"),
        ("https_proxy", "http://me:pass-word@[::1", "what https_proxy says is no URL"),
        ("HTTPS_PROXY", "http://x:pass-word", "what HTTPS_PROXY says is no URL"),
        ("SSL_CERT_FILE", "/nonexistent/file.pem", r"can't be read \(No such file or directory\); correct or unset SSL_CERT_FILE"),
        ("SSL_CERT_FILE", __file__, "correct or unset SSL_CERT_FILE"),
    ],
)
def test_what_the_environment_says_wrong_is_told(monkeypatch, name, value, says):
    monkeypatch.setenv(name, value)
    said = fault(FAR)
    assert FAR in said
    assert "pass-word" not in said
    with pytest.raises(UsageError, match=says), Client(Settings("m", FAR)) as client:
        client.ask(ASK)


@pytest.mark.usefixtures("no_proxies")
def test_a_socks_proxy_needs_a_package(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    monkeypatch.setitem(__import__("sys").modules, "socksio", None)
    assert "pip install 'httpx[socks]', or correct ALL_PROXY" in fault(FAR)


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize(
    "url",
    [
        "http://a..localhost/v1",
        f"http://{'a' * 70}.localhost/v1",
        "http://xn--0.localhost/v1",
        "http://a%00b.localhost/v1",
        "http://☃..localhost/v1",
        "http://a\\b.localhost/v1",
        "http://127.0.0.1:0/v1",
    ],
)
def test_hosts_that_no_name_can_be(url):
    said = fault(url)
    assert said.startswith((f"{url} is no URL that can be asked (", f"no answer from {url} ("))


@pytest.mark.usefixtures("no_proxies")
def test_a_url_as_long_as_a_book_is_refused():
    with pytest.raises(UsageError, match="has 100020 characters") as caught:
        Settings("m", "http://127.0.0.1:9/v" + "1" * 100_000)
    assert len(str(caught.value)) < 300
