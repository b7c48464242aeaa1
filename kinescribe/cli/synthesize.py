"""``kinescribe synthesize``: states tables in, a law that a language model helped to write out, with the record of how it came about."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinescribe.cli.model_options import (
    LAW_TEMPERATURE,
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
from kinescribe.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kinescribe.dynamics.clip import Clip
    from kinescribe.dynamics.synthesis import Synthesis
    from kinescribe.dynamics.synthesis.records import Keeper, Recorded
    from kinescribe.llm import Settings

__all__ = ["synthesize"]

TABLES = (".csv", ".parquet")


def synthesize(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="STATES.CSV... [VIDEO]", help="Tables of states that share one law; the video of the first, to be shown."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="JSON", help="The law, to read, edit and predict with.")],
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    task: Annotated[
        str, typer.Option(metavar="WORDS", help="What you know of the scene: 'a magnet lies under the table'. Sent to the model.")
    ] = "",
    record: Annotated[
        Path | None,
        typer.Option(metavar="JSON", help="The record of the run. [default: beside the law, NAME.run.json]", show_default=False),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(metavar="HTML", help="The record as a page for people. [default: NAME.run.html]", show_default=False),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(metavar="JSON", help="Run again from a record; its settings hold. With --model: go on where one was broken off."),
    ] = None,
    inputs: Annotated[
        list[Path] | None,
        typer.Option(metavar="CSV", help="Known inputs over time: time_s and a column an input; one file for all tables, or one each."),
    ] = None,
    objects: Annotated[
        str | None, typer.Option(metavar="NAMES", help='Which objects: names, labels or ids, "red ball, 3". [default: all]')
    ] = None,
    fix: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter that is known; several times.")] = None,
    rules: Annotated[
        Path | None, typer.Option(metavar="JSON", help="What objects can do: who is static, may touch, is joined; which walls there are.")
    ] = None,
    library: Annotated[
        str,
        typer.Option(metavar="LAW", help='What programs compete with: auto for the best of the library, or a law, such as "free-fall".'),
    ] = "auto",
    always: Annotated[
        bool, typer.Option("--always", help="Ask the model even where a law of the library leaves nothing but noise.")
    ] = False,
    strategy: Annotated[str, typer.Option(metavar="NAME", help="What to mend next: rex, best-first or resample.")] = "rex",
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Of what is random.")] = 0,
    max_calls: MaxCallsOption = None,
    max_tokens: MaxTokensOption = None,
    max_cost: MaxCostOption = None,
    prices: PricesOption = None,
    timeout: TimeoutOption = None,
    answers: AnswersOption = None,
    offline: OfflineOption = False,
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw the fit and its residuals.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the report, warnings and errors alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 5 on any warning.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Let a language model write programs for the law behind states tables; they are fitted, judged against the library's, and mended.

    Its programs run in the sandbox. What is sent: the table's numbers and names, with VIDEO one picture of its frames, and --task.
    Exit codes: 0 done, 2 usage, 3 a file unreadable, 4 nothing to fit, 5 done without the model, or a fit that failed; 130 interrupted.
    """
    from kinescribe.cli import fit_options, fit_tables
    from kinescribe.cli.synthesized import Files, finish, sheet_of

    known = fit_options.values(fix or [])
    tables, video = _sorted(files)
    outputs = Files.of(output, record, page, plot, overwrite=overwrite, replay=replay)
    if seed < 0:
        raise UsageError(f"--seed {seed} must be 0 or more")
    settings = model_settings(
        model, base_url, max_tokens=max_tokens, max_cost=max_cost, prices=prices, timeout=timeout, answers=answers, offline=offline,
        temperature=LAW_TEMPERATURE,
    )  # fmt: skip
    if replay is not None and not (model or base_url):
        settings = None
    _check(strategy, max_calls, replay, settings)
    _check_library(library)
    set_again = {
        "--task": task, "--fix": fix, "--rules": rules, "--library": library.strip() != "auto", "--always": always,
        "--strategy": strategy != "rex", "--seed": seed, "--max-calls": max_calls,
    }  # fmt: skip
    given = _recorded(replay, [name for name, value in set_again.items() if value])

    from kinescribe.cli.reaching import check_reachable
    from kinescribe.dynamics.affordances import Affordances
    from kinescribe.dynamics.synthesis.page import check_page

    check_page()
    allowed = None if rules is None else Affordances.read(rules)
    talk: list[str] = []
    clips, warnings = fit_tables.clips(tables, inputs or [], fit_options.names(objects), True, talk)
    for line in warnings:
        print(f"kinescribe: warning: {line}", file=sys.stderr)
    if not quiet:
        for line in talk:
            print(f"kinescribe: {line}", file=sys.stderr)
    if given is not None:
        given.check(clips)
    if settings is not None and answers is None:
        check_reachable(settings)  # behind the tables, which are looked at sooner than an endpoint that hangs
    from kinescribe.dynamics.synthesis import CALLS
    from kinescribe.dynamics.synthesis.records import Keeper, Recorded, unfinished

    asked = given or Recorded(
        (), "" if settings is None else settings.model, strategy, seed, max_calls or CALLS, task, always, library.strip(), known,
        None if video is None else sheet_of(video, tables[0]), (), allowed,
    )  # fmt: skip
    keeper = Keeper(unfinished(outputs.record), asked, clips)
    run, odd = _run(clips, asked, given is not None, settings, keeper, quiet)
    return finish(run, clips, outputs, keeper, warnings=[*warnings, *odd], quiet=quiet, as_json=as_json, strict=strict)


