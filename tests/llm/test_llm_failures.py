"""Endpoints that are down, slow, busy, wrong or hostile: one clear line each, and tries only where they may help."""

import gzip
import json
import random
import re
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from fake_server import HANG_UP, FakeServer, Raw, completion, error
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinescribe.errors import InputError, UsageError
from kinescribe.llm import Client, EndpointError, Message, Settings
from kinescribe.llm.refusals import RefusedError
from kinescribe.llm.retrying import LONGEST_WAIT_S, backoff, retry_after

ASK = [Message.user("hello?")]


def failure(client: Client, **options) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        client.ask(ASK, **options)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 600
    assert caught.value.exit_code == InputError.exit_code
    return caught.value


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_passing_failures_are_tried_again(client_of, waits, status):
    with FakeServer(error(status), error(status), "here I am") as server:
        client = client_of(server)
        assert client.ask(ASK).text == "here I am"
    assert server.calls == 3
    assert 0.5 <= waits[0] <= 1.0 <= waits[1] <= 2.0
    assert client.usage.calls == 1


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (400, r"refuses the question \(400: because of this\)$"),
        (401, "set the key in the environment variable KINESCRIBE_API_KEY"),
        (403, "does not allow model 'fake' here"),
        (404, "no model 'fake'.*does the URL end in /v1"),
        (405, "answers with status 405"),
        (413, "smaller pictures"),
        (301, "has moved"),
    ],
)
def test_lasting_failures_are_told_at_once(client_of, waits, status, says):
    with FakeServer(error(status, "because of this")) as server:
        caught = failure(client_of(server))
    assert server.calls == 1
    assert waits == []
    assert caught.status == status
    assert re.search(says, str(caught))


def test_tries_end(client_of, waits):
    with FakeServer(error(503, "overloaded")) as server:
        caught = failure(client_of(server, retries=2))
    assert server.calls == 3
    assert len(waits) == 2
    assert "fails (503: overloaded); try again later" in str(caught)


def test_retry_after_in_seconds_is_kept_to(client_of, waits):
    with FakeServer(error(429, Retry_After="7"), "now") as server:
        client_of(server).ask(ASK)
    assert waits == [7.0]


def test_retry_after_as_a_date_is_kept_to(client_of, waits):
    with FakeServer(error(503, Retry_After=format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)), "now") as server:
        client_of(server).ask(ASK)
    assert len(waits) == 1
    assert 50 < waits[0] <= 60


def test_too_long_a_wait_is_told_instead(client_of, waits):
    with FakeServer(error(429, "daily limit", Retry_After="3600")) as server:
        caught = failure(client_of(server))
    assert waits == []
    assert server.calls == 1
    assert "rate-limited (429: daily limit) and asks to wait 3600 s, which is long; try again later" in str(caught)


def test_a_model_without_eyes_is_told(client_of):
    with FakeServer(error(400, "this model does not support image input")) as server:
        assert "does the model 'fake' take pictures?" in str(failure(client_of(server)))


def test_a_used_up_quota_is_not_asked_again(client_of, waits):
    body = json.dumps({"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}})
    with FakeServer(Raw(body, 429)) as server:
        assert "quota is used up" in str(failure(client_of(server)))
    assert server.calls == 1


NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("5", 5.0),
        (" 0.5 ", 0.5),
        ("Fri, 02 Jan 2026 03:04:35 GMT", 30.0),
        ("Fri, 02 Jan 2026 03:04:00 GMT", 0.0),
        ("Fri, 02 Jan 2026 03:04:35", 30.0),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("", None),
    ],
)
def test_retry_after_is_read(header, seconds):
    assert retry_after(header, NOW) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_is_read(header):
    assert (retry_after(header, NOW) or 0.0) >= 0


@given(st.integers(0, 5000), st.integers())
def test_backoff_grows_within_bounds(attempt, seed):
    wait = backoff(attempt, random.Random(seed))
    assert min(0.5 * 2.0 ** min(attempt, 30), 15.0) <= wait <= min(2.0 ** min(attempt, 30), 30.0) < LONGEST_WAIT_S


