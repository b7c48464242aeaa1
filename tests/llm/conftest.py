"""Tests of the client see no key, endpoint or proxy of the person who runs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fake_server import FakeServer

from kinescribe.llm import Client, Settings


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KINESCRIBE_API_KEY", "OPENAI_API_KEY", "KINESCRIBE_MODEL", "KINESCRIBE_BASE_URL", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def waits() -> list[float]:
    """What clients of `client_of` would have slept, in seconds."""
    return []


@pytest.fixture
def client_of(waits: list[float]) -> Callable[..., Client]:
    """A function that makes a client of a server, with the given settings, that never sleeps."""

    def make(server: FakeServer, **settings: Any) -> Client:
        return Client(Settings(**{"model": "fake", "base_url": server.url, "timeout_s": 5.0, **settings}), sleep=waits.append)

    return make
