"""``kinescribe extract``, the same as ``extract-states``: a video in, a table of states out."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.cli.outputs import Outputs
    from kinescribe.cli.progress import Progress
    from kinescribe.states import States

__all__ = ["extract", "main"]


def extract(
    video: Annotated[str, typer.Argument(metavar="VIDEO", help="A video file, or a folder of numbered images.")],
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="CSV", help="The table; '-' is stdout. [default: VIDEO's name + .states.csv]")
    ] = None,
    objects: Annotated[
        str | None,
        typer.Option(metavar="PHRASES", help='What to look for: "red ball, black cart | trolley: 0.4"; "auto" asks a VLM. [default: all]'),
    ] = None,
    backend: Annotated[
        str, typer.Option(metavar="NAME", help="How objects are found; 'kinescribe list backends' shows all.")
    ] = "classical",
    detector: Annotated[str | None, typer.Option(metavar="PART", help="In place of the backend's detector: NAME or NAME:WEIGHTS.")] = None,
    segmenter: Annotated[str | None, typer.Option(metavar="PART", help="In place of the backend's segmenter, or 'none'.")] = None,
    propagator: Annotated[str | None, typer.Option(metavar="PART", help="What carries masks between detections, or 'none'.")] = None,
    concept_tracker: Annotated[str | None, typer.Option(metavar="PART", help="One model for all three, such as sam3-video:FOLDER.")] = None,
    verifier: Annotated[str | None, typer.Option(metavar="PART", help="Who checks the labels: vlm, rules, none.")] = None,
    detect_every: Annotated[
        str | None, typer.Option(metavar="FRAMES", help="Detect in every n-th frame and carry masks between; 'auto' adapts.")
    ] = None,
    one_each: Annotated[bool, typer.Option("--one-each", help="What you name is there once: no label twice.")] = False,
    device: Annotated[str, typer.Option(metavar="NAME", help="Where models run: auto, cpu, cuda, cuda:0,1, mps.")] = "auto",
    precision: Annotated[str, typer.Option(metavar="NAME", help="Of models: auto, fp32, bf16, fp16.")] = "auto",
    compile_models: Annotated[bool, typer.Option("--compile", help="Compile models first; pays for long videos on a GPU.")] = False,
    batch_size: Annotated[int | None, typer.Option(metavar="FRAMES", help="Frames that go through a model at once.")] = None,
    vlm_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model that looks at pictures. [default: $KINESCRIBE_MODEL]", show_default=False)
    ] = None,
    vlm_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Its OpenAI-compatible endpoint. [default: $KINESCRIBE_BASE_URL]", show_default=False),
    ] = None,
    vlm_cache: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Keep every answer, and use it again.")] = None,
    vlm_replay: Annotated[bool, typer.Option("--vlm-replay", help="Answers from --vlm-cache only; no network.")] = False,
    vlm_timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How long an answer may take; models on a CPU take minutes.")
    ] = None,
    vlm_max_calls: Annotated[int | None, typer.Option(metavar="NUMBER", help="Most questions to the endpoint.")] = None,
    vlm_max_tokens: Annotated[int | None, typer.Option(metavar="NUMBER", help="Most tokens, of questions and answers.")] = None,
    vlm_max_cost: Annotated[float | None, typer.Option(metavar="MONEY", help="Most that may be spent; needs --vlm-prices.")] = None,
    vlm_prices: Annotated[
        str | None, typer.Option(metavar="IN,OUT", help="Price of a million tokens of questions, and of answers: 0.15,0.60.")
    ] = None,
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
    ends: Annotated[bool, typer.Option("--ends/--no-ends", help="Report ends of long bodies and pivots of parts as points.")] = True,
    overlay: Annotated[Path | None, typer.Option(metavar="MP4", help="Draw ids, labels and trails over the video.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw x(t), y(t), speed and the path.")] = None,
    masks: Annotated[bool, typer.Option("--masks", help="Write the masks as well, to NAME.masks.jsonl.gz beside the table.")] = False,
    review: Annotated[bool, typer.Option("--review", help="Draw the video again from the table, and say there what that misses.")] = False,
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
    check_words(video, output, frame_interval, as_json=as_json)
    from kinescribe.cli.outputs import plan
    from kinescribe.settings.endpoint import vlm_settings
    from kinescribe.states import resolve_calibration

    calibration = resolve_calibration(scale, pixels_per_unit, unit, origin, angle)
    outputs = plan(video, output, masks=masks, overlay=overlay, plot=plot, overwrite=overwrite)
    endpoint = vlm_settings(
        vlm_model,
        vlm_url,
        vlm_cache,
        replay=vlm_replay,
        timeout=vlm_timeout,
        max_calls=vlm_max_calls,
        max_tokens=vlm_max_tokens,
        max_cost=vlm_max_cost,
        prices=vlm_prices,
    )

    from kinescribe.pipeline import extract_states

    extraction = partial(
        extract_states,
        video,
        objects=objects,
        backend=backend,
        detector=detector,
        segmenter=segmenter,
        propagator=propagator,
        concept_tracker=concept_tracker,
        verifier=verifier,
        detect_every=detect_every,
        one_each=one_each,
        device=device,
        precision=precision,
        compile=compile_models,
        batch_size=batch_size,
        vlm=endpoint,
        calibration=calibration,
        frame_interval=frame_interval,
        ends=ends,
        masks=outputs.masks,
        review=review,
    )
    states, seconds = carry_out(extraction, outputs, video, frame_interval, quiet=quiet)
    return finish(states, outputs, seconds, quiet=quiet, as_json=as_json, strict=strict)


def check_words(video: str, output: str | None, frame_interval: float | None, *, as_json: bool) -> None:
    """Raise UsageError for what makes no sense whatever is in the video."""
    from kinescribe.cli.outputs import STDOUT

    if not video.strip():
        raise UsageError("VIDEO is empty; name a video file or a folder of numbered images")
    if output == STDOUT and as_json:
        raise UsageError("-o - and --json both write to stdout; give -o a file, or leave out --json")
    if frame_interval is not None and not (math.isfinite(frame_interval) and frame_interval > 0):
        raise UsageError(f"--frame-interval {frame_interval:g} must be a number of seconds above 0, such as 0.00417")


def carry_out(
    extraction: Callable[..., States], outputs: Outputs, video: str, frame_interval: float | None, *, quiet: bool
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
        write(states, outputs, video, frame_interval, progress)
        check()
    return states, time.perf_counter() - start


def write(states: States, outputs: Outputs, video: str, frame_interval: float | None, progress: Progress | None) -> None:
    """The table, the overlay and the plot."""
    if outputs.states is not None:
        states.to_csv(outputs.states)
    else:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="")  # the table's own encoding and line ends, whatever the locale's
        states.to_csv(sys.stdout)
    if outputs.overlay is not None:
        from kinescribe.renderers import draw_overlay
        from kinescribe.video import open_video

        draw_overlay(open_video(video, frame_interval=frame_interval), states, outputs.overlay, progress=progress)
    if outputs.plot is not None:
        from kinescribe.renderers import plot_states

        plot_states(states, outputs.plot)


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
