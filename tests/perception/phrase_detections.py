"""What the tests of detectors that look for phrases share: pictures to look at, and what a plain recipe's boxes are once suppressed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.detections import Detections
from kinescribe.perception.grounded_sam.boxes import classwise_nms, clip_boxes
from kinescribe.video.frame import Frame

Float = NDArray[np.float64]
SIZE = (121, 203)
"""Height and width of the pictures, px."""
HARDLY_ANY = 1 - 1e-9
"""Intersection over union above which nothing but a copy is suppressed."""


def frames(count: int, size: tuple[int, int] = SIZE, seed: int = 0) -> list[Frame]:
    """Frames of coarse patches of random colours."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 6, 8, 3), dtype=np.uint8)
    rows, columns = np.arange(size[0]) * 6 // size[0], np.arange(size[1]) * 8 // size[1]
    return [Frame(i, i / 30, np.ascontiguousarray(image[rows][:, columns])) for i, image in enumerate(coarse)]


def suppressed(boxes: Float, scores: Float, iou: float = HARDLY_ANY) -> tuple[Float, Float]:
    """The boxes (n, 4) of one phrase in a picture of `SIZE`, clipped to it and without those that a better one covers, and their scores."""
    clipped, shown = clip_boxes(boxes, SIZE[::-1])
    boxes, scores = clipped[shown], scores[shown]
    kept = classwise_nms(boxes, scores, np.zeros(len(boxes), int), iou)
    return boxes[kept], scores[kept]


def of(found: Detections, label: str) -> Detections:
    """Those of one label."""
    return found.take(np.array([phrase == label for phrase in found.phrases], bool))


def assert_close(found: Detections, boxes: Float, scores: Float, atol: float = 1e-4) -> None:
    """The same boxes and scores in the same order, to `atol`: of the scores, and of the boxes as shares of the picture, as models give."""
    np.testing.assert_allclose(found.boxes, boxes, atol=atol * max(SIZE))
    np.testing.assert_allclose(found.scores, scores, atol=atol)
