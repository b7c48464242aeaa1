"""``kinescribe predict``: what happens next, and what would have happened instead."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.dynamics.prediction import Change, Counterfactual, Predictor, Sweep
    from kinescribe.states import States

__all__ = ["predict"]


def predict(
    table: Annotated[Path, typer.Argument(metavar="STATES.CSV", help="The table whose objects move on.")],
    law: Annotated[Path, typer.Option(metavar="LAW.JSON", help="What 'kinescribe fit' wrote.")],
    until: Annotated[float, typer.Option(metavar="SECONDS", help="The end, in the table's time.")],
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="CSV", help="The table; '-' is stdout. [default: STATES' name + .future.csv]")
    ] = None,
    do: Annotated[
        list[str] | None,
        typer.Option(metavar="CHANGE", help="What if: gravity=1.62, 'ball 1.mass*=2', 'ball.vx+=0.5'; several times."),
    ] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Take away a wall or an object; several times.")] = None,
    at: Annotated[float | None, typer.Option(metavar="SECONDS", help="When it changes. [default: at the first sighting]")] = None,
    sweep: Annotated[
        list[str] | None, typer.Option(metavar="CHANGE", help="Many values: gravity=1:20:8, or gravity=log:1:20:8; a file each.")
    ] = None,
    every: Annotated[float | None, typer.Option(metavar="SECONDS", help="Interval of the rows. [default: the frames']")] = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="Rows from the first sighting on, not the last.")] = False,
    start_prior: Annotated[bool, typer.Option("--start-prior", help="It starts as the clips of the fit did: their spread counts.")] = False,
    inputs: Annotated[Path | None, typer.Option(metavar="CSV", help="Known inputs: time_s, and a column an input.")] = None,
    objects: Annotated[str | None, typer.Option(metavar="NAMES", help="Objects, by name or id, with commas. [default: the fit's]")] = None,
    law_source: Annotated[
        list[Path] | None, typer.Option(metavar="FILE.PY", help="The law's own file, where it is not installed; it is run.")
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run law text that LAW.JSON holds with all your rights, not in the sandbox.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw what was seen, what is foretold and what is changed.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON on stdout.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 5 on any warning.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Foretell how the objects of STATES.CSV move on under a fitted law, or what would have happened under a changed one.

    Exit codes: 0 done, 2 usage, 3 input unreadable, 4 nothing found, 5 done but not whole, 130 interrupted.
    """
    from kinescribe.cli.fit_options import blamed
    from kinescribe.cli.outputs import STDOUT

    began = time.perf_counter()
    if output == STDOUT and (as_json or sweep):
        raise UsageError(f"-o - and {'--json' if as_json else '--sweep'} don't go together: give -o a file")
    target = None if output == STDOUT else Path(output) if output is not None else Path(f"{table.stem.removesuffix('.states')}.future.csv")
    changed = tuple(do or ())
    swept = _sweep(sweep, changed)
    files = _planned(table, target, plot, swept, overwrite)

    from kinescribe.dynamics.prediction import Predictor
    from kinescribe.dynamics.prediction.changes import changes_of
    from kinescribe.dynamics.saving import load
    from kinescribe.states import read

    changes = changes_of(changed)
    fit = load(law, source=list(law_source) if law_source else None, trust=trust)
    states = read(table)
    options: dict[str, Any] = {"until": until, "every": every, "at": at, "from_start": from_start}
    with blamed(fit.law):
        predictor = Predictor.of(states, fit, inputs=inputs, objects=_objects(objects), name=str(table), start_prior=start_prior)
        if swept is not None:
            return _swept(predictor, swept, changes, remove or (), options, files, plot, _Talk(quiet, as_json, strict, began))
        return _once(predictor, changes, remove or (), options, target, plot, _Talk(quiet, as_json, strict, began))


class _Talk:
    """How results are told."""

    def __init__(self, quiet: bool, as_json: bool, strict: bool, began: float) -> None:
        self.quiet, self.as_json, self.strict, self.began = quiet, as_json, strict, began

    def finish(self, told: dict[str, Any], lines: list[str], warnings: list[str], partial: str | None) -> int:
        """Print all of it; the exit code."""
        from kinescribe.cli.running import NOT_WHOLE

        code = NOT_WHOLE if partial or (self.strict and warnings) else 0
        if self.as_json:
            rest = {"warnings": warnings, "partial": partial, "seconds": round(time.perf_counter() - self.began, 3), "exit_code": code}
            print(json.dumps(_finite({**told, **rest}), indent=2, ensure_ascii=False, allow_nan=False))
        if not self.quiet:
            for line in lines:
                print(line, file=sys.stderr)
        for warning in warnings:
            print(f"kinescribe: warning: {warning}", file=sys.stderr)
        if partial:
            print(f"kinescribe: partial: {partial}", file=sys.stderr)
        return code


