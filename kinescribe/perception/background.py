"""What is behind the moving things: one background plate for perception and for the renderer.

The whole clip is known before anything is decided, so nothing is learned frame by frame and an object that stops does not
melt into the background. Three cues are used, each for a failure of the one before it:

1. the temporal median of frames spread over the clip;
2. frames in which a pixel lies on something that moves (dense optical flow) do not vote, so that a long, slow object that
   covers a pixel for most of the clip does not become its background (after LaBGen, Laugraud et al. 2017);
3. where a pixel holds two stable values for longer spells, the one that fits the surroundings without a seam wins: an
   object at rest has an outline, the background behind it has none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.resting import CLUSTER_SIGMAS, undo_resting_objects
from kinescribe.perception.sampling import FrameSample, sample_frames
from kinescribe.perception.stack import FrameStack, Near, least_still

__all__ = ["Background", "FrameSample", "FrameStack", "Near", "estimate_background", "least_still", "sample_frames"]

Float32 = NDArray[np.float32]

WHITER = 1.3
MIN_NOISE = 0.6  # grey levels; quantisation alone gives 0.29, and codecs hide what is below


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """The picture without its moving things.

    Attributes:
        plate: float32, shape (H, W, 3), BGR in 0..255.
        sigma: float32, shape (H, W), standard deviation of one frame's deviation from the plate, grey levels, RMS over channels.
        smooth_sigma: float32, shape (H, W), the same after smoothing both by a 3 × 3 binomial kernel: less by how far the noise is white.
        confidence: float32, shape (H, W), share of the sampled frames that agree with the plate, in [0, 1].
    """

    plate: Float32
    sigma: Float32
    smooth_sigma: Float32
    confidence: Float32


def estimate_background(sample: FrameSample, stack: Callable[[FrameSample], FrameStack] | None = None) -> Background:
    """Estimate plate and noise from frames spread over the video; `stack`: who sorts and sums over them, numpy if not given."""
    frames = (stack or FrameStack)(sample)
    median = frames.median()
    noise = _noise(frames.spread(median))
    # only where the pixel changes at all can motion make a difference; flow leaks far into plain surroundings
    frames.forget_motion_within(median, CLUSTER_SIGMAS * noise)
    plate = frames.median_of_still(median)
    noise = np.minimum(noise, _noise(frames.spread(plate, still=True)))
    plate = undo_resting_objects(frames, plate, noise)
    near = frames.near(plate, CLUSTER_SIGMAS * noise)
    sigma, smooth_sigma = _even_noise(near, noise)
    confidence = (near.count / len(frames.images)).astype(np.float32)
    return Background(plate.astype(np.float32), sigma, smooth_sigma, confidence)


def _noise(spread: Float32) -> Float32:
    """Standard deviation from the median distance, evened out."""
    # the RMS of three channels has its median at 0.89 σ
    sigma = np.maximum(spread / 0.89, MIN_NOISE).astype(np.float32)
    # a moving thing that covers a pixel half of the time is not noise: no pixel is much noisier than the picture's worst static texture
    middle, upper = np.percentile(sigma, [50, 75])
    ceiling = max(4 * float(middle), 2 * float(upper))
    return np.asarray(np.minimum(sigma, ceiling), np.float32)


def _even_noise(near: Near, fallback: Float32) -> tuple[Float32, Float32]:
    """RMS deviation of the frames that agree with the plate, as they are and smoothed, evened out over a small neighbourhood."""
    sigma, smooth = (_rms(total, near.count, fallback) for total in (near.squares, near.smooth_squares))
    # smoothing takes the same share away everywhere, unless a faint body, drowned in single pixels, passes there
    return sigma, np.minimum(smooth, WHITER * float(np.median(smooth / sigma)) * sigma)


def _rms(total: Float32, count: NDArray[np.int64], fallback: Float32) -> Float32:
    variance = np.where(count >= 3, total / np.maximum(count - 0.5, 1), fallback**2)
    return np.maximum(np.sqrt(cv2.blur(variance.astype(np.float32), (5, 5))), MIN_NOISE).astype(np.float32)
