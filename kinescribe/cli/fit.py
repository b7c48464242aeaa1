"""``kinescribe fit``: states tables in, a law with values, errors and its evidence out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kinescribe.cli.model_options import BaseUrlOption, MaxCallsOption, ModelOption, TimeoutOption
from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.dynamics.clip import Clip
    from kinescribe.dynamics.fitting import Fit

__all__ = ["draw", "fit"]


def fit(
    tables: Annotated[list[Path], typer.Argument(metavar="STATES.CSV", help="Tables of states; several share one law.")],
    law: Annotated[
        str,
        typer.Option(
            metavar="LAW",
            help='auto, a name ("kinescribe list laws"), a sum "free-fall + floor", my_law.py; llm: a language model helps to write it.',
        ),
    ] = "auto",
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    max_calls: MaxCallsOption = None,
    timeout: TimeoutOption = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Run the law's file in the sandbox: one that a model or a stranger wrote.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="JSON", help="Keep the fit, to read, edit and predict with. [default: nowhere]")
    ] = None,
    inputs: Annotated[
        list[Path] | None,
        typer.Option(metavar="CSV", help="Known inputs over time: time_s and a column an input; one file for all tables, or one each."),
    ] = None,
    objects: Annotated[
        str | None, typer.Option(metavar="NAMES", help='Which objects: names, labels or ids, "red ball, 3". [default: all]')
    ] = None,
    fix: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter that is known; may be given several times.")
    ] = None,
    free: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Fit a parameter that the law holds fixed; may be given several times.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(metavar="JSON", help="What objects can do: who is static, may touch, is joined; which walls there are.")
    ] = None,
    optimizer: Annotated[str, typer.Option(metavar="NAME", help="lm, powell, lbfgs or cma.")] = "lm",
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Of what is random.")] = 0,
    max_rollouts: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Most simulations of a clip: 50,000 for one law, a million for a search.")
    ] = None,
    max_seconds: Annotated[float, typer.Option(metavar="SECONDS", help="Most time; what is found by then stands.")] = 300.0,
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw the fit and its residuals.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the report, warnings and errors alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 5 on any warning.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Find the law behind states tables, or fit one: values with errors, what can't be told, how well it fits, what else was tried.

    Exit codes: 0 done, 2 usage, 3 a file unreadable, 4 nothing to fit, 5 a fit that failed, or any warning under --strict.
    """
    from kinescribe.cli import fit_options

    if law.strip() == "llm":
        return _with_model(
            tables, output, {"--sandbox": sandbox, "--free": free, "--optimizer": optimizer != "lm", "--max-rollouts": max_rollouts},
            model=model, base_url=base_url, max_calls=max_calls, timeout=timeout,
            inputs=inputs, objects=objects, fix=fix, rules=rules, seed=seed, plot=plot,
            overwrite=overwrite, quiet=quiet, as_json=as_json, strict=strict,
        )  # fmt: skip
    if model or base_url or max_calls is not None or timeout is not None:
        raise UsageError(f"--model, --base-url, --max-calls and --timeout belong to --law llm, not to --law {law.strip()}")
    known = fit_options.values(fix or [])
    fit_options.check_apart(known, free or [])
    _check_numbers(seed, max_rollouts, max_seconds)
    fit_options.check_optimizer(optimizer)
    _check_outputs(output, plot, overwrite)
    law = law.strip()
    automatic = law == "auto"
    if automatic and sandbox:
        raise UsageError("--sandbox is for a law's file: name it with --law FILE.py, or leave --sandbox out")
    if automatic and (optimizer != "lm" or free):
        raise UsageError(f"{'--free' if free else '--optimizer'} belongs to one law: name it with --law")

    from kinescribe.cli import fit_tables
    from kinescribe.dynamics.affordances import Affordances, apply, check

    chosen = None if automatic else fit_options.law_of(law, sandbox)
    given = None if rules is None else Affordances.read(rules)
    talk: list[str] = []
    clips, warnings = fit_tables.clips(tables, inputs or [], fit_options.names(objects), automatic, talk)
    if given is not None:
        warnings += [f"{clip.name}: {finding.what}; {finding.way_out}" for clip in clips for finding in check(given, clip)]
    for line in warnings:
        print(f"kinescribe: warning: {line}", file=sys.stderr)
    if chosen is not None:
        fit_options.check_fits(chosen, clips, known, free or [])
        warnings += fit_options.check_own(chosen, clips[0], talk)
    if not quiet:
        for line in talk:
            print(f"kinescribe: {line}", file=sys.stderr)

    from kinescribe.dynamics.api import fit as fitted
    from kinescribe.dynamics.report import hints

    with _waiting(quiet), fit_options.blamed(chosen):
        result = fitted(
            clips, "auto" if chosen is None else chosen, optimizer=optimizer, fixed=known, free=free or [], rules=given, seed=seed,
            max_rollouts=max_rollouts, max_seconds=max_seconds,
        )  # fmt: skip
    clips = clips if given is None else [apply(given, clip) for clip in clips]
    warnings += [*result.warnings, *(own := hints(result, clips))]
    code = _code(result, warnings, strict)
    with ExitStack() as rest:  # whatever becomes of one of them, the others are done: nothing that was found is lost
        if plot is not None:
            rest.callback(draw, result, clips, plot, quiet=quiet)
        rest.callback(_say, result, clips, warnings, code, output, plot, as_json)
        if output is not None:
            _save(result, clips, output, quiet)
    for line in [*result.warnings, *own]:
        print(f"kinescribe: warning: {line}", file=sys.stderr)
    if not result.ok:
        print(f"kinescribe: failed: {' '.join(result.advice.split())}", file=sys.stderr)
    elif output is None and not quiet:
        print("kinescribe: the fit was not kept; -o law.json does", file=sys.stderr)
    return code


