"""What detectors that look for words have in common: the phrases, thresholds, suppression and batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.perception.detections import Detections
from kinescribe.perception.grounded_sam._availability import missing_to_run
from kinescribe.perception.grounded_sam._first_run import FirstRun
from kinescribe.perception.grounded_sam.boxes import MOST_BOXES, classwise_nms, clip_boxes, detections_of_boxes, fills_picture
from kinescribe.perception.naming.prompts import Prompt, prompts_of
from kinescribe.video.frame import Frame

if TYPE_CHECKING:
    from kinescribe.perception.grounded_sam.runtime import Runtime
    from kinescribe.perception.weights import Weights
    from kinescribe.video.source import Video

__all__ = ["TRANSFORMERS", "Found", "PhraseDetector", "Query", "checked_share"]

TRANSFORMERS = ("torch", "torchvision", "transformers")
"""What a detector of `transformers` needs."""


class Query(NamedTuple):
    """One name to look for.

    Attributes:
        object: position of the object among those asked for; synonyms share it.
        label: of the object.
        name: the words, or "@" and the path of a picture.
        threshold: least score, in (0, 1).
    """

    object: int
    label: str
    name: str
    threshold: float


class Found(NamedTuple):
    """What a model finds in one picture, before suppression: (M, 4) boxes, px; (M,) scores; (M,) positions of the queries."""

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    queries: NDArray[np.int64]


class PhraseDetector(ABC):
    """Looks for every name on its own, so that names neither merge nor suppress each other, then joins what the synonyms found.

    Attributes:
        provenance: of the weights; empty before they are loaded.
        warnings: lines for the user, none twice.
    """

    finds_still = True
    segments = False
    reads_phrases = True
    families: ClassVar[tuple[str, ...]]
    default: ClassVar[str]
    called: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ("torch",)

    def __init__(self, weights: str | None, runtime: Runtime | None, box_threshold: float, nms_iou: float) -> None:
        self.provenance: dict[str, str] = {}
        self.warnings: list[str] = []
        self._weights = weights
        self._runtime = runtime
        self._box_threshold = checked_share("box_threshold", box_threshold)
        self._nms_iou = checked_share("nms_iou", nms_iou)
        self._queries: list[Query] = []
        self._warned: set[str] = set()
        self._loading_warned = 0
        self._loaded = False
        self._folder: Path | None = None
        self._first_run = FirstRun()

    @classmethod
    def missing(cls, weights: str | None = None) -> str | None:
        """What is missing here to run it and how to get it, in one line; None if it can run."""
        return missing_to_run(cls.packages, weights, families=cls.families, default=cls.default)

    @property
    def runtime(self) -> Runtime:
        """Where the model runs."""
        if self._runtime is None:
            from kinescribe.perception.grounded_sam.runtime import Runtime

            self._runtime = Runtime.choose()
        return self._runtime

    def prepare(self, video: Video | None, phrases: Sequence[str]) -> None:
        """Load the model at the first call, and learn the phrases, such as "cart | trolley" or "red ball: 0.4"; the video isn't looked at.

        Raises `UsageError` for phrases that make no sense or are too long for the model, `InputError` for weights that don't load or run.
        """
        prompts = self._prompts(phrases)
        if not prompts:
            raise UsageError(f'{self.called} looks for what is named; name the objects: --objects "red ball, black cart"')
        self._load_once()
        del self.warnings[self._loading_warned :]  # those of another video
        self._warned.clear()
        queries = [
            Query(number, prompt.label, name, self._threshold(name) if prompt.threshold is None else prompt.threshold)
            for number, prompt in enumerate(prompts)
            for name in self._names(prompt)
        ]
        with self._first_run.of(self._folder):
            self._learn(queries)
        self._queries = queries

    def detect(self, frame: Frame) -> Detections:
        """What is in this frame."""
        return self.detect_batch([frame])[0]

    def detect_batch(self, frames: Sequence[Frame]) -> list[Detections]:
        """What is in each of these frames, all of one size."""
        if not self._queries:
            raise RuntimeError(f"a {type(self).__name__} detects only after prepare(video, phrases)")
        with self._first_run.of(self._folder, last=True):
            found = self._search([frame.image for frame in frames])
        return [self._finish(frame, here) for frame, here in zip(frames, found, strict=True)]

    def _prompts(self, phrases: Sequence[str]) -> list[Prompt]:
        return prompts_of(phrases)

    def _names(self, prompt: Prompt) -> Sequence[str]:
        return prompt.synonyms

    def _threshold(self, name: str) -> float:
        """For names whose object has no threshold of its own."""
        return self._box_threshold

    def _load_once(self) -> None:
        if not self._loaded:
            from kinescribe.perception.weights import find

            weights = find(self._weights, families=self.families, default=self.default)
            self.warnings.clear()
            self._warned.clear()
            self._folder, self._first_run = weights.path, FirstRun()
            with self._first_run.of(weights.path):
                self._load(weights)
            self.provenance = weights.provenance()
            self.warnings += [self.provenance["warning"]] if "warning" in self.provenance else []
            self.warnings[:] = dict.fromkeys(self.warnings)  # a model on several devices is loaded several times
            self._loading_warned = len(self.warnings)
            self._loaded = True

    @abstractmethod
    def _load(self, weights: Weights) -> None:
        """Read model, tokenizer and preprocessing."""

    @abstractmethod
    def _learn(self, queries: Sequence[Query]) -> None:
        """Encode the names, once for a whole video."""

    def _search(self, images: list[NDArray[np.uint8]]) -> list[Found]:
        """What each name finds above its threshold in each of these pictures, (H, W, 3), BGR; boxes may lie partly outside."""
        return self.runtime.in_batches(self._find, images)

    def _find(self, images: list[NDArray[np.uint8]]) -> list[Found]:
        """The same for one batch, where `_search` isn't overridden."""
        raise NotImplementedError

    def _finish(self, frame: Frame, found: Found) -> Detections:
        height, width = frame.image.shape[:2]
        broken = ~(np.isfinite(found.boxes).all(1) & np.isfinite(found.scores))
        if broken.any():
            self._warn(
                "broken",
                f"frame {frame.index}: {broken.sum()} boxes or scores of {self.called} aren't numbers; they are left out, as later ones",
            )
        boxes, shown = clip_boxes(found.boxes, (width, height))
        good = np.flatnonzero(shown & ~broken)
        boxes, scores, queries = boxes[good], found.scores[good], found.queries[good]
        objects = np.array([self._queries[i].object for i in queries], np.int64)
        self._flag_whole_pictures(frame, fills_picture(boxes, (width, height)), objects)
        kept = classwise_nms(boxes, scores, objects, self._nms_iou, most=MOST_BOXES + 1)
        if len(kept) > MOST_BOXES:
            self._warn("many", f"frame {frame.index}: over {MOST_BOXES} boxes; the best are used, as in later frames; raise the thresholds")
        kept = kept[:MOST_BOXES]
        return detections_of_boxes(frame, boxes[kept], scores[kept], [self._queries[queries[i]].label for i in kept])

    def _flag_whole_pictures(self, frame: Frame, whole: NDArray[np.bool_], objects: NDArray[np.int64]) -> None:
        """Such boxes stay, for a close-up may be one; that every object of several has one is a sign of a model that sees nothing."""
        asked = {query.object for query in self._queries}
        if len(asked) > 1 and set(objects[whole].tolist()) == asked:
            self._warn(
                "whole",
                f"frame {frame.index}: {self.called} finds every object as large as the whole picture, which seldom is so; "
                'look at the result, or raise the threshold: "red ball: 0.5"',
            )

    def _warn(self, kind: str, line: str) -> None:
        """Of each kind the first line only: later frames would repeat it."""
        if kind not in self._warned:
            self._warned.add(kind)
            self.warnings.append(line)


def checked_share(name: str, value: Any) -> float:
    """The value of an option that must lie strictly between 0 and 1. Raises `UsageError`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise UsageError(f"{name} {value!r} does not lie between 0 and 1; use such as {name}=0.3")
    return float(value)
