"""Which model is asked, where, and how much it may cost."""

from __future__ import annotations

import ipaddress
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kinescribe.errors import UsageError

__all__ = ["Settings"]

OTHER_KEY_VARIABLE = "OPENAI_API_KEY"
MODEL_VARIABLE, URL_VARIABLE = "KINESCRIBE_MODEL", "KINESCRIBE_BASE_URL"
EXAMPLE = "http://localhost:11434/v1"
LONGEST_URL = 500  # characters; it stands in every message


@dataclass(frozen=True, slots=True)
class Settings:
    """An endpoint and the caps on what is asked of it. Holds no key: that is read from the environment when a question goes out.

    Attributes:
        model: as the endpoint calls it.
        base_url: up to and including ``/v1``; http or https.
        key_variable: environment variable that holds the key. Where it isn't set, OPENAI_API_KEY is used; where it is set and empty, no
            key is sent.
        timeout_s: longest wait for a whole reply, from the question to its last byte, seconds.
        retries: further tries after a failure that may pass (busy, rate-limited, no connection).
        max_calls, max_tokens_total, max_cost: caps, None for none.
        price_in, price_out: of a million prompt and completion tokens, in any currency; needed for `max_cost`.
        max_reply_tokens: longest reply, None for the endpoint's own limit. With it the caps on tokens and money can't be overshot by a
            long reply.
        temperature: of the model's choice of words; 0 for the likeliest.
        cache: folder of recorded answers, None for none.
        replay: answer from the cache alone and never touch the network.
    """

    model: str
    base_url: str
    key_variable: str = "KINESCRIBE_API_KEY"
    timeout_s: float = 60.0
    retries: int = 4
    max_calls: int | None = 200
    max_tokens_total: int | None = None
    max_cost: float | None = None
    price_in: float | None = None
    price_out: float | None = None
    max_reply_tokens: int | None = None
    temperature: float = 0.0
    cache: Path | None = None
    replay: bool = False

    def __post_init__(self) -> None:
        """Raise `UsageError` for a value that makes no sense, or one that would send a key in the clear."""
        for name in ("model", "base_url", "key_variable"):
            if not isinstance(getattr(self, name), str):
                raise UsageError(f"{name} = {getattr(self, name)!r} must be a text in quotes")
        if not isinstance(self.replay, bool):
            raise UsageError(f"replay = {self.replay!r} must be True or False")
        if self.cache is not None and not isinstance(self.cache, str | os.PathLike):
            raise UsageError(f"cache = {self.cache!r} must be the path of a folder")
        if not self.model.strip() or not self.model.isprintable():
            raise UsageError(f"model {self.model!r} is no name of a model; give it as the endpoint lists it, such as qwen2.5vl:7b")
        object.__setattr__(self, "base_url", _checked_url(self.base_url))
        if self.cache is not None:
            object.__setattr__(self, "cache", Path(self.cache))
        for name, least in (("timeout_s", 0.0), ("retries", -1), ("max_calls", -1), ("max_tokens_total", -1), ("max_cost", -1)):
            self._check_number(name, least)
        for name, least in (("price_in", -1), ("price_out", -1), ("max_reply_tokens", 0), ("temperature", -1)):
            self._check_number(name, least)
        if self.max_cost is not None and (self.price_in is None or self.price_out is None):
            raise UsageError(f"a cap of {self.max_cost:g} on the cost needs price_in and price_out, each for a million tokens")
        if self.replay and self.cache is None:
            raise UsageError("replay needs the folder with the recorded answers: give the cache too")

    def _check_number(self, name: str, least: float) -> None:
        """Counts and amounts may be 0, which `least` = -1 stands for; others must lie above `least`."""
        value = getattr(self, name)
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise UsageError(f"{name} = {value!r} is no number")
        if value <= least or value < 0:
            raise UsageError(f"{name} = {value} is too small; give {'0 or more' if least < 0 else 'more than 0'}")

    @classmethod
    def from_environment(cls, model: str | None = None, base_url: str | None = None, **others: Any) -> Settings | None:
        """Settings from the arguments and, where these are None, from KINESCRIBE_MODEL and KINESCRIBE_BASE_URL; None if neither is given.

        Raises:
            UsageError: one of the two alone, or a value that makes no sense.
        """
        model = model or os.environ.get(MODEL_VARIABLE) or None
        base_url = base_url or os.environ.get(URL_VARIABLE) or None
        if model is None and base_url is None:
            return None
        if model is None:
            raise UsageError(f"the endpoint {_cut(base_url or '')} is given without a model; give its name, or set {MODEL_VARIABLE}")
        if base_url is None:
            raise UsageError(f"the model '{model}' is given without an endpoint; give its URL, or set {URL_VARIABLE}, such as {EXAMPLE}")
        return cls(model=model, base_url=base_url, **others)

    @property
    def host(self) -> str:
        """The endpoint's host, as the URL has it."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def is_local(self) -> bool:
        """Whether the endpoint runs on this machine or in a private network, as far as its address tells."""
        return _is_private(self.host)

    @property
    def in_the_clear(self) -> bool:
        """Whether what is sent can be read on the way: plain http to a host that isn't local."""
        return self.base_url.startswith("http:") and not self.is_local

    def key(self, environment: Mapping[str, str] | None = None) -> str | None:
        """The key from the environment, None without one. Keep it out of whatever is stored or printed.

        Raises:
            UsageError: a key that can't stand in an HTTP header, or one that would travel in the clear.
        """
        variables = os.environ if environment is None else environment
        name = self.key_variable if self.key_variable in variables else OTHER_KEY_VARIABLE
        value = variables.get(name, "").strip()
        if not value:
            return None
        if not (value.isascii() and value.isprintable() and " " not in value):
            raise UsageError(f"the key in {name} holds spaces or other characters that no key has; set it again")
        if self.in_the_clear:
            raise UsageError(
                f"{self.base_url} is plain http to another machine, where the key in {name} could be read on the way; "
                f"use https, or set {self.key_variable} to nothing if the endpoint needs no key"
            )
        return value


def _checked_url(text: str) -> str:
    """A base URL without its closing slash, and without ``/chat/completions`` where that was copied along."""
    way = f"give one such as {EXAMPLE} or https://api.openai.com/v1"
    text = text.strip()
    if len(text) > LONGEST_URL:
        raise UsageError(f"the endpoint's URL {_cut(text)!r} has {len(text)} characters; {way}")
    if not text.isprintable() or " " in text:
        raise UsageError(f"the endpoint's URL {_cut(text)!r} holds spaces or control characters; {way}")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{_cut(text)!r} is no URL ({error}); {way}") from error
    if "@" in parts.netloc:
        # not shown: it holds a password
        raise UsageError(f"the endpoint's URL holds a name or password; put the key into the environment, and {way}")
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"{_cut(text)!r} is no http or https URL; {way}")
    if parts.query or parts.fragment:
        raise UsageError(f"the endpoint's URL has parameters after its path; {way}, and put the key into the environment")
    return text.rstrip("/").removesuffix("/chat/completions").rstrip("/")


def _is_private(host: str) -> bool:
    if host.endswith((".localhost", ".local", ".internal")):
        return True
    if "." not in host and ":" not in host:
        return not host[0].isdigit()  # a name of the own network; a number is an address in disguise
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private or address.is_loopback or address.is_link_local


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