def test_nobody_there(waits):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    client = Client(Settings("m", f"http://127.0.0.1:{port}/v1", retries=2), sleep=waits.append)
    caught = failure(client)
    assert "no answer from http://127.0.0.1:" in str(caught)
    assert "is the server running there" in str(caught)
    assert len(waits) == 2
    assert caught.status is None
    assert client.usage.calls == 0


@pytest.mark.parametrize(("kind", "reason", "tries"), [("ConnectTimeout", "", 3), ("ConnectError", "[SSL: CERTIFICATE_VERIFY_FAILED]", 1)])
def test_connections_that_do_not_come_about(waits, kind, reason, tries):
    import httpx

    tried = []

    def refuse(request):
        tried.append(request)
        raise getattr(httpx, kind)(reason)

    client = Client(Settings("m", "https://example.com/v1", retries=2), httpx.MockTransport(refuse), sleep=waits.append)
    assert f"no answer from https://example.com/v1 ({reason or kind})" in str(failure(client))
    assert len(tried) == tries
    assert client.usage.calls == 0


def test_a_broken_connection_is_tried_again(client_of, waits):
    with FakeServer(HANG_UP, "back") as server:
        assert client_of(server).ask(ASK).text == "back"
    assert len(waits) == 1


def test_a_broken_off_body_is_tried_again(client_of, waits):
    with FakeServer(Raw('{"choices": [', length=5000), "whole") as server:
        client = client_of(server)
        assert client.ask(ASK).text == "whole"
    assert len(waits) == 1
    assert client.usage.calls == 2  # the endpoint may well ask money for the first one too


def test_a_slow_endpoint_is_given_up(client_of, waits):
    with FakeServer(Raw("", delay_s=30.0)) as server:
        caught = failure(client_of(server, timeout_s=0.2, retries=1))
    assert server.calls == 2
    assert "no whole answer within 0.2 s; allow more time" in str(caught)


def test_a_trickle_is_too_slow_though_every_piece_comes_in_time(client_of):
    with FakeServer(Raw([b" "] * 10_000, pause_s=0.05)) as server:
        assert "no whole answer within 0.3 s" in str(failure(client_of(server, timeout_s=0.3, retries=0)))


def test_an_endless_reply_is_cut_off(client_of):
    with FakeServer(Raw([b" " * 1_000_000] * 50)) as server:
        assert "sends more than 10 MB" in str(failure(client_of(server)))
    assert server.calls == 1


def test_an_endless_error_is_cut_off(client_of):
    with FakeServer(Raw([b" " * 1_000_000] * 50, status=401)) as server:
        assert "sends more than" in str(failure(client_of(server)))


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (Raw("<html><head><title>Sign in</title></head></html>", content_type="text/html"), "web page (Sign in)"),
        (Raw("<!doctype html>\n<p>hi"), "web page"),
        (Raw("not json\nat all", content_type="text/plain"), "no JSON (text/plain: not json at all)"),
        (Raw('{"choices": ['), "no JSON"),
        (Raw(""), "no JSON (application/json: nothing)"),
        (Raw("[" * 100_000), "no JSON"),
        (Raw("[1, 2]"), "a list, not an object"),
        (Raw("{}"), "without choices"),
        (Raw('{"choices": []}'), "without choices"),
        (Raw('{"choices": "many"}'), "without choices"),
        (Raw('{"choices": [null]}'), "without choices"),
        (Raw('{"choices": [{"text": "old style"}]}'), "without a message"),
        (Raw('{"error": {"message": "model\\nis loading"}}'), "answers with an error: model is loading"),
        (Raw(json.dumps(completion(None))), "answer is empty"),
        (Raw(json.dumps(completion("  \n"))), "answer is empty"),
        (Raw(json.dumps(completion("", finish_reason="length"))), "raise max_reply_tokens"),
        (Raw('{"choices": [{"message": {"content": "", "reasoning_content": "hm"}}]}'), "the model thought and then said nothing"),
        (Raw('{"choices": [{"message": {"content": null, "tool_calls": [{}]}}]}'), "calls a tool instead of answering"),
        (Raw('{"choices": [{"message": {"content": null, "refusal": {"a": 1}}}]}'), "declines to answer: no reason given"),
        (Raw('{"error": {"message": ""}}', 400), "refuses the question (400: {"),
        (Raw('{"error": ""}', 400), "refuses the question (400: nothing)"),
        (Raw(json.dumps(completion("", finish_reason="content_filter"))), "declines to answer: content filter"),
        (Raw(b"\xff\xfe\x00", content_type=""), "no JSON"),
        (Raw(b"junk", headers={"Content-Encoding": "gzip"}), "packs its reply (gzip), though it was asked not to"),
        (Raw(b"junk", headers={"Content-Encoding": "identity, br"}), "packs its reply (identity, br)"),
    ],
)
def test_what_is_no_chat_reply_is_told_in_one_line(client_of, raw, says):
    with FakeServer(raw) as server:
        assert says in str(failure(client_of(server)))
    assert server.calls == 1


