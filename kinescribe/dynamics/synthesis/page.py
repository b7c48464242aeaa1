"""A run as one page for people: the law, what it won against, and every question with its answer. Needs no network and runs no script."""

from __future__ import annotations

import math
from importlib import resources
from pathlib import Path
from typing import Any

from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.report.equation import equations
from kinescribe.dynamics.report.numbers import measured, plain
from kinescribe.dynamics.synthesis.attempts import Attempt, Question, Synthesis
from kinescribe.errors import UsageError, pip_install
from kinescribe.llm import Part
from kinescribe.states.writing import replaced

__all__ = ["check_page", "write_page"]

WIDEST = 420.0  # px of the longest bar
ROW = 22
FURTHEST = 1e4  # σ; a longer bar tells no more


def check_page() -> None:
    """Raise UsageError where pages can't be written."""
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise UsageError(f"the page of a run needs jinja2: {pip_install('llm')}, or leave the page out") from None


def write_page(run: Synthesis, path: Path, *, sheet: Part | None = None) -> None:
    """Write the page, whole or not at all. All that a model wrote is shown as text.

    Raises:
        UsageError: jinja2 is missing, or the file can't be written.
    """
    check_page()
    from jinja2 import Environment, StrictUndefined

    text = resources.files("kinescribe.dynamics.synthesis").joinpath("page.html.j2").read_text(encoding="utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=False).from_string(text)
    made = template.render(**_content(run), sheet=None if sheet is None else sheet["image_url"]["url"])
    with replaced(path) as (staged,):
        staged.write_bytes(made.encode("utf-8", "replace"))  # a model may write half of a surrogate pair


def _content(run: Synthesis) -> dict[str, Any]:
    won = run.winner
    fit = run.fit
    usage = run.usage
    about = "about " if usage.estimated else ""
    cost = f"{run.calls} question{'s' * (run.calls != 1)}, {about}{usage.prompt_tokens:,} tokens in and {usage.completion_tokens:,} out"
    return {
        "title": f"The law of {', '.join(fit.objects[:6])}{' …' if len(fit.objects) > 6 else ''}",
        "outcome": _outcome(run),
        "model": run.model,
        "strategy": run.strategy,
        "seed": run.seed,
        "cost": cost + (f", {usage.cost:.4g} in money" if usage.cost else ""),
        "stopped": f"{run.stopped[:1].upper()}{run.stopped[1:]}." if run.stopped else "",
        "warnings": [*([run.partial] if run.partial else []), *([fit.advice] if fit.advice else []), *run.warnings],
        "task": run.task,
        "equations": [f"{title}: {text}" if text else title for title, text in equations(fit.law)],
        "parameters": [
            {
                "name": one.name,
                **dict(zip(("value", "sigma"), _value(one.value, one.sigma), strict=True)),
                "unit": one.unit,
                "meaning": one.meaning,
            }
            for one in fit.estimates.values()
        ],
        "unit": f", {fit.unit}" if fit.unit else "",
        "source": None if won is None else won.source,
        "choice": [
            {"law": one.title, "sigmas": _number(one.fit.scale), "error": _number(one.error), "reason": one.reason}
            for one in (run.selection.candidates if run.selection is not None else ())
        ],
        "chart": _chart(run),
        "calls": [_call(run, one) for one in run.questions],
    }


def _outcome(run: Synthesis) -> str:
    if run.winner is None:
        return f"The library's law won: {run.fit.law.title}, residuals {_number(run.fit.scale)} σ."
    path = run.path()
    way = "written at once" if len(path) == 1 else f"mended {len(path) - 1} time{'s' * (len(path) > 2)}"
    return (
        f"A program of the model's won, {way}: {run.fit.law.title}, residuals {_number(run.fit.scale)} σ; "
        f"{run.rival}, leaves {_number(run.library.scale)} σ."
    )


def _value(value: float, sigma: float) -> tuple[str, str]:
    """The value, and its error or why there is none; to the digits that the error leaves meaning."""
    if not math.isfinite(sigma) or sigma <= 0:
        return plain(value), "not determined" if math.isinf(sigma) else "known"
    said = measured(value, sigma)
    if "(" in said:  # a power of ten stands apart, for both
        return said, ""
    told, _, error = said.partition(" ± ")
    return told, error


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "–"


def _chart(run: Synthesis) -> dict[str, Any]:
    rows: list[tuple[str, Fit | None, str]] = [(run.rival.partition(",")[0], run.library, "lib")]
    rows += [(f"program {one.number}", one.fit, "won" if one is run.winner else "") for one in run.attempts if one.twin is None]
    bars = []
    for k, (name, fit, kind) in enumerate(rows):
        sound = fit is not None and fit.ok and math.isfinite(fit.scale)
        sigmas = min(fit.scale, FURTHEST) if fit is not None and sound else 1.0
        width = round(WIDEST * max(math.log10(max(sigmas, 1.0)), 0.0) / math.log10(FURTHEST), 1)
        told = f"{_number(fit.scale)} σ" if fit is not None and sound else "rejected" if fit is None else "does not fit"
        bars.append({"name": name, "y": k * ROW, "width": width, "kind": kind, "told": told})
    return {"width": 210 + WIDEST + 120, "height": len(rows) * ROW + 6, "bars": bars}


def _call(run: Synthesis, question: Question) -> dict[str, Any]:
    said = run.exchanges[question.number - 1]
    about = f"program {question.parent} is to be mended" if question.parent is not None else "new programs are asked for"
    return {
        "number": question.number,
        "about": about,
        "failed": question.failed,
        "programs": [_program(run, run.attempts[number - 1]) for number in question.programs],
        "asked": [f"[{role}]\n{text}" for role, text in said.question],
        "answer": said.reply or said.said,
    }


def _program(run: Synthesis, one: Attempt) -> dict[str, Any]:
    if one.twin is not None:
        told = f"the same as program {one.twin}"
    elif one.fit is None:
        told = f"rejected: {one.judged.reason}"
    elif not one.fit.ok:
        told = f"does not fit: {one.judged.reason}"
    else:
        told = f"residuals {_number(one.fit.scale)} σ"
    return {
        "number": one.number, "idea": one.idea, "told": told, "rejected": one.fit is None, "won": one is run.winner, "source": one.source,
    }  # fmt: skip
