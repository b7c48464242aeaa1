"""Scenes of boxes with known truth for the benchmark of association: people who walk past each other, discs that cross, crowds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(slots=True)
class Sequence:
    """Boxes of consecutive frames.

    Attributes:
        size: width and height of the picture, px.
        rate: frames a second.
        ids, truth: per frame (N,) and (N, 4), x0, y0, x1, y1.
        boxes, scores: per frame what a detector makes of it, (M, 4) and (M,).
    """

    size: tuple[int, int]
    rate: float = 30.0
    ids: list[Index] = field(default_factory=list)
    truth: list[Float] = field(default_factory=list)
    boxes: list[Float] = field(default_factory=list)
    scores: list[Float] = field(default_factory=list)


def people(seed: int, count: int = 12, frames: int = 120) -> Sequence:
    """People who walk both ways before a camera at rest: nearer ones are larger, lower in the picture, and hide those behind them.

    Boxes jitter by 3 % of their sides; 5 % are missed, more the more of them is hidden; one in forty is seen double; false alarms come once
    in five frames. Scores are lower for what is half hidden or false.
    """
    rng = np.random.default_rng(seed)
    out = Sequence((960, 540))
    depth = rng.uniform(1.0, 2.5, count)
    height, begin = 330 / depth, rng.integers(-60, frames, count)
    way = rng.choice([-1.0, 1.0], count)
    pace = rng.uniform(0.6, 1.4, count) * 5.5 / depth
    swing, beat, phase = rng.uniform(0.05, 0.25, count), rng.uniform(10, 18, count), rng.uniform(0, 7, count)
    wander = np.cumsum(rng.normal(0, 0.06, (count, frames)), 1)
    x = np.where(way > 0, 0.0, 960.0)
    x = x + way * pace * np.maximum(-begin, 0)
    for frame in range(frames):
        here = begin <= frame
        x = np.where(here, x + way * pace * (1 + wander[:, frame]), x)
        width = height * (0.38 + swing * np.cos(frame / beat * 2 * np.pi + phase) * 0.5)
        foot = 180 + 330 / depth
        corners = np.column_stack([x - width / 2, foot - height, x + width / 2, foot])
        inside = np.flatnonzero(here & (x > 0) & (x < 960))
        out.ids.append(inside.astype(np.int64) + 1)
        out.truth.append(corners[inside])
        _detect(rng, out, corners[inside], _hidden(corners[inside], depth[inside]), doubles=0.025, alarms=0.2)
    return out


def discs(seed: int, count: int = 6, frames: int = 90) -> Sequence:
    """Discs all alike that cross each other's paths at constant velocities; while two overlap by over half, the one behind isn't seen."""
    rng = np.random.default_rng(seed)
    out = Sequence((640, 480))
    radius = rng.uniform(8, 14)
    angle = rng.uniform(0, 2 * np.pi, count)
    heading = np.column_stack([np.cos(angle), np.sin(angle)])
    meet = np.array([320.0, 240.0]) + rng.normal(0, 15, (count, 2))
    speed, when = rng.uniform(2, 6, count), rng.uniform(0.35, 0.65, count) * frames
    for frame in range(frames):
        centre = meet + heading * (speed * (frame - when))[:, None]
        corners = np.column_stack([centre - radius, centre + radius])
        inside = np.flatnonzero(((centre > 0) & (centre < [640, 480])).all(1))
        out.ids.append(inside.astype(np.int64) + 1)
        out.truth.append(corners[inside])
        _detect(rng, out, corners[inside], _hidden(corners[inside], np.arange(len(inside), dtype=float)), doubles=0.0, alarms=0.05)
    return out


def crowd(seed: int, count: int, frames: int, missed: float = 0.05) -> Sequence:
    """Things of 20 to 40 px that wander about in a field that has 60 × 60 px for each, none hidden, some missed.

    In every frame one in a thousand is gone, and another comes elsewhere.
    """
    rng = np.random.default_rng(seed)
    side = 60.0 * np.sqrt(count)
    out = Sequence((int(side), int(side)))
    centre, velocity = rng.uniform(0, side, (count, 2)), rng.normal(0, 3, (count, 2))
    sides = rng.uniform(20, 40, (count, 2))
    ids = np.arange(1, count + 1)
    for _ in range(frames):
        velocity += rng.normal(0, 0.3, (count, 2))
        centre = centre + velocity
        velocity = np.where((centre < 0) | (centre > side), -velocity, velocity)
        new = rng.random(count) < 0.001
        centre[new] = rng.uniform(0, side, (int(new.sum()), 2))
        ids[new] = np.arange(ids.max() + 1, ids.max() + 1 + new.sum())
        corners = np.column_stack([centre - sides / 2, centre + sides / 2])
        out.ids.append(ids.copy())
        out.truth.append(corners)
        _detect(rng, out, corners, np.zeros(count), doubles=0.0, alarms=0.0, missed=missed)
    return out


def _hidden(corners: Float, depth: Float) -> Float:
    """The largest share of each box that one nearer box covers."""
    low, high = np.maximum(corners[:, None, :2], corners[None, :, :2]), np.minimum(corners[:, None, 2:], corners[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(-1) / (corners[:, 2:] - corners[:, :2]).prod(-1)[:, None]
    return np.asarray(np.where(depth[:, None] > depth[None], shared, 0.0).max(1, initial=0.0))


def _detect(
    rng: np.random.Generator, out: Sequence, corners: Float, hidden: Float, *, doubles: float, alarms: float, missed: float = 0.05
) -> None:
    seen = np.flatnonzero(rng.random(len(corners)) < (1 - missed) * np.clip((0.75 - hidden) / 0.35, 0, 1))
    seen = np.concatenate([seen, seen[rng.random(len(seen)) < doubles]])
    sides = np.tile(corners[seen, 2:] - corners[seen, :2], 2)
    boxes = corners[seen] + rng.normal(0, 0.03, (len(seen), 4)) * sides
    scores = np.clip(0.95 - 0.5 * hidden[seen] - np.abs(rng.normal(0, 0.08, len(seen))), 0.5, 1)
    false = rng.poisson(alarms)
    if false:
        middle, extent = rng.uniform(0, out.size, (false, 2)), rng.uniform(20, 150, (false, 2))
        boxes = np.concatenate([boxes, np.column_stack([middle - extent / 2, middle + extent / 2])])
        scores = np.concatenate([scores, rng.uniform(0.5, 0.8, false)])
    order = rng.permutation(len(boxes))
    out.boxes.append(boxes[order])
    out.scores.append(scores[order])
