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

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.resting import CLUSTER_SIGMAS, nan_median, plate_distance, undo_resting_objects
from kinescribe.video.frame import Frame

__all__ = ["Background", "FrameSample", "FrameStack", "Near", "estimate_background", "least_still", "sample_frames"]

Image = NDArray[np.uint8]
Float32 = NDArray[np.float32]

FLOW_STILL_PX = 0.3  # a pixel whose flow is below this a frame counts as still
LEAST_SAMPLES, MOST_SAMPLES = 12, 40  # between these and twice as many frames vote
SAMPLE_BYTES = 120_000_000
HALVED_FROM = 1_000_000  # pixels
SMALLEST_FLOW = 16  # px
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
    for _ in range(2):  # slivers at the rim of what was swapped are told once the rest is right
        plate = undo_resting_objects(frames.images, plate, noise)
    near = frames.near(plate, CLUSTER_SIGMAS * noise)
    sigma, smooth_sigma = _even_noise(near, noise)
    confidence = (near.count / len(frames.images)).astype(np.float32)
    return Background(plate.astype(np.float32), sigma, smooth_sigma, confidence)


@dataclass(frozen=True, slots=True, eq=False)
class FrameSample:
    """Frames spread over a video.

    Attributes:
        images: uint8, shape (S, H, W, 3), BGR.
        moving: bool, shape (S, H, W), where the picture moves towards the next frame.
        frame_count: of the whole video.
    """

    images: Image
    moving: NDArray[np.bool_]
    frame_count: int


def sample_frames(frames: Iterable[Frame]) -> FrameSample:
    """Read a video once and keep a bounded number of its frames, evenly spread.

    Raises:
        ValueError: without frames.
    """
    sampler = _Sampler()
    for frame in frames:
        sampler.add(frame)
    return sampler.finish()


