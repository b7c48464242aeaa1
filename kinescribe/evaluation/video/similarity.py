"""The structural similarity index (Wang et al. 2004), in scikit-image's definition."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.evaluation.video.pictures import Picture, Pictures, pairs, unit

__all__ = ["similarity_of", "structural_similarity"]

UNIFORM = 7  # pixels: side of the window
SIGMA, GAUSSIAN = 1.5, 11  # pixels: the Gaussian is cut off at 3.5 sigma, rounded, to either side
C1, C2 = 0.01**2, 0.03**2  # that keep quotients of dark and of plain places finite

Float = NDArray[np.float64]


def structural_similarity(
    real: Pictures, predicted: Pictures, *, gaussian_weights: bool = False, use_sample_covariance: bool = True
) -> Float:
    """SSIM of every frame, shape (T,), in [-1, 1]; 1 where they are equal. The mean is that of the video.

    SSIM = (2 μx μy + C1) (2 σxy + C2) / ((μx² + μy² + C1) (σx² + σy² + C2)) in a window around each pixel, C1 = 0.01², C2 = 0.03² for
    pixels in [0, 1], mean over all windows that lie inside the picture, and over its colours.

    Args:
        real, predicted: shape (T, H, W, 3) or (T, H, W), uint8, or floats in [0, 1]; at least one window high and wide.
        gaussian_weights: windows of 11 x 11 pixels with Gaussian weights, σ = 1.5 px, in place of 7 x 7 with equal weights.
        use_sample_covariance: divide by n - 1 in place of n. With Gaussian weights and without this the results are Wang's.

    Raises:
        UsageError: other shapes or types, unequal sizes, no frame, values that are not finite, or pictures smaller than a window.
    """
    return np.array([similarity_of(one, other, gaussian_weights, use_sample_covariance) for one, other in pairs(real, predicted)])


def similarity_of(real: Picture, predicted: Picture, gaussian_weights: bool = False, use_sample_covariance: bool = True) -> float:
    """SSIM of two pictures of one shape."""
    side = GAUSSIAN if gaussian_weights else UNIFORM
    if min(real.shape[:2]) < side:
        raise UsageError(f"SSIM looks through windows of {side} x {side} pixels; pictures of {real.shape[1]} x {real.shape[0]} hold none")
    x, y = unit(real), unit(predicted)
    mean_x, mean_y = _windowed(x, gaussian_weights), _windowed(y, gaussian_weights)
    correction = side**2 / (side**2 - 1) if use_sample_covariance else 1.0
    both = mean_x * mean_y
    squares = mean_x**2 + mean_y**2
    covariance = correction * (_windowed(x * y, gaussian_weights) - both)
    variances = correction * (_windowed(x * x + y * y, gaussian_weights) - squares)
    index = (2 * both + C1) * (2 * covariance + C2) / ((squares + C1) * (variances + C2))
    return float(index.mean())


def _windowed(image: Float, gaussian_weights: bool) -> Float:
    """Weighted mean in each window that lies inside the picture."""
    if gaussian_weights:
        side = GAUSSIAN
        kernel = cv2.getGaussianKernel(side, SIGMA, cv2.CV_64F)
        filtered = cv2.sepFilter2D(image, cv2.CV_64F, kernel, kernel)
    else:
        side = UNIFORM
        filtered = cv2.blur(image, (side, side))
    edge = side // 2
    return np.asarray(filtered[edge:-edge, edge:-edge], np.float64)
