"""A key that comes back is blotted out, however it is written."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote

import pytest
from fake_server import FakeServer, Raw, completion, events
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.llm import EndpointError, Message
from kinescribe.llm.secrecy import begun_in, hider

KEY = "sk-sec/ret+123&Z"
ASK = [Message.user("hello?")]


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


WAYS = {
    "plain": lambda key: key,
    "slashes": lambda key: key.replace("/", "\\/"),
    "unicode": escaped,
    "unicode in capitals": lambda key: "".join(f"\\u{ord(character):04X}" for character in key),
    "twice": lambda key: json.dumps(escaped(key)),
    "hex": lambda key: "".join(f"\\x{ord(character):02x}" for character in key),
    "mixed": lambda key: key[:3] + escaped(key[3:6]) + quote(key[6:], safe=""),
    "url": lambda key: quote(key, safe=""),
    "url twice": lambda key: quote(quote(key, safe=""), safe=""),
    "html": html.escape,
    "numbers of html": lambda key: "".join(f"&#{ord(character)};" for character in key),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 of the header": lambda key: base64.b64encode(f"Bearer {key}".encode()).decode(),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(f":{key}!!".encode()).decode(),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("key", [KEY, "0123456789abcdef", "a\\\\b\"c'd<e>f%g?h", "????>>>>~~~~"])
def test_every_spelling_is_found(way, key):
    written = WAYS[way](key)
    shown = hider(key)(f"your key is {written}, isn't it")
    assert "(key)" in shown
    assert written not in shown
    assert hider(None)(written) == written


@given(st.text(max_size=200))
def test_other_texts_stay(text):
    assert hider("sk-0123456789")(text) == text


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_any_key_is_found(key, before, after):
    assert key not in hider(key)(before + key + after).replace("(key)", " ")


def test_words_for_no_key_are_left_in_answers():
    assert hider("x")("black box x") == "black box x"
    assert hider("ball")("red ball, balloon") == "red (key), balloon"


@pytest.mark.parametrize("key", ["\\" * 30 + "a", "s\\\\\\k" * 4, "aaaaaaaaaaaaaaab"])
@pytest.mark.parametrize("text", ["\\" * 200_000, "a" * 200_000, "&#0" * 60_000, "%25" * 60_000])
def test_hostile_texts_end_soon(key, text):
    assert "(key)" not in hider(key)(text)


def test_the_beginning_of_a_key_is_told():
    assert begun_in("it is sk-", "sk-1234") == 3
    assert begun_in("it is?", "sk-1234") == 0
    assert begun_in("sk-1234", "sk-1234") == 0
    assert begun_in("sk-", None) == 0


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINESCRIBE_API_KEY", KEY)


@pytest.mark.usefixtures("keyed")
@pytest.mark.parametrize("way", ["plain", "unicode", "slashes"])
@pytest.mark.parametrize(
    "raw",
    [
        Raw('{"error": {"message": "bad key KEY"}}', 401),
        Raw('{"error": {"why": ["bad key KEY"]}}', 400),
        Raw('{"error": "KEY"}'),
        Raw('{"KEY": "KEY"}'),
        Raw("[1, 'KEY", content_type="text/plain"),
        Raw("<title>KEY</title>", content_type="text/html"),
        Raw("{", headers={}, content_type="x/KEY"),
        Raw('{"choices": [{"message": {"content": null, "refusal": "no, KEY"}}]}'),
        Raw("x", headers={"Content-Encoding": "KEY"}),
        Raw(" " * 1500 + "KEY" * 50),
    ],
)
def test_no_message_shows_the_key(client_of, raw, way):
    written = WAYS[way](KEY)
    kind, headers = raw.content_type.replace("KEY", written), {name: value.replace("KEY", written) for name, value in raw.headers.items()}
    with (
        FakeServer(Raw(raw.body.replace("KEY", written), raw.status, headers, kind)) as server,
        pytest.raises(EndpointError) as caught,
    ):
        client_of(server, retries=0).ask(ASK)
    assert "(key)" in str(caught.value)
    for shown in (str(caught.value), repr(caught.value.__cause__)):
        assert KEY[:6] not in shown
        assert escaped(KEY)[:20] not in shown


@pytest.mark.usefixtures("keyed")
@pytest.mark.parametrize("way", ["plain", "unicode", "slashes", "twice"])
def test_no_answer_and_no_record_shows_the_key(client_of, tmp_path, way):
    text = json.dumps({"why": "the key is KEY", "KEY": 1}).replace("KEY", WAYS[way](KEY).strip('"') if way != "plain" else KEY)
    body = json.dumps(completion(text, model="KEY")).replace("KEY", escaped(KEY))
    with FakeServer(Raw(body)) as server:
        client = client_of(server, cache=tmp_path)
        reply = client.ask(ASK, schema={"type": "object"})
        again = client.ask(ASK, schema={"type": "object"})
    for one in (reply, again):
        assert one.data == {"why": "the key is (key)", "(key)": 1}
        assert one.model == "(key)"
    (path,) = tmp_path.iterdir()
    assert KEY not in json.dumps(json.loads(path.read_text()))
    assert KEY not in path.read_text()


@pytest.mark.usefixtures("keyed")
def test_a_key_in_pieces_does_not_come_out_of_a_stream(client_of, tmp_path):
    pieces = ["it is ", *KEY, " or s", "k"]
    with FakeServer(events(*pieces)) as server:
        client = client_of(server, cache=tmp_path)
        assert "".join(client.stream(ASK)) == "it is (key) or sk"
        assert client.ask(ASK).text == "it is (key) or sk"