def _sorted(files: Sequence[Path]) -> tuple[list[Path], Path | None]:
    """Tables, and the video where there is one."""
    tables = [one for one in files if one.suffix.lower() in TABLES]
    others = [one for one in files if one.suffix.lower() not in TABLES]
    if not tables:
        raise UsageError(f"no states table is given, only '{others[0]}': make one first with 'extract-states {others[0]}'")
    if len(others) > 1:
        raise UsageError(f"'{others[0]}' and '{others[1]}' are no tables: give one video at most, that of the first table")
    if others and not others[0].exists():
        raise InputError(f"the video '{others[0]}' does not exist; name the one that '{tables[0]}' was made from, or leave it out")
    return tables, others[0] if others else None


def _recorded(replay: Path | None, again: Sequence[str]) -> Recorded | None:
    if replay is None:
        return None
    if again:
        raise UsageError(f"--replay takes everything from the record: leave out {' and '.join(again)}")
    from kinescribe.dynamics.synthesis.records import read_record

    return read_record(replay)


def _check(strategy: str, max_calls: int | None, replay: Path | None, settings: Settings | None) -> None:
    from kinescribe.dynamics.synthesis import MOST_CALLS, STRATEGIES
    from kinescribe.errors import unknown_value

    if strategy not in STRATEGIES:
        raise unknown_value("strategy", strategy, STRATEGIES)
    if max_calls is not None and not 1 <= max_calls <= MOST_CALLS:
        raise UsageError(f"--max-calls {max_calls} must lie between 1 and {MOST_CALLS}")
    if replay is None and settings is None:
        raise UsageError(
            "no language model is named; give --model and --base-url (KINESCRIBE_MODEL, KINESCRIBE_BASE_URL), such as "
            "--model qwen3:8b --base-url http://localhost:11434/v1; 'kinescribe fit' finds a law without one"
        )


def _check_library(words: str) -> None:
    """Raise UsageError for what no record could name: a file on this machine, or a law that there is not."""
    from kinescribe.dynamics.finding import find_law
    from kinescribe.dynamics.synthesis.records import names_file

    if words.strip() == "auto":
        return
    if names_file(words):
        raise UsageError(f"--library takes the name of an installed law, a sum of names, or auto, not the file '{words}'")
    find_law(words.strip())


def _run(
    clips: Sequence[Clip], asked: Recorded, again: bool, settings: Settings | None, keeper: Keeper, quiet: bool
) -> tuple[Synthesis, list[str]]:
    """The run, and what was odd about its answers. Where it is broken off, says where those are that came."""
    from kinescribe.cli.interrupts import checking
    from kinescribe.cli.progress import progress_bar
    from kinescribe.dynamics.synthesis import synthesize as written
    from kinescribe.llm import Client

    odd: list[str] = []
    with ExitStack() as closing, progress_bar(quiet) as bar:
        client = None if settings is None else closing.enter_context(Client(settings))
        past = asked.replayer(client) if again else None
        model = past or client
        if model is None:
            raise AssertionError("checked before")
        try:
            run = written(
                clips, model, max_calls=asked.max_calls, strategy=asked.strategy, task=asked.task, sheet=asked.sheet, rules=asked.rules,
                fixed=asked.fixed, seed=asked.seed, always=asked.always, library=asked.against, progress=checking(bar), keep=keeper,
            )  # fmt: skip
        except BaseException:
            if keeper.written:
                way = f"--replay {keeper.path} --model {asked.model}"
                print(f"kinescribe: the answers so far are in {keeper.path}; go on from them with {way}", file=sys.stderr)
            raise
        if past is not None and past.warnings:
            more = f" ({len(past.warnings)} such questions)" if len(past.warnings) > 1 else ""
            odd.append(f"{past.warnings[0]}{more}")
        odd += [*(client.warnings if client is not None else ()), *keeper.warnings]
    for line in odd:
        print(f"kinescribe: warning: {line}", file=sys.stderr)
    return run, odd
