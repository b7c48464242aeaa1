"""What a perception plug-in must offer. Each protocol is an entry-point group of the same name (`kinescribe.detectors`, …)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import Detections, MaskCrop
from kinescribe.video.frame import Frame

if TYPE_CHECKING:
    from kinescribe.video.source import Video

__all__ = ["ConceptTracker", "Detector", "LabelVerifier", "Propagator", "Segmenter"]


@runtime_checkable
class Detector(Protocol):
    """Finds things in single frames.

    A detector that also has `second_look(video, paths, progress)`, as the classical one has, is asked with the finished tracks to look
    for what it missed.

    Attributes:
        finds_still: whether a thing that never moves counts as an object.
    """

    finds_still: bool

    def prepare(self, video: Video, phrases: Sequence[str]) -> None:
        """Look at the whole video, as often as needed, before the first `detect`; learn what is asked for (empty: everything)."""

    def detect(self, frame: Frame) -> Detections:
        """What is in this frame."""


@runtime_checkable
class Segmenter(Protocol):
    """Turns boxes into masks."""

    def segment(self, frame: Frame, boxes: NDArray[np.float64]) -> list[MaskCrop]:
        """One mask for each of the (N, 4) boxes x0, y0, x1, y1."""


@runtime_checkable
class Propagator(Protocol):
    """Carries masks from frame to frame."""

    def propagate(self, frames: Iterator[Frame], first: list[MaskCrop]) -> Iterator[list[MaskCrop]]:
        """For each frame the masks of the things that the first frame's masks mark; an empty crop where one isn't seen."""


@runtime_checkable
class ConceptTracker(Protocol):
    """Detects, segments and follows in one model."""

    def track(self, video: Video, phrases: Sequence[str]) -> Iterator[tuple[Detections, NDArray[np.int64]]]:
        """Detections of each frame and the (N,) ids of the things that they belong to."""


@runtime_checkable
class LabelVerifier(Protocol):
    """Checks what a track was called."""

    def verify(self, crops: Sequence[NDArray[np.uint8]], label: str, candidates: Sequence[str]) -> tuple[str, str, float]:
        """The verdict (yes, corrected, unsure, no), the label to use, and a confidence in [0, 1]. `crops` are BGR pictures."""
