"""The four measures of the Physics-IQ benchmark (Motamed et al. 2025, arXiv 2501.09038), and its score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.evaluation.video.motion_masks import MotionMasks
from kinescribe.evaluation.video.pictures import Picture, Pictures, bytes_of, pairs
from kinescribe.evaluation.video.pixels import absolute_and_squared

__all__ = ["PhysicsIQ", "PhysicsIQMeter", "physics_iq", "physics_iq_score"]

SHRINK = 4  # frames and masks are compared at a quarter of their size
HALF = 127


@dataclass(frozen=True, slots=True)
class PhysicsIQ:
    """Where, when and how much motion happens, in two videos.

    Attributes:
        spatial_iou: overlap of the places where something ever moves, [0, 1].
        spatiotemporal_iou: overlap of the motion masks frame by frame, mean, [0, 1].
        weighted_spatial_iou: overlap of the shares of time in which each place moves, Σ min / Σ max, [0, 1].
        mse: mean squared error of pixels in [0, 1], at a quarter of the size.

    An overlap is 1 where nothing moves in either.
    """

    spatial_iou: float
    spatiotemporal_iou: float
    weighted_spatial_iou: float
    mse: float


def physics_iq(real: Pictures, predicted: Pictures) -> PhysicsIQ:
    """The four measures of two videos in memory.

    Masks are computed at full size and, like frames, made smaller bilinearly. The published program stores masks as compressed video
    between, which moves its results by what that loses.

    Args:
        real, predicted: shape (T, H, W, 3) or (T, H, W), uint8, or floats in [0, 1]; floats are rounded to whole grey levels.

    Raises:
        UsageError: other shapes or types, unequal sizes, no frame, or values that are not finite.
    """
    meter = PhysicsIQMeter()
    for one, other in pairs(real, predicted):
        meter.update(one, other)
    return meter.result()


def physics_iq_score(measures: Sequence[PhysicsIQ], variances: Sequence[PhysicsIQ]) -> float:
    """The benchmark's score, [0, 100]: 100 · clip(mean of the three IoU / their variance - (MSE - MSE variance), 0, 1).

    Each term is first averaged over the data set.

    Args:
        measures: of predictions against take 1, one a clip.
        variances: of take 2 against take 1, one a clip: how far reality is from itself.

    Raises:
        UsageError: nothing given, or takes without any common motion.
    """
    if not measures or not variances:
        raise UsageError(f"a score of {len(measures)} clips against {len(variances)} pairs of takes: give at least one of each")
    ours, nature = _means(measures), _means(variances)
    if not nature[:3].all():
        raise UsageError("the two takes have no motion in common, so that no prediction can be judged by them")
    score = float((ours[:3] / nature[:3]).mean() - (ours[3] - nature[3]))
    return 100.0 * min(max(score, 0.0), 1.0)


class PhysicsIQMeter:
    """The measures of two videos that come frame by frame; kept are two masks' sums and one number a frame.

    Attributes:
        ious: overlap of the motion masks of every frame so far.
    """

    def __init__(self) -> None:
        self._masks = MotionMasks(), MotionMasks()
        self._moving: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None  # frames in which each place moves
        self._mse: list[float] = []
        self.ious: list[float] = []

    def update(self, real: Picture, predicted: Picture) -> None:
        """Take the next frame of both, of one shape."""
        pictures = bytes_of(real), bytes_of(predicted)
        one, other = (_small(masks.next(picture)) > HALF for masks, picture in zip(self._masks, pictures, strict=True))
        self.ious.append(_overlap(one.astype(np.int64), other.astype(np.int64)))
        self._mse.append(absolute_and_squared(_small(pictures[0]), _small(pictures[1]))[1])
        if self._moving is None:
            self._moving = one.astype(np.int64), other.astype(np.int64)
        else:
            self._moving[0][one] += 1
            self._moving[1][other] += 1

    def result(self) -> PhysicsIQ:
        """Of the frames so far. Raises UsageError where there is none."""
        if self._moving is None:
            raise UsageError("no frame was given")
        ever = [(count > 0).astype(np.int64) for count in self._moving]
        return PhysicsIQ(_overlap(*ever), float(np.mean(self.ious)), _overlap(*self._moving), float(np.mean(self._mse)))


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    size = max(picture.shape[1] // SHRINK, 1), max(picture.shape[0] // SHRINK, 1)
    return np.asarray(cv2.resize(picture, size), np.uint8)


def _overlap(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Σ min / Σ max; 1 where both are empty."""
    union = int(np.maximum(one, other).sum())
    return int(np.minimum(one, other).sum()) / union if union else 1.0


def _means(values: Sequence[PhysicsIQ]) -> NDArray[np.float64]:
    rows = [[v.spatial_iou, v.spatiotemporal_iou, v.weighted_spatial_iou, v.mse] for v in values]
    return np.asarray(np.mean(rows, axis=0), np.float64)
