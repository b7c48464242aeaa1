"""A learned mask's outline: how far it may be off, what is measured from it alone, and laying it on one that is known better."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.background import MIN_NOISE
from kinescribe.perception.classical.measure import Measurement, measure_coverage, median, median_color
from kinescribe.perception.detections import SoftMask

__all__ = [
    "aligned",
    "depths",
    "distance",
    "learned_variance",
    "measure_learned",
    "median",
    "placed",
    "reach_of",
    "surroundings",
    "without_slivers",
]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Window = tuple[slice, slice]

LOGITS_ACROSS = 256  # models draw masks on a grid of about so many cells along a picture's longer side
OUTLINE_PX, OUTLINE_CELLS = 0.5, 0.25  # standard deviation of a learned outline, along its normal: at least; in cells of that grid
CORRELATED_PX, CORRELATED_CELLS = 8.0, 2.0  # length along the outline over which that error is the same
TOGETHER_PX, TOGETHER_CELLS = 0.5, 0.15  # standard deviation of the whole outline's place, along each axis
REACH_PX, REACH_CELLS = 4.0, 1.0  # how far a learned outline may be off
MARGIN = 3
RING_PX = (4, 8)
RIDGE = 20.0  # how many times the outline's own evidence outweighs that a learned mask is in its right place
MOST_AWAY_PX, MOST_RESIDUAL_PX = 4.0, 1.5


def measure_learned(image: Image, mask: SoftMask) -> Measurement:
    """Measure a mask as the model drew it.

    A learned outline errs along its normal by some σ, alike over some length ℓ along the outline. An error δ(s) of the outline moves
    the centroid c by ∮ δ (r − c) ds / A, so that its covariance is σ² ℓ ∮ (r − c)(r − c)ᵀ ds / A². The length of outline in a pixel is
    the coverage's gradient. An error of the whole outline's place, which no perimeter averages, is added.
    """
    x0, y0, window = surroundings(mask, image.shape, MARGIN)
    coverage = placed(mask.coverage, mask.x - x0, mask.y - y0, window)
    variance = learned_variance(coverage, image)
    out = measure_coverage(image[window], coverage, variance, x0, y0, contrast=_contrast(image, mask))
    out.covariance[np.diag_indices(2)] += _scaled(image, TOGETHER_PX, TOGETHER_CELLS) ** 2
    return out


def learned_variance(coverage: Float32, image: Image) -> Float:
    """Variance of a learned coverage, (h, w), times the pixels that share its error."""
    sigma, alike = _scaled(image, OUTLINE_PX, OUTLINE_CELLS), _scaled(image, CORRELATED_PX, CORRELATED_CELLS)
    if min(coverage.shape) < 2:
        return np.full(coverage.shape, sigma**2 * alike)
    down, right = np.gradient(coverage)
    return np.asarray(np.sqrt(down * down + right * right).astype(np.float64) * (sigma**2 * alike))


def aligned(learned: Float32, depth: tuple[Float32, Float32], seen: Float32, trusted: Mask) -> Float:
    """Signed distance, px, positive inside, to the learned outline moved and grown as a whole onto the seen one where that is trusted.

    Along the trusted outline the distance between both is fitted by g + t · n, with the growth g, the shift t and the outline's normal n;
    a weak ridge keeps what the trusted part says nothing about at zero. `depth`: the `depths` of the learned mask.
    """
    ours = _signed_distance(learned, *depth)
    down, right = (np.asarray(slope, np.float32) for slope in np.gradient(ours))
    rim = np.flatnonzero(trusted & (np.abs(ours) <= 1))
    here = ours.ravel()[rim].astype(np.float64)
    away = _signed_distance(seen, *depths(seen >= 0.5)).ravel()[rim] - here
    terms = np.stack([np.ones_like(here), right.ravel()[rim], down.ravel()[rim]], axis=-1)
    move = np.zeros(3)
    for most in (MOST_AWAY_PX, MOST_RESIDUAL_PX):  # what is off for a reason of its own has no say
        kept = np.abs(away - terms @ move) < most
        design = terms[kept]
        normal = design.T @ design + np.eye(3) * max(len(design), 1) / RIDGE
        move = np.linalg.solve(normal, design.T @ away[kept])
    grown, across, along = move
    return np.asarray(ours + grown + across * right + along * down)


def reach_of(image: Image) -> float:
    """How far a learned outline may be off in a picture of this size, px."""
    return _scaled(image, REACH_PX, REACH_CELLS)


def surroundings(mask: SoftMask, shape: tuple[int, ...], margin: int) -> tuple[int, int, Window]:
    """A mask's box grown by a margin: x, y of the top left pixel, and rows and columns of the picture."""
    h, w = mask.coverage.shape
    x0, y0 = max(mask.x - margin, 0), max(mask.y - margin, 0)
    return x0, y0, (slice(y0, min(mask.y + h + margin, shape[0])), slice(x0, min(mask.x + w + margin, shape[1])))


