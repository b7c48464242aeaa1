"""How well the plate explains a picture where no object is: the noise that every threshold of a review is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import InputError
from kinescribe.perception.background import MIN_NOISE
from kinescribe.renderers.plate import MARGIN
from kinescribe.renderers.scene import Scene
from kinescribe.video import Video

__all__ = ["Ground", "free_of", "levelled", "measure_ground", "share_changed"]

Float32 = NDArray[np.float32]
Boolean = NDArray[np.bool_]
MOST_BYTES = 200_000_000
MOST_FRAMES = 41
RMS_MEDIAN = 0.89  # of the RMS of three channels of noise, σ
STILL_CHANGED = 6.0  # grey levels by which the mean of 5 × 5 pixels may differ
CHANGED_SIGMAS = 4.0  # of such a mean
OTHER_PICTURE = 0.25  # share of the free picture that differs


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The picture without objects, and what it is worth.

    Attributes:
        plate: float32, shape (H, W, 3), BGR.
        noise: float32, shape (H, W), σ of one frame about it, grey levels, RMS over channels.
        known: bool, shape (H, W), False where the plate was painted in.
    """

    plate: Float32
    noise: Float32
    known: Boolean


def measure_ground(video: Video, scene: Scene, boxes: Mapping[int, Float32]) -> Ground:
    """Noise about the plate where no object is, from frames spread over the table.

    Args:
        boxes: by frame number (n, 4) boxes x0, y0, x1, y1 of all its objects, px.

    Raises:
        InputError: the plate doesn't explain the picture: states or a scene of another video, or a camera that moves.
    """
    frames = sorted(boxes)
    height, width = scene.confidence.shape
    count = int(np.clip(MOST_BYTES // (height * width * 4), 5, MOST_FRAMES))
    wanted = {frames[int(k)] for k in np.linspace(0, len(frames) - 1, min(count, len(frames))).round()}
    known = scene.confidence > 0.0
    distances, shares = [], []
    for frame in video:
        if frame.index in wanted:
            free = free_of((height, width), boxes[frame.index]) & known
            image = levelled(frame.image, scene.plate, free)
            shares.append(share_changed(image, scene.plate, free))
            difference = image - scene.plate
            distance = np.sqrt(np.einsum("hwc,hwc->hw", difference, difference) / 3.0)
            distances.append(np.where(free, distance, np.nan).astype(np.float16))
        if frame.index >= frames[-1]:
            break
    if not distances:
        raise InputError(
            f"the table's frames start at {frames[0]}, and '{video.info.name}' has none of them; "
            "give the video that the table was made from"
        )
    if float(np.median(shares)) > OTHER_PICTURE:
        raise InputError(
            f"the plate does not explain '{video.info.name}': {np.median(shares):.0%} of the picture differs from it where no object is; "
            "these are states or a scene of another video, or its camera moves"
        )
    return Ground(scene.plate, _noise(np.stack(distances)), known)


def free_of(shape: tuple[int, int], boxes: Float32) -> Boolean:
    """(H, W) where no box is, nor what may reach beyond it."""
    out = np.ones(shape, bool)
    for x0, y0, x1, y1 in boxes:
        mx, my = (MARGIN[0] * side + MARGIN[1] for side in (x1 - x0, y1 - y0))
        left, top = max(int(np.floor(x0 - mx)), 0), max(int(np.floor(y0 - my)), 0)
        out[top : max(int(np.ceil(y1 + my)), 0), left : max(int(np.ceil(x1 + mx)), 0)] = False
    return out


def levelled(image: NDArray[np.uint8], plate: Float32, free: Boolean) -> Float32:
    """A picture as float32 (H, W, 3) without its overall offset of brightness from the plate: flicker is not what objects did."""
    out = image.astype(np.float32)
    some = free[::4, ::4]
    if some.any():
        offset = np.median((out[::4, ::4] - plate[::4, ::4])[some], axis=0)
        if np.abs(offset).max() >= 1.0:
            out -= offset
    return out


def share_changed(image: Float32, plate: Float32, free: Boolean) -> float:
    """Share of the free picture that differs from the plate over whole patches, as single noisy pixels don't."""
    if not free.any():
        return 0.0
    difference = (image - plate).mean(axis=-1)
    # of a 2 × 2 chequer structures leave little, white noise leaves itself
    fine = difference[:-1, :-1] - difference[1:, :-1] - difference[:-1, 1:] + difference[1:, 1:]
    sigma = float(np.median(np.abs(fine[::2, ::2]))) / 0.6745 / 2.0
    patch = np.abs(cv2.blur(difference, (5, 5)))
    return float((patch[free] > max(STILL_CHANGED, CHANGED_SIGMAS * sigma / 5.0)).mean())


def _noise(distances: NDArray[np.float16]) -> Float32:
    """σ (H, W) from distances (n, H, W), NaN where an object is; the picture's own where an object always is."""
    height, width = distances.shape[1:]
    out = np.full((height, width), np.nan, np.float32)
    for y in range(height):
        row = distances[:, y].astype(np.float32)
        seen = np.isfinite(row).any(axis=0)
        if seen.any():
            out[y, seen] = np.nanmedian(row[:, seen], axis=0) / RMS_MEDIAN
    lacking = ~np.isfinite(out)
    out[lacking] = np.median(out[~lacking]) if not lacking.all() else MIN_NOISE
    # what a missed object covers half of the time is not noise
    ceiling = max(4.0 * float(np.median(out)), 2.0 * float(np.percentile(out, 75)), MIN_NOISE)
    squares = cv2.blur(np.minimum(out, ceiling) ** 2, (5, 5))
    return np.maximum(np.sqrt(np.maximum(squares, 0.0)), MIN_NOISE).astype(np.float32)
