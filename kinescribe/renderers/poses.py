"""Where objects are in the picture: a states table by frame."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.states import Calibration, States

__all__ = ["Pose", "PoseTable", "shapes_of"]

Float = NDArray[np.float64]
SAME_TIME = 1e-6  # of an interval


@dataclass(frozen=True, slots=True)
class Pose:
    """An object in the picture.

    Attributes:
        object_id: as in the table.
        x, y: of its centroid, image pixels, y down.
        angle: radians from +x towards +y; NaN where it has none.
        length, breadth: sides of its own box, px; NaN where not known.
        seen: it was observed in this very frame.
        velocity: (x, y) of its centroid, px/s. turning: of its angle, rad/s. Zero where not known.
    """

    object_id: int
    x: float
    y: float
    angle: float
    length: float
    breadth: float
    seen: bool
    velocity: tuple[float, float] = (0.0, 0.0)
    turning: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class PoseTable:
    """Poses by time.

    Attributes:
        times: (T,) seconds, increasing.
        frames: (T,) frame numbers of the table.
        poses: T lists; rows without a position are left out, and so are the ends of bodies, which are points of them.
    """

    times: Float
    frames: NDArray[np.int64]
    poses: tuple[tuple[Pose, ...], ...]

    @classmethod
    def of(cls, states: States) -> PoseTable:
        """Of a table; places in the image from its own columns, or by its calibration where these are empty."""
        calibration = states.meta.calibration or Calibration.pixels()
        points = np.stack([states["x_px"], states["y_px"]], axis=1)
        world = np.stack([states["x"], states["y"]], axis=1)
        lacking = ~np.isfinite(points).all(axis=1)
        points[lacking] = calibration.to_pixels(world[lacking])
        angles = _image_angles(states["angle"], calibration)
        # a difference of places, so that the calibration's origin drops out
        speeds = calibration.to_pixels(np.nan_to_num(np.stack([states["vx"], states["vy"]], axis=1))) - calibration.to_pixels(
            np.zeros((1, 2))
        )
        turning = np.nan_to_num(states["angular_velocity"]) * (-1.0 if calibration.y_up else 1.0)
        lengths, breadths = (states[name] * calibration.pixels_per_unit for name in ("width", "height"))
        parts = {i for i, about in states.meta.objects.items() if about.part_of is not None}
        usable = np.isfinite(points).all(axis=1) & ~np.isin(states["object_id"], list(parts))
        seen = np.isin(states["status"], ["observed", ""])
        times, at = np.unique(states["time_s"], return_inverse=True)
        frames = np.zeros(len(times), np.int64)
        frames[at] = states["frame"]
        rows: list[list[Pose]] = [[] for _ in times]
        for k in np.flatnonzero(usable):
            rows[at[k]].append(
                Pose(
                    int(states["object_id"][k]),
                    float(points[k, 0]),
                    float(points[k, 1]),
                    float(angles[k]),
                    float(lengths[k]),
                    float(breadths[k]),
                    bool(seen[k]),
                    (float(speeds[k, 0]), float(speeds[k, 1])),
                    float(turning[k]),
                )
            )
        return cls(times, frames, tuple(map(tuple, rows)))

    @property
    def interval(self) -> float:
        """Median time between rows, seconds; 0 where there is one row or none."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0

    def covers(self, time: float) -> bool:
        """Whether the table has rows before and after a time, or within half an interval of it."""
        near = 0.5 * self.interval + 1e-9
        return bool(len(self.times)) and bool(self.times[0] - near <= time <= self.times[-1] + near)

    def at(self, times: Float) -> list[tuple[Pose, ...]]:
        """Poses at other times: the table's own where it has that time, else straight between its two neighbours.

        An object that one of the two lacks is left out. Before the first time and after the last the nearest row stands; `covers` tells.
        """
        if not len(self.times):
            return [() for _ in times]
        interval = self.interval
        out: list[tuple[Pose, ...]] = []
        for time in times:
            near = int(np.abs(self.times - time).argmin())
            if not self.times[0] < time < self.times[-1] or abs(self.times[near] - time) <= SAME_TIME * interval:
                out.append(self.poses[near])
                continue
            after = int(np.searchsorted(self.times, time))
            share = float((time - self.times[after - 1]) / (self.times[after] - self.times[after - 1]))
            later = {pose.object_id: pose for pose in self.poses[after]}
            out.append(tuple(_between(one, later[one.object_id], share) for one in self.poses[after - 1] if one.object_id in later))
        return out


def _image_angles(angles: Float, calibration: Calibration) -> Float:
    """World angles to directions in the image: the inverse of `Calibration.angles`."""
    return (-angles if calibration.y_up else angles) - calibration.angle_rad


def _between(one: Pose, other: Pose, share: float) -> Pose:
    def mixed(a: float, b: float) -> float:
        if not (np.isfinite(a) and np.isfinite(b)):
            return a if np.isfinite(a) else b
        return a + share * (b - a)

    # the short way round, whichever turn the table counts
    turned = (other.angle - one.angle + np.pi) % (2.0 * np.pi) - np.pi
    angle = mixed(one.angle, one.angle + turned if np.isfinite(turned) else other.angle)
    return Pose(
        one.object_id, mixed(one.x, other.x), mixed(one.y, other.y), angle,
        mixed(one.length, other.length), mixed(one.breadth, other.breadth), one.seen and other.seen,
        (mixed(one.velocity[0], other.velocity[0]), mixed(one.velocity[1], other.velocity[1])), mixed(one.turning, other.turning),
    )  # fmt: skip


def shapes_of(states: States) -> dict[int, str]:
    """By object the shape that most of its rows tell, of equals the first; "" where none does."""
    words: dict[int, Counter[str]] = {int(object_id): Counter() for object_id in states.object_ids}
    for object_id, word in zip(states["object_id"].tolist(), states["shape"], strict=True):
        if word:
            words[int(object_id)][str(word)] += 1
    return {object_id: (counts.most_common(1)[0][0] if counts else "") for object_id, counts in words.items()}
