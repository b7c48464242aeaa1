"""A plain background: one colour, so that a single picture shows what stands before it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.background import MIN_NOISE, Background

__all__ = ["plain_background", "plain_color", "unevenness"]

CLOSE, WIDE = 3.0, 16.0  # grey levels: what lies farther from the plain colour isn't the ground
SAME_COLOR = 4.0  # grey levels: a title, a fade is another scene
RINGING_PX = 17  # a codec's block and a pixel
LEAST_SHARE = 0.4  # of the picture must be plain


def plain_color(image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float, float, float]:
    """The most frequent colour of a picture (H, W, 3).

    Returns:
        colour (3,) BGR; share of the pixels that have it, in [0, 1]; their spread, RMS over channels in grey levels; evenness in
        [0, 1], the share of those within 3 grey levels among those within 16, the surroundings of other colours aside, where codecs
        ring: 1 for a drawn surface, clearly less for a photographed wall, whose shade drifts and whose noise is wider. A pattern of
        colours whose middle no pixel has is no plain colour: share and evenness are 0.
    """
    from kinescribe.perception.classical.compiled import plain as compiled  # numba takes its time to come in

    pixels = np.ascontiguousarray(image).reshape(-1, 3)
    levels = compiled.levels_with_code(pixels, int(compiled.colour_codes(pixels).argmax()))
    colour = np.array([_median_level(counts) for counts in levels], np.float32)
    for _ in range(3):  # the bin's edge may cut the colour's noise in two: look around it
        count, mean = compiled.mean_within(pixels, np.ceil(colour - 6).astype(np.int64), np.floor(colour + 6).astype(np.int64))
        if not count:  # a pattern of colours whose middle none of them has
            break
        colour = mean.astype(np.float32)
    within = np.empty(image.shape[:2], np.uint8)
    close, wide, squares = compiled.squared_distances(pixels, colour, CLOSE, WIDE, within.reshape(-1))
    if not close:
        return colour, 0.0, WIDE, 0.0
    clear = cv2.erode(within, np.ones((RINGING_PX, RINGING_PX), np.uint8), borderType=cv2.BORDER_REPLICATE) > 0
    clear = clear if clear.any() else within > 0
    evenness = int(((within == 2) & clear).sum()) / max(int(clear.sum()), 1)
    return colour, wide / within.size, float(np.sqrt(squares / close)), evenness


def _median_level(counts: NDArray[np.int64]) -> float:
    """Median of the grey levels that occur so often, (256,)."""
    reached = counts.cumsum()
    total = reached[-1]
    return float(np.searchsorted(reached, [(total - 1) // 2, total // 2], side="right").mean())


def plain_background(images: list[NDArray[np.uint8]], least_evenness: float = 0.0) -> Background | None:
    """A constant plate for pictures that are mostly one colour, evenly enough, and the same in all; None where they are not."""
    colours, shares, spreads, evenness = (np.array(values) for values in zip(*map(plain_color, images), strict=True))
    colour = np.median(colours, axis=0)
    if np.median(shares) < LEAST_SHARE or np.median(evenness) < least_evenness or np.abs(colours - colour).max() > SAME_COLOR:
        return None
    shape = images[0].shape
    plate = np.broadcast_to(colour, shape).astype(np.float32)
    sigma = np.full(shape[:2], max(float(np.median(spreads)), MIN_NOISE), np.float32)
    return Background(plate, sigma, sigma, np.full(shape[:2], float(np.median(shares)), np.float32))


def unevenness(image: NDArray[np.uint8], plain: Background) -> float:
    """How far the ground of a picture (H, W, 3) itself strays from its plain colour, mottled or unevenly lit: RMS, grey levels."""
    distance = np.sqrt(((image - plain.plate) ** 2).mean(-1))
    ground = distance[distance <= WIDE]
    return float(np.sqrt((ground**2).mean())) if ground.size else 0.0
