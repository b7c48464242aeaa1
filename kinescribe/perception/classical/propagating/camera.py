"""How the whole picture moved from one frame to the next."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.classical.propagating.windows import Field, Image

__all__ = ["Pair", "dense_flow", "pair_of", "small_of"]

LONG_SIDE = 360  # px, of the picture in which the camera's motion is looked for
APART = 6  # px, between the points that the camera's motion is fitted to
FEWEST = 20
HOME = 1.0  # px, by which flow there and back may miss
TOLERANCE = 0.7  # px
TEXTURE = 4.0  # grey levels², least eigenvalue of the structure tensor: beyond a sensor's noise
STILL = 0.15  # px, that half of the picture moves by at most if the camera stands


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two frames in a row.

    Attributes:
        before, now: the pictures, (H, W, 3) BGR.
        flow: of the shrunken pictures from `before` to `now`, (h, w, 2), in image px.
        camera: homography from `before` to `now` of what does not move by itself, (3, 3), image px.
    """

    before: Image
    now: Image
    flow: Field
    camera: NDArray[np.float64]


def dense_flow(before: Image, now: Image) -> Field:
    """DIS optical flow (Kroeger et al. 2016) between two grey pictures, (h, w, 2), px."""
    flow = np.zeros((*before.shape, 2), np.float32)
    return np.asarray(cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(before, now, flow), np.float32)


def small_of(image: Image) -> Image:
    """The shrunken grey picture that `pair_of` compares."""
    height, width = image.shape[:2]
    factor = min(1.0, LONG_SIDE / max(height, width))
    size = max(round(width * factor), 16), max(round(height * factor), 16)
    return np.asarray(cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), size, interpolation=cv2.INTER_AREA), np.uint8)


def pair_of(before: Image, now: Image, small_before: Image, small_now: Image, covered: NDArray[np.bool_]) -> Pair:
    """Compare two frames; `covered`, of the shrunken pictures' shape, is where things lie that may move by themselves."""
    flow = dense_flow(small_before, small_now)
    free = cv2.dilate(covered.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    camera = _homography(flow, dense_flow(small_now, small_before), free & (_texture(small_before) > TEXTURE))
    sx, sy = before.shape[1] / flow.shape[1], before.shape[0] / flow.shape[0]
    scale = np.array([[sx, 0, sx / 2 - 0.5], [0, sy, sy / 2 - 0.5], [0, 0, 1]])
    camera = scale @ camera @ np.linalg.inv(scale)
    return Pair(before, now, flow * np.array([sx, sy], np.float32), camera / camera[2, 2])


def _homography(flow: Field, back: Field, usable: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What most of the usable places follow, (3, 3); the identity where they stand or are too few."""
    rows, columns = np.mgrid[2 : flow.shape[0] : APART, 2 : flow.shape[1] : APART]
    chosen = usable[rows, columns]
    if chosen.sum() < FEWEST:
        return np.eye(3)
    start = np.stack([columns[chosen], rows[chosen]], axis=1).astype(np.float32)
    step = flow[rows[chosen], columns[chosen]]
    end = start + step
    home = cv2.remap(back, end[:, None, 0], end[:, None, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).reshape(-1, 2)
    sure = np.hypot(*(home + step).T) < HOME
    if sure.sum() < FEWEST or float((np.hypot(*step.T) < STILL).mean()) > 0.5:
        return np.eye(3)
    found, _ = cv2.findHomography(start[sure], end[sure], cv2.RANSAC, TOLERANCE)
    return np.eye(3) if found is None else np.asarray(found, np.float64)


def _texture(image: Image) -> Field:
    """How far each place can be told from those around it in every direction, grey levels²."""
    x, y = (cv2.Sobel(image, cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1)))
    xx, yy, xy = (cv2.boxFilter(product, -1, (5, 5)) for product in (x * x, y * y, x * y))
    return np.asarray((xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2), np.float32)
