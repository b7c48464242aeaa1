"""Bodies that others are in front of: what is another's says nothing of theirs.

A body that lies on top is explained by its sprite; one beneath it isn't, for part of what it should show is the other. So of bodies
that overlap the best explained is in front, and those beneath it are fitted again to what they show beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.background import Background
from kinescribe.perception.classical.follower import Follower, expected_position
from kinescribe.perception.classical.sprite import Pose, register
from kinescribe.perception.sightings import placed
from kinescribe.video.frame import Frame

__all__ = ["fit_what_is_beneath"]

IN_FRONT_GAIN = 0.9  # of a body that nothing covers, and of what is in sight of one that is covered
COVERING = 0.05  # alpha from which on a pixel is partly the body's in front
LEAST_COVERED = 0.03  # of a body; less doesn't pull at it
SLIDING = 0.003  # of what a body explains is given for a pixel nearer to where its motion points to
SAME_PLACE, ALIKE_RADIUS = 0.5, 1.5  # of a radius: two tracks' sprites of one body lie so near and differ no more
LONGEST_COVERED, FEWEST_FOUND = 12, 3  # frames without a sighting, and sightings in all, of a body that is looked for beneath others

Float = NDArray[np.float64]
Patch = tuple[int, int, NDArray[np.bool_]]
"""x and y of the top left corner, and pixels, (h, w)."""


def fit_what_is_beneath(followers: Sequence[Follower], frame: Frame, background: Background, offset: NDArray[np.float32]) -> None:
    """Find those of the bodies anew that others cover in the frame, where that explains what is in sight of them.

    Nothing is noted before all is looked at, so that it may be done again where `OutOfSightError` is raised.
    """
    index = frame.index
    there = [f for f in followers if f.part is None and (index in f.found or _due(f, index))]
    front = [_Covering(f, f.found[index]) for f in there if index in f.found and f.found[index].gain >= IN_FRONT_GAIN]
    waiting = [f for f in there if index not in f.found or f.found[index].gain < IN_FRONT_GAIN]
    waiting.sort(key=lambda f: -f.found[index].gain if index in f.found else 0.0)
    better: dict[int, tuple[Follower, Pose, _Hidden]] = {}
    looked = 0  # how many of those in front had a say so far
    while waiting and looked < len(front):
        looked, still = len(front), []
        for f in waiting:
            found = _beneath(f, front, frame, background, offset)
            if found is None:
                still.append(f)
                continue
            better[id(f)] = f, *found
            front.append(_Covering(f, found[0]))  # it may itself be in front of a third
        waiting = still
    for f, pose, hidden in better.values():
        f.see(frame, pose, background, offset, hidden.pixels)
        if index + 1 not in f.found:
            f.turn = pose.turn
        for overlapping in (f, *hidden.by):
            overlapping.overlapping.add(index)


class _Covering:
    """A body that is in front of others."""

    def __init__(self, follower: Follower, pose: Pose) -> None:
        self.follower, self.pose = follower, pose
        self.reach = _reach(follower)

    @cached_property
    def patch(self) -> Patch:
        """The pixels that it covers."""
        return placed(self.follower.sprite.alpha, self.follower.sprite.anchor, self.pose.position, self.pose.turn, COVERING)

    def meets(self, f: Follower, position: Float) -> bool:
        """Whether another body, at that position, may lie beneath it, and isn't itself under another name: a track that was cut in two."""
        away = float(np.hypot(*(position - self.pose.position)))
        small, large = sorted((f.sprite.radius, self.follower.sprite.radius))
        return away < self.reach + _reach(f) and not (large < ALIKE_RADIUS * small and away < SAME_PLACE * small)


class _Hidden:
    """Pixels that are other bodies', (H, W), and whose."""

    def __init__(self, by: Sequence[_Covering], shape: tuple[int, ...]) -> None:
        self.by = [c.follower for c in by]
        self.pixels = np.zeros(shape[:2], bool)
        for c in by:
            rows, columns, pixels = _window(c.patch, self.pixels.shape)
            self.pixels[rows, columns] |= pixels

    def share(self, patch: Patch) -> float:
        """Of a body's pixels."""
        rows, columns, pixels = _window(patch, self.pixels.shape)
        return int((self.pixels[rows, columns] & pixels).sum()) / max(int(pixels.sum()), 1)


def _due(f: Follower, index: int) -> bool:
    """Whether a body that wasn't found was there just before."""
    return any(index - back in f.found for back in range(1, LONGEST_COVERED + 1)) and len(f.found) >= FEWEST_FOUND


def _beneath(
    f: Follower, front: Sequence[_Covering], frame: Frame, background: Background, offset: NDArray[np.float32]
) -> tuple[Pose, _Hidden] | None:
    """The pose that explains most of what is in sight of a body beside those in front of it, and what these hide."""
    before = f.found.get(frame.index)
    expected = expected_position(f, frame.index)
    if expected is None:
        expected = f.found[max(f.found)].position if before is None else before.position
    turn = f.turn if before is None else before.turn
    where = expected if before is None else before.position
    own = placed(f.sprite.alpha, f.sprite.anchor, where, turn, COVERING)
    hidden = _Hidden([c for c in front if c.meets(f, where) and _meet(own, c.patch)], frame.image.shape)
    if hidden.share(own) < LEAST_COVERED:
        return None
    starts = [expected] if before is None else [expected, before.position]
    tried = [register(f.sprite, frame.image, background.plate, offset, start, turn, hidden=hidden.pixels) for start in starts]

    def worth(one: Pose) -> float:
        # slid beneath the others little of it is in sight, and all of that may fit
        return one.gain * one.visible - SLIDING * float(np.hypot(*(one.position - expected)))

    best = max((one for one in tried if one is not None and one.gain >= IN_FRONT_GAIN), key=worth, default=None)
    return None if best is None else (best, hidden)


def _reach(f: Follower) -> float:
    return float(np.hypot(*f.sprite.alpha.shape))


def _meet(a: Patch, b: Patch) -> bool:
    """Whether the boxes of both overlap."""
    (ax, ay, one), (bx, by, other) = a, b
    return bool(ax < bx + other.shape[1] and bx < ax + one.shape[1] and ay < by + other.shape[0] and by < ay + one.shape[0])


def _window(patch: Patch, shape: tuple[int, ...]) -> tuple[slice, slice, NDArray[np.bool_]]:
    """A patch's rows and columns in a picture, and what of it lies in it."""
    x, y, pixels = patch
    y0, x0, y1, x1 = max(y, 0), max(x, 0), min(y + pixels.shape[0], shape[0]), min(x + pixels.shape[1], shape[1])
    return slice(y0, max(y1, y0)), slice(x0, max(x1, x0)), pixels[y0 - y : max(y1, y0) - y, x0 - x : max(x1, x0) - x]
