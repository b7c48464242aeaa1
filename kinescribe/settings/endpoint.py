"""The options that name a VLM's endpoint."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.llm import Settings

__all__ = ["vlm_settings"]


def vlm_settings(
    model: str | None,
    url: str | None,
    cache: str | Path | None,
    *,
    replay: bool,
    timeout: float | None,
    max_calls: int | None,
    max_tokens: int | None,
    max_cost: float | None,
    prices: str | None,
) -> Settings | None:
    """The endpoint that the options and the environment name, None where they name none.

    Raises:
        UsageError: an option that makes no sense without another, or a number below 1.
    """
    for name, number in (("--vlm-max-calls", max_calls), ("--vlm-max-tokens", max_tokens)):
        if number is not None and number < 1:
            raise UsageError(f"{name} {number} must be 1 or more")
    if timeout is not None and not (math.isfinite(timeout) and timeout > 0):
        raise UsageError(f"--vlm-timeout {timeout:g} must be a number of seconds above 0, such as 300")
    if max_cost is not None and prices is None:
        raise UsageError(f"--vlm-max-cost {max_cost:g} needs the prices of a million tokens; give --vlm-prices IN,OUT, such as 0.15,0.60")
    price_in, price_out = (None, None) if prices is None else _prices(prices)
    if replay and cache is None:
        raise UsageError("--vlm-replay answers from a folder; name it with --vlm-cache")
    from kinescribe.llm import Settings

    limits: dict[str, Any] = {"timeout_s": timeout, "max_calls": max_calls, "max_tokens_total": max_tokens, "max_cost": max_cost}
    limits |= {"price_in": price_in, "price_out": price_out}
    if price_in is not None and price_out is not None and not (0 <= price_in < math.inf and 0 <= price_out < math.inf):
        raise UsageError(f"--vlm-prices '{prices}' must be two numbers of 0 or more, such as 0.15,0.60")
    if max_cost is not None and not 0 <= max_cost < math.inf:
        raise UsageError(f"--vlm-max-cost {max_cost:g} must be a number of 0 or more")
    settings = Settings.from_environment(
        model=model, base_url=url, cache=cache, replay=replay, **{name: value for name, value in limits.items() if value is not None}
    )
    if settings is None and (model or url or cache or any(value is not None for value in limits.values())):
        raise UsageError("the VLM's options need both a model and an endpoint; give --vlm-model and --vlm-url")
    return settings


def _prices(text: str) -> tuple[float, float]:
    try:
        price_in, price_out = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--vlm-prices '{text}' must be two numbers, of a million tokens in and out, such as 0.15,0.60") from None
    return price_in, price_out
