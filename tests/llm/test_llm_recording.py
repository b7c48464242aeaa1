"""Exchanges are kept in order, faults too, and answered from again without the model."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fake_server import FakeServer

from kinescribe.errors import InputError
from kinescribe.llm import AnswerError, BudgetExceededError, Client, Exchange, Message, Recorder, Replayer, Settings

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


def ask(model, text: str, **options):
    return model.ask([Message.system("be brief"), Message.user(text)], **options)


def kept(recorder: Recorder) -> list[Exchange]:
    """Through JSON and back."""
    return [Exchange.of(json.loads(json.dumps(one.to_dict())), f"exchange {k}") for k, one in enumerate(recorder.exchanges)]


def test_answers_forms_pictures_and_faults_come_again(monkeypatch):
    monkeypatch.setenv("KINESCRIBE_API_KEY", "")
    picture = np.zeros((4, 4, 3), np.uint8)
    with FakeServer("hello", {"n": 3}, "no JSON", "still none", "last") as server:
        client = Client(Settings(model="m", base_url=server.url, max_calls=4))
        recorder = Recorder(client)
        assert ask(recorder, "a", images=[picture]).text == "hello"
        assert ask(recorder, "b", schema=SCHEMA).data == {"n": 3}
        with pytest.raises(AnswerError):
            ask(recorder, "c", schema=SCHEMA)
        with pytest.raises(BudgetExceededError):
            ask(recorder, "d")
        spent = client.usage
    again = Replayer(kept(recorder), recorder.model)
    assert recorder.model == again.model == "m"
    assert [one.fault for one in recorder.exchanges] == ["", "", "answer", "budget"]
    assert recorder.exchanges[0].pictures == 1
    assert ask(again, "a", images=[picture]).text == "hello"
    assert ask(again, "b", schema=SCHEMA).data == {"n": 3}
    with pytest.raises(AnswerError):
        ask(again, "c", schema=SCHEMA)
    with pytest.raises(BudgetExceededError, match="max_calls"):
        ask(again, "d")
    assert again.warnings == []
    assert (again.usage.prompt_tokens, recorder.usage.prompt_tokens) == (spent.prompt_tokens, spent.prompt_tokens)
    with pytest.raises(InputError, match="another question comes up"):
        ask(again, "e")


def test_another_question_gets_the_recorded_answer_and_a_warning():
    again = Replayer([Exchange((("system", "be brief"), ("user", "a")), 0, "hello")], "m")
    assert ask(again, "b").text == "hello"
    assert "question 1 is not the recorded one" in again.warnings[0]


def test_an_answer_of_another_form_is_refused():
    again = Replayer([Exchange((("system", "be brief"), ("user", "a")), 0, "hello")], "m")
    with pytest.raises(InputError, match="hasn't the form"):
        ask(again, "a", schema=SCHEMA)


@pytest.mark.parametrize(
    "change",
    [
        {"question": "x"}, {"question": [{"role": "user"}]}, {"reply": 3}, {"fault": "magic"}, {"pictures": -1}, {"pictures": True},
        {"prompt_tokens": 1.5}, {"cost": "1"}, {"cost": -1}, {"cost": float("inf")}, {"model": None}, {"said": "x" * 3_000_000},
    ],
)  # fmt: skip
def test_rows_that_are_no_exchange_are_refused(change):
    row = Exchange((("user", "a"),), 0, "hello").to_dict() | change
    with pytest.raises(InputError, match="no exchange"):
        Exchange.of(row, "run.json")


@pytest.mark.parametrize("row", [None, [], "x", 3, {}])
def test_what_is_no_row_is_refused(row):
    with pytest.raises(InputError, match="no exchange"):
        Exchange.of(row, "run.json")
