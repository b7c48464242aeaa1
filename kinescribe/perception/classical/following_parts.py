"""Following a part of a jointed body: other parts hide some of it, and it may turn far from frame to frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.background import Background
from kinescribe.perception.classical.appearance import half_turn, search
from kinescribe.perception.classical.follower import ACCEPT_GAIN, Follower, expected_position
from kinescribe.perception.classical.parts import Parts
from kinescribe.perception.classical.sprite import Pose, register
from kinescribe.perception.sightings import body_spans, long_axis
from kinescribe.video.frame import Frame

__all__ = ["see_part", "sure_axis"]

REACH = 6.0  # px: so far the centre of what is in sight of a part may lie from its own
SLIDING = 0.003  # of what a part explains is given for a pixel nearer to the first look
LONG_ASPECT = 2.5


def see_part(f: Follower, frame: Frame, background: Background, offset: NDArray[np.float32], parts: Parts) -> None:
    """Fit the sprite of a part where the first look saw it; what is in front of it says nothing."""
    assert f.part is not None
    where, expected = f.seen[frame.index], expected_position(f, frame.index)
    image, plate = frame.image, background.plate
    reach = max(f.sprite.alpha.shape) + REACH + 4
    (x0, y0), (x1, y1) = np.maximum(np.round(where - reach), 0).astype(int), np.maximum(np.round(where + reach), 0).astype(int) + 1
    window = (slice(y0, y1), slice(x0, x1))
    hidden = np.zeros(image.shape[:2], bool)
    hidden[window] = parts.others(image[window], (image[window] - offset - plate[window]).astype(np.float32), f.part)
    turn = f.turn + _turned(f, frame.index)
    found = [
        register(f.sprite, image, plate, offset, where, turn, hidden=hidden),
        *(search(f.sprite, image, plate, offset, middle, REACH, turn, hidden) for middle in (where, expected) if middle is not None),
    ]

    def worth(pose: Pose) -> float:
        # slid beneath the others, little of it is in sight, and all of that may fit: what counts is how much of the picture it explains
        return pose.gain * pose.visible - SLIDING * float(np.hypot(*(pose.position - where)))

    best = max((pose for pose in found if pose is not None and pose.gain > ACCEPT_GAIN), key=worth, default=None)
    if best is not None:
        f.see(frame, best, background, offset, hidden)
        f.turn = best.turn


def _turned(f: Follower, index: int) -> float:
    """By how much the first look says that a long part turned since its latest sighting, radians; 0 for others."""
    if not f.sprite.turns:
        return 0.0
    axis = sure_axis(f.path.masks[int(np.searchsorted(f.path.frames, index))].pixels)
    turned = half_turn(axis - long_axis(f.sprite.alpha > 0.5) - f.turn)
    return turned if np.isfinite(turned) else 0.0


def sure_axis(mask: NDArray[np.bool_]) -> float:
    """Direction of a long mask's axis; NaN for one that isn't long: were a corner hidden, its axis would be another."""
    axis = long_axis(mask)
    if np.isnan(axis):
        return axis
    rows, columns = np.nonzero(mask)
    back, forth, left, right = body_spans(mask, np.array([columns.mean(), rows.mean()]), axis)
    return axis if back + forth >= LONG_ASPECT * (left + right) else float("nan")
