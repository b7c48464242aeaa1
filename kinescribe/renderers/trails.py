"""Paths of objects as lines that grow with time: drawn through where something was seen, dashed where it is foretold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.colors import color_of
from kinescribe.renderers.poses import Pose
from kinescribe.renderers.scene import Scene

__all__ = ["Style", "Trails", "colors_in", "line_width"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Picture = NDArray[np.uint8]
Color = tuple[int, int, int]
Style = Literal["solid", "dashed", "faint"]
OPACITY: dict[Style, float] = {"solid": 0.9, "dashed": 0.95, "faint": 0.35}
DASH, SPACE = 4.0, 4.0  # widths of the line; round ends take one of them from the spaces
SHIFT = 4  # bits of a pixel's fraction, as OpenCV's lines take them
CURVED, STEP, MOST_POINTS = 6.0, 4.0, 16  # px: shorter ways are straight; from point to point of a curve; and how many
ASTRAY = 0.25  # of the way: by as much the mean velocity may miss it, as it does at a bounce
COLORFUL, UNLIKE = 50.0, 60.0  # grey levels between a colour's channels, and from what is behind


@dataclass(slots=True)
class _Pen:
    """Where a line has come to: the object there, when, the style, and the length since it began."""

    pose: Pose
    time_s: float
    style: Style
    run: float = 0.0


def line_width(height: int) -> int:
    """Width of lines for a picture of this height, px."""
    return max(1, round(1 + height / 360))


def colors_in(scene: Scene) -> dict[int, Color]:
    """The objects' own colours, BGR by id; those that are grey, or hardly unlike the picture behind them, are left out."""
    behind = np.median(scene.plate.reshape(-1, 3), axis=0)
    out = {}
    for object_id, thing in scene.objects.items():
        weight = sum(float(view.alpha.sum()) for view in thing.sprites)
        if weight > 0.0:
            mean = sum((view.color.sum(axis=(0, 1), dtype=float) for view in thing.sprites), np.zeros(3)) / weight
        elif thing.color is not None:
            mean = np.asarray(thing.color, float)
        else:
            continue
        if np.ptp(mean) >= COLORFUL and np.abs(mean - behind).max() >= UNLIKE:
            out[object_id] = (round(float(mean[0])), round(float(mean[1])), round(float(mean[2])))
    return out


