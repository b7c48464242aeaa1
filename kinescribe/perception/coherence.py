"""Options that contradict each other, or that nothing would use."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from typing import Any

from kinescribe.errors import UsageError, unknown_value
from kinescribe.perception.backends import NONE, Stack

__all__ = ["PRECISIONS", "check_arguments", "check_options", "idle_options"]

PRECISIONS = ("auto", "fp32", "bf16", "fp16")
REQUIRED = {
    "detector": ("prepare", "detect"),
    "segmenter": ("segment",),
    "propagator": ("step", "prompt", "drop", "reset"),
    "concept_tracker": ("track",),
    "verifier": ("name", "verify"),
}
"""What an object must have to play a role; the protocols say what it means."""


def check_options(asked: Mapping[str, Any], *, detect_every: int | str | None, precision: str, batch_size: int | None) -> None:
    """Refuse what makes no sense whatever the backend.

    Args:
        asked: what the user names for each role, a name or an object; None where nothing was said.

    Raises:
        UsageError: a part that can't do what its role asks; a concept tracker beside parts that it replaces; a value that no run takes.
    """
    for role, part in asked.items():
        _check_part(role, part)
    named = {role for role, part in asked.items() if part is not None and part != NONE}
    beside = sorted(named & {"detector", "segmenter", "propagator"})
    if "concept_tracker" in named and beside:
        raise UsageError(f"a concept tracker detects, segments and follows by itself; leave out --{' and --'.join(beside)}, or it")
    if "concept_tracker" in named and detect_every is not None:
        raise UsageError(f"a concept tracker looks at every frame by itself; leave out --detect-every {detect_every}")
    if not isinstance(precision, str) or precision not in PRECISIONS:
        raise unknown_value("precision", str(precision), PRECISIONS)
    if batch_size is not None and (isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1):
        raise UsageError(f"--batch-size {batch_size} must be a whole number of 1 or more")


def check_arguments(
    *,
    objects: Any,
    names: Mapping[str, Any],
    one_each: Any,
    vlm: Any,
    calibration: Any,
    progress: Any,
    ends: Any = True,
    masks: Any = None,
) -> None:
    """Refuse what Python lets through where no command line has looked at it.

    Args:
        objects: text, or None.
        names: by argument, what must be a name.
        one_each, vlm, calibration, progress, ends, masks: as `extract_states` has them.

    Raises:
        UsageError: an argument of a wrong type.
    """
    from kinescribe.llm import Settings

    if objects is not None and not isinstance(objects, str):
        raise UsageError(f'objects={_shown(objects)} must be one text, such as "red ball, black cart"')
    for argument, value in names.items():
        if not isinstance(value, str):
            raise UsageError(f"{argument}={_shown(value)} must be a name in quotes")
    for argument, value in {"one_each": one_each, "ends": ends}.items():
        if not isinstance(value, bool):
            raise UsageError(f"{argument}={_shown(value)} must be True or False")
    if masks is not None and not isinstance(masks, str | os.PathLike):
        raise UsageError(f"masks={_shown(masks)} must be the path of a file, such as 'video.masks.jsonl.gz'")
    if vlm is not None and not isinstance(vlm, Settings):
        raise UsageError(f"vlm={_shown(vlm)} must be a kinescribe.llm.Settings(model=..., base_url=...)")
    if calibration is not None and not hasattr(calibration, "points"):
        raise UsageError(f"calibration={_shown(calibration)} must be a kinescribe.Calibration, such as Calibration.from_scale(1250, 'm')")
    if progress is not None and not callable(progress):
        raise UsageError(f"progress={_shown(progress)} must be a function of stage, frames done and frames in all")


def _check_part(role: str, part: Any) -> None:
    """Raises UsageError for an object that isn't such a part: what a run would call must be there."""
    if part is None or isinstance(part, str):
        return
    lacks = [name for name in REQUIRED[role] if not hasattr(part, name)]
    if inspect.isclass(part) and not lacks:
        raise UsageError(f"{role}={part.__name__} is a class; make an object of it: {role}={part.__name__}()")
    if lacks:
        what = role.replace("_", " ")
        raise UsageError(
            f"{role}={_shown(part)} is no {what}: it has no {', '.join(lacks)}; give the name of a plug-in, "
            f"or an object as kinescribe.perception.protocols describes it"
        )


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def idle_options(stack: Stack, *, detect_every: int | str | None, models: Mapping[str, Any], vlm: bool, asks_vlm: bool) -> list[str]:
    """Lines on options that this stack has no use for.

    Args:
        stack: what will run.
        detect_every: as the user says.
        models: options on how models run that aren't at their defaults, by name; empty where a model runs.
        vlm: whether an endpoint was given.
        asks_vlm: whether the objects are a VLM's to name.

    Raises:
        UsageError: detections every few frames, of a part that looks at all of them.
    """
    if stack.concept_tracker is not None and detect_every is not None:
        raise UsageError(f"this backend looks at every frame by itself; leave out --detect-every {detect_every}")
    draws_boxes = stack.detector is not None and not getattr(stack.detector, "segments", True)
    lines = [f"--{name} {value} has no effect: no part of this backend is a model that it could run" for name, value in models.items()]
    if stack.segmenter is not None and not draws_boxes:
        lines.append("the segmenter isn't used: the detector makes masks by itself")
    if draws_boxes and stack.segmenter is None:
        lines.append(
            "without a segmenter things are as large as their boxes, and positions are the boxes' middles; name one with --segmenter"
        )
    if vlm and not asks_vlm and "vlm" not in type(stack.verifier).__name__.lower():
        lines.append("the VLM isn't asked for anything; give --verifier vlm, or --objects auto")
    return lines
