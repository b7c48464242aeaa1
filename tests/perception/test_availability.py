"""A learned part tells which packages it lacks, and the line that installs them, before it looks for weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kinescribe.perception.grounded_sam import _availability
from kinescribe.perception.grounded_sam.grounding_dino import GroundingDinoDetector
from kinescribe.perception.grounded_sam.sam2_video import Sam2VideoPropagator
from kinescribe.perception.grounded_sam.sam3_video import Sam3VideoTracker
from kinescribe.perception.grounded_sam.segment_anything import SegmentAnythingSegmenter


@pytest.mark.parametrize(
    ("part", "modules", "names"),
    [
        (SegmentAnythingSegmenter, {"segment_anything"}, "segment-anything"),
        (Sam2VideoPropagator, {"torch", "transformers"}, "torch, transformers"),
        (Sam3VideoTracker, {"torchvision"}, "torchvision"),
        (GroundingDinoDetector, {"transformers"}, "transformers"),
    ],
)
def test_packages_that_are_not_installed_are_told_with_the_line_that_installs_them(
    part: Any, modules: set[str], names: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    nowhere = str(tmp_path / "no weights")
    monkeypatch.setattr(_availability, "find_spec", lambda name: None if name in modules else object())
    assert part.missing(nowhere) == f"{names} not installed: pip install 'kinescribe[sam]'"
    monkeypatch.setattr(_availability, "find_spec", lambda _: object())
    assert "no weights" in part.missing(nowhere)
