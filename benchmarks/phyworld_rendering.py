"""Predicted PhyWorld clips as frames, and what the published parser reads from frames: the second reading of every prediction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from phyworld_data import EXTENT, FRAME_INTERVAL, Clip

from kinescribe.errors import KinescribeError
from kinescribe.renderers.compositor import compose
from kinescribe.renderers.poses import Pose, PoseTable
from kinescribe.renderers.scene import Scene
from kinescribe.states import States
from kinescribe.video import open_video

Float = NDArray[np.float64]
DARK = 127  # the parser's threshold


def parsed(images: NDArray[np.uint8], balls: int) -> Float:
    """Positions (T, balls, 2), world units, y up, as the published parser reads them: mean indices of a ball's pixels over the side.

    A ball is where green is dark; of two the red one is where red is light there, the blue one where it is dark. NaN where there is none.
    """
    height, width = images.shape[1:3]
    ball = images[..., 1] < DARK
    light = images[..., 2] >= DARK
    masks = [ball] if balls == 1 else [ball & light, ball & ~light]
    out = np.full((len(images), balls, 2), np.nan)
    for k, mask in enumerate(masks):
        for t, here in enumerate(mask):
            y, x = np.nonzero(here)
            if len(x):
                out[t, k] = x.mean() / width * EXTENT, EXTENT - y.mean() / height * EXTENT
    return out


def scene_of(clip: Clip, seen: States, count: int) -> Scene | None:
    """What the first frames show; None where no ball is whole in any of them."""
    images = clip.images(count)
    try:
        return Scene.from_video(open_video(images, times=clip.times[:count]), seen)
    except KinescribeError:
        return None


def drawn(scene: Scene, seen: States, path: Float) -> NDArray[np.uint8]:
    """Frames (T, H, W, 3) of balls at world positions (T, balls, 2), from the left to the right one as they were seen."""
    height, width = scene.confidence.shape
    first = {pose.object_id: pose for row in reversed(PoseTable.of(seen).poses) for pose in row if pose.object_id in scene.objects}
    order = sorted(first, key=lambda i: first[i].x)
    places = path * [(width - 1) / EXTENT, -(height - 1) / EXTENT] + [0.0, height - 1]
    frames = []
    for row in places:
        poses = [
            Pose(i, float(x), float(y), np.nan, first[i].length, first[i].breadth, True) for i, (x, y) in zip(order, row, strict=False)
        ]
        frames.append(compose(scene, poses))
    return np.stack(frames)


def velocity_gap(clip: Clip, images: NDArray[np.uint8], path: Float, whole: NDArray[np.bool_]) -> float:
    """How far the parser's mean velocity is from 255/256 of the path's own, the mean over balls and axes, world/s.

    Args:
        whole: (T,) frames in which all balls are in view.
    """
    read = parsed(images, path.shape[1])
    pairs = whole[1:] & whole[:-1]
    if not pairs.any():
        return float("nan")
    scale = (images.shape[2] - 1) / images.shape[2]
    gap = (np.diff(read, axis=0) - scale * np.diff(path, axis=0))[pairs] / FRAME_INTERVAL
    return float(np.abs(gap.mean(axis=0)).mean())
