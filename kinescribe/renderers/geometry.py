"""Small things that sprites and shapes are placed by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ratio", "rotation"]


def ratio(now: float, then: float) -> float:
    """How many times as large a side is now as it was then; 1 where either isn't known."""
    return now / then if np.isfinite(now) and now > 0.0 and np.isfinite(then) and then > 0.0 else 1.0


def rotation(angle: float) -> NDArray[np.float64]:
    """(2, 2), radians from +x towards +y."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])