class _Sampler:
    """Frames evenly spread over a video of unknown length: every n-th, and when these get too many every other of them is let go."""

    def __init__(self) -> None:
        self._every, self._count = 1, 0
        self._images: list[Image] = []
        self._moving: list[NDArray[np.bool_]] = []
        self._held: Frame | None = None
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def add(self, frame: Frame) -> None:
        self._count += 1
        if self._held is not None:
            self._keep(self._held.image, _moving(self._flow, self._held.image, frame.image))
            self._held = None
        if frame.index % self._every == 0:
            self._held = frame

    def _keep(self, image: Image, moving: NDArray[np.bool_]) -> None:
        self._images.append(image)
        self._moving.append(moving)
        if len(self._images) >= 2 * max(LEAST_SAMPLES, min(MOST_SAMPLES, SAMPLE_BYTES // image.nbytes)):
            self._images, self._moving = self._images[::2], self._moving[::2]
            self._every *= 2

    def finish(self) -> FrameSample:
        if self._held is not None and len(self._images) < LEAST_SAMPLES:  # the last frame has no successor to move towards
            self._keep(self._held.image, np.zeros(self._held.image.shape[:2], bool))
        if not self._images:
            raise ValueError("a background needs at least one frame")
        return FrameSample(np.stack(self._images), np.stack(self._moving), self._count)


def _moving(flow: cv2.DISOpticalFlow, image: Image, successor: Image) -> NDArray[np.bool_]:
    """Where the picture moves towards the next frame; large pictures at half their size, for motion is smooth."""
    a, b = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.cvtColor(successor, cv2.COLOR_BGR2GRAY)
    scale = 2 if a.size > HALVED_FROM else 1
    if scale > 1:
        a, b = (cv2.resize(g, (g.shape[1] // scale, g.shape[0] // scale), interpolation=cv2.INTER_AREA) for g in (a, b))
    if min(a.shape) < SMALLEST_FLOW:  # the flow's pyramid needs a few pixels
        return np.zeros(image.shape[:2], bool)
    field = flow.calc(a, b, None)  # type: ignore[call-overload]
    moving = cv2.dilate((np.hypot(field[..., 0], field[..., 1]) * scale > FLOW_STILL_PX).astype(np.uint8), np.ones((5, 5), np.uint8))
    if scale > 1:
        moving = cv2.resize(moving, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_NEAREST)
    return moving.astype(bool)


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """Those frames that agree with a plate, pixel by pixel.

    Attributes:
        count: (H, W), how many.
        squares: float32, (H, W), sum of their squared differences from the plate, mean over channels.
        smooth_squares: the same after smoothing the differences by a 3 × 3 binomial kernel.
    """

    count: NDArray[np.int64]
    squares: Float32
    smooth_squares: Float32


class FrameStack:
    """What the estimate sorts and sums over all sampled frames, exposure levelled; the one part of it that takes long.

    Attributes:
        images: uint8, shape (S, H, W, 3), BGR.
    """

    def __init__(self, sample: FrameSample) -> None:
        self.images, self._moving = sample.images.copy(), sample.moving.copy()
        _level_exposure(self.images)

    def median(self) -> Float32:
        """(H, W, 3)."""
        out = np.empty(self.images.shape[1:], np.float32)
        for y in range(0, len(out), 64):  # in strips: the sort's copy stays small
            out[y : y + 64] = np.median(self.images[:, y : y + 64], axis=0)
        return out

    def spread(self, plate: Float32, *, still: bool = False) -> Float32:
        """Median over the frames of the distance from the plate, (H, W); `still`: of frames that don't move there, 255 without any."""
        distance = plate_distance(self.images, plate)
        if not still:
            return np.asarray(np.median(distance, axis=0), np.float32)
        distance[self._moving] = np.nan
        with np.errstate(all="ignore"):
            spread = nan_median(distance)
        return np.where(np.isnan(spread), np.float32(255), spread)

    def forget_motion_within(self, plate: Float32, reach: Float32) -> None:
        """Take as still each pixel that is never further than `reach`, (H, W), from the plate."""
        self._moving &= (plate_distance(self.images, plate) > reach).any(0)

    def median_of_still(self, median: Float32) -> Float32:
        """Median of the frames that don't move at a pixel, (H, W, 3); `median` where these are too few."""
        stack, moves = self.images, self._moving
        affected = moves.any(0)
        plate = median.copy()
        rows, columns = np.nonzero(affected)
        for start in range(0, len(rows), 1 << 15):
            r, c = rows[start : start + (1 << 15)], columns[start : start + (1 << 15)]
            still = ~moves[:, r, c]
            enough = still.sum(0) >= least_still(len(stack))
            values = stack[:, r, c].astype(np.float32)
            for channel in range(3):
                v = np.where(still, values[..., channel], np.nan)
                m = nan_median(v)
                plate[r[enough], c[enough], channel] = m[enough]
        return plate

    def near(self, plate: Float32, reach: Float32) -> Near:
        """What lies within `reach`, (H, W), of the plate."""
        agrees = plate_distance(self.images, plate) <= reach
        sums = []
        for smooth in (False, True):
            total = np.zeros(plate.shape[:2], np.float32)
            for image, agree in zip(self.images, agrees, strict=True):
                difference = image - plate
                if smooth:
                    difference = cv2.GaussianBlur(difference, (3, 3), 0)
                total += np.where(agree, np.einsum("hwc,hwc->hw", difference, difference) / 3, 0)
            sums.append(total)
        return Near(agrees.sum(0), *sums)


def least_still(frame_count: int) -> int:
    """How many of the sampled frames must be still at a pixel for their median to count."""
    return max(3, frame_count // 20)


def _level_exposure(stack: Image) -> None:
    """Take out, in place, each frame's overall brightness offset: flicker and auto-exposure."""
    sub = stack[:, ::4, ::4].astype(np.int16)
    offsets = np.median(sub - np.median(sub, axis=0), axis=(1, 2))
    for image, offset in zip(stack, offsets, strict=True):
        if np.abs(offset).max() >= 1.0:
            image[...] = np.clip(image - offset, 0, 255).round().astype(np.uint8)


def _noise(spread: Float32) -> Float32:
    """Standard deviation from the median distance, evened out."""
    # the RMS of three channels has its median at 0.89 σ
    sigma = np.maximum(spread / 0.89, MIN_NOISE).astype(np.float32)
    # a moving thing that covers a pixel half of the time is not noise: no pixel is much noisier than the picture's worst static texture
    ceiling = max(4 * float(np.median(sigma)), float(np.percentile(sigma, 75)) * 2)
    return np.asarray(np.minimum(sigma, ceiling), np.float32)


def _even_noise(near: Near, fallback: Float32) -> tuple[Float32, Float32]:
    """RMS deviation of the frames that agree with the plate, as they are and smoothed, evened out over a small neighbourhood."""
    sigma, smooth = (_rms(total, near.count, fallback) for total in (near.squares, near.smooth_squares))
    # smoothing takes the same share away everywhere, unless a faint body, drowned in single pixels, passes there
    return sigma, np.minimum(smooth, WHITER * float(np.median(smooth / sigma)) * sigma)


def _rms(total: Float32, count: NDArray[np.int64], fallback: Float32) -> Float32:
    variance = np.where(count >= 3, total / np.maximum(count - 0.5, 1), fallback**2)
    return np.maximum(np.sqrt(cv2.blur(variance.astype(np.float32), (5, 5))), MIN_NOISE).astype(np.float32)
