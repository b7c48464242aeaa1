"""``kinescribe program``: a language model writes how a video's objects are found, how they move and how they are drawn."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kinescribe.cli.model_options import (
    AnswersOption,
    BaseUrlOption,
    MaxCallsOption,
    MaxCostOption,
    MaxTokensOption,
    ModelOption,
    OfflineOption,
    PricesOption,
    TimeoutOption,
    model_settings,
)
from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.foretelling.programs import Made, Used

__all__ = ["program"]

Told = tuple[list[str], dict[str, Any], list[str], str | None]
"""Lines for people, a record for programs, warnings, and why it isn't whole."""


def program(
    video: Annotated[str, typer.Argument(metavar="VIDEO", help="A video, or a folder of numbered images.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where the program goes, and the future's video.")],
    task: Annotated[
        str | None, typer.Option(metavar="TEXT", help='What it is about: "the pendulum, ignore the hand".', show_default=False)
    ] = None,
    use: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Run a program that was made before; no model is asked.", show_default=False)
    ] = None,
    refit: Annotated[bool, typer.Option("--refit", help="With --use: fit the law's parameters to VIDEO.")] = False,
    replay: Annotated[
        Path | None,
        typer.Option(metavar="RUN.JSON", help="Make a program again from the answers that it was made of.", show_default=False),
    ] = None,
    until: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="The future's end, in the video's time. [default: half as long again]", show_default=False),
    ] = None,
    rounds: Annotated[int, typer.Option(metavar="NUMBER", help="How often the model may mend how things are found, or drawn.")] = 2,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Of what is random.")] = 0,
    scale: Annotated[
        str | None, typer.Option(metavar="STICK", help='A known length and its ends in image pixels: "0.30 m: 120,400 480,402".')
    ] = None,
    pixels_per_unit: Annotated[float | None, typer.Option(metavar="NUMBER", help="The scale as a number; needs --unit.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="UNIT", help="Unit of length for --pixels-per-unit, such as m.")] = None,
    origin: Annotated[
        str | None, typer.Option(metavar="X,Y", help="Image pixel of the world's origin. [default: the top left pixel]", show_default=False)
    ] = None,
    angle: Annotated[
        float | None, typer.Option(metavar="DEGREES", help="Angle of the world's x axis, counter-clockwise on the screen.")
    ] = None,
    frame_interval: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="True time between frames, where the file's is wrong (slowed-down video).")
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="Where models of perception run: auto, cpu, cuda, mps.")] = "auto",
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    max_calls: MaxCallsOption = None,
    max_tokens: MaxTokensOption = None,
    max_cost: MaxCostOption = None,
    prices: PricesOption = None,
    timeout: TimeoutOption = None,
    answers: AnswersOption = None,
    offline: OfflineOption = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a program that FOLDER holds.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON on stdout.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 5 on any warning.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Let a language model that sees write the program of VIDEO: how its objects are found, how they move, and how they are drawn.

    Each piece is held against the video and against what the library does by itself, and is taken only where it explains more. FOLDER
    then runs again without the model: --use FOLDER. At most --max-calls questions are asked, 12 by default, 40 at most.
    Exit codes: 0 done, 2 usage, 3 input unreadable, 4 nothing found, 5 done but not whole or not to be trusted, 130 interrupted.
    """
    began = time.perf_counter()
    from kinescribe.cli.extract import check_words
    from kinescribe.cli.interrupts import check, checking
    from kinescribe.cli.progress import progress_bar
    from kinescribe.states import resolve_calibration

    check_words(video, None, frame_interval, as_json=as_json)
    asked = [name for name, given in (("--task", task), ("--use", use), ("--replay", replay)) if given is not None]
    if len(asked) != 1:
        said = " and ".join(asked) if asked else "none of them is given"
        raise UsageError(f'give one of --task "…" (a model writes), --use FOLDER (run it) and --replay RUN.JSON (write it again): {said}')
    if refit and use is None:
        raise UsageError("--refit goes with --use FOLDER: a program that is being made is fitted to its video anyhow")
    framed = any(value is not None for value in (scale, pixels_per_unit, unit, origin, angle))
    if replay is not None and (framed or frame_interval is not None or until is not None):
        raise UsageError("--replay repeats what was asked for then: leave out the scale, --frame-interval and --until")
    calibration = resolve_calibration(scale, pixels_per_unit, unit, origin, angle) if framed else None

    def tell(line: str) -> None:
        if not quiet:
            print(line, file=sys.stderr)

    common: dict[str, Any] = {"device": device, "overwrite": overwrite, "tell": tell}
    with progress_bar(quiet) as bar:
        common["progress"] = checking(bar)
        if use is not None:
            from kinescribe.foretelling.programs import use_program

            kept: dict[str, Any] = {
                "refit": refit,
                "until": until,
                "seed": seed,
                "calibration": calibration,
                "frame_interval": frame_interval,
            }
            told = _of_use(use_program(use, video, output, **kept, **common))
        elif replay is not None:
            from kinescribe.foretelling.programs import replay as again

            told = _of_making(again(replay, video, output, **common))
        else:
            settings = model_settings(
                model, base_url, max_calls=max_calls, max_tokens=max_tokens, max_cost=max_cost, prices=prices, timeout=timeout,
                answers=answers, offline=offline,
            )  # fmt: skip
            from kinescribe.foretelling.programs import program as make
            from kinescribe.foretelling.programs.purse import USUAL_CALLS

            wishes: dict[str, Any] = {
                "until": until,
                "rounds": rounds,
                "seed": seed,
                "calibration": calibration,
                "frame_interval": frame_interval,
            }
            calls = USUAL_CALLS if max_calls is None else max_calls
            told = _of_making(make(video, task or "", model=settings, output=output, calls=calls, **wishes, **common))
        check()
    return _finish(told, output, time.perf_counter() - began, quiet=quiet, as_json=as_json, strict=strict)


def _of_making(made: Made) -> Told:
    chosen, usage = made.chosen, made.record
    spent = sum(one.usage.tokens for one in usage.exchanges)
    count = len(usage.exchanges)
    cost = sum(one.usage.cost for one in usage.exchanges)
    lines = [f"asked {usage.model} {count} question{'s' * (count != 1)}, {spent} tokens{f', cost {cost:.4g}' if cost else ''}"]
    record = {
        "perception": chosen.best,
        "tried": [{"name": one.name, "outcome": one.outcome} for one in chosen.trials],
        "law_by_model": bool(made.program.law),
        "rendering_by_model": not made.program.rendering.description.empty,
        "model": usage.model,
        "questions": count,
        "tokens": spent,
        "cost": round(cost, 6),
    }
    common = _future(made.foretold, list(chosen.matters))
    return [*lines, *common[0]], {**record, **common[1]}, list(made.warnings), made.partial


def _of_use(used: Used) -> Told:
    lines, record = _future(used.foretold, list(used.matters))
    return lines, record, list(used.warnings), used.foretold.partial


def _future(foretold: Any, matters: list[int]) -> tuple[list[str], dict[str, Any]]:
    from kinescribe.cli.foretold import record

    told = record(foretold)
    filmed = foretold.filmed
    line = f"predicted: {filmed.foretold} frames from {filmed.begins_s:.4g} s to {filmed.ends_s:.4g} s"
    return [line], {"matters": matters, **told}


def _finish(told: Told, output: Path, seconds: float, *, quiet: bool, as_json: bool, strict: bool) -> int:
    """Print all of it; the exit code."""
    from kinescribe.cli.running import NOT_WHOLE

    lines, record, warnings, partial = told
    code = NOT_WHOLE if partial or (strict and warnings) else 0
    if as_json:
        whole = {**record, "warnings": warnings, "outputs": {"folder": str(output)}, "seconds": round(seconds, 3), "exit_code": code}
        print(json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False))
    if not quiet:
        for line in [*lines, f"wrote {output}"]:
            print(line, file=sys.stderr)
    for warning in warnings:
        print(f"kinescribe: warning: {warning}", file=sys.stderr)
    if partial:
        print(f"kinescribe: partial: {partial}", file=sys.stderr)
    return code
