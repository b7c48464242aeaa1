"""Which pixels are whose, where objects overlap: parts that hang together, and things that pass before one another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.poses import Pose
from kinescribe.renderers.shapes import distance_outside
from kinescribe.video import Frame

__all__ = ["DepthVotes", "known_pixels", "outside_of"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Boolean = NDArray[np.bool_]
RIM_PX = 1.5  # about an object's edge, where a pixel may be another's in part
SURE_PX = 1.5  # inside an edge
LEAST_PIXELS = 6  # to tell a colour
LEAST_SCATTER = 4.0  # grey levels
FITS = 5.0  # scatters of an object's own colour, within which a pixel may be its


def outside_of(pose: Pose, shape: str, box: Float32, corner: tuple[int, int], size: tuple[int, int]) -> Float:
    """Distance (h, w) of a window's pixels from an object's edge, px, negative inside.

    A disc, or what has an angle, is its own shape; anything else is its box x0, y0, x1, y1 in the picture.

    Args:
        corner: (x, y) of the window's first pixel. size: its (width, height).
    """
    sides = (pose.length, pose.breadth)
    known = bool(np.isfinite(sides).all()) and min(sides) > 0.0
    center = (pose.x - corner[0], pose.y - corner[1])
    if known and shape == "disc":
        return distance_outside("disc", center, pose.angle if np.isfinite(pose.angle) else 0.0, sides, size)
    if known and np.isfinite(pose.angle):
        return distance_outside("box", center, pose.angle, sides, size)
    middle = ((box[0] + box[2]) / 2.0 - 0.5 - corner[0], (box[1] + box[3]) / 2.0 - 0.5 - corner[1])
    return distance_outside("box", middle, 0.0, (float(box[2] - box[0]), float(box[3] - box[1])), size)


def known_pixels(own: Float, others: Sequence[tuple[Float, bool]]) -> Boolean:
    """The pixels (h, w) that tell how an object looks.

    Args:
        own: its distances from the edge. others: those of its neighbours, each with whether it is in front.
    """
    known = np.ones(own.shape, bool)
    for theirs, in_front in others:
        clear = theirs > RIM_PX
        # of what is behind only the rim is unsure: there the plate isn't what shines through
        known &= clear if in_front else clear | (own < -SURE_PX)
    return known


@dataclass(frozen=True, slots=True, eq=False)
class _Color:
    """A colour (3,), BGR, and how far pixels scatter about it, grey levels."""

    color: Float32
    scatter: float


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """A part of a picture: (x, y) of its first pixel, (width, height), and its pixels as float32."""

    corner: tuple[int, int]
    size: tuple[int, int]
    image: Float32

    @classmethod
    def of(cls, frame: Frame, low: Float32, high: Float32) -> _Window | None:
        """The part from `low` to `high`, as far as the picture has it; None where it has nothing."""
        height, width = frame.image.shape[:2]
        x0, y0 = (max(int(np.floor(side)), 0) for side in low)
        x1, y1 = min(int(np.ceil(high[0])), width), min(int(np.ceil(high[1])), height)
        if x1 <= x0 or y1 <= y0:
            return None
        return cls((x0, y0), (x1 - x0, y1 - y0), frame.image[y0:y1, x0:x1].astype(np.float32))


class DepthVotes:
    """Who is in front of whom: where two overlap, the pixels have the colours of the one in front.

    Args:
        shapes: by object.
    """

    def __init__(self, shapes: Mapping[int, str]) -> None:
        self.shapes = shapes
        self.votes: dict[tuple[int, int], int] = defaultdict(int)

    def see(self, frame: Frame, poses: Sequence[Pose], boxes: Float32) -> None:
        """Count a frame with all its objects; boxes (n, 4) are theirs."""
        pairs = [(a, b) for a, b in combinations(range(len(poses)), 2) if _cross(boxes[a], boxes[b])]
        colors = {k: self._own_color(frame, poses, boxes, k) for k in {k for pair in pairs for k in pair}}
        for a, b in pairs:
            window = _Window.of(frame, np.maximum(boxes[a, :2], boxes[b, :2]), np.minimum(boxes[a, 2:], boxes[b, 2:]))
            if window is None:
                continue
            inside = {k: self._outside(window, poses[k], boxes[k]) < -SURE_PX for k in colors}
            overlap = inside[a] & inside[b]
            if overlap.sum() < LEAST_PIXELS:
                continue
            there = [k for k in colors if inside[k][overlap].mean() > 0.5]
            nearest = _whose(np.median(window.image[overlap], axis=0), {k: colors[k] for k in there})
            if nearest in (a, b):
                hidden = b if nearest == a else a
                self.votes[poses[nearest].object_id, poses[hidden].object_id] += 1

    def _own_color(self, frame: Frame, poses: Sequence[Pose], boxes: Float32, own: int) -> _Color | None:
        """Of what no other object can cover; None where there is too little of that."""
        window = _Window.of(frame, boxes[own, :2], boxes[own, 2:])
        if window is None:
            return None
        mine = self._outside(window, poses[own], boxes[own]) < -SURE_PX
        for k, (pose, box) in enumerate(zip(poses, boxes, strict=True)):
            if k != own and _cross(boxes[own], box):
                mine &= self._outside(window, pose, box) > RIM_PX
        if mine.sum() < LEAST_PIXELS:
            return None
        color = np.median(window.image[mine], axis=0)
        return _Color(color, max(float(np.median(np.abs(window.image[mine] - color))), LEAST_SCATTER))

    def _outside(self, window: _Window, pose: Pose, box: Float32) -> Float:
        return outside_of(pose, self.shapes.get(pose.object_id, ""), box, window.corner, window.size)

    def occluded(self, hidden: int, by: int) -> None:
        """Count a frame in which one of two that overlap was not seen."""
        self.votes[by, hidden] += 1

    def in_front(self, one: int, other: int) -> bool:
        """Whether `one` is in front of `other`."""
        return self.votes[one, other] > self.votes[other, one]

    def order(self, object_ids: Sequence[int]) -> list[int]:
        """From back to front: by the pairs that were seen, and else by id."""
        left, out = sorted(object_ids), []
        while left:
            # the rearmost is in front of none that is left; in a ring of three the one that is in front of fewest
            rear = min(left, key=lambda i: (sum(self.in_front(i, j) for j in left if j != i), i))
            left.remove(rear)
            out.append(rear)
        return out


def _whose(seen: Float32, colors: Mapping[int, _Color | None]) -> int | None:
    """Which object's colour is seen: the nearest that fits; if none does, the only one whose colour isn't known. None: it can't be told."""
    away = {k: float(np.linalg.norm(seen - one.color)) / one.scatter for k, one in colors.items() if one is not None}
    fitting = sorted((distance, k) for k, distance in away.items() if distance < FITS)
    if fitting:
        return fitting[0][1] if len(fitting) == 1 or fitting[0][0] < 0.5 * fitting[1][0] else None
    unknown = [k for k, one in colors.items() if one is None]
    return unknown[0] if len(unknown) == 1 else None


def _cross(one: Float32, other: Float32) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())
