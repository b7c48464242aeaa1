"""Learned masks made sub-pixel: a model says which pixels are the thing, the picture says where exactly its outline is.

Where the background is known, the difference from it replaces the learned outline, piece by piece: not where another thing touches, where
something else stands out just beyond the mask, or where the thing looks like what is behind it. There, and everywhere without a background,
the learned outline is used with its own, larger error.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.background import MIN_NOISE, Background
from kinescribe.perception.classical.blobs import above_own_contrast, fill_holes
from kinescribe.perception.classical.detector import detections_from
from kinescribe.perception.classical.foreground import Foreground, ForegroundModel
from kinescribe.perception.classical.measure import NOISE_CORRELATION, Measurement, measure, measure_coverage, soft_mask
from kinescribe.perception.detections import Detections, MaskCrop, SoftMask
from kinescribe.perception.standing import static_background

if TYPE_CHECKING:
    from kinescribe.video.frame import Frame

__all__ = ["measure_masks", "static_background"]

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
Window = tuple[slice, slice]

LOGITS_ACROSS = 256  # models draw masks on a grid of about so many cells along a picture's longer side
OUTLINE_PX, OUTLINE_CELLS = 0.5, 0.25  # standard deviation of a learned outline, along its normal: at least; in cells of that grid
CORRELATED_PX, CORRELATED_CELLS = 8.0, 2.0  # length along the outline over which that error is the same
TOGETHER_PX, TOGETHER_CELLS = 0.25, 0.1  # standard deviation of the whole outline's place, along each axis
REACH_PX, REACH_CELLS = 3.0, 1.0  # how far a learned outline may be off
MARGIN = 3
LEAST_IOU = 0.5  # of mask and difference, where they can be compared; a mask two pixels off on a ball of radius six has 0.5
LEAST_TRUSTED = 0.35  # share of a mask's outline along which the difference counts
RING_PX = (4, 8)


def measure_masks(
    frame: Frame, masks: Sequence[SoftMask], scores: NDArray[np.floating[Any]], phrases: Sequence[str], background: Background | None
) -> Detections:
    """Measure things in a frame to a fraction of a pixel.

    Args:
        frame: where they are seen.
        masks: N, as a model drew them.
        scores: (N,), in [0, 1].
        phrases: N names.
        background: of a camera that stands still, of the frame's size; None where there is none.

    Returns:
        One detection for each mask that isn't empty, in order. `covariances` are those of the difference's noise along the parts of the
        outline that the difference gave, and of a learned outline along the others. `masks` are the difference's where it gave all.
    """
    kept = [i for i, mask in enumerate(masks) if not mask.empty]
    crops = [masks[i].binary() for i in kept]
    difference = None if background is None or not kept else _Difference(frame.image, background)
    found = []
    for k, i in enumerate(kept):
        refined = None if difference is None else difference.refined(masks[i], crops[:k] + crops[k + 1 :])
        found.append(refined or (_as_learned(frame.image, masks[i]), crops[k]))
    detections = detections_from(frame, found)
    detections.scores = np.asarray(scores, np.float64)[kept]
    detections.phrases = [phrases[i] for i in kept]
    return detections


class _Difference:
    """One frame against the background, looked at mask by mask."""

    def __init__(self, image: NDArray[np.uint8], background: Background) -> None:
        self._image, self._background = image, background
        self._foreground: Foreground = _model(background).segment(image)
        self._seeds = set(self._foreground.seeds.tolist())
        self._reach = _scaled(image, REACH_PX, REACH_CELLS)

    def refined(self, mask: SoftMask, others: Sequence[MaskCrop]) -> tuple[Measurement, MaskCrop] | None:
        """The thing under the mask by its difference from the background; None where that doesn't show it."""
        x0, y0, window = _window(mask, self._image.shape, int(np.ceil(self._reach)) + MARGIN)
        learned = _placed(mask.coverage, mask.x - x0, mask.y - y0, window)
        solid = learned >= 0.5
        image = self._image[window]
        delta = (image - self._foreground.offset - self._background.plate[window]).astype(np.float32)
        rms = np.sqrt(np.einsum("hwc,hwc->hw", delta, delta) / 3).astype(np.float32)
        blob = self._blob(window, solid, rms)
        if not blob.any():
            return None
        outside, inside = _distance(solid), _distance(~solid)
        own = blob & (outside <= self._reach)
        taken = np.zeros_like(solid)
        for other in others:
            taken |= _placed(other.pixels, other.x - x0, other.y - y0, window).astype(bool)
        taken &= ~solid
        own &= ~taken
        # what stands out beyond the mask, what doesn't within it, and other things where they touch
        doubtful = (blob & (outside > self._reach)) | (~blob & (inside > self._reach)) | (taken & (_distance(own) <= MARGIN))
        trusted = _distance(doubtful) > self._reach if doubtful.any() else np.ones_like(solid)
        outline = solid & (inside <= 1)
        union = np.count_nonzero((own | solid) & trusted)
        if (
            not own.any()
            or np.count_nonzero(outline & trusted) < LEAST_TRUSTED * np.count_nonzero(outline)
            or np.count_nonzero(own & solid & trusted) < LEAST_IOU * union
        ):
            return None
        sigma = self._background.sigma[window]
        if trusted.all():
            return measure(image, delta, sigma, own, x0, y0), _crop(own, x0, y0)
        weights, contrast = soft_mask(rms, fill_holes(own))
        noise = np.where((weights > 0) & (weights < 1), (sigma / contrast) ** 2, 0.0) * NOISE_CORRELATION
        weights = np.where(trusted, weights, learned)
        variance = np.where(trusted, noise, _outline_variance(learned, self._image))
        contrast /= float(np.median(sigma[own]))
        return measure_coverage(image, weights, variance, x0, y0, contrast=contrast), _crop(weights >= 0.5, x0, y0)

    def _blob(self, window: Window, solid: Mask, rms: NDArray[np.float32]) -> Mask:
        """What stands out from the background under the mask and around it, faint surroundings such as shadows apart."""
        labels = self._foreground.labels[window]
        out = np.zeros_like(solid)
        for label in set(np.unique(labels[solid]).tolist()) & self._seeds:
            for part in above_own_contrast(labels == label, rms):
                out |= part
        return fill_holes(out)


