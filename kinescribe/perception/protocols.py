"""What a perception plug-in must offer. Each protocol is an entry-point group of the same name (`kinescribe.detectors`, …).

A plug-in is a class. It is called with keyword arguments only: `weights`, `runtime` and whatever else it lists as its parameters; those
that it does not list are not given. What a plug-in can do is told by its attributes, and stages that a plug-in already does are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import Detections, MaskCrop, SoftMask
from kinescribe.perception.evidence import Evidence, Verdict
from kinescribe.video.frame import Frame

if TYPE_CHECKING:
    from kinescribe.video.source import Video

__all__ = ["ConceptTracker", "Detector", "LabelVerifier", "Propagator", "Segmenter"]


@runtime_checkable
class Detector(Protocol):
    """Finds things in single frames.

    A detector that also has `second_look(video, paths, progress)`, as the classical one has, is asked with the finished tracks to look
    for what it missed. One that also has `detect_batch(frames)`, returning a list of `Detections`, is given several frames at once.
    One that says `thread_safe = True` may be called from several threads at once, after `prepare`.

    Attributes:
        finds_still: whether a thing that never moves counts as an object.
        segments: whether the masks are the things' own; where they are not (whole boxes), a segmenter is asked for them.
        reads_phrases: whether the detections carry the phrase that they were found by; where not, phrases are matched by look afterwards.
    """

    finds_still: bool
    segments: bool
    reads_phrases: bool

    def prepare(self, video: Video, phrases: Sequence[str]) -> None:
        """Look at the whole video, as often as needed, before the first `detect`; learn what is asked for (empty: everything)."""

    def detect(self, frame: Frame) -> Detections:
        """What is in this frame."""


@runtime_checkable
class Segmenter(Protocol):
    """Turns boxes into masks. One that also has `segment_batch(frames, boxes)` is given several frames at once, (N, 4) boxes for each."""

    def segment(self, frame: Frame, boxes: NDArray[np.float64]) -> list[SoftMask]:
        """One mask for each of the (N, 4) boxes x0, y0, x1, y1."""


@runtime_checkable
class Propagator(Protocol):
    """Carries masks from frame to frame. Things are told by ids that the caller chooses.

    For each frame `step` is called once, in order; then `prompt` may be called with the same frame, for new things, and for things that
    are followed already but whose mask is known better. The first `step` of all follows nothing and returns nothing.
    """

    def step(self, frame: Frame) -> dict[int, SoftMask]:
        """The masks in this frame of everything that is followed, by id; empty masks where a thing isn't seen."""

    def prompt(self, frame: Frame, masks: Mapping[int, MaskCrop]) -> None:
        """These things look like this in the frame that was stepped to last."""

    def drop(self, ids: Sequence[int]) -> None:
        """Follow these no longer."""

    def reset(self) -> None:
        """Forget everything: the next frame is the first of another video."""


@runtime_checkable
class ConceptTracker(Protocol):
    """Detects, segments and follows in one model."""

    def track(self, video: Video, phrases: Sequence[str]) -> Iterator[tuple[Detections, NDArray[np.int64]]]:
        """Detections of each frame of the video, in order, and the (N,) ids of the things that they belong to."""


@runtime_checkable
class LabelVerifier(Protocol):
    """Checks what tracks were called, all of a video's together.

    Attributes:
        name: what the sidecar calls it, such as the model's name.
        drops: whether what it says isn't there is left out of the table; where not, its rows say so. True where the attribute is absent.
    """

    name: str
    drops: bool

    def verify(self, evidence: Sequence[Evidence], *, unique: bool = False) -> list[Verdict]:
        """One verdict for each track, in the same order. `unique`: no two tracks may bear the same label."""
