import json
from itertools import pairwise

import pytest
from fake_server import FakeServer, Raw, error, events
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.llm import EndpointError, Message
from kinescribe.llm.endpoint import _lines

ASK = [Message.user("tell me")]


def test_text_comes_piece_by_piece(client_of):
    with FakeServer(events("On", "ce ", "", "upon")) as server:
        client = client_of(server)
        assert list(client.stream(ASK)) == ["On", "ce ", "upon"]
    assert server.requests[0].body["stream"] is True
    assert (client.usage.calls, client.usage.prompt_tokens, client.usage.completion_tokens) == (1, 100, 20)
    assert not client.usage.estimated


def test_the_first_piece_is_there_before_the_last_is_sent(client_of):
    def pieces():
        yield b'data: {"choices": [{"delta": {"content": "early"}}]}\n\n'
        server.pause(60.0)
        yield b"data: [DONE]\n\n"

    with FakeServer(lambda _: Raw(pieces(), content_type="text/event-stream")) as server:
        stream = client_of(server).stream(ASK)
        assert next(stream) == "early"
        stream.close()


def test_usage_is_estimated_where_the_stream_does_not_count(client_of):
    with FakeServer(events("word " * 60, usage=False)) as server:
        client = client_of(server)
        list(client.stream(ASK))
    assert client.usage.estimated
    assert 60 <= client.usage.completion_tokens <= 120


def test_a_stream_that_is_left_counts(client_of):
    with FakeServer(events("a", "b")) as server:
        client = client_of(server)
        stream = client.stream(ASK)
        next(stream)
        stream.close()
    assert client.usage.calls == 1
    assert client.usage.prompt_tokens > 0


def test_an_endpoint_that_does_not_stream_is_heard(client_of):
    with FakeServer(lambda _: Raw(json.dumps({"choices": [{"message": {"content": "all at once"}}]}))) as server:
        assert list(client_of(server).stream(ASK)) == ["all at once"]


def test_options_that_a_server_does_not_know_are_left_out(client_of):
    with FakeServer(lambda r: error(400, "unknown field stream_options") if "stream_options" in r.body else "hi") as server:
        client = client_of(server)
        assert "".join(client.stream(ASK)) == "hi"
        assert "".join(client.stream(ASK)) == "hi"
    assert server.calls == 3
    assert client.warnings == ["fake doesn't take 'stream_options' and is asked without it"]


def test_failures_before_the_first_piece_are_tried_again(client_of, waits):
    with FakeServer(error(503), events(done=False, usage=False), events("now")) as server:
        assert list(client_of(server).stream(ASK)) == ["now"]
    assert len(waits) == 2


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (events("half", done=False, usage=False), "breaks off its reply"),
        (
            Raw(
                [b'data: {"choices": [{"delta": {"content": "half"}}]}\n\n', b'data: {"error": {"message": "out of memory"}}\n\n'],
                content_type="text/event-stream",
            ),
            "breaks off its reply: out of memory",
        ),
        (Raw([b'data: {"choices": [{"delta": {"content": "half"}}]}\n\n', b"data: {]\n\n"], content_type="text/event-stream"), "no JSON"),
    ],
)
def test_failures_after_it_are_final(client_of, waits, raw, says, tmp_path):
    with FakeServer(raw) as server:
        client = client_of(server, cache=tmp_path)
        stream = client.stream(ASK)
        assert next(stream) == "half"
        with pytest.raises(EndpointError, match=says):
            list(stream)
    assert server.calls == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("piece", [(b": still here " + b"." * 4000 + b"\n\n") * 150, b"x" * 1_000_000])
def test_an_endless_stream_is_cut_off(client_of, piece):
    with (
        FakeServer(Raw([piece] * 60, content_type="text/event-stream")) as server,
        pytest.raises(EndpointError, match="sends more than 10 MB"),
    ):
        list(client_of(server).stream(ASK))


def test_a_stream_is_recorded_and_replayed(client_of, tmp_path):
    with FakeServer(events("a", "b")) as server:
        client = client_of(server, cache=tmp_path)
        assert list(client.stream(ASK)) == ["a", "b"]
        assert list(client.stream(ASK)) == ["ab"]
        assert client.ask(ASK).text == "ab"
    assert server.calls == 1
    assert client.usage.cached_calls == 2


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=6),
    st.lists(st.integers(0, 80), max_size=8),
    st.sampled_from(["\n", "\r\n"]),
)
def test_lines_are_the_same_however_they_are_cut(lines, cuts, end):
    data = "".join(line + end for line in lines).encode()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    chunks = [data[a:b] for a, b in pairwise(edges)]
    assert [line.decode() for line in _lines(iter(chunks))] == lines
