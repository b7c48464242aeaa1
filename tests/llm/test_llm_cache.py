import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from fake_server import FakeServer, Raw, completion
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinescribe.errors import InputError
from kinescribe.llm import AnswerError, Client, Message, NotRecordedError, Settings
from kinescribe.llm.cache import Cache, Entry

ASK = [Message.user("what is it?")]
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
OTHER = {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]}
IMAGE = np.zeros((8, 8, 3), np.uint8)


def test_the_same_question_is_asked_once(client_of, tmp_path):
    with FakeServer({"a": 1}, {"a": 2}) as server:
        client = client_of(server, cache=tmp_path / "answers")
        first = client.ask(ASK, schema=SCHEMA, images=[IMAGE])
        again = client.ask(ASK, schema=SCHEMA, images=[IMAGE])
        other = client_of(server, cache=tmp_path / "answers").ask(ASK, schema=SCHEMA, images=[IMAGE])
    assert first.data == again.data == other.data == {"a": 1}
    assert (first.cached, again.cached, other.cached) == (False, True, True)
    assert first.model == again.model == "fake-1"
    assert (again.usage.calls, again.usage.cached_calls, again.usage.tokens) == (0, 1, 0)
    assert (client.usage.calls, client.usage.cached_calls, client.usage.tokens) == (1, 1, 120)
    assert server.calls == 1


def test_anything_else_is_another_question(client_of, tmp_path):
    """Each variant differs from the first in one thing."""
    bright = IMAGE.copy()
    bright[4, 4] = 255
    plain = {"schema": SCHEMA, "images": [IMAGE]}
    variants = [
        ({}, ASK, plain),
        ({}, [Message.user("what is it!")], plain),
        ({}, [Message.system("what is it?"), *ASK], plain),
        ({}, ASK, {**plain, "schema": OTHER}),
        ({}, ASK, {"images": [IMAGE]}),
        ({}, ASK, {**plain, "images": [bright]}),
        ({}, ASK, {**plain, "images": [IMAGE, IMAGE]}),
        ({}, ASK, {**plain, "seed": 0}),
        ({}, ASK, {**plain, "seed": 1}),
        ({}, ASK, {**plain, "n_tag": 1}),
        ({"temperature": 0.5}, ASK, plain),
        ({"model": "other"}, ASK, plain),
        ({"max_reply_tokens": 9}, ASK, plain),
    ]
    with FakeServer({"a": 1}) as server:
        for _ in range(2):
            for values, messages, options in variants:
                client_of(server, cache=tmp_path, **values).ask(messages, **options)
    assert server.calls == len(variants)
    assert len(list(tmp_path.glob("*.json"))) == len(variants)


def test_the_endpoint_is_part_of_the_question(client_of, tmp_path):
    with FakeServer("one") as one, FakeServer("two") as two:
        assert client_of(one, cache=tmp_path).ask(ASK).text == "one"
        assert client_of(two, cache=tmp_path).ask(ASK).text == "two"


def test_replay_needs_neither_network_nor_key_nor_httpx(client_of, tmp_path, monkeypatch):
    with FakeServer({"a": 1}) as server:
        client_of(server, cache=tmp_path).ask(ASK, schema=SCHEMA)
    monkeypatch.setitem(sys.modules, "httpx", None)
    client = client_of(server, cache=tmp_path, replay=True)  # the server is down by now
    assert client.ask(ASK, schema=SCHEMA).data == {"a": 1}
    with pytest.raises(NotRecordedError, match=r'no answer of fake is recorded in .* for "and this?') as caught:
        client.ask([Message.user("and\nthis?")])
    assert len(str(caught.value).splitlines()) == 1
    assert client.usage.calls == 0


def test_replay_asks_nothing_even_with_a_server(client_of, tmp_path):
    with FakeServer() as server, pytest.raises(NotRecordedError):
        client_of(server, cache=tmp_path, replay=True).ask(ASK)
    assert server.calls == 0


