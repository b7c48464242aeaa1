"""``kinescribe predict-video``, the same as ``predict-video``: a video in, the video of what happens next out."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinescribe.cli.model_options import BaseUrlOption, MaxCallsOption, ModelOption, TimeoutOption, law_model
from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from kinescribe.dynamics.fitting import Fit
    from kinescribe.dynamics.law import Law

__all__ = ["law_of", "main", "names_of", "predict_video"]


def predict_video(
    videos: Annotated[
        list[str], typer.Argument(metavar="VIDEO", help="A video, or a folder of numbered images; more of them help to find the law.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="MP4", help="The video of what happens next.")],
    law: Annotated[
        str,
        typer.Option(
            metavar="LAW",
            help='auto, a name ("kinescribe list laws"), a sum of names, my_law.py, a saved law.json; llm: a language model helps.',
        ),
    ] = "auto",
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    max_calls: MaxCallsOption = None,
    timeout: TimeoutOption = None,
    until: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="The end, in the video's time. [default: the video's, or half as long again]",
            show_default=False,
        ),
    ] = None,
    seen: Annotated[
        str | None, typer.Option(metavar="TIME", help="Look at so much of the video alone: 1.5 (seconds), 45f (frames). [default: all]")
    ] = None,
    do: Annotated[
        list[str] | None, typer.Option(metavar="CHANGE", help="What if: gravity=1.62, 'ball 1.mass*=2', 'ball.vx+=0.5'; several times.")
    ] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Take away a wall or an object; several times.")] = None,
    at: Annotated[float | None, typer.Option(metavar="SECONDS", help="When it changes. [default: at the first sighting]")] = None,
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="FORM",
            help="Show the real video too: side (left), wipe (left of a line that sways), wipe:0.5 (that stands).",
        ),
    ] = None,
    ghost: Annotated[bool, typer.Option("--ghost", help="What happens without the change, half transparent.")] = False,
    trails: Annotated[bool, typer.Option("--trails", help="Draw paths: solid where seen, dashed where predicted.")] = False,
    captions: Annotated[bool, typer.Option("--captions/--no-captions", help="Write in the picture what it shows.")] = True,
    past: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How much of what was seen comes first; 0: nothing. [default: all]")
    ] = None,
    frame_rate: Annotated[float | None, typer.Option(metavar="HZ", help="Of what is predicted. [default: the video's times]")] = None,
    crf: Annotated[int, typer.Option(metavar="NUMBER", help="Quality: 0 (lossless) to 51.")] = 18,
    inputs: Annotated[
        list[Path] | None, typer.Option(metavar="CSV", help="Known inputs: time_s, and a column an input; one for all VIDEOs, or one each.")
    ] = None,
    law_objects: Annotated[
        str | None, typer.Option(metavar="NAMES", help='Whom the law is about: names, labels or ids, "red ball, 3". [default: all]')
    ] = None,
    law_source: Annotated[
        list[Path] | None, typer.Option(metavar="FILE.PY", help="The own file of a saved law, where it is not installed; it is run.")
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run law text that a saved law.json holds with all your rights, not in the sandbox.")
    ] = False,
    fix: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter that is known; several times.")] = None,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Of what is random in a fit.")] = 0,
    max_seconds: Annotated[float, typer.Option(metavar="SECONDS", help="Most time for the fit; what is found by then stands.")] = 300.0,
    objects: Annotated[
        str | None,
        typer.Option(metavar="PHRASES", help='What to look for: "red ball, black cart"; "auto" asks a VLM. [default: all]'),
    ] = None,
    backend: Annotated[
        str, typer.Option(metavar="NAME", help="How objects are found; 'kinescribe list backends' shows all.")
    ] = "classical",
    device: Annotated[str, typer.Option(metavar="NAME", help="Where models run: auto, cpu, cuda, cuda:0,1, mps.")] = "auto",
    states: Annotated[
        list[Path] | None, typer.Option(metavar="CSV", help="A table that was extracted before, in place of looking; one a VIDEO.")
    ] = None,
    scene: Annotated[Path | None, typer.Option(metavar="FOLDER", help="What 'kinescribe scene' wrote, edited or not.")] = None,
    renderer: Annotated[str, typer.Option(metavar="NAME", help="sprites, shapes (no pixels of the video), or a plug-in.")] = "sprites",
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
    keep: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Keep every step: states.csv, law.json, scene/, future.csv.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but warnings and errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON on stdout.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 5 on any warning.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Draw what happens next in VIDEO, or what would have happened: find its objects, fit a law, predict, and render.

    The new video shows what was seen, and goes on with what is predicted; its times are those of VIDEO. With --seen the prediction is
    measured against the rest of VIDEO. The camera must stand still.
    Exit codes: 0 done, 2 usage, 3 input unreadable, 4 nothing found, 5 done but not whole or not to be trusted, 130 interrupted.
    """
    began = time.perf_counter()
    from kinescribe.cli import fit_options
    from kinescribe.cli import outputs as files
    from kinescribe.cli.extract import check_words
    from kinescribe.cli.interrupts import check, checking
    from kinescribe.cli.progress import progress_bar

    for video in videos:
        check_words(video, None, frame_interval, as_json=as_json)
    known = fit_options.values(fix or [])
    about = names_of(law_objects)
    if states and any(value is not None for value in (scale, pixels_per_unit, unit, origin, angle, objects)):
        raise UsageError("--states brings objects and scale of its own: leave out --objects and the options of the scale")
    if output.suffix.lower() != ".mp4":
        raise UsageError(f"the video '{output}' must end in .mp4; no other container is written")
    settings, record = law_model(law, model, base_url, max_calls, timeout, output)
    written = [] if record is None else [record, record.with_suffix(".html")]
    files.check([output, *written], overwrite=overwrite, source=Path(videos[0].rstrip("/")).resolve())
    for video in videos[1:]:
        files.check([output], overwrite=True, source=Path(video.rstrip("/")).resolve())

    from kinescribe.cli.foretold import finish
    from kinescribe.cli.reaching import check_reachable
    from kinescribe.foretelling import predict_video as foretell
    from kinescribe.states import resolve_calibration

    if settings is not None:
        check_reachable(settings)
    calibration = resolve_calibration(scale, pixels_per_unit, unit, origin, angle)
    chosen, blamed = law_of(law.strip(), law_source, trust)
    with progress_bar(quiet) as bar, fit_options.blamed(blamed):
        made = foretell(
            videos,
            output,
            law=chosen,
            until=until,
            seen=seen,
            do=do or (),
            remove=remove or (),
            at=at,
            inputs=inputs or None,
            compare=compare,
            ghost=ghost,
            trails=trails,
            captions=captions,
            past=past,
            frame_rate=frame_rate,
            crf=crf,
            objects=objects,
            backend=backend,
            device=device,
            calibration=calibration,
            frame_interval=frame_interval,
            states=states or None,
            scene=scene,
            renderer=renderer,
            law_objects=about,
            fixed=known,
            seed=seed,
            max_seconds=max_seconds,
            model=settings,
            max_calls=max_calls,
            record=record,
            keep=keep,
            overwrite=overwrite,
            progress=checking(bar),
        )
        check()
    if record is not None and not quiet:
        print(f"kept what was asked and said in {record}, and as a page in {record.with_suffix('.html')}", file=sys.stderr)
    return finish(made, output, keep, time.perf_counter() - began, quiet=quiet, as_json=as_json, strict=strict)


def law_of(words: str, source: list[Path] | None, trust: bool) -> tuple[str | Law | Fit, Law | None]:
    """What the words stand for, and the law whose own code is to blame for what it raises; None where it isn't known yet."""
    from kinescribe.dynamics.finding import find_law
    from kinescribe.dynamics.saving import load

    if words in ("auto", "llm"):
        return words, None
    if words.lower().endswith(".json"):
        fit = load(words, source=list(source) if source else None, trust=trust)
        return fit, fit.law
    law = find_law(words)
    return law, law


def names_of(words: str | None) -> list[str | int] | None:
    """``"red ball, 3"`` as a list; None stays None. Raises UsageError where nothing is named."""
    if words is None:
        return None
    found: list[str | int] = [word.strip() for word in words.split(",") if word.strip()]
    if not found:
        raise UsageError("--law-objects names nothing; give names, labels or ids, such as 'red ball, 3', or leave it out for all")
    return found


def main(argv: list[str] | None = None) -> int:
    """Run ``predict-video ARGV`` and return its exit code."""
    from kinescribe.cli.running import run, single

    application = single()
    application.command()(predict_video)
    return run(application, "predict-video", sys.argv[1:] if argv is None else argv)