NESTED = ("[", "]"), ('{"a":', "}")


@pytest.mark.parametrize("depth", [50, 300, 700, 900, 960, 975, 985, 995, 5000])
@pytest.mark.parametrize(("opening", "closing"), NESTED)
@pytest.mark.parametrize(
    "body",
    [
        '{"error": DEEP}',
        '{"choices": DEEP}',
        '{"choices": [{"message": {"content": null, "refusal": DEEP}}]}',
        '{"choices": [{"message": {"content": DEEP}}]}',
        '{"choices": [{"message": {"content": "DEEP"}}]}',
    ],
)
def test_deep_nesting_is_a_failure_like_others(depth, opening, closing, body):
    import httpx

    deep = opening * depth + "1" + closing * depth
    text = body.replace('"DEEP"', json.dumps(deep)).replace("DEEP", deep)
    for status in (200, 400):
        transport = httpx.MockTransport(lambda _, status=status: httpx.Response(status, text=text))
        client = Client(Settings("m", "http://localhost/v1", retries=0), transport)
        caught = failure(client, schema={"type": "object", "required": ["b"]})
        assert isinstance(caught, RefusedError) == (status == 400)
        assert re.match(r"http://localhost/v1(:? )|m does not answer in the form", str(caught))


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "1" * 5000, "1" * 400])
def test_numbers_that_are_none_are_mended(client_of, number):
    schema = {"type": "object", "properties": {"a": {"type": "number", "maximum": 5}}, "required": ["a"], "additionalProperties": False}
    with FakeServer(f'{{"a": {number}}}', {"a": 1}) as server:
        reply = client_of(server).ask(ASK, schema=schema)
    assert reply.data == {"a": 1}
    assert reply.usage.calls == 2


@pytest.mark.parametrize(("status", "says"), [(200, "packs its reply (gzip, gzip)"), (401, "set the key"), (503, "fails (503: (packed))")])
def test_a_packed_reply_is_not_unpacked(client_of, status, says):
    bomb = Raw(gzip.compress(gzip.compress(b" " * 30_000_000)), status, headers={"Content-Encoding": "gzip, gzip"})
    with FakeServer(bomb) as server:
        assert says in str(failure(client_of(server, retries=0)))
    assert server.requests[0].headers["accept-encoding"] == "identity"


def test_a_reply_that_says_it_is_not_packed_is_read(client_of):
    with FakeServer(Raw(json.dumps(completion("plain")), headers={"Content-Encoding": "Identity"})) as server:
        assert client_of(server).ask(ASK).text == "plain"


def test_a_status_is_told_though_its_body_never_comes_to_its_end(client_of):
    with FakeServer(Raw([b" "] * 10_000, status=401, pause_s=0.05)) as server:
        assert "401" in str(failure(client_of(server, timeout_s=0.3)))
    assert server.calls == 1