@pytest.mark.parametrize("answer", ["never", Raw(json.dumps(completion("")))])
def test_unusable_answers_are_replayed_but_asked_anew(client_of, tmp_path, answer):
    with FakeServer(answer) as server:
        with pytest.raises(AnswerError):
            client_of(server, cache=tmp_path).ask(ASK, schema=SCHEMA)
        with pytest.raises(AnswerError, match="had not the form"):
            client_of(server, cache=tmp_path, replay=True).ask(ASK, schema=SCHEMA)
        server.answers = [{"a": 5}]
        assert client_of(server, cache=tmp_path).ask(ASK, schema=SCHEMA).data == {"a": 5}
        assert client_of(server, cache=tmp_path, replay=True).ask(ASK, schema=SCHEMA).data == {"a": 5}


def test_failures_are_not_recorded(client_of, tmp_path):
    with FakeServer(Raw("{}"), "fine") as server:
        client = client_of(server, cache=tmp_path)
        with pytest.raises(InputError):
            client.ask(ASK)
        assert client.ask(ASK).text == "fine"


GARBAGE = [b"", b"{", b"\xff\x00", b"[]", b'"text"', b"null", b"[" * 100_000, b'{"format": 1}', b'{"format": 99, "key": "x"}']


@pytest.mark.parametrize("garbage", GARBAGE)
def test_corrupt_entries_are_told_and_written_anew(client_of, tmp_path, garbage):
    with FakeServer("one", "two") as server:
        client_of(server, cache=tmp_path).ask(ASK)
        (path,) = tmp_path.iterdir()
        path.write_bytes(garbage)
        client = client_of(server, cache=tmp_path)
        assert client.ask(ASK).text == "two"
        assert client_of(server, cache=tmp_path).ask(ASK).text == "two"
    (line,) = client.warnings
    assert path.name in line
    assert "passed over" in line
    assert len(line.splitlines()) == 1
    assert server.calls == 2


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(3 * 10**9)  # takes no room


ODD = {
    "folder": Path.mkdir,
    "pipe": lambda path: os.mkfifo(path),
    "huge": huge,
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path),
    "link to a file of others": lambda path: path.symlink_to(path.parent.parent / "precious"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
@pytest.mark.parametrize("kind", ODD)
def test_odd_things_in_the_place_of_an_entry_are_passed_over(client_of, tmp_path, kind):
    (tmp_path / "precious").write_text("mine")
    with FakeServer("one") as server:
        client_of(server, cache=tmp_path / "c").ask(ASK)
        (path,) = (tmp_path / "c").iterdir()
        path.unlink()
        ODD[kind](path)
        client = client_of(server, cache=tmp_path / "c")
        assert client.ask(ASK).text == "one"
        warnings = client.warnings
        if kind == "folder":
            assert "can't be recorded as" in warnings.pop()
        else:
            assert client_of(server, cache=tmp_path / "c").ask(ASK).cached
    (line,) = warnings
    assert path.name in line
    assert "passed over" in line
    assert (tmp_path / "precious").read_text() == "mine"


@pytest.mark.parametrize("call", ["mkstemp", "replace"])
def test_a_full_disk_loses_no_answer(client_of, tmp_path, monkeypatch, call):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile if call == "mkstemp" else Path, call, full)
    with FakeServer({"a": 1}) as server:
        client = client_of(server, cache=tmp_path / "c")
        for n_tag in range(3):
            assert client.ask(ASK, schema=SCHEMA, n_tag=n_tag).data == {"a": 1}
        assert "".join(client.stream(ASK)) == '{"a": 1}'
    (line,) = client.warnings
    assert "can't be recorded" in line
    assert "No space left on device" in line
    assert not (tmp_path / "c").exists() or list((tmp_path / "c").iterdir()) == []


def test_a_folder_that_may_not_be_read_is_told_once(client_of, tmp_path, monkeypatch):
    with FakeServer("one") as server:
        for n_tag in range(3):
            client_of(server, cache=tmp_path).ask(ASK, n_tag=n_tag)

        def locked(*_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Path, "open", locked)
        client = client_of(server, cache=tmp_path)
        assert [client.ask(ASK, n_tag=n_tag).cached for n_tag in range(3)] == [False] * 3
    assert client.warnings == [f"recorded answers in '{tmp_path}' can't be read (Permission denied) and are passed over"]


