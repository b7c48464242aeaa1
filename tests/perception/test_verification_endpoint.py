"""The whole way to an endpoint and back, on localhost."""

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest
from verification_scenes import cart_pole_evidence

from kinescribe.llm import Client, Message, Settings, picture
from kinescribe.perception.verification import VlmVerifier

ANY = {"type": "object", "properties": {"answer": {"enum": ["pole", "black cart", "not there", "unsure"]}}}


@pytest.fixture
def servers(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "llm"))
    import fake_server

    return fake_server


def settings(url: str, **changes: object) -> Settings:
    return Settings(**({"model": "seer", "base_url": url, "retries": 0, "timeout_s": 10.0} | changes))


def by_color(request):
    """A model that sees: brown within the outlined thing is the pole, black the cart."""
    data = base64.b64decode(request.images[0].split(",")[1])
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).astype(int)
    offered = request.schema["properties"]["answer"]["enum"]
    assert offered[-1] == "unsure"
    assert set(offered) == {"pole", "black cart", "not there", "unsure"}
    if "dimmed" not in request.text:
        return {"answer": "unsure"}
    brown = np.abs(picture - (101, 152, 202)).max(2) < 25
    return {"answer": "pole" if brown.sum() > 400 else "black cart"}


def test_cart_pole_through_an_endpoint_and_again_from_what_was_recorded(servers, tmp_path):
    with servers.FakeServer(by_color) as server:
        verifier = VlmVerifier(settings=settings(server.url, cache=tmp_path))
        found = verifier.verify(cart_pole_evidence())
        assert [verdict.label for verdict in found] == ["pole", "black cart"]
        assert [verdict.verdict for verdict in found] == ["corrected", "yes"]
        assert verifier.name == "seer"
        assert verifier.provenance["name"] == "seer"
        assert verifier.warnings == []
        calls, url = server.calls, server.url
        assert calls == verifier.questions
    again = VlmVerifier(settings=settings(url, cache=tmp_path, replay=True))
    assert again.verify(cart_pole_evidence()) == found


@pytest.mark.parametrize("fault", ["down", "busy", "nonsense", "capped"])
def test_faults_leave_every_track_with_an_answer_and_a_warning(servers, fault: str):
    answers = {
        "down": servers.HANG_UP,
        "busy": servers.error(503),
        "nonsense": "I am a teapot",
        "capped": by_color,
    }
    with servers.FakeServer(answers[fault]) as server:
        caps = {"max_calls": 1} if fault == "capped" else {}
        verifier = VlmVerifier(settings=settings(server.url, **caps))
        found = verifier.verify(cart_pole_evidence())
    assert len(found) == 2
    assert [verdict.label for verdict in found] == ["pole", "black cart"]
    if fault == "nonsense":
        assert server.calls <= 24  # it isn't asked on and on
        assert "the form that was asked for" in verifier.warnings[0]
        assert all(vote.answer in ("unsure", verdict.label) for verdict in found for vote in verdict.votes)
    assert len(verifier.warnings) == 1


def test_one_refused_question_does_not_end_it(servers):
    with servers.FakeServer(servers.error(413, "picture too large"), by_color) as server:
        verifier = VlmVerifier(settings=settings(server.url), workers=1)
        found = verifier.verify(cart_pole_evidence())
    assert [verdict.label for verdict in found] == ["pole", "black cart"]
    (line,) = verifier.warnings
    assert line.startswith("1 question to seer has no answer that counts; the last: ")
    assert "picture too large" in line


def test_a_client_may_be_shared_and_its_caps_hold_for_all_that_ask(servers):
    with servers.FakeServer(by_color) as server, Client(settings(server.url, max_calls=3)) as client:
        client.ask([Message.user("dimmed", picture(np.zeros((8, 8, 3), np.uint8)))], schema=ANY)
        verifier = VlmVerifier(settings=client, workers=1)
        found = verifier.verify(cart_pole_evidence())
        assert server.calls == client.usage.calls == 3
    assert len(found) == 2
    assert "the cap of 3 calls" in verifier.warnings[0]


def test_what_the_client_has_to_say_is_told(servers, tmp_path):
    with servers.FakeServer(by_color) as server:
        verifier = VlmVerifier(settings=settings(server.url, cache=tmp_path / "c"), workers=1)
        (tmp_path / "c").write_text("in the way")
        found = verifier.verify(cart_pole_evidence())
    assert [verdict.label for verdict in found] == ["pole", "black cart"]
    (line,) = verifier.warnings
    assert "answers can't be recorded" in line
