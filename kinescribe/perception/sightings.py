"""What a second look at the video, with the tracks known, found of each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Path", "Sightings"]

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """One track as the first look has it, in image pixels.

    Attributes:
        frames: (n,) int, strictly increasing.
        positions: (n, 2), centroids.
        areas: (n,), px².
        boxes: (n, 4), x0, y0, x1, y1.
        masks: n arrays, each with its box's top left corner, or None where too many were held.
        usable: (n,) bool, whole bodies: neither cut by the picture's edge nor merged with others.
    """

    frames: NDArray[np.int64]
    positions: Float
    areas: Float
    boxes: Float
    masks: list[tuple[int, int, NDArray[np.bool_]]]
    usable: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """Where a track's sprite was found, m rows in frame order.

    Attributes:
        frames: (m,) int.
        positions, covariances: (m, 2) and (m, 2, 2), px.
        turns, turn_sigmas: (m,), radians against the sprite, clockwise on the screen; NaN where its look doesn't tell.
        gains: (m,), see `Pose.gain`.
        visible: (m,), share inside the picture.
        radius: of the sprite, px.
    """

    frames: NDArray[np.int64]
    positions: Float
    covariances: Float
    turns: Float
    turn_sigmas: Float
    gains: Float
    visible: Float
    radius: float
