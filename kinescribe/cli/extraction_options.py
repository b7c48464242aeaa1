"""The options of an extraction, said once for every command that takes them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter
from typing import Annotated, Any, TypeVar

import typer

from kinescribe.settings import ExtractionSettings

__all__ = ["EXTRACTION_OPTIONS", "Command", "expanded", "takes_extraction_options"]

Command = TypeVar("Command", bound=Callable[..., Any])
CONTEXT = "context_of_the_options"


def _options(
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
    one_each: Annotated[bool, typer.Option("--one-each/--no-one-each", help="What you name is there once: no label twice.")] = False,
    device: Annotated[str, typer.Option(metavar="NAME", help="Where models run: auto, cpu, cuda, cuda:0,1, mps.")] = "auto",
    precision: Annotated[str, typer.Option(metavar="NAME", help="Of models: auto, fp32, bf16, fp16.")] = "auto",
    compile: Annotated[bool, typer.Option("--compile/--no-compile", help="Compile models first; pays for long videos on a GPU.")] = False,
    batch_size: Annotated[int | None, typer.Option(metavar="FRAMES", help="Frames that go through a model at once.")] = None,
    tracker: Annotated[str, typer.Option(metavar="NAME", help="What joins detections over time; 'kinescribe list trackers'.")] = "offline",
    vlm_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model that looks at pictures. [default: $KINESCRIBE_MODEL]", show_default=False)
    ] = None,
    vlm_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Its OpenAI-compatible endpoint. [default: $KINESCRIBE_BASE_URL]", show_default=False),
    ] = None,
    vlm_cache: Annotated[str | None, typer.Option(metavar="FOLDER", help="Keep every answer, and use it again.")] = None,
    vlm_replay: Annotated[bool, typer.Option("--vlm-replay/--no-vlm-replay", help="Answers from --vlm-cache only; no network.")] = False,
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
    stride: Annotated[int, typer.Option(metavar="FRAMES", help="Look at every n-th frame only; rows keep the frame's own number.")] = 1,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="Where to begin: seconds (90, 1:30), or a frame (450f). [default: the first frame]")
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="TIME", help="Where to stop, that moment not included. [default: the end of the video]")
    ] = None,
    ends: Annotated[bool, typer.Option("--ends/--no-ends", help="Report ends of long bodies and pivots of parts as points.")] = True,
    review: Annotated[
        bool, typer.Option("--review/--no-review", help="Draw the video again from the table, and say there what that misses.")
    ] = False,
) -> None:
    """Never called: its signature says the options, by the fields of `ExtractionSettings`."""


def parameters_of(function: Callable[..., Any]) -> list[Parameter]:
    """A function's parameters, by keyword only and with their annotations as objects, as typer reads them from a signature."""
    listed = inspect.signature(function, eval_str=True).parameters.values()
    return [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in listed]


EXTRACTION_OPTIONS: tuple[Parameter, ...] = tuple(parameters_of(_options))
"""By the fields of `ExtractionSettings`, with its defaults."""


def takes_extraction_options(function: Command) -> Command:
    """A command whose keyword-only parameter ``settings: ExtractionSettings`` is given on the command line by the options of extraction.

    They stand in ``--help`` where `settings` stands among the function's own parameters. Raises TypeError where there is no `settings`.
    """
    return expanded(function, "settings", EXTRACTION_OPTIONS, lambda context, options: ExtractionSettings(**options))


def expanded(
    function: Command, name: str, options: Sequence[Parameter], make: Callable[[typer.Context, Mapping[str, Any]], Any]
) -> Command:
    """A command one of whose parameters is given on the command line by several options.

    Args:
        function: the command; its annotations must be known where it is defined, at run time.
        name: of the keyword-only parameter that the options stand for.
        options: what stands in its place in the signature that typer reads.
        make: from the context and the values of the options, what the parameter is given.

    Raises:
        TypeError: the function has no such parameter, or one with the name of an option.
    """
    own = parameters_of(function)
    at = next((k for k, parameter in enumerate(own) if parameter.name == name), None)
    if at is None:
        raise TypeError(f"{function.__name__} has no parameter '{name}' for the options to stand for")
    context = Parameter(CONTEXT, Parameter.KEYWORD_ONLY, annotation=typer.Context)
    listed = [*own[:at], *options, *own[at + 1 :], context]

    @functools.wraps(function)
    def command(**values: Any) -> Any:
        given = {option.name: values.pop(option.name) for option in options}
        made = make(values.pop(CONTEXT), given)
        return function(**values, **{name: made})

    names = [parameter.name for parameter in listed]
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        raise TypeError(f"{function.__name__} has parameters of its own that are options here: {', '.join(twice)}")
    command.__signature__ = inspect.Signature(listed)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in listed}
    return command  # type: ignore[return-value]