@pytest.fixture(scope="module")
def parrot():
    """A server that sends back whatever bytes it was given last."""
    said: dict[str, Raw] = {}
    with FakeServer(lambda _: said["raw"]) as server:
        yield server, said


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=300)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(st.sampled_from(["choices", "message", "content", "usage", "error", "delta", "finish_reason"]), x, max_size=4)
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
    status=st.sampled_from([200, 200, 200, 400, 401, 404, 418, 429, 500]),
    content_type=st.sampled_from(["application/json", "text/html", "text/event-stream", "x"]),
)
def test_any_reply_is_an_answer_or_one_line(parrot, body, status, content_type):
    server, said = parrot
    said["raw"] = Raw(body, status, content_type=content_type)
    with Client(Settings("m", server.url, retries=0, max_calls=None)) as client:
        for ask in (
            lambda: client.ask(ASK).text,
            lambda: client.ask(ASK, schema={"type": "object"}).text,
            lambda: "".join(client.stream(ASK)),
        ):
            refusal = ""
            try:
                assert isinstance(ask(), str)
            except EndpointError as error_:
                refusal = str(error_)
            assert len(refusal.splitlines()) <= 1


def test_the_key_shows_nowhere(client_of, monkeypatch, tmp_path):
    key = "sk-very-secret-0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key)

    def echo(request):
        return error(500 if request.body["temperature"] else 401, f"your key is {request.headers['authorization']}")

    with FakeServer(echo) as server:
        for temperature in (0.0, 1.0):
            client = client_of(server, temperature=temperature, retries=1)
            caught = failure(client)
            assert "(key)" in str(caught)
            assert key not in str(caught)
            assert key not in repr(client.settings) + repr(caught.__cause__) + repr(caught.__context__) + str(vars(caught))
    with FakeServer(lambda request: f"I saw {request.headers['authorization']}") as server:
        reply = client_of(server, cache=tmp_path).ask(ASK)
    assert reply.text == "I saw Bearer (key)"
    assert all(key not in path.read_text() for path in tmp_path.iterdir())


def test_a_wrong_key_is_told_without_it(client_of, monkeypatch):
    monkeypatch.setenv("KINESCRIBE_API_KEY", "wrong-key-1234")
    with FakeServer(key="right") as server:
        caught = failure(client_of(server))
    assert "check the key in the environment variable KINESCRIBE_API_KEY" in str(caught)
    assert "wrong-key" not in str(caught)


def test_a_redirect_takes_no_key_along(client_of, monkeypatch):
    monkeypatch.setenv("KINESCRIBE_API_KEY", "mine-only")
    with FakeServer("stolen") as thief:
        moved = Raw("", 307, {"Location": f"{thief.url}/chat/completions"})
        with FakeServer(moved) as server:
            assert "has moved (307)" in str(failure(client_of(server)))
    assert thief.calls == 0


def test_a_key_is_not_sent_in_the_clear(waits, monkeypatch):
    import httpx

    sent = []
    transport = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(200, json=completion("hi")))
    client = Client(Settings("m", "http://vlm.example.com/v1"), transport, sleep=waits.append)
    monkeypatch.setenv("KINESCRIBE_API_KEY", "mine")
    with pytest.raises(UsageError, match="plain http to another machine"):
        client.ask(ASK)
    assert sent == []
    monkeypatch.setenv("KINESCRIBE_API_KEY", "")
    assert client.ask(ASK).text == "hi"
    assert len(client.warnings) == 1
    assert "can be read on the way" in client.warnings[0]


def test_no_proxy_stands_before_this_machine(client_of, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with FakeServer("direct") as server:
        assert client_of(server).ask(ASK).text == "direct"


def test_a_client_may_be_shared_between_threads(client_of):
    with FakeServer(lambda request: request.text) as server:
        client = client_of(server)
        answers: dict[int, str] = {}

        def ask(number: int) -> None:
            answers[number] = client.ask([Message.user(f"number {number}")]).text

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == {number: f"number {number}" for number in range(12)}
    assert client.usage.calls == 12
