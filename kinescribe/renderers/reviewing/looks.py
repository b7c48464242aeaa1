"""Rows that a scene may be built from: those that agree on what the object looks like and on where it is in its pixels.

A table with swapped ids or a track that slipped would give sprites that are mixtures, against which every row is a little wrong. So rows
whose look or place is not that of most are left out where sprites are cut.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.matte import matte_of
from kinescribe.renderers.poses import Pose
from kinescribe.renderers.reviewing.ground import Ground

__all__ = ["agreeing", "look_of"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
AROUND_PX = 6.0
ALIKE_LEVELS = 12.0  # grey levels between colours of one look, and px of place for one track: what rows of one mode may differ by
ALIKE_PX = 0.75
ALIKE_RAD = np.deg2rad(3.0)
LEAST_SHARE = 0.2  # of the rows that a group must hold: what changes all the time has no one look
LEAST_ROWS = 4
NEARLY = 0.8  # of the largest group: the earliest of such wins, so that two swapped ids don't both choose the same half


def look_of(image: Float32, ground: Ground, pose: Pose, box: Float32) -> Float | None:
    """Mean colour (3 values), place of the centroid (2) and direction against the pose's (2) of what differs from the plate at a pose.

    All are scaled, so that values within 1 of each other are alike. None where the picture's edge cuts the object off, or nothing differs.
    """
    height, width = ground.noise.shape
    x0, y0 = (max(int(np.floor(side - AROUND_PX)), 0) for side in box[:2])
    x1, y1 = (min(int(np.ceil(side + AROUND_PX)), limit) for side, limit in zip(box[2:], (width, height), strict=True))
    if x1 - x0 < 3 or y1 - y0 < 3 or (box[:2] <= 0.5).any() or box[2] >= width - 0.5 or box[3] >= height - 0.5:
        return None
    cut = (slice(y0, y1), slice(x0, x1))
    window: NDArray[np.uint8] = np.clip(image[cut] + 0.5, 0.0, 255.0).astype(np.uint8)
    matte = matte_of(window, ground.plate[cut], ground.noise[cut], (pose.x - x0, pose.y - y0))
    if matte is None or not matte.alpha.any():
        return None
    weight = matte.alpha.astype(np.float64)
    moments = cv2.moments(matte.alpha)
    core = weight > 0.9 if (weight > 0.9).any() else weight > 0.0
    color = image[cut][core].mean(axis=0)
    place = np.array([x0 + moments["m10"] / moments["m00"] - pose.x, y0 + moments["m01"] / moments["m00"] - pose.y])
    return np.concatenate([color / ALIKE_LEVELS, place / ALIKE_PX, _direction(moments, pose) / (2.0 * ALIKE_RAD)])


def _direction(moments: Mapping[str, float], pose: Pose) -> Float:
    """The long axis against the pose's angle, as cosine and sine of twice that; zeros for what has no long axis, or no angle."""
    if not (np.isfinite(pose.angle) and pose.length > 1.3 * pose.breadth):
        return np.zeros(2)
    twice = np.arctan2(2.0 * moments["mu11"], moments["mu20"] - moments["mu02"]) - 2.0 * pose.angle
    return np.array([np.cos(twice), np.sin(twice)])


def agreeing(looks: Mapping[int, Float]) -> set[int]:
    """The keys of the largest group of looks that are alike; of groups nearly as large, the one with the smallest keys."""
    keys = sorted(looks)
    if len(keys) < LEAST_ROWS:
        return set(keys)
    table = np.stack([looks[key] for key in keys])
    near = [np.flatnonzero((np.abs(table - row).max(axis=1)) <= 1.0) for row in table]
    most = max(len(group) for group in near)
    if most < max(LEAST_ROWS, LEAST_SHARE * len(keys)):
        return set(keys)
    large = [group for group in near if len(group) >= NEARLY * most]
    chosen = min(large, key=lambda group: (float(np.median(group)), -len(group)))
    return {keys[int(k)] for k in chosen}
