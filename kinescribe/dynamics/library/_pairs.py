"""Distances and directions between all objects, and the links between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["links", "separations"]


def separations(x: Any, y: Any) -> tuple[Any, Any, Any]:
    """Distance (…, n, n) between objects at (…, n), and the unit vector from the row's object to the column's; 0 of an object to itself."""
    dx, dy = x[..., None, :] - x[..., :, None], y[..., None, :] - y[..., :, None]
    distance = np.hypot(dx, dy)
    safe = np.where(distance > 0, distance, 1.0)
    return distance, dx / safe, dy / safe


def links(n: int, chain: bool) -> NDArray[np.float64]:
    """(n, n) 1 where two objects are joined: neighbours in the order of their ids, or all."""
    return np.eye(n, k=1) + np.eye(n, k=-1) if chain else 1.0 - np.eye(n)
