"""``kinescribe weights``: which weights there are, which of them are here, and whether they are sound."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from kinescribe.cli.running import single

if TYPE_CHECKING:
    from kinescribe.perception.weights import Checked, Model

__all__ = ["weights"]

weights = single()

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@weights.callback()
def _about() -> None:
    """Show, check and locate the weights of the learned models. Nothing is ever downloaded."""


@weights.command("list")
def list_weights(as_json: AsJson = False, debug: Debug = False) -> None:
    """Show the models whose weights kinescribe knows, their size and licence, and which are here."""
    from kinescribe.perception.weights import CATALOG
    from kinescribe.perception.weights.getting import command, size_text
    from kinescribe.perception.weights.places import unusable

    rows = [(model, *_whereabouts(model)) for model in CATALOG]
    if as_json:
        print(json.dumps([_record(model, state, text) | {"command": command(model)} for model, state, text in rows], indent=2))
        return
    print(f"{'name':<28} {'for':<18} {'size':>8}  {'licence':<20} here")
    for model, state, text in rows:
        licence = model.licence + (", gated" if model.gated else "")
        where = text if state == "here" else state
        _say(f"{model.name:<28} {', '.join(model.families):<18} {size_text(model.size_bytes):>8}  {licence:<20} {where}")
    reason = unusable()
    if reason is not None:
        _say(f"kinescribe: {reason}", sys.stderr)
    print("kinescribe weights check NAME says how to get one", file=sys.stderr)


@weights.command("check")
def check_weights(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME|PATH", help="Names of the list, folders, files or hub ids. [default: the whole list]"),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Check that weights are here, open safely, fit their model and have the right hash; say how to get those that are missing.

    Exit codes: 0 sound, 2 a name that nothing has, 3 something is broken, or something named is missing; of several the highest.
    """
    from kinescribe.errors import UsageError
    from kinescribe.perception.weights import CATALOG, check

    results, unknown = [], []
    for name in names or [model.name for model in CATALOG]:
        try:
            results.append(check(name))
        except UsageError as error:
            unknown.append(str(error))
    bad = [result for result in results if result.state == "broken" or (names and result.state == "missing")]
    if as_json:
        print(json.dumps([result.record() for result in results], indent=2))
    else:
        for result in results:
            _print(result)
    for message in unknown:
        _say(f"kinescribe: error: {message}", sys.stderr)
    if bad:
        print(f"kinescribe: {len(bad)} of {len(results) + len(unknown)} not usable, see above", file=sys.stderr)
    return 3 if bad else 2 if unknown else 0


@weights.command("path")
def path_of_weights(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Name, folder, file or hub id.", show_default=False)] = None,
    debug: Debug = False,
) -> None:
    """Print where the weights of a model lie; without a name, the folder to put weights into."""
    from kinescribe.perception.weights import CATALOG, find, weights_folder
    from kinescribe.perception.weights.catalogue import FAMILIES

    path = weights_folder() if name is None else find(name, families=tuple(FAMILIES), default=CATALOG[0].name).path
    sys.stdout.flush()
    sys.stdout.buffer.write(os.fsencode(path) + b"\n")  # as it is, for a shell; it need not be text


def _say(text: str, stream: TextIO | None = None) -> None:
    """Print a line that may hold paths and a stranger's words: what isn't printable is shown as an escape."""
    print("".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text), file=stream)


def _whereabouts(model: Model) -> tuple[str, str | None]:
    """Whether a model's weights are here, missing or broken, and the path or what is wrong."""
    from kinescribe.errors import InputError
    from kinescribe.perception.weights import MissingWeightsError, find

    try:
        return "here", str(find(model.name, families=model.families, default=model.name).path)
    except MissingWeightsError:
        return "missing", None
    except InputError as error:
        return "broken", str(error)


def _record(model: Model, state: str, text: str | None) -> dict[str, object]:
    return {
        "name": model.name,
        "families": list(model.families),
        "role": model.role,
        "repo": model.repo,
        "url": model.url,
        "size_bytes": model.size_bytes,
        "licence": model.licence,
        "gated": model.gated,
        "commercial": model.commercial,
        "note": model.note,
        "state": state,
        "path": text if state == "here" else None,
        "problem": text if state == "broken" else None,
    }


def _print(result: Checked) -> None:
    """One weights' lines: what it is, and what to do where it isn't sound."""
    from kinescribe.perception.weights.catalogue import called
    from kinescribe.perception.weights.getting import command, gate, size_text, target

    _say(f"{result.state:<8} {result.name}")

    def line(what: str, text: object) -> None:
        if text:
            _say(f"  {what:<9} {text}")

    model = called(result.name)
    if result.state == "missing" and model is not None:
        line("size", size_text(model.size_bytes))
        line("licence", model.licence + ("" if model.commercial else ", not for commercial use"))
        line("first", gate(model))
        line("get", command(model))
        line("put into", target(model))
        return
    line("problem", result.problem)
    line("note", result.unchecked)
    if result.path is None:
        return
    line("family", result.family)
    line("path", f"{result.path} ({result.source})" if result.source else result.path)
    line("revision", result.revision)
    line("licence", result.licence)
    line("size", size_text(result.size_bytes or 0))
    stated = {None: "nothing to compare it with", True: "as stated", False: "not as stated"}[result.verified]
    line("sha256", f"{result.sha256} ({stated})" if result.sha256 else None)
