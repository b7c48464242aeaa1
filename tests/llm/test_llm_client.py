"""Questions and answers, and the form of answers, over real sockets."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_server import FakeServer, Raw, completion, error
from pydantic import BaseModel

from kinescribe.errors import InputError, UsageError
from kinescribe.llm import AnswerError, Client, EndpointError, Message, Settings, picture

ROOT = Path(__file__).parents[2]
ASK = [Message.system("be brief"), Message.user("is the label right?")]
SCHEMA = {
    "title": "check",
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": ["right", "wrong"]}},
    "required": ["answer"],
    "additionalProperties": False,
}


class Check(BaseModel):
    answer: str
    sure: float


def test_a_question_goes_out_and_its_answer_comes_back(client_of, monkeypatch):
    monkeypatch.setenv("KINESCRIBE_API_KEY", "secret-key")
    with FakeServer("it is", key="secret-key") as server:
        reply = client_of(server, temperature=0.3).ask(ASK, images=[np.zeros((8, 8, 3), np.uint8)], seed=7)
    (request,) = server.requests
    assert (reply.text, reply.data, reply.cached, reply.model) == ("it is", None, False, "fake-1")
    assert request.path == "/v1/chat/completions"
    assert request.messages[0] == {"role": "system", "content": "be brief"}
    assert request.images == [picture(np.zeros((8, 8, 3), np.uint8))["image_url"]["url"]]
    assert {key: request.body[key] for key in ("model", "temperature", "seed")} == {"model": "fake", "temperature": 0.3, "seed": 7}
    assert "response_format" not in request.body
    assert "max_tokens" not in request.body


def test_without_a_key_none_is_sent(client_of):
    with FakeServer() as server:
        client_of(server).ask(ASK)
    assert "authorization" not in server.requests[0].headers


def test_usage_adds_up(client_of):
    answers = [Raw(json.dumps(completion("a", usage={"prompt_tokens": 1000, "completion_tokens": n}))) for n in (10, 20)]
    with FakeServer(*answers) as server, client_of(server, price_in=2.0, price_out=10.0) as client:
        first = client.ask(ASK).usage
        client.ask(ASK)
    assert (first.calls, first.prompt_tokens, first.completion_tokens) == (1, 1000, 10)
    assert (client.usage.calls, client.usage.tokens, client.usage.estimated) == (2, 2030, False)
    assert client.usage.cost == pytest.approx((2000 * 2 + 30 * 10) / 1e6)


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": "many"}, {"prompt_tokens": -5, "completion_tokens": 10**12}])
def test_usage_is_estimated_where_the_endpoint_does_not_count(client_of, usage):
    with FakeServer(Raw(json.dumps(completion("word " * 60, usage=usage)))) as server:
        used = client_of(server).ask(ASK).usage
    assert used.estimated
    assert 5 <= used.prompt_tokens <= 40
    assert 60 <= used.completion_tokens <= 120


def test_the_schema_is_enforced_by_the_endpoint_where_it_can(client_of):
    with FakeServer({"answer": "right"}) as server:
        reply = client_of(server).ask(ASK, schema=SCHEMA)
    assert reply.data == {"answer": "right"}
    sent = server.requests[0].body["response_format"]
    assert sent == {"type": "json_schema", "json_schema": {"name": "check", "strict": True, "schema": SCHEMA}}
    assert "schema" not in server.requests[0].text


def test_a_pydantic_model_comes_back_as_itself(client_of):
    with FakeServer({"answer": "right", "sure": 0.5}) as server:
        assert client_of(server).ask(ASK, schema=Check).data == Check(answer="right", sure=0.5)
    assert set(server.requests[0].schema["properties"]) == {"answer", "sure"}


@pytest.mark.parametrize(("accepts", "level"), [(["json_object"], "json_object"), ([], None)])
def test_the_level_goes_down_and_stays_there(client_of, accepts, level):
    answer = {"answer": "wrong"} if level else 'Surely:\n```json\n{"answer": "wrong"}\n```'
    with FakeServer(answer, accepts=accepts) as server:
        client = client_of(server)
        assert client.ask(ASK, schema=SCHEMA).data == {"answer": "wrong"}
        refused = server.calls - 1
        assert client.ask(ASK, schema=SCHEMA).data == {"answer": "wrong"}
    assert refused == 2 - len(accepts)
    assert server.calls == refused + 2
    assert server.requests[-1].level == level
    assert json.dumps(SCHEMA) in server.requests[-1].text
    assert client.usage.calls == 2


def test_the_instruction_is_added_behind_the_pictures(client_of):
    with FakeServer({"answer": "wrong"}, accepts=[]) as server:
        client_of(server).ask(ASK, schema=SCHEMA, images=[np.zeros((8, 8, 3), np.uint8)])
    parts = server.requests[-1].messages[-1]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "text"]


def test_an_endpoint_that_ignores_the_level_is_asked_at_the_next_one(client_of):
    def says(request):
        return '```json\n{"answer": "right"}\n```' if "JSON schema" in request.text else "It is right."

    with FakeServer(says) as server:
        client = client_of(server)
        for _ in range(4):
            assert client.ask(ASK, schema=SCHEMA).data == {"answer": "right"}
    assert [request.level for request in server.requests] == ["json_schema"] * 3 + ["json_object"] * 3  # the second repair already


def test_one_silly_answer_does_not_change_the_level(client_of):
    with FakeServer({"answer": "right"}, "no idea", {"answer": "right"}) as server:
        client = client_of(server)
        for _ in range(4):
            client.ask(ASK, schema=SCHEMA)
    assert {request.level for request in server.requests} == {"json_schema"}


def test_an_answer_is_mended_once(client_of):
    with FakeServer({"answer": "maybe"}, {"answer": "wrong"}) as server:
        reply = client_of(server).ask(ASK, schema=SCHEMA)
    assert reply.data == {"answer": "wrong"}
    assert reply.usage.calls == 2
    *_, answer, repair = server.requests[1].messages
    assert answer == {"role": "assistant", "content": '{"answer": "maybe"}'}
    assert 'answer is "maybe", not one of ["right", "wrong"]' in repair["content"]


def test_an_answer_that_stays_wrong_is_an_error(client_of):
    with FakeServer("I can't tell.\nReally.") as server:
        client = client_of(server)
        with pytest.raises(AnswerError, match="fake does not answer in the form that was asked for: there is no valid JSON") as caught:
            client.ask(ASK, schema=SCHEMA)
    assert isinstance(caught.value, InputError)
    assert server.calls == 2


def test_what_was_cut_off_is_said_to_the_model(client_of):
    cut = Raw(json.dumps(completion('{"answer": "ri', finish_reason="length")))
    with FakeServer(cut, {"answer": "right"}) as server:
        assert client_of(server, max_reply_tokens=5).ask(ASK, schema=SCHEMA).data == {"answer": "right"}
    assert "cut off at its longest; be brief" in server.requests[1].text
    assert server.requests[0].body["max_tokens"] == 5


def test_what_is_cut_off_twice_is_said_to_the_user(client_of):
    cut = Raw(json.dumps(completion('{"answer": "ri', finish_reason="length")))
    with FakeServer(cut) as server, pytest.raises(AnswerError) as caught:
        client_of(server).ask(ASK, schema=SCHEMA)
    assert 'no valid JSON in it, for it was cut off at its longest ("{"answer": "ri"); ask another model' in str(caught.value)


@pytest.mark.parametrize("name", ["temperature", "seed", "max_tokens"])
@pytest.mark.parametrize("form", ["param", "message"])
def test_a_parameter_that_the_model_does_not_take_is_left_out_and_said(client_of, name, form):
    def says(request):
        if name in request.body:
            fault = {"message": "Unsupported parameter", "param": name} if form == "param" else {"message": f"'{name}' is not supported"}
            return Raw(json.dumps({"error": fault}), 400)
        return {"answer": "right"}

    with FakeServer(says) as server:
        client = client_of(server, max_reply_tokens=50)
        for _ in range(2):
            assert client.ask(ASK, schema=SCHEMA, seed=1).data == {"answer": "right"}
    assert server.calls == 3
    assert server.requests[-1].level == "json_schema"
    assert client.warnings == [f"fake doesn't take '{name}' and is asked without it"]
    assert server.requests[-1].body.get("max_completion_tokens") == (50 if name == "max_tokens" else None)


def test_a_refusal_for_another_reason_is_told_as_it_was(client_of):
    with FakeServer(error(400, "image too large")) as server:
        client = client_of(server)
        with pytest.raises(EndpointError, match=r"refuses the question \(400: image too large\)") as caught:
            client.ask(ASK, schema=SCHEMA)
        assert caught.value.status == 400
        assert server.calls == 3
        with pytest.raises(EndpointError):
            client.ask(ASK)
    assert server.calls == 4
    assert client.usage.calls == 0


def test_text_in_pieces_is_joined(client_of):
    body = completion(None)
    body["choices"][0]["message"]["content"] = [{"type": "text", "text": "it "}, {"type": "other"}, {"type": "text", "text": "is"}]
    with FakeServer(Raw(json.dumps(body))) as server:
        assert client_of(server).ask(ASK).text == "it is"


def test_importing_leaves_the_heavy_libraries_alone():
    code = "import sys, kinescribe.llm; print([name for name in ('httpx', 'cv2', 'numpy', 'torch') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_httpx_is_asked_for_by_name(client_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    client = Client(Settings("m", "http://localhost:1/v1"))
    with pytest.raises(UsageError, match=r"pip install 'kinescribe\[llm\]'"):
        client.ask(ASK)


def test_a_transport_takes_the_place_of_the_network():
    import httpx

    client = Client(Settings("m", "https://example.com/v1"), httpx.MockTransport(lambda _: httpx.Response(200, json=completion("hi"))))
    assert client.ask(ASK).text == "hi"
    client.close()
    assert client.ask(ASK).text == "hi"
