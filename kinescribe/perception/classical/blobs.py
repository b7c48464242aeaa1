"""From a blob of foreground pixels to the bodies that it holds."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import MaskCrop

__all__ = ["FAINT", "above_own_contrast", "cut_out", "fill_holes", "split_at_necks"]

FAINT = 0.18  # of a body's own contrast: fainter surroundings are its shadow, its motion's smear or the codec's ringing

NECK = 0.45  # two cores are two bodies when the neck between them is thinner than this share of the thinner core
APPENDAGE = 0.4  # what is thinner than this share of its body (strings, wires) is not counted to the body
SMALLEST_PART_PX = 4
SMALLEST_CORE_PX = 1.9  # half-thickness from which on a thick part counts as a core


def above_own_contrast(mask: NDArray[np.bool_], difference: NDArray[np.float32]) -> list[NDArray[np.bool_]]:
    """The connected parts of a blob that aren't faint against the blob's own contrast.

    Args:
        mask: bool, (h, w), the blob.
        difference: (h, w), its difference from the background, grey levels.
    """
    from kinescribe.perception.classical.compiled.contrast import clear_pixels  # numba takes its time to come in

    # smoothed as the mask is: a single dark pixel in a bright body doesn't cut it
    smooth = np.asarray(cv2.GaussianBlur(difference, (3, 3), 0) * mask, np.float32)
    thickest = float(cv2.distanceTransform(_framed(mask), cv2.DIST_L2, 3).max())
    # against the brightest nearby, not the brightest of all: a ball on a string of ten times its area is the brighter of the two
    # one glaring pixel isn't a body
    cap = _percentile(smooth[mask], 0.98)
    clear = clear_pixels(smooth, mask, _spans(min(2 * round(2 * thickest) + 3, 101)), cap, FAINT)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(clear.astype(np.uint8), connectivity=8)
    return [labels == k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] >= SMALLEST_PART_PX]


def _framed(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The mask as 0 and 1 with a pixel of nothing about it, (h + 2, w + 2)."""
    out = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), np.uint8)
    out[1:-1, 1:-1] = mask
    return out


def _percentile(values: NDArray[np.float32], share: float) -> float:
    """The value that a share of (n,) numbers, at least one, stays below; between two of them in proportion. `numpy.percentile` is slow."""
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    parted = np.partition(values, (low, high))
    return float(parted[low] + (place - low) * (parted[high] - parted[low]))


@lru_cache(maxsize=64)
def _spans(size: int) -> NDArray[np.int64]:
    """Half-widths of the rows of a disc of so many pixels across, an odd number."""
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)).sum(1) // 2, np.int64)


def cut_out(mask: NDArray[np.bool_], x0: int, y0: int) -> MaskCrop:
    """A mask (h, w), not empty, whose top left pixel is (x0, y0) in the picture, cut to its own box."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    pixels = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
    return MaskCrop(x0 + int(columns[0]), y0 + int(rows[0]), pixels)


def fill_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask with everything inside its outer outlines filled."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    out = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(out, contours, -1, 1, thickness=cv2.FILLED)
    return out.astype(bool)


def split_at_necks(mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Cut a blob where it is thin compared with what it joins; strings and wires fall away.

    The distance transform's maxima are cores; two cores stay one body when the path between them never gets thinner than
    `NECK` times the thinner of the two (the dynamics of the maxima, as in a marker-based watershed).

    Returns:
        masks of the same shape, largest first; the whole mask where nothing is to be cut.
    """
    padded = _framed(mask)
    distance = np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5), np.float32)
    thickest = float(distance.max())
    if thickest < SMALLEST_CORE_PX:
        return [mask]
    levels = thickest ** np.linspace(0.0, 1.0, 10)
    bodies = _bodies(distance, levels)
    out = []
    for core, radius in bodies:
        thin = APPENDAGE * radius
        keep = (distance > thin) & core
        if not keep.any():
            continue
        grown = _grow(keep, thin) & padded.astype(bool) if thin >= 1.0 else core
        if len(bodies) > 1:
            grown &= core
        out.append(grown[1:-1, 1:-1])
    out = [part for part in out if part.any()]
    out.sort(key=lambda part: -int(part.sum()))
    return out or [mask]


def _grow(mask: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """All pixels within `radius` of the mask."""
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    return away <= radius + 0.5


def _bodies(distance: NDArray[np.float32], levels: NDArray[np.float64]) -> list[tuple[NDArray[np.bool_], float]]:
    """Cores and their radii, each with the share of the blob that is nearest to it."""
    cores: list[tuple[NDArray[np.bool_], float]] = []
    _descend(distance, distance > 0, levels, 0, cores)
    if len(cores) <= 1:
        radius = cores[0][1] if cores else float(distance.max())
        return [(distance > 0, radius)]
    markers = np.zeros(distance.shape, np.int32)
    for k, (core, _) in enumerate(cores):
        markers[core] = k + 1
    nearest = _nearest_label(markers, distance > 0)
    return [(nearest == k + 1, radius) for k, (_, radius) in enumerate(cores)]


def _descend(
    distance: NDArray[np.float32],
    region: NDArray[np.bool_],
    levels: NDArray[np.float64],
    depth: int,
    cores: list[tuple[NDArray[np.bool_], float]],
) -> None:
    """Raise the water: a region that falls apart into parts that are thick against the neck is two bodies."""
    peak = float(distance[region].max())
    for i in range(depth, len(levels)):
        level = levels[i]
        if level > NECK * peak:
            break
        count, labels = cv2.connectedComponents((region & (distance > level)).view(np.uint8), connectivity=8)
        if count <= 2:
            continue
        peaks = np.zeros(count)
        np.maximum.at(peaks, labels.ravel(), distance.ravel())
        thick = [k for k in range(1, count) if peaks[k] >= max(SMALLEST_CORE_PX, level / NECK)]
        if len(thick) >= 2:
            for k in thick:
                _descend(distance, labels == k, levels, i + 1, cores)
            return
    cores.append((region & (distance >= 0.5 * peak), peak))


def _nearest_label(markers: NDArray[np.int32], mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Each pixel of the mask takes the label of the nearest marker."""
    _, index = cv2.distanceTransformWithLabels((markers == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    lookup = np.zeros(int(index.max()) + 1, np.int32)
    lookup[index[markers > 0]] = markers[markers > 0]
    return np.where(mask, lookup[index], 0).astype(np.int32)
