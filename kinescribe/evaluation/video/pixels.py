"""Errors of pixels: mean absolute and squared error, and the peak signal-to-noise ratio."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.evaluation.video.pictures import Picture, Pictures, pairs

__all__ = ["PixelErrors", "absolute_and_squared", "pixel_errors", "psnr"]


@dataclass(frozen=True, slots=True, eq=False)
class PixelErrors:
    """Errors of pixels in [0, 1], all colours alike.

    Attributes:
        mae_by_frame: mean absolute error of every frame, shape (T,).
        mse_by_frame: mean squared error of every frame, shape (T,).
    """

    mae_by_frame: NDArray[np.float64]
    mse_by_frame: NDArray[np.float64]

    @property
    def mae(self) -> float:
        """Mean absolute error over all pixels of all frames, in [0, 1]."""
        return float(self.mae_by_frame.mean())

    @property
    def mse(self) -> float:
        """Mean squared error over all pixels of all frames, in [0, 1]."""
        return float(self.mse_by_frame.mean())

    @property
    def psnr(self) -> float:
        """Peak signal-to-noise ratio of the pooled squared error, dB; no mean of the frames' ratios. Infinite where all is equal."""
        return psnr(self.mse)

    @property
    def psnr_by_frame(self) -> NDArray[np.float64]:
        """The same of every frame, shape (T,)."""
        return np.array([psnr(mse) for mse in self.mse_by_frame.tolist()])


def pixel_errors(real: Pictures, predicted: Pictures) -> PixelErrors:
    """Compare two videos in memory frame by frame.

    Args:
        real, predicted: shape (T, H, W, 3) or (T, H, W), uint8, or floats in [0, 1].

    Raises:
        UsageError: other shapes or types, unequal sizes, no frame, or values that are not finite.
    """
    rows = np.array([absolute_and_squared(*pair) for pair in pairs(real, predicted)])
    return PixelErrors(rows[:, 0], rows[:, 1])


def psnr(mse: float) -> float:
    """10 log10(1 / mse), dB, of a squared error of pixels in [0, 1]; infinite for 0."""
    return math.inf if mse == 0 else -10.0 * math.log10(mse)


def absolute_and_squared(real: Picture, predicted: Picture) -> tuple[float, float]:
    """Mean absolute and mean squared error of two pictures of one shape and type, in [0, 1]."""
    top = 255.0 if real.dtype == np.uint8 else 1.0
    # sums over whole numbers, so that bytes give exact results, without a copy of the pictures in floats
    return cv2.norm(real, predicted, cv2.NORM_L1) / real.size / top, cv2.norm(real, predicted, cv2.NORM_L2SQR) / real.size / top**2
