"""Learned masks made sub-pixel: a model says which pixels are the thing, the picture says where exactly its outline is.

Where the background is known, the difference from it replaces the learned outline, piece by piece: not where another thing touches, nor
where something else stands out just beyond the mask. There, and everywhere without a background or where the thing looks like it, the
learned outline is used with its own, larger error.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.background import Background
from kinescribe.perception.classical.blobs import FAINT, fill_holes
from kinescribe.perception.classical.detector import detections_from
from kinescribe.perception.classical.foreground import ForegroundModel
from kinescribe.perception.classical.measure import Measurement, measure, measure_coverage, outline_variance, soft_mask
from kinescribe.perception.detections import Detections, MaskCrop, SoftMask
from kinescribe.perception.learned_outline import (
    aligned,
    distance,
    learned_variance,
    measure_learned,
    placed,
    reach_of,
    surroundings,
    without_slivers,
)
from kinescribe.perception.standing import static_background

if TYPE_CHECKING:
    from kinescribe.video.frame import Frame

__all__ = ["measure_masks", "static_background"]

Float32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
Window = tuple[slice, slice]

MARGIN = 3
LEAST_IOU = 0.4  # of mask and difference, where they can be compared; a mask grown by two pixels on a ball of radius four has 0.44
LEAST_TRUSTED = 0.35  # share of a mask's outline along which the difference counts
MISSING_DEPTH = 0.75  # of the reach: how deep in a mask the difference must show the thing …
MOST_MISSING = 0.003  # … but for so much of the mask
BULGE = 0.3  # of the reach: further than this from the aligned mask's outline lies another thing
STRAIGHT_PX = 0.015  # standard deviation of a straight-edged thing's place, along each axis


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
        outline that the difference gave, and of a learned outline along the others. `masks` are what was measured.
    """
    kept = [i for i, mask in enumerate(masks) if not mask.empty]
    crops = [masks[i].binary() for i in kept]
    difference = None if background is None or not kept else _Difference(frame.image, background)
    found = []
    for k, i in enumerate(kept):
        refined = None if difference is None else difference.refined(masks[i], crops[:k] + crops[k + 1 :])
        found.append(refined or (measure_learned(frame.image, masks[i]), crops[k]))
    detections = detections_from(frame, found)
    detections.scores = np.asarray(scores, np.float64)[kept]
    detections.phrases = [phrases[i] for i in kept]
    return detections


class _Difference:
    """One frame against the background, looked at mask by mask."""

    def __init__(self, image: NDArray[np.uint8], background: Background) -> None:
        self._image, self._background = image, background
        self._foreground = _model(background).segment(image)
        self._reach = reach_of(image)

    def refined(self, mask: SoftMask, others: Sequence[MaskCrop]) -> tuple[Measurement, MaskCrop] | None:
        """The thing under the mask by its difference from the background; None where that doesn't show it."""
        x0, y0, window = surroundings(mask, self._image.shape, int(np.ceil(self._reach)) + MARGIN)
        learned: Float32 = placed(mask.coverage, mask.x - x0, mask.y - y0, window)
        taken = np.zeros(learned.shape, bool)
        for other in others:
            taken |= placed(other.pixels, other.x - x0, other.y - y0, window)
        image = self._image[window]
        delta = (image - self._foreground.offset - self._background.plate[window]).astype(np.float32)
        rms = np.sqrt(np.einsum("hwc,hwc->hw", delta, delta) / 3).astype(np.float32)
        solid = learned >= 0.5
        blob = self._blob(window, solid, rms)
        own = self._own(blob, solid, taken & ~solid, rms)
        if own is None:
            return None
        weights, contrast = soft_mask(rms, fill_holes(own))
        trusted, ours = self._trusted(blob, own, taken & ~solid, learned, weights)
        if not _agree(solid, weights >= 0.5, trusted):
            return None
        sigma = self._background.sigma[window]
        if trusted.all():
            whole = measure(image, delta, sigma, own, x0, y0)
            if whole.shape != "disc":  # along a straight edge all pixels err alike, on the grid and by the contrast's error
                whole.covariance[np.diag_indices(2)] += STRAIGHT_PX**2
            return whole, _crop(own, x0, y0)
        mixed = np.where(trusted, weights, ours).astype(np.float32)
        variance = np.where(trusted, outline_variance(weights, sigma, contrast), learned_variance(ours, self._image))
        snr = contrast / float(np.median(sigma[own]))
        return measure_coverage(image, mixed, variance, x0, y0, contrast=snr), _crop(mixed >= 0.5, x0, y0)

    def _blob(self, window: Window, solid: Mask, rms: Float32) -> Mask:
        """What stands out from the background under the mask and around it, faint surroundings such as shadows apart."""
        labels = self._foreground.labels[window]
        here = np.unique(labels[solid])  # faint blobs too: the mask says that there is something
        smooth = cv2.GaussianBlur(rms, (3, 3), 0)
        out = np.isin(labels, here[here > 0]) & (smooth >= FAINT * float(np.median(smooth[solid])))
        return fill_holes(out) if out.any() else out

    def _own(self, blob: Mask, solid: Mask, taken: Mask, rms: Float32) -> Mask | None:
        """The thing's share of the blob; None without one, and where it doesn't show all of the thing."""
        own = blob & (distance(solid) <= self._reach) & ~taken
        missing = without_slivers(~blob & (distance(~solid) > MISSING_DEPTH * self._reach))
        # where the thing looks like the background, the background may be the thing's own: it hardly moved
        if not own.any() or np.count_nonzero(missing) > MOST_MISSING * np.count_nonzero(solid):
            return None
        # a threshold's mask reaches beyond the half-covered pixels, and what counts as inside would reach into them
        own &= soft_mask(rms, fill_holes(own))[0] >= 0.5
        return own if own.any() else None

    def _trusted(self, blob: Mask, own: Mask, taken: Mask, learned: Float32, weights: Float32) -> tuple[Mask, Float32]:
        """Where the difference tells the thing's outline, and the learned coverage for elsewhere, laid on that outline."""
        # what stands out beyond the mask is something else, or the mask's fault
        beyond = without_slivers(blob & (distance(learned >= 0.5) > self._reach))
        touching = taken & (distance(own) <= MARGIN)
        trusted = (distance(beyond) > self._reach + MARGIN) & (distance(touching) > self._reach)
        outline = aligned(learned, weights, trusted)
        bulge = without_slivers((weights >= 0.5) & (outline < -BULGE * self._reach) & trusted)
        trusted &= distance(bulge) > self._reach + MARGIN
        return trusted, np.clip(0.5 + outline, 0.0, 1.0).astype(np.float32)


def _agree(learned: Mask, seen: Mask, trusted: Mask) -> bool:
    """Whether a learned mask and what stands out are of one thing, judged where they can be compared."""
    outline = learned & (distance(~learned) <= 1)
    if np.count_nonzero(outline & trusted) < LEAST_TRUSTED * np.count_nonzero(outline):
        return False
    both, either = int(np.count_nonzero(learned & seen & trusted)), int(np.count_nonzero((learned | seen) & trusted))
    return both >= LEAST_IOU * max(either, 1)


@lru_cache(maxsize=2)
def _model(background: Background) -> ForegroundModel:
    return ForegroundModel(background)


def _crop(mask: Mask, x0: int, y0: int) -> MaskCrop:
    return SoftMask(x0, y0, mask.astype(np.float32)).binary()
