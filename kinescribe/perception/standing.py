"""Does the camera stand still? Only then is there a background that differences can be taken from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.background import Background, FrameSample, estimate_background, sample_frames

if TYPE_CHECKING:
    from kinescribe.video.source import Video

__all__ = ["changed_share", "static_background"]

LEAST_FRAMES = 8  # below, a slow thing covers itself in all of them
NOISES = 6.0
LEAST_CHANGE = 6.0  # grey levels
MOST_CHANGED = 0.4  # of the picture
SHIFT_PX = 0.2  # an edge that moves by no more counts as still
MOST_EDGES_CHANGED = 0.3  # of the background's: filmed still cameras have up to 0.25, shaking by a pixel 0.32 and more
LEAST_EDGES = 0.002  # of the picture
COMPARED = 16  # frames, or up to twice as many


def static_background(video: Video, warnings: list[str]) -> Background | None:
    """The background of a camera that stands still; None, with a line in `warnings`, where it moves or there are too few frames.

    Reads the video once.
    """
    sample = sample_frames(video)
    if sample.frame_count < LEAST_FRAMES:
        warnings.append(
            f"{video.info.name} has {sample.frame_count} frames, too few to know what is behind things: outlines are those of the masks"
        )
        return None
    background = estimate_background(sample)
    changed, edges = changed_share(sample, background)
    if changed > MOST_CHANGED or edges > MOST_EDGES_CHANGED:
        warnings.append(
            f"{video.info.name} has no background that stands still ({changed:.0%} of the picture and {edges:.0%} of its edges "
            "differ from it): the camera moves, or things cover too much; outlines are those of the masks"
        )
        return None
    return background


def changed_share(sample: FrameSample, background: Background) -> tuple[float, float]:
    """How much of the picture, and of the edges in the background, differs from the background, in the median of some sampled frames.

    Both in [0, 1]; the second is 0 where the background has hardly any edges. Noise is taken from each frame alone, because that about
    a plate of a moving camera holds the motion.
    """
    plate = cv2.GaussianBlur(background.plate, (3, 3), 0)
    across, down = cv2.Sobel(plate, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(plate, cv2.CV_32F, 0, 1, scale=1 / 8)
    slope = np.sqrt((across**2 + down**2).mean(-1))
    shares, edge_shares = [], []
    for image in sample.images[:: max(len(sample.images) // COMPARED, 1)]:
        limit = max(LEAST_CHANGE, NOISES * _noise(image))
        difference = cv2.GaussianBlur(image, (3, 3), 0) - plate
        difference -= np.median(difference[::4, ::4].reshape(-1, 3), axis=0)
        change = np.sqrt((difference**2).mean(-1))
        edges = slope > limit
        shares.append(float((change > limit).mean()))
        moved = change[edges] > limit + SHIFT_PX * slope[edges]
        edge_shares.append(float(moved.mean()) if edges.mean() >= LEAST_EDGES else 0.0)
    return float(np.median(shares)), float(np.median(edge_shares))


def _noise(image: NDArray[np.uint8]) -> float:
    """Standard deviation of the noise, grey levels, of one picture smoothed by a 3 × 3 binomial kernel.

    From the median of a second difference along both axes, which flat and evenly shaded parts leave to the noise (after Immerkær 1996).
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    residual = cv2.filter2D(image.astype(np.float32), -1, kernel)
    sigma = float(np.median(np.abs(residual))) / 0.6745 / 6.0
    return sigma * 0.375
