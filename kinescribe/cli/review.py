"""``kinescribe review``: a table held against its video, by drawing the video again."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.cli.progress import Progress
    from kinescribe.renderers.reviewing import Review
    from kinescribe.video import Video

__all__ = ["review"]


def review(
    video: Annotated[str, typer.Argument(metavar="VIDEO", help="The video, or a folder of numbered images.")],
    table: Annotated[Path, typer.Argument(metavar="STATES.CSV", help="The table that was made from it.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="CSV", help="The states, their column review filled.")] = None,
    rows: Annotated[Path | None, typer.Option("--table", metavar="CSV", help="What was found, by frame and object.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw residual, explained share and drift over time.")] = None,
    overlay: Annotated[Path | None, typer.Option(metavar="MP4", help="Draw what is not explained over the video.")] = None,
    scene: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="What 'kinescribe scene' wrote. [default: built from the table itself]")
    ] = None,
    frame_interval: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Time between frames. [default: as in the table's metadata, else the file's time stamps]"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the findings, warnings and errors alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 5 where anything wants a look.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Draw VIDEO again from its states, and say which objects and frames that doesn't explain. No row is left out of anything.

    The camera must stand still.
    Exit codes: 0 done, 2 usage, 3 input unreadable, 4 nothing to review, 5 done but not whole, 130 interrupted.
    """
    from kinescribe.cli.extract import check_words
    from kinescribe.cli.interrupts import checking
    from kinescribe.cli.progress import progress_bar
    from kinescribe.cli.running import NOT_WHOLE

    began = time.perf_counter()
    outputs = {"states": output, "table": rows, "plot": plot, "overlay": overlay}
    check_words(video, None, frame_interval, as_json=as_json)
    _check(outputs, video, overwrite=overwrite)

    from kinescribe.renderers import Scene
    from kinescribe.renderers.reviewing import review as look
    from kinescribe.renderers.reviewing.reviewer import opened as as_in_the_table
    from kinescribe.states import read
    from kinescribe.video import open_video

    states = read(table)
    opened = as_in_the_table(video, states) if frame_interval is None else open_video(video, frame_interval=frame_interval)
    with progress_bar(quiet) as bar:
        progress = checking(bar)
        found = look(opened, states, None if scene is None else Scene.read(scene), progress=progress)
        _write(found, outputs, opened, progress)
    wants_look = bool(found.flagged.any() or found.missed or len(found.changed))
    code = NOT_WHOLE if found.partial or (strict and (wants_look or found.warnings)) else 0
    if as_json:
        files = {name: None if path is None else str(path) for name, path in outputs.items()}
        rest = {"outputs": files, "seconds": round(time.perf_counter() - began, 3), "exit_code": code}
        print(json.dumps({**found.as_dict(), **rest}, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print(found.summary())
    for warning in found.warnings:
        print(f"kinescribe: warning: {warning}", file=sys.stderr)
    if found.partial:
        print(f"kinescribe: partial: {found.partial}", file=sys.stderr)
    for path in outputs.values():
        if path is not None and not quiet:
            print(f"wrote {path}", file=sys.stderr)
    return code


def _check(outputs: dict[str, Path | None], video: str, *, overwrite: bool) -> None:
    """Raise UsageError for outputs that could not or should not be written."""
    from kinescribe.cli.outputs import PLOT_SUFFIXES, check, check_table, files_of

    overlay, plot, rows, states = outputs["overlay"], outputs["plot"], outputs["table"], outputs["states"]
    if states is not None:
        check_table(states, "give -o NAME.csv")
    if rows is not None and rows.suffix.lower() != ".csv":
        raise UsageError(f"the table '{rows}' must end in .csv")
    if overlay is not None and overlay.suffix.lower() != ".mp4":
        raise UsageError(f"the overlay '{overlay}' must end in .mp4; no other container is written")
    if plot is not None and plot.suffix.lower() not in PLOT_SUFFIXES:
        raise UsageError(f"the plot '{plot}' must end in {', '.join(PLOT_SUFFIXES)}")
    paths = [path for path in outputs.values() if path is not None]
    check(paths + ([] if states is None else files_of(states)[1:]), overwrite=overwrite, source=Path(video).resolve())


def _write(found: Review, outputs: dict[str, Path | None], video: Video, progress: Progress | None) -> None:
    from kinescribe.cli.outputs import write_table

    if outputs["states"] is not None:
        write_table(found.states, outputs["states"])
    if outputs["table"] is not None:
        found.to_csv(outputs["table"])
    if outputs["plot"] is not None:
        found.plot(outputs["plot"])
    if outputs["overlay"] is not None:
        found.overlay(video, outputs["overlay"], progress)
