import json
import threading

import pytest
from fake_server import FakeServer, Raw, completion, error

from kinescribe.errors import InputError, KinescribeError
from kinescribe.llm import BudgetExceededError, EndpointError, Message

ASK = [Message.user("again?")]
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


def refusal(client, **options) -> str:
    with pytest.raises(BudgetExceededError) as caught:
        client.ask(ASK, **options)
    assert isinstance(caught.value, KinescribeError)
    assert not isinstance(caught.value, InputError)
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.exit_code == 2
    return str(caught.value)


def counting(prompt: int, reply: int) -> Raw:
    return Raw(json.dumps(completion("yes", usage={"prompt_tokens": prompt, "completion_tokens": reply})))


def test_calls_are_capped(client_of):
    with FakeServer() as server:
        client = client_of(server, max_calls=3)
        for _ in range(3):
            client.ask(ASK)
        assert "cap of 3 calls to fake is reached; raise max_calls" in refusal(client)
    assert server.calls == 3


def test_zero_calls_send_nothing(client_of):
    with FakeServer() as server:
        refusal(client_of(server, max_calls=0))
        with pytest.raises(BudgetExceededError):
            list(client_of(server, max_calls=0).stream(ASK))
    assert server.calls == 0


def test_a_repair_is_a_call(client_of):
    with FakeServer("no json") as server:
        refusal(client_of(server, max_calls=1), schema=SCHEMA)
    assert server.calls == 1


def test_tries_that_may_have_cost_are_calls_and_refused_ones_are_not(client_of):
    with FakeServer(error(429), error(503), Raw("", delay_s=20.0), "late") as server:
        client = client_of(server, max_calls=2, timeout_s=1.0)
        assert client.ask(ASK).text == "late"
        assert client.usage.calls == 2
        refusal(client)


def test_tokens_are_capped(client_of):
    with FakeServer(counting(400, 100)) as server:
        client = client_of(server, max_tokens_total=1200)
        for _ in range(3):
            client.ask(ASK)
        assert "1500 of at most 1200 tokens are spent" in refusal(client)
    assert server.calls == 3


def test_a_bounded_reply_makes_the_cap_on_tokens_hard(client_of):
    with FakeServer(counting(10, 300)) as server:
        client = client_of(server, max_tokens_total=1000, max_reply_tokens=300)
        for _ in range(3):
            client.ask(ASK)
        refusal(client)
    assert client.usage.tokens == 930


def test_a_question_that_is_too_large_alone_is_not_sent(client_of):
    with FakeServer() as server:
        client = client_of(server, max_tokens_total=500)
        with pytest.raises(BudgetExceededError, match="0 of at most 500 tokens"):
            client.ask([Message.user("word " * 2000)])
        assert client.ask(ASK).text == "hello"


def test_money_is_capped(client_of):
    with FakeServer(counting(1000, 1000)) as server:
        client = client_of(server, max_cost=0.025, price_in=2.0, price_out=8.0)
        for _ in range(3):
            client.ask(ASK)
        assert "0.03 of at most 0.025 are spent" in refusal(client)
    assert client.usage.cost == pytest.approx(0.03)


def test_recorded_answers_are_free(client_of, tmp_path):
    with FakeServer() as server:
        client = client_of(server, max_calls=1, cache=tmp_path)
        for _ in range(4):
            client.ask(ASK)
        with pytest.raises(BudgetExceededError):
            client.ask([Message.user("new")])
    assert (client.usage.calls, client.usage.cached_calls) == (1, 3)


def test_threads_together_keep_to_the_cap(client_of):
    with FakeServer(lambda _: Raw(json.dumps(completion("x")), delay_s=0.05)) as server:
        client = client_of(server, max_calls=5)
        refused = []

        def ask() -> None:
            try:
                client.ask(ASK)
            except BudgetExceededError as error_:
                refused.append(error_)

        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert server.calls == client.usage.calls == 5
    assert len(refused) == 15


def test_failed_calls_free_what_they_had_reserved(client_of):
    with FakeServer(error(403), error(403), "fine") as server:
        client = client_of(server, max_calls=1)
        for _ in range(2):
            with pytest.raises(EndpointError):
                client.ask(ASK)
        assert client.ask(ASK).text == "fine"