def _with_model(tables: list[Path], output: Path | None, others: Mapping[str, object], **options: Any) -> int:
    """The same as ``kinescribe synthesize``. Raises UsageError for options that a law of the user's own alone can have."""
    from kinescribe.cli.synthesize import synthesize

    for name, value in others.items():
        if value:
            raise UsageError(f"{name} belongs to one law: name it with --law, or leave {name} out with --law llm")
    if output is None:
        raise UsageError("--law llm needs -o LAW.json: what a model was asked and paid for is kept beside it")
    return synthesize(tables, output, **options)


def _check_numbers(seed: int, max_rollouts: int | None, max_seconds: float) -> None:
    if seed < 0:
        raise UsageError(f"--seed {seed} must be 0 or more")
    if max_rollouts is not None and max_rollouts < 1:
        raise UsageError(f"--max-rollouts {max_rollouts} leaves nothing to fit with; give 1 or more")
    if not max_seconds > 0:
        raise UsageError(f"--max-seconds {max_seconds:g} leaves no time; give a number above 0")


def _check_outputs(output: Path | None, plot: Path | None, overwrite: bool) -> None:
    from kinescribe.cli import outputs as files

    if output is not None and output.suffix.lower() != ".json":
        raise UsageError(f"the fit '{output}' must end in .json; give -o NAME.json")
    if plot is not None and plot.suffix.lower() not in files.PLOT_SUFFIXES:
        raise UsageError(f"the plot '{plot}' must end in {', '.join(files.PLOT_SUFFIXES)}")
    files.check([path for path in (output, plot) if path is not None], overwrite=overwrite)


def _code(result: Fit, warnings: Sequence[str], strict: bool) -> int:
    from kinescribe.cli.running import NOT_WHOLE

    # advice on a fit that did not fail says that it is weak
    return NOT_WHOLE if not result.ok or (strict and (warnings or result.advice)) else 0


@contextmanager
def _waiting(quiet: bool) -> Iterator[None]:
    """A sign of life in a terminal."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status("fitting"):
        yield


def _save(result: Fit, clips: Sequence[Clip], output: Path, quiet: bool) -> None:
    from kinescribe.dynamics.saving import save

    save(result, output, clips=clips)
    if not quiet:
        print(f"kinescribe: wrote {output}", file=sys.stderr)


def _say(
    result: Fit, clips: Sequence[Clip], warnings: Sequence[str], code: int, output: Path | None, plot: Path | None, as_json: bool
) -> None:
    from kinescribe.dynamics import report

    if as_json:
        files = {"fit": None if output is None else str(output), "plot": None if plot is None else str(plot)}
        made = {**report.record(result, clips), "warnings": list(warnings), "outputs": files, "exit_code": code}
        print(json.dumps(made, indent=2, allow_nan=False))
    else:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a code page without ± or ² costs signs, and not the report
        print(report.text(result, clips), end="")


def draw(result: Fit, clips: Sequence[Clip], plot: Path, *, quiet: bool = True) -> None:
    """The plot of a fit, with the colours and fonts of all our pictures."""
    from kinescribe.dynamics.report import plot_fit
    from kinescribe.renderers.colors import color_of
    from kinescribe.renderers.fonts import font_for

    plot_fit(result, clips, plot, color_of=color_of, font_of=lambda words: font_for(words, shaping=False))
    if not quiet:
        print(f"kinescribe: wrote {plot}", file=sys.stderr)
