"""What a tracking plug-in must offer (entry-point group `kinescribe.trackers`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from kinescribe.perception.detections import Detections
from kinescribe.tracking.tracks import Track

__all__ = ["Tracker"]


@runtime_checkable
class Tracker(Protocol):
    """Joins detections over time."""

    def track(self, detections: Sequence[Detections], size: tuple[int, int]) -> list[Track]:
        """The tracks in a video of `size` (width, height) px, whose consecutive frames have these detections."""
