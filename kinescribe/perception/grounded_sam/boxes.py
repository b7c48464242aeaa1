"""Boxes of learned detectors: cleaning, class-wise suppression, and boxes as detections."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.perception.detections import Detections, MaskCrop
from kinescribe.video.frame import Frame

__all__ = ["MOST_BOXES", "box_iou", "classwise_nms", "clip_boxes", "detections_of_boxes", "fills_picture"]

Float = NDArray[np.float64]
Index = NDArray[np.intp]

MOST_BOXES = 300  # a frame
LEAST_SIDE_PX = 1.0
NEARLY_ALL = 0.95
MIDDLE_SHARE, MIDDLE_PX = 0.06, 0.5  # σ of a box's middle as a place of the body: detectors' edges scatter, and bodies aren't symmetric
CORE = 0.25  # from each side of a box; what is left shows more of the body than of its surroundings


def box_iou(box: ArrayLike, boxes: Float) -> Float:
    """Intersection over union of a box (4,) with each of (N, 4), x0, y0, x1, y1; 0 for boxes without an area."""
    one = np.asarray(box, np.float64)
    overlap = np.minimum(one[2:], boxes[:, 2:]) - np.maximum(one[:2], boxes[:, :2])
    shared = np.prod(np.maximum(overlap, 0.0), axis=1)
    union = np.prod(one[2:] - one[:2]) + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - shared
    share: Float = np.divide(shared, union, out=np.zeros(len(boxes)), where=union > 0)
    return share


def classwise_nms(boxes: ArrayLike, scores: ArrayLike, classes: ArrayLike, iou: float, most: int = MOST_BOXES) -> Index:
    """Which boxes stay when, within each class, those that overlap a better one by more than `iou` go; best first.

    Args:
        boxes: (N, 4), x0, y0, x1, y1, finite.
        scores: (N,).
        classes: (N,), whole numbers; boxes of different classes never suppress each other.
        iou: in [0, 1].
        most: boxes that stay at most, of all classes together.
    """
    corners, values, kinds = np.asarray(boxes, np.float64).reshape(-1, 4), np.asarray(scores, np.float64), np.asarray(classes)
    order = np.argsort(-values, kind="stable")
    kept: list[int] = []
    for kind in np.unique(kinds):
        left = order[kinds[order] == kind]
        for _ in range(most):
            if len(left) == 0:
                break
            kept.append(int(left[0]))
            left = left[1:][box_iou(corners[left[0]], corners[left[1:]]) <= iou]
    rank = np.empty(len(order), np.intp)
    rank[order] = np.arange(len(order))
    return np.array(sorted(kept, key=rank.__getitem__)[:most], np.intp)


def clip_boxes(boxes: ArrayLike, size: tuple[int, int]) -> tuple[Float, NDArray[np.bool_]]:
    """Boxes (N, 4) cut off at the edges of a picture of that width and height, and which of them (N,) still show something.

    A box that is not finite, or less than a pixel wide or high after the cut, shows nothing.
    """
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    limits = np.array([*size, *size], np.float64)
    clipped = np.clip(np.nan_to_num(corners, nan=0.0, posinf=np.inf, neginf=-np.inf), 0.0, limits)
    sides = clipped[:, 2:] - clipped[:, :2]
    return clipped, np.asarray(np.isfinite(corners).all(1) & (sides >= LEAST_SIDE_PX).all(1), np.bool_)


def fills_picture(boxes: Float, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which boxes (N, 4) are nearly as wide and as high (over 95 %) as a picture of that width and height."""
    return np.asarray(((boxes[:, 2:] - boxes[:, :2]) > NEARLY_ALL * np.array(size)).all(1))


def detections_of_boxes(frame: Frame, boxes: ArrayLike, scores: ArrayLike, phrases: Sequence[str]) -> Detections:
    """Detections whose masks are whole boxes, for detectors that don't segment.

    The centroid is the box's middle, with a covariance that admits what a box does not tell: σ is 6 % of the side, and half a pixel.
    The colour is the median of the box's middle half. Unknown are angle and contrast (NaN); the shape is "blob".

    Args:
        frame: where they were found.
        boxes: (N, 4), x0, y0, x1, y1, px, inside the picture; edges need not be whole.
        scores: (N,), in [0, 1].
        phrases: N, what each was found for.
    """
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    count = len(corners)
    if count == 0:
        return Detections(frame.index, frame.time_s)
    height, width = frame.image.shape[:2]
    sides = corners[:, 2:] - corners[:, :2]
    sigmas = np.hypot(MIDDLE_SHARE * sides, MIDDLE_PX)
    pixels = [_pixels(box, (width, height)) for box in corners]
    return Detections(
        frame=frame.index,
        time_s=frame.time_s,
        boxes=corners,
        centroids=(corners[:, :2] + corners[:, 2:] - 1) / 2,
        covariances=sigmas[:, :, None] ** 2 * np.eye(2),
        areas=np.prod(sides, axis=1),
        sizes=np.sort(sides, axis=1)[:, ::-1].copy(),
        angles=np.full(count, np.nan),
        angle_sigmas=np.full(count, np.nan),
        colors=np.stack([_color(frame, box) for box in pixels]),
        contrasts=np.full(count, np.nan),
        scores=np.asarray(scores, np.float64).reshape(-1),
        truncated=np.array([x0 <= 0 or y0 <= 0 or x1 >= width or y1 >= height for x0, y0, x1, y1 in pixels]),
        masks=[MaskCrop(x0, y0, np.ones((y1 - y0, x1 - x0), bool)) for x0, y0, x1, y1 in pixels],
        phrases=list(phrases),
        shapes=["blob"] * count,
    )


def _pixels(box: Float, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The pixels whose centres lie in a box, as whole x0, y0, x1, y1; one pixel at least."""
    low = np.clip(np.ceil(box[:2] - 0.5), 0, np.array(size) - 1).astype(int)
    high = np.maximum(np.clip(np.ceil(box[2:] - 0.5), 0, size).astype(int), low + 1)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _color(frame: Frame, box: tuple[int, int, int, int]) -> Float:
    x0, y0, x1, y1 = box
    dx, dy = int(CORE * (x1 - x0)), int(CORE * (y1 - y0))
    core = frame.image[y0 + dy : y1 - dy, x0 + dx : x1 - dx].reshape(-1, 3)
    median = np.median(core, axis=0).reshape(1, 1, 3).astype(np.float32)
    return np.asarray(cv2.cvtColor(median / 255, cv2.COLOR_BGR2LAB), np.float64).reshape(3)
