"""What can be told of an extraction before there is a video. Kept apart, for it loads what the settings themselves don't need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from kinescribe import plugins
from kinescribe.errors import UsageError
from kinescribe.labelling import asks_vlm, read_objects
from kinescribe.perception.backends import ROLES, Choice, Stack, choose
from kinescribe.perception.coherence import check_arguments, check_options
from kinescribe.perception.looking import resolve_every
from kinescribe.perception.naming.prompts import parse_prompts

if TYPE_CHECKING:
    from kinescribe.settings.extraction import ExtractionSettings

__all__ = ["check_settings"]


def check_settings(settings: ExtractionSettings) -> None:
    """As `ExtractionSettings.check` says. No part is built, and no model loaded."""
    keywords = settings.keywords()
    vlm, calibration = keywords["vlm"], keywords["calibration"]
    check_arguments(
        objects=settings.objects,
        names={"backend": settings.backend, "device": settings.device, "tracker": settings.tracker},
        one_each=settings.one_each,
        vlm=vlm,
        calibration=calibration,
        progress=None,
        ends=settings.ends,
    )
    parts = {role: getattr(settings, role) for role in ROLES}
    check_options(parts, detect_every=settings.detect_every, precision=settings.precision, batch_size=settings.batch_size)
    plugins.load("trackers", settings.tracker)
    asked = {role: name for role, name in parts.items() if name is not None}
    ready = () if vlm is None else ("vlm",)
    choices = choose(settings.backend, asked, ready=ready, on_device=settings.device not in ("auto", "cpu"))
    _check_every(settings.detect_every, choices)
    _check_objects(settings.objects, choices, asks=vlm is not None)


def _check_every(every: str | None, choices: dict[str, Choice]) -> None:
    """As a run does that has these parts: what carries masks is known by its name."""
    if "concept_tracker" in choices and every is not None:
        raise UsageError(f"this backend looks at every frame by itself; leave out --detect-every {every}")
    resolve_every(every, Stack(propagator=choices.get("propagator")))


def _check_objects(objects: str | None, choices: dict[str, Choice], *, asks: bool) -> None:
    """Raise UsageError for words that can't be read, or that these parts can't look for."""
    if asks_vlm(objects):
        if not asks:
            raise UsageError("objects 'auto' asks a vision-language model, and none is set; give --vlm-model and --vlm-url, or name them")
        return
    detector = None if "detector" not in choices else plugins.load(ROLES["detector"], choices["detector"].name)
    reads = "concept_tracker" in choices or getattr(detector, "reads_phrases", False) is True
    if reads or _is_ours(detector):
        read_objects(objects, reads_phrases=reads, discover=_never)
    elif objects is not None:  # another package's detector may tell only once it is built whether it reads words
        parse_prompts(objects)


def _is_ours(part: Any) -> bool:
    return str(getattr(part, "__module__", "")).split(".")[0] == __name__.split(".")[0]


def _never() -> NoReturn:
    raise AssertionError("only 'auto' asks, and that was told apart")
