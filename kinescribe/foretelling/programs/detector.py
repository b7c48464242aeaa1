"""A detector that somebody else wrote, as a stage of the pipeline: its program runs in the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.sandbox import Limits
from kinescribe.dynamics.sandbox.functions import SandboxedFunction
from kinescribe.errors import InputError
from kinescribe.perception.background import Background
from kinescribe.perception.detections import Detections, SoftMask
from kinescribe.perception.naming.prompts import prompts_of
from kinescribe.perception.refinement import measure_masks
from kinescribe.perception.standing import static_background
from kinescribe.video.frame import Frame

if TYPE_CHECKING:
    from kinescribe.video.source import Video

__all__ = ["FILE", "ProgramDetector"]

FILE = "detector.py"
LIMITS = Limits(seconds=5.0, cpu_seconds=900, memory=2**31)  # of one frame; of the whole video; of large pictures
LEAST_PIXELS = 12
MOST_PIECES = 64  # in one frame
MOST_NUMBER = 1e6

Detect = Callable[[NDArray[np.float64]], NDArray[np.int64]]


class ProgramDetector:
    """Runs ``detect(image)`` on every frame; image float64 (H, W, 3) BGR in 0..255, its answer (H, W) the number of a thing, 0 for none.

    Attributes:
        warnings: lines for the user.
    """

    finds_still = True
    segments = True
    reads_phrases = True

    def __init__(self, detect: Detect) -> None:
        """`detect` runs the program, and checks type and shape of what comes back."""
        self.warnings: list[str] = []
        self._detect = detect
        self._names: list[str] = []
        self._background: Background | None = None

    @classmethod
    def of(cls, source: str) -> ProgramDetector:
        """Of a source, in the sandbox. Raises `SandboxError` for one that may not run."""
        function = SandboxedFunction.of(source, "detect", limits=LIMITS, file=FILE)

        def detect(image: NDArray[np.float64]) -> NDArray[np.int64]:
            (numbers,) = function.call([image], [image.shape[:2]])
            # as the program says: not a number, a half or a huge number is none, and is told as such
            if not (np.isfinite(numbers).all() and (np.abs(numbers) < MOST_NUMBER).all() and (numbers == np.floor(numbers)).all()):
                raise InputError("the detector's answer holds what is no whole number: 0 for nothing, k for the k-th of the objects")
            return numbers.astype(np.int64)

        return cls(detect)

    def prepare(self, video: Video, phrases: Sequence[str]) -> None:
        """Learn what the numbers stand for, and what is behind the things."""
        self._names = [prompt.label for prompt in prompts_of(phrases)]
        self._background = static_background(video, self.warnings)

    def detect(self, frame: Frame) -> Detections:
        """The pieces of each number in this frame, measured to a fraction of a pixel. Raises `InputError` for numbers without a thing."""
        numbers = self._detect(frame.image.astype(np.float64))
        if numbers.shape != frame.image.shape[:2]:
            raise InputError(f"the detector answers with shape {numbers.shape}, not one number a pixel: {frame.image.shape[:2]}")
        low, high = int(numbers.min(initial=0)), int(numbers.max(initial=0))
        if low < 0 or high > len(self._names):
            raise InputError(f"the detector gives the number {low if low < 0 else high}, and there are objects 1 to {len(self._names)}")
        masks, names = [], []
        for k, name in enumerate(self._names, 1):
            for mask in _pieces(numbers == k):
                masks.append(mask)
                names.append(name)
        masks, names = masks[:MOST_PIECES], names[:MOST_PIECES]
        return measure_masks(frame, masks, np.full(len(masks), 0.9), names, self._background)


def _pieces(mask: NDArray[np.bool_]) -> list[SoftMask]:
    """What hangs together, the largest first, without specks."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = [k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] >= LEAST_PIXELS]
    out = []
    for k in sorted(large, key=lambda k: -int(stats[k, cv2.CC_STAT_AREA]))[:MOST_PIECES]:
        x, y, w, h = (int(v) for v in stats[k, :4])
        out.append(SoftMask(x, y, (labels[y : y + h, x : x + w] == k).astype(np.float32)))
    return out
