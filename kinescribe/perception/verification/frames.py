"""In which frames a track is best shown: large, whole, free, sharp, and far apart in time."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.perception.evidence import View

__all__ = ["choose_views", "frames_to_show"]

Float = NDArray[np.float64]

PARTIAL, HIDDEN = 0.3, 0.85  # what being cut off leaves of a view's worth, and what being covered altogether takes from it
NEXT_TO = 0.02  # worth of a frame beside one that is shown already
POOR = 0.2  # of the best view's worth: below it a view is shown only after all others


def frames_to_show(
    frames: ArrayLike,
    areas: ArrayLike,
    positions: ArrayLike,
    boxes: ArrayLike,
    partial: ArrayLike,
    scores: ArrayLike,
    *,
    most: int = 8,
    others: Sequence[tuple[ArrayLike, ArrayLike]] = (),
) -> list[int]:
    """Indices of the frames in which a track should be shown, best first, each further one far in time from those before it.

    Args:
        frames: (n,) int, in which it is seen, increasing.
        areas: (n,), px².
        positions: (n, 2), px; a thing that moves fast is blurred.
        boxes: (n, 4), x0, y0, x1, y1.
        partial: (n,) bool, cut off by the picture's edge, half hidden, or seen as one with another.
        scores: (n,), the detector's, [0, 1].
        most: frames to choose.
        others: frames (m,) and boxes (m, 4) of each other track, to keep clear of.
    """
    at = np.asarray(frames, np.int64)
    worth = _worth(
        at,
        np.asarray(areas, np.float64),
        np.asarray(positions, np.float64).reshape(-1, 2),
        np.asarray(partial, bool),
        np.asarray(scores, np.float64),
    )
    worth *= 1 - HIDDEN * _covered(at, np.asarray(boxes, np.float64).reshape(-1, 4), others)
    return [int(at[row]) for row in _spread(at, worth, most)]


def choose_views(views: Sequence[View], *, most: int = 8) -> tuple[View, ...]:
    """The views to ask about, best first, now that their pixels are known: sharp ones, clear of other masks and of the picture's edge."""
    shown = [view for view in views if view.mask.pixels.any()]
    if not shown:
        return ()
    worth = np.array([np.sqrt(view.mask.pixels.sum()) * (1 - HIDDEN * _crowded(view)) * (PARTIAL if _cut(view) else 1.0) for view in shown])
    sharp = np.array([_sharpness(view) for view in shown])
    worth *= 0.5 + 0.5 * sharp / max(float(sharp.max()), 1e-9)
    return tuple(shown[row] for row in _spread(np.array([view.frame for view in shown]), worth, most))


def _worth(frames: NDArray[np.int64], areas: Float, positions: Float, partial: NDArray[np.bool_], scores: Float) -> Float:
    """(n,), how well the track is seen by itself; 0 where it isn't seen at all."""
    known = np.isfinite(areas) & (areas > 0)
    if not known.any():
        return np.where(np.isfinite(areas), 0.0, 0.0)
    large = np.sqrt(np.clip(np.where(known, areas, 0.0) / np.percentile(areas[known], 90), 0, 1))
    steps = np.zeros(len(frames))
    if len(frames) > 1:
        moved = np.linalg.norm(np.diff(positions, axis=0), axis=1) / np.maximum(np.diff(frames), 1)
        steps[1:], steps[:-1] = moved, np.maximum(steps[:-1], moved)
    extent = np.sqrt(np.median(areas[known]))
    still = 1 / (1 + (np.nan_to_num(steps, nan=extent) / extent) ** 2)
    trust = 0.5 + 0.5 * np.clip(np.nan_to_num(scores), 0, 1)
    worth: Float = large * still * trust * np.where(partial, PARTIAL, 1.0)
    return worth


def _covered(frames: NDArray[np.int64], boxes: Float, others: Sequence[tuple[ArrayLike, ArrayLike]]) -> Float:
    """(n,), the largest share of the track's box that another's box covers."""
    share = np.zeros(len(frames))
    own = np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1e-9)
    for other_frames, other_boxes in others:
        _, mine, theirs = np.intersect1d(frames, np.asarray(other_frames, np.int64), assume_unique=True, return_indices=True)
        other = np.asarray(other_boxes, np.float64).reshape(-1, 4)[theirs]
        overlap = np.clip(np.minimum(boxes[mine, 2:], other[:, 2:]) - np.maximum(boxes[mine, :2], other[:, :2]), 0, None)
        share[mine] = np.fmax(share[mine], np.nan_to_num(overlap.prod(axis=1) / own[mine]))
    return np.clip(share, 0, 1)


def _spread(frames: NDArray[np.int64], worth: Float, most: int) -> list[int]:
    """Rows in the order in which to show them: the k-th as good as can be had a k-th of the span away from those before it."""
    left = [int(row) for row in np.flatnonzero(worth > 0)]
    chosen: list[int] = []
    if not left:
        return chosen
    span = max(int(frames[left[-1]]) - int(frames[left[0]]), 1)
    nearest = np.full(len(frames), np.inf)
    value = np.where(worth < POOR * worth.max(), POOR * worth, worth)
    while left and len(chosen) < most:
        gap = span / (len(chosen) + 1)
        gain = value[left] * (NEXT_TO + np.minimum(1.0, nearest[left] / gap))
        row = left.pop(int(gain.argmax()))
        chosen.append(row)
        nearest = np.minimum(nearest, np.abs(frames - frames[row]))
    return chosen


def _crowded(view: View) -> float:
    """Share of a mask's surroundings, a tenth of its size wide, that other masks take."""
    height, width = view.image.shape[:2]
    rows, columns = view.mask.shape
    reach = max(2, round(0.1 * max(rows, columns)))
    x0, y0 = max(view.mask.x - reach, 0), max(view.mask.y - reach, 0)
    x1, y1 = min(view.mask.x + columns + reach, width), min(view.mask.y + rows + reach, height)
    taken = np.zeros((y1 - y0, x1 - x0), bool)
    for other in view.others:
        h, w = other.mask.shape
        a, b = max(other.mask.x, x0), max(other.mask.y, y0)
        c, d = min(other.mask.x + w, x1), min(other.mask.y + h, y1)
        if a < c and b < d:
            taken[b - y0 : d - y0, a - x0 : c - x0] |= other.mask.pixels[
                b - other.mask.y : d - other.mask.y, a - other.mask.x : c - other.mask.x
            ]
    return min(1.0, float(taken.sum()) / max(int(view.mask.pixels.sum()), 1))


def _cut(view: View) -> bool:
    height, width = view.image.shape[:2]
    rows, columns = view.mask.shape
    return view.mask.x <= 0 or view.mask.y <= 0 or view.mask.x + columns >= width or view.mask.y + rows >= height


def _sharpness(view: View) -> float:
    """Root mean square of the Laplacian about the mask, grey levels (Pech-Pacheco et al., 2000: variance of the Laplacian)."""
    rows, columns = view.mask.shape
    x0, y0 = max(view.mask.x - 3, 0), max(view.mask.y - 3, 0)
    cut = np.ascontiguousarray(view.image[y0 : view.mask.y + rows + 3, x0 : view.mask.x + columns + 3])
    edges = cv2.Laplacian(cv2.cvtColor(cut, cv2.COLOR_BGR2GRAY), cv2.CV_64F)
    return float(np.sqrt(np.mean(edges**2)))
