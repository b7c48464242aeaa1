"""The frame: a picture that knows when it was taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Frame"]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded frame.

    Attributes:
        index: decoded frames before this one, from 0.
        time_s: seconds since the first frame's time stamp.
        image: uint8, shape (H, W, 3), BGR, rotation applied. Pixel centres lie at whole numbers, the first at (0, 0), y down.
    """

    index: int
    time_s: float
    image: NDArray[np.uint8]
