"""What moves in a video and has no rows: it vanishes where the prediction begins, and should not do so without a word."""

from __future__ import annotations

import numpy as np

from kinescribe.foretelling.beginning import Beginning
from kinescribe.renderers.compositor import compose
from kinescribe.renderers.poses import PoseTable
from kinescribe.renderers.scene import Scene
from kinescribe.states import States

__all__ = ["unfollowed"]

CLEAR = 40  # grey levels by which a picture differs where something stands that isn't drawn
LEAST = 0.001  # of the picture's pixels


def unfollowed(seen: Beginning, table: States, scene: Scene, objects: str | None) -> list[str]:
    """A line, if what was named to be followed isn't all that there is in the last picture that was seen.

    Args:
        objects: what was named; None or "auto": all that moves is followed.
    """
    poses = PoseTable.of(table)
    if objects is None or objects == "auto" or not len(poses.frames):
        return []
    frame = next(iter(seen.sample([int(poses.frames[-1])])), None)
    if frame is None or frame.image.shape != scene.picture.shape:
        return []
    drawn = compose(scene, poses.poses[-1])
    differs = np.abs(frame.image.astype(np.int16) - drawn).max(axis=2) > CLEAR
    if float(differs.mean()) < LEAST:
        return []
    return [
        f"only '{objects}' was followed: what else there is vanishes where the prediction begins; to keep it follow all "
        "(leave --objects out), and say with --law-objects whom the law is about"
    ]