def placed(crop: NDArray[Any], x: int, y: int, window: Window) -> NDArray[Any]:
    """A crop laid at (x, y) of an empty array as large as the window, and cut where it juts out."""
    height, width = window[0].stop - window[0].start, window[1].stop - window[1].start
    out = np.zeros((height, width), crop.dtype)
    top, left = max(y, 0), max(x, 0)
    bottom, right = min(y + crop.shape[0], height), min(x + crop.shape[1], width)
    if bottom > top and right > left:
        out[top:bottom, left:right] = crop[top - y : bottom - y, left - x : right - x]
    return out


def distance(mask: Mask) -> Float32:
    """Of each pixel to the mask, px; infinite where there is none."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, 5), np.float32)


def without_slivers(mask: Mask) -> Mask:
    """The mask without what is one or two pixels wide, which threshold and rounding leave along any outline."""
    return cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)).view(bool)


def depths(mask: Mask) -> tuple[Float32, Float32]:
    """Of each pixel to the mask, and to what isn't in it, px."""
    return distance(mask), distance(~mask)


def _signed_distance(coverage: Float32, away: Float32, deep: Float32) -> Float32:
    """Of each pixel's centre to the outline, px, positive inside; from the coverage itself where it is between 0 and 1.

    `away`, `deep`: the `depths` of what is covered by half or more.
    """
    half = np.float32(0.5)
    size = np.float32(max(coverage.shape))  # instead of infinity, where all of it is solid or nothing
    far = np.where(coverage >= half, np.minimum(deep - half, size), np.maximum(half - away, -size))
    return np.where((coverage > 0) & (coverage < 1), coverage - half, far)


def _scaled(image: Image, pixels: float, cells: float) -> float:
    """A length that is given in cells of a model's grid, but is at least so many pixels."""
    longer: int = max(image.shape[0], image.shape[1])
    return max(pixels, cells * longer / LOGITS_ACROSS)


def _contrast(image: Image, mask: SoftMask) -> float:
    """How much a thing differs from its surroundings, in units of their noise: medians, RMS over channels."""
    x0, y0, window = surroundings(mask, image.shape, RING_PX[1])
    solid = placed(mask.coverage, mask.x - x0, mask.y - y0, window) >= 0.5
    away = distance(solid)
    ring = (away >= RING_PX[0]) & (away < RING_PX[1])
    if np.count_nonzero(ring) < 12:
        return 0.0  # it fills the picture: nothing to differ from
    pixels = image[window]
    pairs = np.flatnonzero((ring[:, 1:] & ring[:, :-1]).ravel())
    rows, columns = np.divmod(pairs, ring.shape[1] - 1)
    change = np.abs(pixels[rows, columns + 1].astype(np.float32) - pixels[rows, columns]).mean(-1)
    noise = median(change) / 1.13 if change.size else 0.0  # the mean of |difference of two| is 1.13 σ
    step = median_color(pixels, solid) - median_color(pixels, ring)
    return float(np.sqrt(np.mean(step**2))) / max(noise, MIN_NOISE)
