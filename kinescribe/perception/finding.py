"""From frames to masks with names: a detector, and a segmenter where the detector draws boxes only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.border import Border, Place
from kinescribe.perception.detections import Detections, MaskCrop, SoftMask
from kinescribe.perception.overlap import iou_matrix
from kinescribe.video.frame import Frame

__all__ = ["Finder", "Found"]

SAME_THING = 0.8  # intersection over union of masks, from which on two names are taken to be of one thing


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The things found in one frame, no thing twice.

    Attributes:
        masks: n of them, none empty.
        scores: (n,), in [0, 1].
        phrases: n strings, the best name of each.
        votes: n dictionaries, the score of every name that was given to the thing.
        detections: the measured things, where the detector measures them itself; else None.
    """

    masks: list[SoftMask]
    scores: NDArray[np.float64]
    phrases: list[str]
    votes: list[dict[str, float]] = field(default_factory=list)
    detections: Detections | None = None


class Finder:
    """A detector and, for one that draws boxes only, a segmenter.

    Args:
        detector: see `Detector`.
        segmenter: see `Segmenter`; None leaves a box detector's boxes as they are.

    Attributes:
        warnings: lines for the user, on what was mended of what the two gave.
    """

    def __init__(self, detector: Any, segmenter: Any = None) -> None:
        self.warnings: list[str] = []
        self._detector = detector
        self._segmenter = None if getattr(detector, "segments", True) else segmenter
        self._found, self._cut = Border(detector, self.warnings), Border(segmenter, self.warnings)

    def find(self, frames: Sequence[Frame]) -> list[Found]:
        """What is in each of these frames, which are consecutive or further apart. Raises `InputError` for what makes no sense."""
        batch = getattr(self._detector, "detect_batch", None)
        detections = self._found.batch(self._detect(frames) if batch is None else self._detect_batch(batch, frames), frames)
        if self._segmenter is None:
            return [_whole(found) for found in detections]
        masks = self._segment(frames, [found.boxes for found in detections])
        return [_one_each(found, cut) for found, cut in zip(detections, masks, strict=True)]

    def _detect_batch(self, batch: Callable[[Sequence[Frame]], Any], frames: Sequence[Frame]) -> Any:
        with self._found.watching(frames):
            return list(batch(frames))

    def _detect(self, frames: Sequence[Frame]) -> Iterator[Any]:
        for frame in frames:
            with self._found.watching(frame.index):
                found = self._detector.detect(frame)
            yield found

    def _segment(self, frames: Sequence[Frame], boxes: list[NDArray[np.float64]]) -> list[list[SoftMask]]:
        batch = getattr(self._segmenter, "segment_batch", None)
        assert self._segmenter is not None
        every: list[Any] = []
        if batch is not None:
            with self._cut.watching(frames):
                every = list(batch(frames, boxes))
        else:
            for frame, here in zip(frames, boxes, strict=True):
                with self._cut.watching(frame.index):
                    every.append(self._segmenter.segment(frame, here))
        return [self._cut.masks(masks, Place.of(frame), len(here)) for masks, frame, here in zip(every, frames, boxes, strict=True)]


def _whole(found: Detections) -> Found:
    votes = [{phrase: float(score)} if phrase else {} for phrase, score in zip(found.phrases, found.scores, strict=True)]
    return Found([SoftMask.of(mask) for mask in found.masks], found.scores, list(found.phrases), votes, found)


def _one_each(found: Detections, masks: Sequence[SoftMask]) -> Found:
    """Masks with their names; boxes whose masks are of one thing become one, with a vote for each of its names."""
    order = [int(i) for i in np.argsort(-found.scores, kind="stable") if not masks[i].empty]
    binary: list[MaskCrop] = [masks[i].binary() for i in order]
    overlap = iou_matrix(binary, binary)
    kept: list[int] = []
    votes: list[dict[str, float]] = []
    for k, i in enumerate(order):
        name, score = found.phrases[i], float(found.scores[i])
        same = next((n for n, other in enumerate(kept) if overlap[k, other] >= SAME_THING), None)
        if same is None:
            kept.append(k)
            votes.append({name: score})
        else:
            votes[same][name] = max(score, votes[same].get(name, 0.0))
    chosen = [order[k] for k in kept]
    return Found([masks[i] for i in chosen], found.scores[chosen], [found.phrases[i] for i in chosen], votes)
