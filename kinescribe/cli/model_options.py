"""The options that name a language model's endpoint and its caps, for all commands that ask one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.llm import Settings

__all__ = [
    "LAW_TEMPERATURE",
    "AnswersOption",
    "BaseUrlOption",
    "MaxCallsOption",
    "MaxCostOption",
    "MaxTokensOption",
    "ModelOption",
    "OfflineOption",
    "PricesOption",
    "TimeoutOption",
    "law_model",
    "model_settings",
]

PANEL = "The model"
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="NAME", help="Language model that is asked, as its endpoint calls it. [default: KINESCRIBE_MODEL]",
        show_default=False, rich_help_panel=PANEL,
    ),
]  # fmt: skip
BaseUrlOption = Annotated[
    str | None,
    typer.Option(
        "--base-url", metavar="URL", help="Its endpoint, up to /v1. [default: KINESCRIBE_BASE_URL]", show_default=False,
        rich_help_panel=PANEL,
    ),
]  # fmt: skip
MaxCallsOption = Annotated[int | None, typer.Option("--max-calls", metavar="NUMBER", help="Most questions to it.", rich_help_panel=PANEL)]
MaxTokensOption = Annotated[
    int | None,
    typer.Option("--max-tokens", metavar="NUMBER", help="Most tokens, in and out, in all. [default: no cap]", rich_help_panel=PANEL),
]
MaxCostOption = Annotated[
    float | None,
    typer.Option("--max-cost", metavar="AMOUNT", help="Most money, in the currency of --prices. [default: no cap]", rich_help_panel=PANEL),
]
PricesOption = Annotated[
    str | None,
    typer.Option("--prices", metavar="IN,OUT", help="Prices of a million tokens in and out, such as 0.15,0.60.", rich_help_panel=PANEL),
]
TimeoutOption = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", help="Longest wait for an answer. [default: 300]", rich_help_panel=PANEL)
]
AnswersOption = Annotated[
    Path | None,
    typer.Option(
        "--answers",
        metavar="FOLDER",
        help="Keep answers there, and don't ask again what it holds. [default: nowhere]",
        rich_help_panel=PANEL,
    ),
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Answer from --answers alone.", rich_help_panel=PANEL)]
LAW_TEMPERATURE = 0.7  # the same question, asked again, is to bring something else
LONGEST_REPLY = 16_000  # tokens, where there is a cap
PATIENCE_S = 300.0  # models that think first, on a machine of one's own, take minutes


def model_settings(
    model: str | None,
    base_url: str | None,
    *,
    max_calls: int | None = None,
    max_tokens: int | None = None,
    max_cost: float | None = None,
    prices: str | None = None,
    timeout: float | None = None,
    answers: Path | None = None,
    offline: bool = False,
    temperature: float = 0.0,
) -> Settings | None:
    """The endpoint that the options and the environment name, None where they name none.

    Raises:
        UsageError: an option that makes no sense, or not without another.
    """
    for name, number in (("--max-calls", max_calls), ("--max-tokens", max_tokens)):
        if number is not None and number < 1:
            raise UsageError(f"{name} {number} must be 1 or more")
    if timeout is not None and not (math.isfinite(timeout) and timeout > 0):
        raise UsageError(f"--timeout {timeout:g} must be a number of seconds above 0, such as 300")
    if max_cost is not None and prices is None:
        raise UsageError(f"--max-cost {max_cost:g} needs the prices of a million tokens; give --prices IN,OUT, such as 0.15,0.60")
    if max_cost is not None and not 0 <= max_cost < math.inf:
        raise UsageError(f"--max-cost {max_cost:g} must be a number of 0 or more")
    if offline and answers is None:
        raise UsageError("--offline answers from a folder; name it with --answers")
    price_in, price_out = (None, None) if prices is None else prices_of(prices)
    from kinescribe.llm import Settings

    limits: dict[str, Any] = {"max_calls": max_calls, "max_tokens_total": max_tokens, "max_cost": max_cost}
    limits |= {"price_in": price_in, "price_out": price_out}
    if max_cost is not None or max_tokens is not None:
        limits["max_reply_tokens"] = LONGEST_REPLY  # or one reply without end overshoots any cap
    given = {name: value for name, value in limits.items() if value is not None}
    return Settings.from_environment(
        model=model, base_url=base_url, cache=answers, replay=offline, timeout_s=timeout or PATIENCE_S, temperature=temperature, **given
    )


def law_model(
    law: str, model: str | None, base_url: str | None, max_calls: int | None, timeout: float | None, output: Path
) -> tuple[Settings | None, Path | None]:
    """The model of ``--law llm`` and where its record goes, beside an output; (None, None) for another law.

    Raises:
        UsageError: options of a model without that law, or that law without a model.
    """
    if law.strip() != "llm":
        if model or base_url or max_calls is not None or timeout is not None:
            raise UsageError(f"--model, --base-url, --max-calls and --timeout belong to --law llm, not to --law {law.strip()}")
        return None, None
    settings = model_settings(model, base_url, timeout=timeout, temperature=LAW_TEMPERATURE)
    if settings is None:
        raise UsageError(
            "--law llm needs a language model: give --model and --base-url (KINESCRIBE_MODEL, KINESCRIBE_BASE_URL), such as "
            "--model qwen3:8b --base-url http://localhost:11434/v1"
        )
    return settings, output.with_suffix(".run.json")


def prices_of(text: str) -> tuple[float, float]:
    """``"0.15,0.60"`` as numbers. Raises UsageError for anything else."""
    try:
        price_in, price_out = (float(part) for part in text.split(","))
    except ValueError:
        price_in = price_out = math.nan
    if not (0 <= price_in < math.inf and 0 <= price_out < math.inf):
        raise UsageError(f"--prices '{text}' must be two numbers of 0 or more, of a million tokens in and out, such as 0.15,0.60")
    return price_in, price_out
