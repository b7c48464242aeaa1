"""Which regions of a body move together, and which move against each other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.classical.measure import Moments, classify_shape

__all__ = ["Pose", "joints_by_look", "moving_apart", "pose_of", "side_by_side"]

Float = NDArray[np.float64]

LEAST_COMMON = 3  # frames
LEAST_PRESENT = 0.6  # of the frames
STEADY_LOG_AREA = 0.2  # what swells and shrinks more is no rigid part
LONG = 1.35  # from this aspect on a region's angle is known
TURNED = np.radians(3.0)
SHIFTED_PX, SHIFTED_SHARE = 2.5, 0.06  # of the longer region's length
INNER, OUTER = 8, 92  # percentiles, between which a change counts
PIN = 0.3  # of a part's area, which a pin that goes through it has at most
BESIDE = 0.85  # of the sum of two radii: centres no nearer than this are of balls side by side
INSIDE = 0.8  # of a mark lies within the outline of what bears it


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """A region in one frame.

    Attributes:
        centre: (2,), px of its window or picture. area: px². angle: of its long axis, radians, up to half a turn; NaN where it has none.
        shape, size: as in `Detections`.
        mask: bool, (h, w).
    """

    centre: Float
    area: float
    angle: float
    shape: str
    size: tuple[float, float]
    mask: NDArray[np.bool_]


def pose_of(mask: NDArray[np.bool_]) -> Pose:
    """The pose of a region, bool, (h, w), somewhere true."""
    weights = mask.astype(np.float32)
    moments = Moments.of(weights, np.zeros(mask.shape))
    major, minor, angle = moments.axes()
    shape, size = classify_shape(weights, major, minor, angle)
    known = major >= LONG**2 * minor and shape != "disc"
    return Pose(moments.centroid, moments.total, angle if known else np.nan, shape, (float(size[0]), float(size[1])), mask)


def moving_apart(
    poses: Sequence[Sequence[Pose | None]], pinned: Sequence[Sequence[Sequence[Pose | None]]]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Group regions that keep still against each other.

    What keeps still against two others that move against each other, and is smaller than both, is their joint and stays on its own.
    What hardly leaves its place within the outline of another is a mark on it.

    Args:
        poses: of each region in every frame, None where it wasn't seen as a whole.
        pinned: for each region, the poses of all of them if it is taken for a pin that goes through what it touches.

    Returns:
        (K,), the group of each region, from 0; −1 for a region that is no rigid body. (K,) bool, which are joints.
    """
    count = len(poses)
    rigid = [k for k in range(count) if _is_rigid(poses[k])]
    areas = {k: float(np.median([pose.area for pose in poses[k] if pose is not None])) for k in rigid}
    together: dict[tuple[int, int], bool] = {}
    for a, b in itertools.combinations(rigid, 2):
        small, large = sorted((a, b), key=lambda k: areas[k])
        # a rod's own outline about a pin at its end is unsure
        of_pair = pinned[small] if areas[small] < PIN * areas[large] else poses
        together[a, b] = not _apart(of_pair[a], of_pair[b])

    def tied(a: int, b: int) -> bool:
        return together[min(a, b), max(a, b)]

    joints = {
        m
        for m in rigid
        for (a, b), still in together.items()
        if not still and m not in (a, b) and tied(m, a) and tied(m, b) and areas[m] < min(areas[a], areas[b])
    }
    groups = np.full(count, -1, np.int64)
    groups[rigid] = rigid
    for (a, b), still in together.items():
        if (still or _is_mark(poses[a], poses[b]) or _is_mark(poses[b], poses[a])) and not joints & {a, b}:
            groups[groups == groups[b]] = groups[a]
    _, numbered = np.unique(groups[groups >= 0], return_inverse=True)
    groups[groups >= 0] = numbered
    return groups, np.isin(np.arange(count), list(joints))


def joints_by_look(poses: Sequence[Sequence[Pose | None]]) -> NDArray[np.bool_]:
    """(K,), which regions are taken for joints where nothing has moved: small discs that lie on two others, and touch both.

    Args:
        poses: as of `moving_apart`, with masks of one frame in the same window.
    """
    return np.array([_joins(poses, k) for k in range(len(poses))], bool)


