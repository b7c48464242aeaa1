"""The options that name a VLM's endpoint: what they make, and what makes no sense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kinescribe.errors import UsageError
from kinescribe.settings.endpoint import vlm_settings

NOTHING: dict[str, Any] = {
    "model": None,
    "url": None,
    "cache": None,
    "replay": False,
    "timeout": None,
    "max_calls": None,
    "max_tokens": None,
    "max_cost": None,
    "prices": None,
}
HERE = {"model": "qwen2.5vl:7b", "url": "http://localhost:11434/v1"}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch):
    for name in ("KINESCRIBE_MODEL", "KINESCRIBE_BASE_URL", "KINESCRIBE_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def settings(**options: Any) -> Any:
    return vlm_settings(**(NOTHING | options))


def test_nothing_named_is_no_endpoint():
    assert settings() is None


def test_what_the_options_say_is_what_is_set(tmp_path: Path):
    made = settings(**HERE, cache=tmp_path, replay=True, timeout=300.0, max_calls=7, max_tokens=9000, max_cost=0.5, prices="0.15,0.60")
    assert (made.model, made.base_url, made.cache, made.replay) == (HERE["model"], HERE["url"], tmp_path, True)
    assert (made.timeout_s, made.max_calls, made.max_tokens_total) == (300.0, 7, 9000)
    assert (made.max_cost, made.price_in, made.price_out) == (0.5, 0.15, 0.6)


def test_the_environment_fills_in(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINESCRIBE_MODEL", "llava")
    monkeypatch.setenv("KINESCRIBE_BASE_URL", "http://localhost:1/v1")
    assert settings().model == "llava"
    assert settings(model="other").model == "other"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({**HERE, "max_calls": 0}, "--vlm-max-calls 0 must be 1 or more"),
        ({**HERE, "max_tokens": -4}, "--vlm-max-tokens -4"),
        ({**HERE, "timeout": 0.0}, "--vlm-timeout 0 "),
        ({**HERE, "timeout": float("nan")}, "--vlm-timeout nan"),
        ({**HERE, "replay": True}, "name it with --vlm-cache"),
        ({**HERE, "max_cost": 1.0}, "needs the prices"),
        ({**HERE, "max_cost": 1.0, "prices": "cheap"}, "--vlm-prices 'cheap' must be two numbers"),
        ({"cache": Path("answers")}, "both a model and an endpoint"),
        ({"model": "m"}, "KINESCRIBE_BASE_URL|endpoint"),
        ({"model": "m", "url": "ftp://x"}, "http"),
    ],
)
def test_what_makes_no_sense_is_said(options: dict[str, Any], message: str):
    with pytest.raises(UsageError, match=message):
        settings(**options)
