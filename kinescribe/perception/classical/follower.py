"""One body on its way through the video: where it was found, and where to look for it next."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.background import Background
from kinescribe.perception.classical.parts import PartId
from kinescribe.perception.classical.recent import MOST_FRAMES
from kinescribe.perception.classical.sprite import Pose, Sprite, register
from kinescribe.perception.sightings import Path, Sightings, body_spans, long_axis
from kinescribe.video.frame import Frame

__all__ = ["ACCEPT_GAIN", "Follower", "end_parts", "expected_position", "search_reach", "sightings"]

Float = NDArray[np.float64]

ACCEPT_GAIN = 0.45  # where the first look saw the body too
LONG_PX, LONG_ASPECT = 40.0, 1.7  # a body whose ends are looked at on their own
END_SHARE = 0.3  # of its length
SHARED_PX = 0.15  # by which another body's outline pulls at a coordinate of one that looks like it, in one blob with it
WHOLE_END = 0.8  # share of an end that must be in the picture


@dataclass(slots=True)
class Follower:
    """A path of the first look, its sprite, and what has been found of it so far.

    Attributes:
        seen: the path's positions by frame. found: poses by frame.
        shared: frames in which it was seen as one with another body. overlapping: those in which it was found beneath or above another.
        bias: sprite's position less the path's, px, in frames that have both. turn: the latest, radians.
        part: which part of a jointed body it is; None for others.
        ends: sprites of the two end parts, each with the way to it from the centroid. found_ends: their poses by frame.
    """

    path: Path
    sprite: Sprite
    seen: dict[int, Float]
    shared: set[int] = field(default_factory=set)
    found: dict[int, Pose] = field(default_factory=dict)
    bias: list[Float] = field(default_factory=list)
    turn: float = 0.0
    part: PartId | None = None
    ends: list[tuple[Sprite, Float]] = field(default_factory=list)
    overlapping: set[int] = field(default_factory=set)
    covered: int = 0  # frames in a row in which it was found on a larger body
    found_ends: dict[int, list[Pose | None]] = field(default_factory=dict)

    @property
    def first(self) -> int:
        """The path's first frame."""
        return int(self.path.frames[0])

    @property
    def last(self) -> int:
        """The path's last frame."""
        return int(self.path.frames[-1])

    def see(
        self,
        frame: Frame,
        pose: Pose,
        background: Background,
        offset: NDArray[np.float32],
        hidden: NDArray[np.bool_] | None = None,
    ) -> None:
        """Note where the body was found, and look for its ends there; `hidden`: (H, W), where others are in front of it."""
        c, s = np.cos(pose.turn), np.sin(pose.turn)
        rotation = np.array([[c, -s], [s, c]])
        poses = [
            register(sprite, frame.image, background.plate, offset, pose.position + rotation @ arm, pose.turn, hidden=hidden)
            for sprite, arm in self.ends
        ]
        # both at once: what of the picture an end needs may not be there
        self.found[frame.index] = pose
        self.found_ends[frame.index] = [p if p is not None and p.gain > ACCEPT_GAIN and p.visible > WHOLE_END else None for p in poses]

    def forget(self, index: int) -> None:
        """What was noted of a frame that must be looked at once more."""
        self.found.pop(index, None)
        self.found_ends.pop(index, None)

    def covers(self, point: Float, index: int) -> bool:
        """Whether a point of the picture lies on the body, where it was found in that frame."""
        pose = self.found.get(index)
        if pose is None:
            return False
        c, s = np.cos(pose.turn), np.sin(pose.turn)
        dx, dy = point - pose.position
        x, y = np.round(np.array([c * dx + s * dy, -s * dx + c * dy]) + self.sprite.anchor).astype(int)
        h, w = self.sprite.alpha.shape
        return bool(0 <= x < w and 0 <= y < h and self.sprite.alpha[y, x] > 0.5)

    def expected_turn(self, index: int) -> float:
        """How it should be turned in a frame, if it turned evenly over the last two."""
        last, before = self.found.get(index - 1), self.found.get(index - 2)
        return self.turn if last is None or before is None or not self.sprite.turns else 2 * last.turn - before.turn

    def offset(self) -> Float:
        """How the sprite's centroid lies against the first look's."""
        recent = self.bias[-25:]
        if len(recent) < 5:
            return np.zeros(2)
        half = len(recent) // 2
        columns = [sorted(float(one[axis]) for one in recent) for axis in (0, 1)]  # numpy's median takes ten times as long
        return np.array([(values[(len(recent) - 1) // 2] + values[half]) / 2 for values in columns])


def expected_position(f: Follower, index: int) -> Float | None:
    """Where the last sightings point to, at most a few frames back."""
    recent = []
    for back in range(1, 6):
        pose = f.found.get(index - back)
        if pose is not None:
            recent.append((back, pose.position))
        if len(recent) == 3:
            break
    if not recent:
        return None
    if len(recent) == 1:
        return recent[0][1]
    (b0, p0), (b1, p1) = recent[0], recent[1]
    velocity = (p0 - p1) / (b1 - b0)
    if len(recent) == 3:  # a little of the acceleration, for things that are thrown
        b2, p2 = recent[2]
        before = (p1 - p2) / (b2 - b1)
        velocity = velocity + 0.7 * (velocity - before) * (0.5 * (b0 + b1) / (0.5 * (b2 - b0)))
    return np.asarray(p0 + velocity * b0)


def search_reach(f: Follower, misses: int) -> float:
    """How far from the expected place to look, px, after so many frames without a sighting."""
    # the newest are among those that were noted last: after these before its first frame, of which there are few
    frames = sorted(itertools.islice(reversed(f.found), MOST_FRAMES + 4))[-4:]
    speed = 0.0
    if len(frames) >= 2:
        speed = float(np.hypot(*(f.found[frames[-1]].position - f.found[frames[0]].position))) / (frames[-1] - frames[0])
    return min(3.0 + 0.25 * f.sprite.radius + 0.3 * speed + misses * (1.0 + 0.2 * speed), 3 * f.sprite.radius + 30)


def sightings(f: Follower) -> Sightings:
    """What was found of a body, frame by frame, jumps left out."""
    frames = _plausible(f)
    poses = [f.found[k] for k in frames]
    pulled = np.array([SHARED_PX if k in f.shared and k not in f.overlapping else 0.0 for k in frames])
    ends, spreads = np.full((len(frames), 2, 2), np.nan), np.full((len(frames), 2, 2, 2), np.nan)
    for row, k in enumerate(frames):
        for side, end in enumerate(f.found_ends[k]):
            if end is not None:
                ends[row, side], spreads[row, side] = end.position, end.covariance
    return Sightings(
        frames=np.array(frames, np.int64),
        positions=np.array([p.position for p in poses]).reshape(-1, 2),
        covariances=np.array([p.covariance for p in poses]).reshape(-1, 2, 2) + np.square(pulled)[:, None, None] * np.eye(2),
        turns=np.array([p.turn if f.sprite.turns else np.nan for p in poses]),
        turn_sigmas=np.array([p.turn_sigma for p in poses]),
        gains=np.array([p.gain for p in poses]),
        visible=np.array([p.visible for p in poses]),
        ends=ends,
        end_covariances=spreads,
        body=f.sprite.alpha > 0.5,
        anchor=f.sprite.anchor,
        shared=np.array([k for k in frames if k in f.shared or k in f.overlapping], np.int64),
    )


def end_parts(sprite: Sprite) -> list[tuple[Sprite, Float]]:
    """The two end parts of a long body, each with the way to it from the centroid, (2,); nothing for other bodies."""
    body = sprite.alpha > 0.5
    axis = long_axis(body)
    if np.isnan(axis):
        return []
    back, forth, left, right = body_spans(body, sprite.anchor, axis)
    if back + forth < LONG_PX or back + forth < LONG_ASPECT * (left + right):
        return []
    direction = np.array([np.cos(axis), np.sin(axis)])
    ys, xs = np.indices(body.shape)
    along = (xs - sprite.anchor[0]) * direction[0] + (ys - sprite.anchor[1]) * direction[1]
    out = []
    for reach, keep in ((-back, along < -back + END_SHARE * (back + forth)), (forth, along > forth - END_SHARE * (back + forth))):
        arm = reach * direction
        out.append((sprite.part(sprite.anchor + arm, keep), arm))
    return out


def _plausible(f: Follower) -> list[int]:
    """The sightings that one motion explains: from the middle of the longest unbroken run outwards, jumps are left out."""
    frames = sorted(f.found)
    if len(frames) < 3:
        return frames
    runs = np.split(np.arange(len(frames)), np.flatnonzero(np.diff(frames) > 1) + 1)
    longest = max(runs, key=len)
    middle = int(longest[len(longest) // 2])
    kept = [frames[middle]]
    for direction in (1, -1):
        chain = [frames[middle]]
        for frame in frames[middle + 1 :] if direction > 0 else frames[middle - 1 :: -1] if middle > 0 else []:
            gap = abs(frame - chain[-1])
            expected, speed = f.found[chain[-1]].position, 0.0
            if len(chain) >= 2:
                back = chain[-min(len(chain), 3)]
                velocity = (expected - f.found[back].position) / (chain[-1] - back)
                speed = float(np.hypot(*velocity))
                expected = expected + velocity * (frame - chain[-1])
            allowed = 3.0 + f.sprite.radius + (1.0 + 0.7 * speed) * gap
            if len(chain) == 1:
                allowed = np.inf
            if np.hypot(*(f.found[frame].position - expected)) <= allowed:
                chain.append(frame)
        kept += chain[1:]
    return sorted(kept)
