"""Where something moves, as the Physics-IQ benchmark tells it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.evaluation.video.pictures import Picture, Pictures, bytes_of, checked

__all__ = ["MotionMasks", "motion_masks"]

RATE = 0.3  # of a new frame in the running average
THRESHOLD = 10  # grey levels
KERNEL = np.ones((5, 5), np.uint8)


def motion_masks(frames: Pictures) -> NDArray[np.bool_]:
    """Mask of what moves in every frame, shape (T, H, W); that of the first one is empty.

    Grey, Gaussian blur of 5 x 5 px, running average that takes 0.3 of each new frame before it is compared with it, more than 10 grey
    levels off, opened and then closed with 5 x 5 px (Motamed et al. 2025, arXiv 2501.09038).

    Args:
        frames: shape (T, H, W, 3) or (T, H, W), uint8, or floats in [0, 1].

    Raises:
        UsageError: other shapes or types, no frame, or values that are not finite.
    """
    masks = MotionMasks()
    found = [masks.next(checked(frame, f"frame {index}")) for index, frame in enumerate(frames)]
    if not found:
        raise UsageError("a video without frames has no motion: give at least one")
    return np.stack(found) > 0


class MotionMasks:
    """The masks of a video that comes frame by frame."""

    def __init__(self) -> None:
        self._average: NDArray[np.float64] | None = None

    def next(self, frame: Picture) -> NDArray[np.uint8]:
        """Mask of the next frame, 0 or 255, shape (H, W)."""
        picture = bytes_of(frame)
        grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        grey = cv2.GaussianBlur(grey, (5, 5), 0)
        if self._average is None:
            self._average = grey.astype(np.float64)
            return np.zeros(grey.shape, np.uint8)
        cv2.accumulateWeighted(grey, self._average, RATE)
        difference = cv2.absdiff(grey, cv2.convertScaleAbs(self._average))
        _, mask = cv2.threshold(difference, THRESHOLD, 255, cv2.THRESH_BINARY)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, KERNEL)
        return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, KERNEL), np.uint8)