def _once(
    predictor: Predictor,
    changes: tuple[Change, ...],
    remove: list[str] | tuple[str, ...],
    options: dict[str, Any],
    target: Path | None,
    plot: Path | None,
    talk: _Talk,
) -> int:
    from kinescribe.dynamics.prediction import counterfactual
    from kinescribe.dynamics.prediction.table import table_of

    result: Counterfactual | None = None
    if changes or remove:
        result = counterfactual(predictor, do=list(changes), remove=remove, **options)
        future, factual = result.changed, result.factual
    else:
        future = factual = table_of(predictor.run((), **options), predictor.states)
    _write(future, target)
    if plot is not None:
        _draw(plot, predictor, factual, future if result else None, ", ".join(result.words) if result else "")
    written = [path for path in (target, plot) if path is not None]
    told = {
        **_told(predictor, future),
        "outputs": {"states": _name(target), "plot": _name(plot)},
        "changes": list(result.words) if result else [],
        "difference": result.difference.as_dict() if result else None,
    }
    lines = [f"{len(future)} rows, {_contacts(future)}, to {future['time_s'].max():g} s" if len(future) else "no rows"]
    if result is None and options["at"] is not None:
        lines.append("--at says here but where rows begin, for nothing is changed: --do or --remove does")
    if result:
        lines += [
            f"{'' if result.words[0].startswith('without ') else 'with '}{', '.join(result.words)}:",
            result.difference.text() or "  nothing changes",
        ]
    return talk.finish(told, [*lines, *(f"wrote {path}" for path in written)], list(future.meta.warnings), future.meta.partial)


def _swept(
    predictor: Predictor,
    swept: Sweep,
    changes: tuple[Change, ...],
    remove: list[str] | tuple[str, ...],
    options: dict[str, Any],
    files: list[Path],
    plot: Path | None,
    talk: _Talk,
) -> int:
    """A table for each value, as soon as it is done, and a summary of all."""
    from kinescribe.dynamics.prediction import sweep
    from kinescribe.states.writing import replaced

    summary, *each = files
    rows: list[dict[str, Any]] = []
    values: list[dict[str, Any]] = []
    warnings: list[str] = []
    partial: str | None = None
    result: Counterfactual | None = None
    lines: list[str] = []
    for (change, result), path in zip(sweep(predictor, over=swept, do=list(changes), remove=remove, **options), each, strict=True):
        _write(result.changed, path)
        rows += _summary(change, path, result)
        values.append({"do": str(change), "value": change.value, "states": str(path), "difference": result.difference.as_dict()})
        warnings += [f"{change}: {line}" for line in result.changed.meta.warnings]
        partial = partial or (f"{change}: {result.changed.meta.partial}" if result.changed.meta.partial else None)
        unit = f" {result.changed.unit}" if result.changed.unit else ""
        ends = ", ".join(f"{end.name} {end.distance:.4g}{unit} away" for end in result.difference.ends)
        lines.append(f"{change}: {_contacts(result.changed)}; {ends}")
    with replaced(summary) as (staged,), staged.open("x", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]) if rows else ["do"], lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
    if plot is not None and result is not None:
        _draw(plot, predictor, result.factual, result.changed, f"the last of the sweep: {', '.join(result.words)}")
    told = {
        "law": predictor.start.fit.law.title,
        "unit": predictor.start.clip.unit,
        "outputs": {"summary": str(summary), "states": [str(path) for path in each], "plot": _name(plot)},
        "sweep": values,
    }
    return talk.finish(told, [*lines, f"wrote {summary} and {len(each)} tables"], warnings, partial)


def _sweep(texts: list[str] | None, changed: Sequence[str]) -> Sweep | None:
    """The one sweep that there may be, which must leave something of each of the other changes."""
    if not texts:
        return None
    from kinescribe.dynamics.prediction import Sweep
    from kinescribe.dynamics.prediction.changes import changes_of

    if len(texts) > 1:
        raise UsageError(f"--sweep is given {len(texts)} times ({', '.join(texts)}): sweep one at a time, and hold the others with --do")
    swept = Sweep.parse(texts[0])
    first = swept.changes[0]
    for change in changes_of(changed):
        if change.target == first.target and first.operator == "=":
            raise UsageError(f"--sweep {texts[0]} takes the place of --do {change}: leave one out, or sweep by factors ({first.target}*=…)")
    return swept


