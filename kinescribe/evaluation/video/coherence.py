"""How much a video changes from frame to frame, beside how much the real one does."""

from __future__ import annotations

import numpy as np

from kinescribe.evaluation.video.pictures import Picture, Pictures, pairs
from kinescribe.evaluation.video.pixels import absolute_and_squared

__all__ = ["ChangeMeter", "temporal_coherence_ratio"]


def temporal_coherence_ratio(real: Pictures, predicted: Pictures) -> float:
    """Of predicted to real frames: mean |p(t+1) - p(t)| / mean |r(t+1) - r(t)| over all pixels and steps.

    1 is the same amount of motion; that is no score of quality, for noise moves too. NaN with fewer than two frames, or where the real
    video stands still.

    Args:
        real, predicted: shape (T, H, W, 3) or (T, H, W), uint8, or floats in [0, 1].

    Raises:
        UsageError: other shapes or types, unequal sizes, no frame, or values that are not finite.
    """
    meter = ChangeMeter()
    for one, other in pairs(real, predicted):
        meter.update(one, other)
    return meter.ratio


class ChangeMeter:
    """The ratio of two videos that come frame by frame; only the last frame of either is kept."""

    def __init__(self) -> None:
        self._before: tuple[Picture, Picture] | None = None
        self._sums = np.zeros(2)

    def update(self, real: Picture, predicted: Picture) -> None:
        """Take the next frame of both: of one shape and type, as those before."""
        if self._before is not None:
            self._sums += [absolute_and_squared(*step)[0] for step in zip(self._before, (real, predicted), strict=True)]
        self._before = (real, predicted)

    @property
    def ratio(self) -> float:
        """Of the frames so far; NaN where the real ones do not change, or there are fewer than two."""
        real, predicted = self._sums.tolist()
        return predicted / real if real else float("nan")