def side_by_side(poses: Sequence[Sequence[Pose | None]]) -> bool:
    """Whether regions are two or more discs that lie beside each other, none on another: balls that touch, however they move.

    Args:
        poses: as of `moving_apart`.
    """
    if len(poses) < 2:
        return False
    for of_one in poses:
        seen = [pose for pose in of_one if pose is not None]
        if len(seen) < LEAST_PRESENT * len(of_one) or sum(pose.shape == "disc" for pose in seen) < LEAST_PRESENT * len(seen):
            return False
    return all(_beside(a, b) for a, b in itertools.combinations(poses, 2))


def _beside(a: Sequence[Pose | None], b: Sequence[Pose | None]) -> bool:
    both = [(p, q) for p, q in zip(a, b, strict=True) if p is not None and q is not None]
    if len(both) < LEAST_COMMON:
        return False
    apart = [float(np.hypot(*(q.centre - p.centre))) / (np.sqrt(p.area / np.pi) + np.sqrt(q.area / np.pi)) for p, q in both]
    return bool(np.median(apart) > BESIDE)


def _joins(poses: Sequence[Sequence[Pose | None]], small: int) -> bool:
    """Whether a region is a disc, and touches two others that are much larger in most frames."""
    seen = [(k, pose) for k, pose in enumerate(poses[small]) if pose is not None]
    if len(seen) < LEAST_PRESENT * len(poses[small]) or sum(pose.shape == "disc" for _, pose in seen) < LEAST_PRESENT * len(seen):
        return False
    square = np.ones((5, 5), np.uint8)
    touched = np.zeros(len(poses))
    for k, pose in seen:
        about = cv2.dilate(pose.mask.view(np.uint8), square).view(bool)
        for other, theirs in enumerate(one[k] for one in poses):
            if other != small and theirs is not None and pose.area < PIN * theirs.area:
                touched[other] += bool((theirs.mask & about).any())
    return bool((touched >= LEAST_PRESENT * len(seen)).sum() >= 2)


def _is_rigid(poses: Sequence[Pose | None]) -> bool:
    areas = np.log([pose.area for pose in poses if pose is not None])
    if len(areas) < LEAST_PRESENT * len(poses):
        return False
    return bool(1.48 * np.median(np.abs(areas - np.median(areas))) < STEADY_LOG_AREA)


def _apart(a: Sequence[Pose | None], b: Sequence[Pose | None]) -> bool:
    """Whether two regions moved against each other."""
    both = [(p, q) for p, q in zip(a, b, strict=True) if p is not None and q is not None]
    if len(both) < LEAST_COMMON:
        return False
    between = np.array([q.centre - p.centre for p, q in both])
    least = max(SHIFTED_PX, SHIFTED_SHARE * float(np.median([max(*p.size, *q.size) for p, q in both])))
    if _range(np.hypot(*between.T)) > least:
        return True
    angles = np.array([[p.angle, q.angle] for p, q in both])
    if np.isfinite(angles).all(axis=1).sum() >= max(LEAST_COMMON, LEAST_PRESENT * len(both)):
        turn = angles[:, 1] - angles[:, 0]
        turn = turn[np.isfinite(turn)]
        middle = 0.5 * np.angle(np.exp(2j * turn).mean())
        if _range(0.5 * np.angle(np.exp(2j * (turn - middle)))) > TURNED:
            return True
    return any(_range(_bearing(between, angles[:, side])) * _far(between) > max(least, TURNED * _far(between)) for side in (0, 1))


def _bearing(between: Float, angles: Float) -> Float:
    """Direction of one region as seen along the axis of the other, radians, which is known up to half a turn."""
    known = np.isfinite(angles)
    if known.sum() < LEAST_COMMON:
        return np.zeros(1)
    bearing = np.arctan2(between[known, 1], between[known, 0]) - angles[known]
    middle = 0.5 * np.angle(np.exp(2j * bearing).mean())
    return np.asarray(0.5 * np.angle(np.exp(2j * (bearing - middle))))


def _far(between: Float) -> float:
    return float(np.median(np.hypot(*between.T)))


def _range(values: Float) -> float:
    low, high = np.percentile(values, [INNER, OUTER])
    return float(high - low)


def _is_mark(mark: Sequence[Pose | None], bearer: Sequence[Pose | None]) -> bool:
    """Whether one region lies within the other's outline and hardly leaves its place there."""
    both = [(p, q) for p, q in zip(mark, bearer, strict=True) if p is not None and q is not None]
    if not both:
        return False
    inside = np.median([(p.mask & q.mask).sum() / p.area for p, q in both])
    travel = np.ptp([p.centre - q.centre for p, q in both], axis=0).max()
    return bool(inside >= INSIDE and travel < np.sqrt(np.median([p.area for p, _ in both])))