def _planned(table: Path, target: Path | None, plot: Path | None, swept: Sweep | None, overwrite: bool) -> list[Path]:
    """All tables that will be written, checked: the summary of a sweep first, then one a value."""
    from kinescribe.cli.outputs import PLOT_SUFFIXES, check, check_table, files_of

    if target is not None and swept is not None and target.suffix.lower() != ".csv":
        raise UsageError(f"the table '{target}' must end in .csv, for a sweep has a summary; give -o NAME.csv, or -o - for stdout")
    if target is not None:
        check_table(target, "give -o NAME.csv, or -o - for stdout")
    if plot is not None and plot.suffix.lower() not in PLOT_SUFFIXES:
        raise UsageError(f"the plot '{plot}' must end in {', '.join(PLOT_SUFFIXES)}")
    files = [] if target is None else [target]
    sidecars = list(files)
    if swept is not None and target is not None:
        width = len(str(len(swept.changes)))
        files += [target.with_suffix(f".{k:0{width}d}.csv") for k in range(1, len(swept.changes) + 1)]
        sidecars = files[1:]
    if any(path.resolve() == table.resolve() for path in files):
        raise UsageError(f"the output '{target}' is the table that is read; name another file")
    check([*files, *(beside for path in sidecars for beside in files_of(path)[1:]), *([plot] if plot else [])], overwrite=overwrite)
    return files


def _objects(text: str | None) -> list[str | int] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise UsageError(f"--objects '{text}' lacks a name; write them with commas between: ball 1, ball 2")
    return list(names)


def _write(states: States, path: Path | None) -> None:
    from kinescribe.cli.outputs import write_table

    write_table(states, path)


def _draw(plot: Path, predictor: Predictor, factual: States, changed: States | None, title: str) -> None:
    from kinescribe.dynamics.prediction.plot import plot_prediction
    from kinescribe.renderers.colors import color_of

    plot_prediction(plot, predictor.states, factual, changed, color_of, title=title)


def _told(predictor: Predictor, states: States) -> dict[str, Any]:
    """What a program wants to know of a table."""
    names = dict(zip(predictor.start.clip.bodies.object_ids, predictor.start.clip.bodies.names, strict=True))
    ends = []
    for object_id in states.object_ids:
        last = {name: values[-1] for name, values in states.of(object_id).columns.items()}
        kept = ("time_s", "x", "y", "vx", "vy", "sigma_x", "sigma_y", "sigma_vx", "sigma_vy")
        name = names.get(object_id, states.labels[object_id])
        ends.append({"object_id": object_id, "name": name, **{column: float(last[column]) for column in kept}})
    return {
        "law": predictor.start.fit.law.title,
        "unit": states.unit,
        "rows": len(states),
        "ends": ends,
        "contacts": [{"time_s": event.time_s, "partners": [names[i] for i in event.partners]} for event in states.meta.events],
    }


def _summary(change: Change, path: Path, result: Counterfactual) -> list[dict[str, Any]]:
    """One row an object."""
    rows = []
    for object_id in result.changed.object_ids:
        last = {name: values[-1] for name, values in result.changed.of(object_id).columns.items()}
        mine = [event.time_s for event in result.changed.meta.events if object_id in event.partners]
        factual = result.factual.of(object_id).columns if object_id in result.factual.object_ids else None
        away = None if factual is None else float(((last["x"] - factual["x"][-1]) ** 2 + (last["y"] - factual["y"][-1]) ** 2) ** 0.5)
        rows.append(
            {
                "do": str(change), "value": repr(change.value), "states": path.name, "object_id": object_id, "label": last["label"],
                **{name: f"{last[name]:.9g}" for name in ("time_s", "x", "y", "sigma_x", "sigma_y")},
                "distance": "" if away is None else f"{away:.9g}", "contacts": len(mine),
                "first_contact_s": f"{mine[0]:.9g}" if mine else "",
            }
        )  # fmt: skip
    return rows


def _contacts(states: States) -> str:
    count = len(states.meta.events)
    return f"{count} contact{'s' * (count != 1)}"


def _name(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _finite(value: Any) -> Any:
    """JSON has no word for what is not known."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value
