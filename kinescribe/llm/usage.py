"""What the questions have cost so far, and the caps on it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from .errors import BudgetExceededError
from .settings import Settings

__all__ = ["Meter", "Ticket", "Usage"]


@dataclass(slots=True)
class Usage:
    """Calls, tokens and money.

    Attributes:
        calls: requests that an endpoint worked on; those that it refused at once (rate limits, errors) are not among them.
        cached_calls: questions answered from the cache.
        prompt_tokens, completion_tokens: as the endpoint counts them; where it doesn't, estimated.
        cost: in the currency of the prices in the settings; 0 without prices.
        estimated: whether some tokens are an estimate of ours.
    """

    calls: int = 0
    cached_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    estimated: bool = False

    @property
    def tokens(self) -> int:
        """Of prompts and completions together."""
        return self.prompt_tokens + self.completion_tokens

    def add(self, other: Usage) -> None:
        """Count another's in."""
        self.calls += other.calls
        self.cached_calls += other.cached_calls
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.cost += other.cost
        self.estimated |= other.estimated


@dataclass(slots=True)
class Ticket:
    """The right to one call. What it turned out to cost is written into `usage` before it is handed back.

    Attributes:
        usage: to be filled in.
        worked: False once it is known that the endpoint did nothing for it, so that it does not count.
    """

    usage: Usage = field(default_factory=lambda: Usage(calls=1))
    worked: bool = True


class Meter:
    """Adds up what calls cost and refuses those beyond the caps. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._spent = Usage()
        self._open_calls = 0
        self._open_tokens = 0
        self._open_cost = 0.0

    @property
    def usage(self) -> Usage:
        """A copy of the sums so far."""
        with self._lock:
            return replace(self._spent)

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What so many tokens cost; 0 without prices."""
        settings = self._settings
        return (prompt_tokens * (settings.price_in or 0) + completion_tokens * (settings.price_out or 0)) / 1e6

    def count_cached(self) -> None:
        """One question was answered from the cache."""
        with self._lock:
            self._spent.cached_calls += 1

    @contextmanager
    def call(self, prompt_tokens: int) -> Iterator[Ticket]:
        """Room for one call with an estimated prompt, and the longest reply where the settings bound it.

        Raises:
            BudgetExceededError: a cap leaves no room for it.
        """
        reply_tokens = self._settings.max_reply_tokens or 0
        cost = self.cost(prompt_tokens, reply_tokens)
        with self._lock:
            self._check(prompt_tokens + reply_tokens, cost)
            self._open_calls += 1
            self._open_tokens += prompt_tokens + reply_tokens
            self._open_cost += cost
        ticket = Ticket()
        try:
            yield ticket
        finally:
            with self._lock:
                self._open_calls -= 1
                self._open_tokens -= prompt_tokens + reply_tokens
                self._open_cost -= cost
                if ticket.worked:
                    self._spent.add(ticket.usage)

    def _check(self, tokens: int, cost: float) -> None:
        settings, spent = self._settings, self._spent
        if settings.max_calls is not None and spent.calls + self._open_calls >= settings.max_calls:
            raise BudgetExceededError(
                f"the cap of {settings.max_calls} call{'' if settings.max_calls == 1 else 's'} to {settings.model} is reached; "
                "raise max_calls (--max-calls, or --vlm-max-calls) to ask more"
            )
        if settings.max_tokens_total is not None and spent.tokens + self._open_tokens + tokens > settings.max_tokens_total:
            raise BudgetExceededError(
                f"{spent.tokens} of at most {settings.max_tokens_total} tokens are spent and the next question to {settings.model}"
                f" takes some {tokens}; raise max_tokens_total (--max-tokens, or --vlm-max-tokens) to ask more"
            )
        if settings.max_cost is not None and spent.cost + self._open_cost + cost > settings.max_cost:
            raise BudgetExceededError(
                f"{spent.cost:.4g} of at most {settings.max_cost:.4g} are spent and the next question to {settings.model}"
                f" costs some {cost:.2g}; raise max_cost (--max-cost, or --vlm-max-cost) to ask more"
            )
