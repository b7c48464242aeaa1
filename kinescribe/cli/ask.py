"""``kinescribe ask``: a question in words about a video, answered in one sentence."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    from kinescribe.foretelling.asking import Answer
    from kinescribe.foretelling.asking.record import Record
    from kinescribe.llm import Client, Model, Settings

__all__ = ["ask"]


def ask(
    video: Annotated[str, typer.Argument(metavar="VIDEO", help="A video, or a folder of numbered images.")],
    question: Annotated[
        str | None, typer.Argument(metavar="QUESTION", help='In words, such as "what if gravity were halved?". [default: the --replay\'s]')
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="MP4", help="A video of the answer. [default: the answer alone]")
    ] = None,
    ghost: Annotated[bool, typer.Option("--ghost/--no-ghost", help="In it, what happens without the change, half transparent.")] = True,
    trails: Annotated[bool, typer.Option("--trails", help="Draw paths: solid where seen, dashed where predicted.")] = False,
    captions: Annotated[bool, typer.Option("--captions/--no-captions", help="Write in the picture what it shows.")] = True,
    confirm: Annotated[bool, typer.Option("--confirm", help="Ask before the changes are made; needs a terminal.")] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="JSON", help="Keep what was asked of the model, and what it said. [default: nowhere]")
    ] = None,
    replay: Annotated[Path | None, typer.Option(metavar="JSON", help="Answer again from what --record kept, without a model.")] = None,
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    max_calls: MaxCallsOption = None,
    max_tokens: MaxTokensOption = None,
    max_cost: MaxCostOption = None,
    prices: PricesOption = None,
    timeout: TimeoutOption = None,
    answers: AnswersOption = None,
    offline: OfflineOption = False,
    law: Annotated[
        str,
        typer.Option(
            metavar="LAW", help='auto, a name ("kinescribe list laws"), a sum, my_law.py, a saved law.json; llm: the model helps.'
        ),
    ] = "auto",
    seen: Annotated[
        str | None, typer.Option(metavar="TIME", help="Look at so much of the video alone: 1.5 (seconds), 45f (frames). [default: all]")
    ] = None,
    inputs: Annotated[Path | None, typer.Option(metavar="CSV", help="Known inputs: time_s, and a column an input.")] = None,
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
        str | None, typer.Option(metavar="PHRASES", help='What to look for: "red ball, black cart". [default: all that moves]')
    ] = None,
    backend: Annotated[
        str, typer.Option(metavar="NAME", help="How objects are found; 'kinescribe list backends' shows all.")
    ] = "classical",
    device: Annotated[str, typer.Option(metavar="NAME", help="Where models run: auto, cpu, cuda, cuda:0,1, mps.")] = "auto",
    states: Annotated[Path | None, typer.Option(metavar="CSV", help="A table that was extracted before, in place of looking.")] = None,
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
    keep: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Keep every step: states.csv, law.json, future.csv, scene/.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the answer, warnings and errors alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer, its numbers and the changes as JSON on stdout.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 5 on any warning.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Answer QUESTION about VIDEO: what happens next, or what would have happened had something been otherwise.

    A language model turns the question into changes of the law that was found in VIDEO. These are checked and shown; the numbers of the
    answer are computed. The camera must stand still.
    Exit codes: 0 done, 2 usage, 3 input unreadable or no usable answer of the model, 4 nothing found or not to be answered with the law,
    5 done but not whole or not to be trusted, 130 interrupted.
    """
    from kinescribe.cli import fit_options
    from kinescribe.cli import outputs as files
    from kinescribe.cli.extract import check_words
    from kinescribe.cli.foretell import law_of, names_of
    from kinescribe.cli.interrupts import check, checking
    from kinescribe.cli.progress import progress_bar

    check_words(video, None, frame_interval, as_json=as_json)
    known = fit_options.values(fix or [])
    about = names_of(law_objects)
    if states and any(value is not None for value in (scale, pixels_per_unit, unit, origin, angle, objects)):
        raise UsageError("--states brings objects and scale of its own: leave out --objects and the options of the scale")
    if output is not None and output.suffix.lower() != ".mp4":
        raise UsageError(f"the video '{output}' must end in .mp4; no other container is written")
    written = [path for path in (output, record) if path is not None]
    files.check(written, overwrite=overwrite, source=Path(video.rstrip("/")).resolve())
    if confirm and not sys.stdin.isatty():
        raise UsageError("--confirm waits for a yes, and there is no terminal to give it in: leave it out")
    if replay is not None and (model or answers or offline):
        raise UsageError("--replay answers without a model: leave out --model, --answers and --offline")
    caps = {"max_calls": max_calls, "max_tokens": max_tokens, "max_cost": max_cost, "prices": prices, "timeout": timeout}
    settings = None if replay is not None else model_settings(model, base_url, answers=answers, offline=offline, **caps)  # type: ignore[arg-type]
    kept = _record(replay, question)
    if kept is None and settings is None:
        raise UsageError(
            "a question needs a language model: give --model and --base-url (or KINESCRIBE_MODEL and KINESCRIBE_BASE_URL), or --replay; "
            "changes that you write yourself need none: kinescribe predict-video --do"
        )
    words = kept.question if kept is not None else question
    if words is None or not words.strip():
        raise UsageError('QUESTION is missing: ask one in quotes, such as "what if gravity were halved?"')

    from kinescribe.cli.answered import again, finish, show
    from kinescribe.foretelling.asking import ask as answered
    from kinescribe.foretelling.asking.record import Record
    from kinescribe.llm import Recorder
    from kinescribe.states import resolve_calibration

    calibration = resolve_calibration(scale, pixels_per_unit, unit, origin, angle)
    chosen, blamed = law_of(law.strip(), law_source, trust)
    source = _model(kept, settings)
    recorder = Recorder(source)
    made: Answer | None = None
    try:
        # a bar that moves would paint over the question whether to go on
        with progress_bar(quiet or confirm) as bar, fit_options.blamed(blamed):
            made = answered(
                video,
                words,
                model=recorder,
                output=output,
                law=chosen,
                seen=seen,
                inputs=inputs,
                ghost=ghost,
                trails=trails,
                captions=captions,
                objects=objects,
                backend=backend,
                device=device,
                calibration=calibration,
                frame_interval=frame_interval,
                states=states,
                scene=scene,
                renderer=renderer,
                law_objects=about,
                fixed=known,
                seed=seed,
                max_seconds=max_seconds,
                keep=keep,
                overwrite=overwrite,
                before=lambda inquiry: show(inquiry, quiet=quiet, confirm=confirm),
                progress=checking(bar),
            )
            check()
    finally:
        if record is not None and recorder.exchanges:
            Record(words, recorder.model, tuple(recorder.exchanges), made.sentence if made is not None else "").write(record)
        for warning in getattr(source, "warnings", []):
            print(f"kinescribe: warning: {warning}", file=sys.stderr)
    written_law = None if law == "auto" else keep / "law.json" if law == "llm" and keep is not None else law
    given = {
        "--law": written_law, "--seen": seen, "--inputs": inputs, "--law-objects": law_objects, "--objects": objects,
        "--backend": backend if backend != "classical" else None, "--device": device if device != "auto" else None, "--states": states,
        "--scene": scene, "--renderer": renderer if renderer != "sprites" else None, "--scale": scale,
        "--pixels-per-unit": pixels_per_unit, "--unit": unit, "--origin": origin, "--angle": angle, "--frame-interval": frame_interval,
        "--seed": seed or None,
    }  # fmt: skip
    same = again(video, made, given, law_source or [], fix or [], ghost=ghost, trails=trails, trust=trust)
    differs = kept is not None and bool(kept.answer) and kept.answer != made.sentence
    return finish(made, same, output, record, keep, quiet=quiet, as_json=as_json, strict=strict, differs=differs)


def _record(path: Path | None, question: str | None) -> Record | None:
    """The record to answer from; it must be of this question, where one is given."""
    if path is None:
        return None
    from kinescribe.foretelling.asking.record import Record

    kept = Record.read(path)
    if question is not None and " ".join(question.split()) != " ".join(kept.question.split()):
        raise UsageError(f"'{path}' is the record of another question: leave QUESTION out, or ask it of a model")
    return kept


def _model(kept: Record | None, settings: Settings | None) -> Model:
    """Who answers; where it is an endpoint, what asking takes is there before the work begins."""
    if kept is not None:
        return kept.replayer()
    from kinescribe.cli.reaching import check_reachable
    from kinescribe.llm import Client
    from kinescribe.llm.lines import library

    assert settings is not None
    if not settings.replay:
        library()
        if settings.cache is None:
            check_reachable(settings)
    client: Client = Client(settings)
    return client
