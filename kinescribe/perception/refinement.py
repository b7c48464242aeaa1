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
from kinescribe.perception.classical.measure import Measurement, measure_coverage, median, outline_variance, soft_mask
from kinescribe.perception.detections import Detections, MaskCrop, SoftMask
from kinescribe.perception.learned_outline import (
    aligned,
    depths,
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
ADDED = np.ones((1, 3), np.float32)
SEEN_AROUND = 3  # px that have a say in what stands out at a pixel: smoothing 1, closing 2
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
        self._model = _model(background)
        self._offset = self._model.exposure_offset(image)
        self._labels: NDArray[np.int32] | None = None
        self._reach = reach_of(image)

    def refined(self, mask: SoftMask, others: Sequence[MaskCrop]) -> tuple[Measurement, MaskCrop] | None:
        """The thing under the mask by its difference from the background; None where that doesn't show it."""
        x0, y0, window = surroundings(mask, self._image.shape, int(np.ceil(self._reach)) + MARGIN)
        learned: Float32 = placed(mask.coverage, mask.x - x0, mask.y - y0, window)
        solid = learned >= 0.5
        away, deep = depths(solid)
        taken = _joined(others, x0, y0, solid.shape) & ~solid
        image = self._image[window]
        delta, rms = self._against_plate(window)
        blob = self._blob(window, solid, rms)
        own = self._own(blob, away, deep, taken, rms)
        if own is None:
            return None
        weights, contrast = soft_mask(rms, fill_holes(own))
        trusted, ours = self._trusted(blob, own, taken, learned, (away, deep), weights)
        if not _agree(solid, deep, weights >= 0.5, trusted):
            return None
        sigma = self._background.sigma[window]
        variance, snr = outline_variance(weights, sigma, contrast), contrast / median(sigma[own])
        if trusted.all():
            whole = measure_coverage(image, weights, variance, x0, y0, contrast=snr, delta=delta)
            if whole.shape != "disc":  # along a straight edge all pixels err alike, on the grid and by the contrast's error
                whole.covariance[np.diag_indices(2)] += STRAIGHT_PX**2
            return whole, _crop(own, x0, y0)
        mixed = np.where(trusted, weights, ours)
        variance = np.where(trusted, variance, learned_variance(ours, self._image))
        return measure_coverage(image, mixed, variance, x0, y0, contrast=snr), _crop(mixed >= 0.5, x0, y0)

    def _against_plate(self, window: Window) -> tuple[Float32, Float32]:
        """Frame − background in a window, (h, w, 3), and its RMS over channels, (h, w)."""
        delta = np.subtract(self._image[window], self._background.plate[window])
        if self._offset.any():
            delta.reshape(len(delta), -1)[...] -= np.tile(self._offset, delta.shape[1])
        return delta, np.sqrt(np.asarray(cv2.transform(cv2.multiply(delta, delta), ADDED), np.float32) / 3)

    def _blob(self, window: Window, solid: Mask, rms: Float32) -> Mask:
        """What stands out from the background under the mask and around it, faint surroundings such as shadows apart."""
        # faint blobs too: the mask says that there is something
        out = self._standing_out(window, solid)
        if out.any():
            smooth = np.asarray(cv2.GaussianBlur(rms, (3, 3), 0), np.float32)
            out &= smooth >= FAINT * median(smooth[solid])
        return fill_holes(out) if out.any() else out

    def _standing_out(self, window: Window, solid: Mask) -> Mask:
        """The parts of the window that stand out and are connected, be it beyond the window, with some of the mask that does."""
        rows, columns = (slice(max(side.start - SEEN_AROUND, 0), side.stop + SEEN_AROUND) for side in window)
        extent, _ = self._model.within((rows, columns)).masks(self._image[rows, columns], self._offset)
        inner = extent[window[0].start - rows.start :, window[1].start - columns.start :][: solid.shape[0], : solid.shape[1]]
        count, labels = cv2.connectedComponents(inner, connectivity=8)
        labels = np.asarray(labels)
        found = _met(labels, solid, count)
        rim = np.zeros(count, bool)
        for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
            rim[edge] = True
        rim[0] = False
        if (rim & found).any() and (rim & ~found).any():  # only the whole picture tells whether these are connected
            if self._labels is None:
                self._labels = self._model.segment(self._image).labels
            labels = self._labels[window]
            found = _met(labels, solid, int(self._labels.max()) + 1)
        return np.asarray(found[labels])

    def _own(self, blob: Mask, away: Float32, deep: Float32, taken: Mask, rms: Float32) -> Mask | None:
        """The thing's share of the blob; None without one, and where it doesn't show all of the thing."""
        own = blob & (away <= self._reach) & ~taken
        missing = without_slivers(~blob & (deep > MISSING_DEPTH * self._reach))
        # where the thing looks like the background, the background may be the thing's own: it hardly moved
        if not own.any() or np.count_nonzero(missing) > MOST_MISSING * np.count_nonzero(away == 0):
            return None
        # a threshold's mask reaches beyond the half-covered pixels, and what counts as inside would reach into them
        own &= soft_mask(rms, fill_holes(own))[0] >= 0.5
        return own if own.any() else None

    def _trusted(
        self, blob: Mask, own: Mask, taken: Mask, learned: Float32, depth: tuple[Float32, Float32], weights: Float32
    ) -> tuple[Mask, Float32]:
        """Where the difference tells the thing's outline, and the learned coverage for elsewhere, laid on that outline."""
        # what stands out beyond the mask is something else, or the mask's fault
        trusted = _away_from(without_slivers(blob & (depth[0] > self._reach)), self._reach + MARGIN)
        if taken.any():
            trusted &= _away_from(taken & (distance(own) <= MARGIN), self._reach)
        outline = aligned(learned, depth, weights, trusted)
        trusted &= _away_from(without_slivers((weights >= 0.5) & (outline < -BULGE * self._reach) & trusted), self._reach + MARGIN)
        return trusted, np.clip(outline + 0.5, 0.0, 1.0).astype(np.float32)


def _joined(crops: Sequence[MaskCrop], x0: int, y0: int, shape: tuple[int, ...]) -> Mask:
    """The masks together in a window of this shape whose top left pixel is (x0, y0)."""
    out = np.zeros(shape, bool)
    for crop in crops:
        top, left = crop.y - y0, crop.x - x0
        bottom, right = top + crop.shape[0], left + crop.shape[1]
        if bottom > 0 and right > 0 and top < shape[0] and left < shape[1]:
            out[max(top, 0) : bottom, max(left, 0) : right] |= crop.pixels[max(-top, 0) : shape[0] - top, max(-left, 0) : shape[1] - left]
    return out


def _met(labels: NDArray[Any], mask: Mask, count: int) -> Mask:
    """Which of the labels from 1 on occur under the mask, (count,)."""
    out = np.zeros(count, bool)
    out[labels[mask]] = True
    out[0] = False
    return out


def _away_from(mask: Mask, reach: float) -> Mask:
    """What is further from the mask than the reach, px."""
    return distance(mask) > reach if mask.any() else np.ones(mask.shape, bool)


def _agree(learned: Mask, deep: Float32, seen: Mask, trusted: Mask) -> bool:
    """Whether a learned mask and what stands out are of one thing, judged where they can be compared; `deep`: px to the mask's end."""
    outline = learned & (deep <= 1)
    if np.count_nonzero(outline & trusted) < LEAST_TRUSTED * np.count_nonzero(outline):
        return False
    both, either = int(np.count_nonzero(learned & seen & trusted)), int(np.count_nonzero((learned | seen) & trusted))
    return both >= LEAST_IOU * max(either, 1)


@lru_cache(maxsize=2)
def _model(background: Background) -> ForegroundModel:
    return ForegroundModel(background)


def _crop(mask: Mask, x0: int, y0: int) -> MaskCrop:
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    return MaskCrop(x0 + left, y0 + top, mask[top : top + height, left : left + width].copy())
