"""The picture behind the objects, now that it is known where they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.perception.background import MIN_NOISE
from kinescribe.renderers.ownership import outside_of
from kinescribe.renderers.poses import Pose, PoseTable
from kinescribe.renderers.scene import SHAPES
from kinescribe.video import Video

__all__ = ["Plate", "estimate_plate"]

Float32 = NDArray[np.float32]
Boolean = NDArray[np.bool_]
MOST_BYTES = 400_000_000
MOST_FRAMES = 61
MARGIN = 0.15, 3.0  # of a box's side, and px, by which an object may reach beyond it: its shadow, its blur
INPAINT_PX = 5


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """What is behind.

    Attributes:
        image: float32, shape (H, W, 3), BGR in 0..255.
        noise: float32, shape (H, W), σ of one frame about it, grey levels.
        confidence: float32, shape (H, W), in [0, 1]: share of the frames in which it was free; 0 where it is painted in.
    """

    image: Float32
    noise: Float32
    confidence: Float32


def estimate_plate(video: Video, table: PoseTable, boxes: Mapping[int, Float32], shapes: Mapping[int, str]) -> Plate:
    """The temporal median of what no object covers; what is never free is inpainted from around it.

    Args:
        boxes: by frame number (n, 4) boxes x0, y0, x1, y1 of all its objects, px. shapes: by object.

    Raises:
        UsageError: the video is shorter than the table.
    """
    frames = sorted(int(frame) for frame in table.frames)
    height, width = video.info.height, video.info.width
    count = int(np.clip(MOST_BYTES // (height * width * 3), 5, MOST_FRAMES))
    wanted = {frames[int(k)] for k in np.linspace(0, len(frames) - 1, min(count, len(frames))).round()}
    at = dict(zip(table.frames.tolist(), table.poses, strict=True))
    images, free = [], []
    for frame in video:
        if frame.index in wanted:
            images.append(frame.image)
            free.append(~_covered((height, width), at.get(frame.index, ()), boxes.get(frame.index, ()), shapes))
        if frame.index >= frames[-1]:
            break
    if len(images) < len(wanted):
        raise UsageError(
            f"'{video.info.name}' ends before frame {frames[-1]}, which the table has; give the video that the table was made from"
        )
    stack, open_ = np.stack(images), np.stack(free)
    image, noise = _median(stack, open_)
    never = ~open_.any(axis=0)
    if never.any():
        rough: NDArray[np.uint8] = np.clip(image, 0.0, 255.0).astype(np.uint8)
        painted = cv2.inpaint(rough, never.astype(np.uint8), INPAINT_PX, cv2.INPAINT_TELEA)  # type: ignore[arg-type]
        image[never] = painted[never]
        noise[never] = float(np.median(noise[~never])) if not never.all() else MIN_NOISE
    return Plate(image, noise, open_.mean(axis=0, dtype=np.float32))


def _covered(shape: tuple[int, int], poses: Iterable[Pose], boxes: Iterable[Float32], shapes: Mapping[int, str]) -> Boolean:
    """(H, W) what the objects cover, and what is so near that their blur or shadow may."""
    out = np.zeros(shape, bool)
    for pose, box in zip(poses, boxes, strict=True):
        x0, y0, x1, y1 = box
        mx, my = (MARGIN[0] * side + MARGIN[1] for side in (x1 - x0, y1 - y0))
        left, top = max(int(np.floor(x0 - mx)), 0), max(int(np.floor(y0 - my)), 0)
        right, bottom = min(int(np.ceil(x1 + mx)), shape[1]), min(int(np.ceil(y1 + my)), shape[0])
        if right <= left or bottom <= top:
            continue
        kind = shapes.get(pose.object_id, "")
        margin = MARGIN[0] * (pose.breadth if np.isfinite(pose.breadth) else 0.0) + MARGIN[1]
        outside = outside_of(pose, kind if kind in SHAPES else "", box, (left, top), (right - left, bottom - top))
        # of what has no simple shape the whole box, for its angle is that of its longest side only
        simple = kind in SHAPES and np.isfinite([pose.length, pose.breadth]).all()
        out[top:bottom, left:right] |= outside < margin if simple else True
    return out


def _median(stack: NDArray[np.uint8], free: Boolean) -> tuple[Float32, Float32]:
    """Median (H, W, 3) of the free frames' pixels and their spread (H, W), row by row of the picture, to bound memory."""
    image: Float32 = np.empty(stack.shape[1:], np.float32)
    noise: Float32 = np.empty(stack.shape[1:3], np.float32)
    for y in range(stack.shape[1]):
        known = free[:, y].any(axis=0)
        image[y] = stack[:, y].mean(axis=0)
        noise[y] = MIN_NOISE
        if known.any():
            part, counts = stack[:, y, known].astype(np.float32), free[:, y, known].sum(axis=0)
            part[~free[:, y, known]] = np.inf
            image[y, known] = _middle(part, counts)
            spread = 1.4826 * _middle(np.abs(part - image[y, known]), counts)
            noise[y, known] = np.maximum(np.sqrt((spread**2).mean(axis=-1)), MIN_NOISE)
    return image, np.asarray(cv2.blur(noise, (9, 9)), np.float32)


def _middle(values: Float32, counts: NDArray[np.int64]) -> Float32:
    """(n, 3) medians of (T, n, 3) values, of which only the first `counts` (n,) in order count; the others are infinite."""
    ordered = np.sort(values, axis=0)
    low, high = ((counts - 1) // 2)[None, :, None], (counts // 2)[None, :, None]
    pair = np.take_along_axis(ordered, low, axis=0), np.take_along_axis(ordered, high, axis=0)
    return np.asarray((pair[0][0] + pair[1][0]) / 2.0, np.float32)