def _as_learned(image: NDArray[np.uint8], mask: SoftMask) -> Measurement:
    """Measure a mask as the model drew it.

    A learned outline errs along its normal by some σ, alike over some length ℓ along the outline. An outline's error δ(s) moves the centroid
    c by ∮ δ (r − c) ds / A, so that its covariance is σ² ℓ ∮ (r − c)(r − c)ᵀ ds / A². The length of outline in a pixel is the coverage's
    gradient. An error of the whole outline's place, which no perimeter averages, is added.
    """
    x0, y0, window = _window(mask, image.shape, MARGIN)
    learned = _placed(mask.coverage, mask.x - x0, mask.y - y0, window)
    variance = _outline_variance(learned, image)
    out = measure_coverage(image[window], learned, variance, x0, y0, contrast=_contrast(image, mask))
    out.covariance[np.diag_indices(2)] += _scaled(image, TOGETHER_PX, TOGETHER_CELLS) ** 2
    return out


def _outline_variance(coverage: NDArray[np.float32], image: NDArray[np.uint8]) -> Float:
    """Variance of a learned coverage, (h, w), times the pixels that share its error."""
    if min(coverage.shape) < 2:
        length = np.ones(coverage.shape)
    else:
        down, right = np.gradient(coverage.astype(np.float64))
        length = np.hypot(down, right)
    out: Float = _scaled(image, OUTLINE_PX, OUTLINE_CELLS) ** 2 * _scaled(image, CORRELATED_PX, CORRELATED_CELLS) * length
    return out


def _contrast(image: NDArray[np.uint8], mask: SoftMask) -> float:
    """How much a thing differs from its surroundings, in units of their noise: medians, RMS over channels."""
    x0, y0, window = _window(mask, image.shape, RING_PX[1])
    solid = _placed(mask.coverage, mask.x - x0, mask.y - y0, window) >= 0.5
    away = _distance(solid)
    ring = (away >= RING_PX[0]) & (away < RING_PX[1])
    pixels = image[window].astype(np.float32)
    if np.count_nonzero(ring) < 12:
        return 0.0  # it fills the picture: nothing to differ from
    change = np.abs(np.diff(pixels, axis=1)).mean(-1)[ring[:, 1:] & ring[:, :-1]]
    noise = max(float(np.median(change)) / 0.954 if change.size else 0.0, MIN_NOISE)  # the median of |difference of two| is 0.954 σ
    step = np.median(pixels[solid], axis=0) - np.median(pixels[ring], axis=0)
    return float(np.sqrt((step**2).mean())) / noise


@lru_cache(maxsize=2)
def _model(background: Background) -> ForegroundModel:
    return ForegroundModel(background)


def _scaled(image: NDArray[np.uint8], pixels: float, cells: float) -> float:
    """A length that is given in cells of a model's grid, but is at least so many pixels."""
    return max(pixels, cells * max(image.shape[:2]) / LOGITS_ACROSS)


def _window(mask: SoftMask, shape: tuple[int, ...], margin: int) -> tuple[int, int, Window]:
    """The mask's surroundings: x, y of the top left pixel, and rows and columns of the picture."""
    h, w = mask.coverage.shape
    x0, y0 = max(mask.x - margin, 0), max(mask.y - margin, 0)
    return x0, y0, (slice(y0, min(mask.y + h + margin, shape[0])), slice(x0, min(mask.x + w + margin, shape[1])))


def _placed(crop: NDArray[Any], x: int, y: int, window: Window) -> NDArray[Any]:
    """A crop laid at (x, y) of an empty array as large as the window, and cut where it juts out."""
    height, width = window[0].stop - window[0].start, window[1].stop - window[1].start
    out = np.zeros((height, width), crop.dtype)
    top, left = max(y, 0), max(x, 0)
    bottom, right = min(y + crop.shape[0], height), min(x + crop.shape[1], width)
    if bottom > top and right > left:
        out[top:bottom, left:right] = crop[top - y : bottom - y, left - x : right - x]
    return out


def _distance(mask: Mask) -> NDArray[np.float32]:
    """Of each pixel to the mask, px; infinite where there is none."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def _crop(mask: Mask, x0: int, y0: int) -> MaskCrop:
    return SoftMask(x0, y0, mask.astype(np.float32)).binary()
