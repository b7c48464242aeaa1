"""``kinescribe extract``, the same as ``extract-states``: a video in, a table of states out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinescribe.cli.configuration import Configuration, configured
from kinescribe.errors import UsageError
from kinescribe.settings.extraction import check_interval

if TYPE_CHECKING:
    from kinescribe.cli.outputs import Outputs
    from kinescribe.cli.progress import Progress
    from kinescribe.settings import ExtractionSettings
    from kinescribe.states import States

__all__ = ["extract", "main"]


@configured()
def extract(
    video: Annotated[str, typer.Argument(metavar="VIDEO", help="A video file, or a folder of numbered images.")],
    *,
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="CSV", help="The table, .csv or .parquet; '-' is stdout. [default: VIDEO's name + .states.csv]"
        ),
    ] = None,
    configuration: Configuration,
    overlay: Annotated[Path | None, typer.Option(metavar="MP4", help="Draw ids, labels and trails over the video.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw x(t), y(t), speed and the path.")] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="HTML", help="Write a page on its quality: what wants a look, pictures, paths.")
    ] = None,
    masks: Annotated[bool, typer.Option("--masks", help="Write the masks as well, to NAME.masks.jsonl.gz beside the table.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON on stdout.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 5 on any warning.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Write what every object in VIDEO did: position, velocity, acceleration and angle, with uncertainties, as CSV.

    Without a scale, lengths are in pixels and y points down; with one, in its unit and y points up.
    Exit codes: 0 done, 2 usage, 3 input unreadable, 4 nothing found, 5 done but not whole, 130 interrupted.
    """
    settings = configuration.settings_for(Path(video).as_posix())
    check_words(video, output, settings.frame_interval, as_json=as_json)
    from kinescribe.cli.outputs import plan

    keywords = settings.keywords()
    outputs = plan(video, output, masks=masks, overlay=overlay, plot=plot, overwrite=overwrite, report=report)

    from kinescribe.pipeline import extract_states

    extraction = partial(extract_states, video, **keywords, masks=outputs.masks)
    states, seconds = carry_out(extraction, outputs, video, settings, quiet=quiet)
    return finish(states, outputs, seconds, quiet=quiet, as_json=as_json, strict=strict)


def check_words(video: str, output: str | None, frame_interval: float | None, *, as_json: bool) -> None:
    """Raise UsageError for what makes no sense whatever is in the video."""
    from kinescribe.cli.outputs import STDOUT

    if not video.strip():
        raise UsageError("VIDEO is empty; name a video file or a folder of numbered images")
    if output == STDOUT and as_json:
        raise UsageError("-o - and --json both write to stdout; give -o a file, or leave out --json")
    check_interval(frame_interval)


def carry_out(
    extraction: Callable[..., States], outputs: Outputs, video: str, settings: ExtractionSettings, *, quiet: bool
) -> tuple[States, float]:
    """Extract and write, under a progress bar; the table, and how many seconds that took.

    Args:
        extraction: `extract_states` with all its arguments but `progress`.
    """
    from kinescribe.cli.interrupts import check, checking
    from kinescribe.cli.progress import progress_bar

    start = time.perf_counter()
    with progress_bar(quiet) as bar:
        progress = checking(bar)
        states = extraction(progress=progress)
        check()
        write(states, outputs, video, settings, progress)
        check()
    return states, time.perf_counter() - start


def write(states: States, outputs: Outputs, video: str, settings: ExtractionSettings, progress: Progress | None) -> None:
    """The table, the overlay, the plot and the page."""
    from kinescribe.cli.outputs import write_table

    write_table(states, outputs.states)
    if outputs.overlay is not None:
        from kinescribe.renderers import draw_overlay
        from kinescribe.video import open_video

        draw_overlay(open_video(video, frame_interval=settings.frame_interval), states, outputs.overlay, progress=progress)
    if outputs.plot is not None:
        from kinescribe.renderers import plot_states

        plot_states(states, outputs.plot)
    if outputs.report is not None:
        from kinescribe.annotation.reporting import write_video_page
        from kinescribe.video import open_video

        write_video_page(states, open_video(video, frame_interval=settings.frame_interval), outputs.report, command=settings.command(video))


def finish(states: States, outputs: Outputs, seconds: float, *, quiet: bool, as_json: bool, strict: bool) -> int:
    """Say what was found and what was wrong; the exit code."""
    from kinescribe.cli import summary
    from kinescribe.cli.running import NOT_WHOLE

    meta = states.meta
    code = NOT_WHOLE if meta.partial or (strict and meta.warnings) else 0
    objects = summary.summarise(states)
    if as_json:
        print(json.dumps(summary.as_json(states, objects, outputs, seconds, code), indent=2, allow_nan=False))
    if not quiet:
        summary.print_table(states, objects, outputs, seconds)
        summary.print_review(states)
    for warning in meta.warnings:
        print(f"kinescribe: warning: {warning}", file=sys.stderr)
    if meta.partial:
        print(f"kinescribe: partial: {meta.partial}", file=sys.stderr)
    return code


def main(argv: list[str] | None = None) -> int:
    """Run ``extract-states ARGV`` and return its exit code."""
    from kinescribe.cli.running import run, single

    application = single()
    application.command()(extract)
    return run(application, "extract-states", sys.argv[1:] if argv is None else argv)
