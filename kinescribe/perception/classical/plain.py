"""A plain background: one colour, so that a single picture shows what stands before it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.background import MIN_NOISE, Background

__all__ = ["plain_background", "plain_color"]

SAME_COLOR = 4.0  # grey levels
LEAST_SHARE = 0.4  # of the picture must be plain


def plain_color(image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float, float, float]:
    """The most frequent colour of a picture.

    Returns:
        colour (3,) BGR; share of the pixels that have it, in [0, 1]; their spread, RMS over channels in grey levels; evenness in
        [0, 1], the share of those that lie within 3 grey levels among those within 16: 1 for a drawn surface, clearly less for a
        photographed wall, whose shade drifts and whose noise is wider.
    """
    pixels = image.reshape(-1, 3)
    coarse = (pixels >> 3).astype(np.int32)
    codes = (coarse[:, 0] << 10) | (coarse[:, 1] << 5) | coarse[:, 2]
    counts = np.bincount(codes, minlength=1 << 15)
    members = pixels[codes == counts.argmax()].astype(np.float32)
    colour = np.median(members, axis=0)
    for _ in range(3):  # the bin's edge may cut the colour's noise in two: look around it
        near = np.abs(pixels - colour).max(1) <= 6
        colour = pixels[near].mean(0, dtype=np.float64).astype(np.float32)
    distance = np.sqrt(((pixels - colour) ** 2).mean(1))
    close, wide = distance <= 3, distance <= 16
    spread = float(np.sqrt((distance[close] ** 2).mean())) if close.any() else np.inf
    return colour, float(wide.mean()), spread, float(close.sum() / max(wide.sum(), 1))


def plain_background(images: list[NDArray[np.uint8]], least_evenness: float = 0.0) -> Background | None:
    """A constant plate for pictures that are mostly one colour, evenly enough; None where they are not."""
    colour, share, spread, evenness = plain_color(np.concatenate([image[::2, ::2].reshape(-1, 1, 3) for image in images]))
    if share < LEAST_SHARE or evenness < least_evenness:
        return None
    if any(np.abs(plain_color(image[::4, ::4])[0] - colour).max() > SAME_COLOR for image in images):
        return None  # a title, a fade: not one scene before one wall
    shape = images[0].shape
    plate = np.broadcast_to(colour, shape).astype(np.float32)
    sigma = np.full(shape[:2], max(spread, MIN_NOISE), np.float32)
    return Background(plate, sigma, np.full(shape[:2], share, np.float32))
