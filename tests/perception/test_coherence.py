"""Options that contradict each other are refused, and those that nothing would use are told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kinescribe.errors import UsageError
from kinescribe.perception.backends import Stack
from kinescribe.perception.coherence import check_options, idle_options

MASKS, BOXES = SimpleNamespace(segments=True), SimpleNamespace(segments=False)


@pytest.mark.parametrize(
    ("asked", "options", "message"),
    [
        ({"concept_tracker": "sam3-video", "detector": "owlv2", "segmenter": "sam"}, {}, "leave out --detector and --segmenter, or it"),
        ({"concept_tracker": "sam3-video"}, {"detect_every": 5}, "leave out --detect-every 5"),
        ({}, {"precision": "fp31"}, "unknown precision 'fp31'; did you mean 'fp32'"),
        ({}, {"batch_size": 0}, "--batch-size 0"),
        ({}, {"batch_size": -1}, "--batch-size -1"),
    ],
)
def test_contradictions_are_refused(asked: dict[str, Any], options: dict[str, Any], message: str):
    with pytest.raises(UsageError, match=message):
        check_options(asked, **{"detect_every": None, "precision": "auto", "batch_size": None, **options})


def test_what_goes_together_passes():
    check_options({"concept_tracker": "sam3-video", "propagator": "none"}, detect_every=None, precision="bf16", batch_size=4)
    check_options({"detector": "owlv2", "segmenter": "sam"}, detect_every="auto", precision="auto", batch_size=None)
    with pytest.raises(UsageError, match="leave out --propagator, or it"):  # what makes the difference is that "none" leaves the stage out
        check_options({"concept_tracker": "sam3-video", "propagator": "flow"}, detect_every=None, precision="bf16", batch_size=4)


def idle(stack: Stack, **options: Any) -> list[str]:
    return idle_options(stack, **{"detect_every": None, "models": {}, "vlm": False, "asks_vlm": False, **options})


def test_superfluous_parts_are_refused():
    with pytest.raises(UsageError, match="leave out --detect-every 5"):
        idle(Stack(concept_tracker=object()), detect_every=5)


def test_what_nothing_uses_is_told():
    assert idle(Stack(detector=MASKS)) == []
    assert "the segmenter isn't used" in idle(Stack(detector=MASKS, segmenter=object()))[0]
    assert "--precision bf16 has no effect" in idle(Stack(detector=MASKS), models={"precision": "bf16"})[0]
    assert "boxes' middles" in idle(Stack(detector=BOXES))[0]
    assert idle(Stack(detector=BOXES, segmenter=object())) == []
    assert "the VLM isn't asked for anything" in idle(Stack(detector=MASKS), vlm=True)[0]
    assert idle(Stack(detector=MASKS), vlm=True, asks_vlm=True) == []