class Trails:
    """Lines on a layer of the picture's size; each call of `follow` makes them longer.

    Attributes:
        width: of the lines, px.
    """

    def __init__(self, width: int, height: int, colors: Mapping[int, Color] | None = None) -> None:
        """Nothing is drawn yet.

        Args:
            width, height: of the pictures.
            colors: BGR of objects by id, as `colors_in` finds them; of all others those of `color_of`.
        """
        self._colors = dict(colors or {})
        self.width = line_width(height)
        self._color = np.zeros((height, width, 3), np.uint8)
        self._alpha = np.zeros((height, width), np.float32)
        self._pens: dict[int, _Pen] = {}

    def follow(self, poses: Sequence[Pose], style: Style | Mapping[int, Style], time_s: float) -> None:
        """Go on to where objects are now. An object that is missing here, or infinitely far away, begins a new line later.

        Args:
            poses: of objects.
            style: of the lines, or one an object by id.
            time_s: seconds, increasing.
        """
        poses = [pose for pose in poses if math.isfinite(pose.x) and math.isfinite(pose.y)]
        self._pens = {i: pen for i, pen in self._pens.items() if i in {pose.object_id for pose in poses}}
        for pose in poses:
            mine = style if isinstance(style, str) else style[pose.object_id]
            pen = self._pens.get(pose.object_id)
            if pen is None:
                self._pens[pose.object_id] = _Pen(pose, time_s, mine)
                continue
            if pen.style != mine:
                pen.style, pen.run = mine, 0.0
            for point in _path(pen.pose, pose, time_s - pen.time_s):
                self._extend(pen, point, self._colors.get(pose.object_id, _bgr(color_of(pose.object_id))))
            pen.pose, pen.time_s = pose, time_s

    def over(self, picture: Picture, spared: Float32 | None = None) -> None:
        """Lay the lines over a picture, uint8 (H, W, 3), in place, but for what is `spared`: (H, W) in [0, 1], 1 where no line is seen."""
        rows, columns = np.flatnonzero(self._alpha.any(axis=1)), np.flatnonzero(self._alpha.any(axis=0))
        if not rows.size:
            return
        part = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
        alpha = self._alpha[part] if spared is None else self._alpha[part] * (1.0 - spared[part])
        view = picture[part]
        view[:] = view * (1.0 - alpha[..., None]) + (alpha[..., None] * self._color[part] + 0.5)

    def _extend(self, pen: _Pen, to: Float, color: Color) -> None:
        begin = np.array([pen.pose.x, pen.pose.y])
        length = float(np.hypot(*(to - begin)))
        pen.pose = replace(pen.pose, x=float(to[0]), y=float(to[1]))
        if length == 0.0:
            return
        height, width = self._alpha.shape
        reach = self.width + 2.0
        part = _part_within(begin, to - begin, (-reach, -reach), (width - 1 + reach, height - 1 + reach))
        if part is not None:
            # of a way to where a runaway prediction went, dashes are counted in the picture alone
            strokes = _strokes(pen.run, length, self.width, part) if pen.style == "dashed" else [part]
            for low, high in strokes:
                self._stroke(begin + low * (to - begin), begin + high * (to - begin), color, OPACITY[pen.style])
        pen.run = (pen.run + length) % _period(self.width)

    def _stroke(self, begin: Float, end: Float, color: Color, opacity: float) -> None:
        height, width = self._alpha.shape
        reach = self.width + 2
        low = np.maximum(np.floor(np.minimum(begin, end)).astype(int) - reach, 0)
        high = np.minimum(np.ceil(np.maximum(begin, end)).astype(int) + reach + 1, (width, height))
        if (high <= low).any():
            return
        mask = np.zeros((int(high[1] - low[1]), int(high[0] - low[0])), np.uint8)
        ends = [tuple(round(float(side) * 2**SHIFT) for side in point - low) for point in (begin, end)]
        cv2.line(mask, ends[0], ends[1], 255, self.width, cv2.LINE_AA, SHIFT)
        # the larger of the two, so that joints of strokes are no darker than the strokes
        alpha = mask.astype(np.float32) * (opacity / 255.0)
        part = (slice(low[1], high[1]), slice(low[0], high[0]))
        newer = alpha >= np.maximum(self._alpha[part], 1e-6)
        self._color[part][newer] = color
        self._alpha[part] = np.maximum(self._alpha[part], alpha)


def _path(one: Pose, other: Pose, seconds: float) -> list[Float]:
    """Points from one pose to the next, the last of them included: curved as the velocities say, straight where these don't go with it."""
    begin, end = np.array([one.x, one.y]), np.array([other.x, other.y])
    out, back = seconds * np.array(one.velocity), seconds * np.array(other.velocity)
    length = float(np.hypot(*(end - begin)))
    if length < CURVED or not np.hypot(*(0.5 * (out + back) - (end - begin))) < ASTRAY * length:
        return [end]
    shares = np.linspace(0.0, 1.0, min(int(length / STEP), MOST_POINTS) + 2)[1:]
    # the cubic of Hermite
    return [
        (2 * s**3 - 3 * s**2 + 1) * begin + (s**3 - 2 * s**2 + s) * out + (3 * s**2 - 2 * s**3) * end + (s**3 - s**2) * back for s in shares
    ]


def _part_within(begin: Float, way: Float, low: tuple[float, float], high: tuple[float, float]) -> tuple[float, float] | None:
    """Which part of a way, in [0, 1], lies in a box; None where none does. Source: Liang and Barsky (1984)."""
    enter, leave = 0.0, 1.0
    for at, step, least, most in zip(begin.tolist(), way.tolist(), low, high, strict=True):
        if step == 0.0:
            if not least <= at <= most:
                return None
            continue
        one, other = sorted(((least - at) / step, (most - at) / step))
        enter, leave = max(enter, one), min(leave, other)
    return (enter, leave) if enter < leave else None


def _period(width: int) -> float:
    return (DASH + SPACE) * width


def _strokes(run: float, length: float, width: int, part: tuple[float, float]) -> list[tuple[float, float]]:
    """Which parts of a segment are drawn, in [0, 1] and within `part`, when it begins after so much of the dashed line."""
    period = _period(width)
    first, last = part[0] * length, part[1] * length
    out = []
    start = first - (run + first) % period
    while start < last:
        low, high = max(start, first), min(start + DASH * width, last)
        if high > low:
            out.append((low / length, high / length))
        start += period
    return out


def _bgr(color: str) -> tuple[int, int, int]:
    return int(color[5:7], 16), int(color[3:5], 16), int(color[1:3], 16)