def test_a_recorded_name_of_a_model_is_made_fit_to_be_shown(client_of, tmp_path):
    with FakeServer("one") as server:
        client_of(server, cache=tmp_path).ask(ASK)
        (path,) = tmp_path.iterdir()
        path.write_text(json.dumps({**json.loads(path.read_text()), "model": "\x1b[2J a\ud800\n"}))
        assert client_of(server, cache=tmp_path).ask(ASK).model == "[2J a"


@pytest.mark.parametrize(
    "change",
    [
        {"text": 5},
        {"text": None},
        {"fits": 1},
        {"prompt_tokens": -1},
        {"prompt_tokens": True},
        {"completion_tokens": "x"},
        {"key": "0" * 64},
        {"model": []},
    ],
)
def test_tampered_entries_are_told(client_of, tmp_path, change):
    with FakeServer("one", "two") as server:
        client_of(server, cache=tmp_path).ask(ASK)
        (path,) = tmp_path.iterdir()
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
        client = client_of(server, cache=tmp_path)
        assert client.ask(ASK).text == "two"
    assert len(client.warnings) == 1


def test_a_recorded_answer_is_checked_again(client_of, tmp_path):
    with FakeServer({"a": 1}, {"a": 2}) as server:
        client_of(server, cache=tmp_path).ask(ASK, schema=SCHEMA)
        (path,) = tmp_path.iterdir()
        path.write_text(json.dumps({**json.loads(path.read_text()), "text": '{"a": "evil"}'}))
        with pytest.raises(AnswerError, match="can't be used"):
            client_of(server, cache=tmp_path, replay=True).ask(ASK, schema=SCHEMA)
        client = client_of(server, cache=tmp_path)
        assert client.ask(ASK, schema=SCHEMA).data == {"a": 2}
    (line,) = client.warnings
    assert path.name in line
    assert 'a is "evil"' in line


def test_entries_can_be_read_by_people_and_hold_no_pictures(client_of, tmp_path):
    with FakeServer("a dog") as server:
        client_of(server, cache=tmp_path).ask(ASK, images=[IMAGE])
    (path,) = tmp_path.iterdir()
    content = json.loads(path.read_text())
    assert (content["question"], content["text"], content["model"]) == ("what is it?", "a dog", "fake-1")
    assert "base64" not in path.read_text()


def test_places_that_can_not_hold_a_cache(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file, but the cache"):
        Client(Settings("m", "http://localhost/v1", cache=tmp_path / "file"))
    for place in (tmp_path / "file" / "below", Path("a" * 300), Path("a\0b")):
        with pytest.raises(InputError, match=r"the cache of answers can't be at .* name another folder") as caught:
            Cache(place)
        assert len(str(caught.value).splitlines()) == 1
    cache = Cache(tmp_path / "later" / "below")
    (tmp_path / "later").write_text("x")
    with pytest.raises(InputError, match=r"can't be recorded in .* name another folder"):
        cache.put("k", Entry("t", True, 0, 0, "m"), base_url="u", question="q")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters()),
    fits=st.booleans(),
    tokens=st.integers(0, 10**12),
    model=st.text(max_size=9),
    question=st.text(max_size=600),
)
def test_whatever_is_recorded_is_read_back(tmp_path, text, fits, tokens, model, question):
    cache, entry = Cache(tmp_path), Entry(text, fits, tokens, 0, model)
    cache.put("k", entry, base_url="u", question=question)
    assert cache.get("k") == entry
    assert [path.name for path in tmp_path.iterdir()] == ["k.json"]


WRITER = """
import sys
from pathlib import Path
from kinescribe.llm.cache import Cache, Entry
cache, mine = Cache(Path(sys.argv[1])), sys.argv[2]
for i in range(150):
    cache.put("k", Entry(mine * 20_000, True, i, i, "m"), base_url="u", question="q")
    entry = cache.get("k")
    assert entry is not None and len(set(entry.text)) == 1 and len(entry.text) == 20_000, "torn"
assert not cache.warnings
"""


def test_several_processes_write_the_same_entry(tmp_path):
    root = Path(__file__).parents[2]
    running = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), letter], cwd=root) for letter in "ab"]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["k.json"]
