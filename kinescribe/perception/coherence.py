"""Options that contradict each other, or that nothing would use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kinescribe.errors import UsageError, unknown_value
from kinescribe.perception.backends import NONE, Stack

__all__ = ["PRECISIONS", "check_options", "idle_options"]

PRECISIONS = ("auto", "fp32", "bf16", "fp16")


def check_options(asked: Mapping[str, Any], *, detect_every: int | str | None, precision: str, batch_size: int | None) -> None:
    """Refuse what makes no sense whatever the backend.

    Args:
        asked: what the user names for each role, a name or an object; None where nothing was said.

    Raises:
        UsageError: a concept tracker beside parts that it replaces; a value that no run takes.
    """
    named = {role for role, part in asked.items() if part is not None and part != NONE}
    beside = sorted(named & {"detector", "segmenter", "propagator"})
    if "concept_tracker" in named and beside:
        raise UsageError(f"a concept tracker detects, segments and follows by itself; leave out --{' and --'.join(beside)}, or it")
    if "concept_tracker" in named and detect_every is not None:
        raise UsageError(f"a concept tracker looks at every frame by itself; leave out --detect-every {detect_every}")
    if precision not in PRECISIONS:
        raise unknown_value("precision", precision, PRECISIONS)
    if batch_size is not None and (isinstance(batch_size, bool) or batch_size < 1):
        raise UsageError(f"--batch-size {batch_size} must be 1 or more")


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
