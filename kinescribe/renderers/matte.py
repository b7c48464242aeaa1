"""How much of each pixel an object covers, from how far the picture differs from what is behind it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Matte", "carried", "matte_of"]

Float32 = NDArray[np.float32]
DIFFERENT = 4.0  # σ of the plate's noise, from where on a pixel is an object's
LEAST_LEVELS = 6.0  # grey levels: the same where the plate hardly has noise
RIM_PX = 2  # on either side of an outline pixels may be covered in part
CLEAR = 3.0  # σ by which an object must differ from the plate for its rim to tell how much it covers


@dataclass(frozen=True, slots=True, eq=False)
class Matte:
    """An object in a window of a picture.

    Attributes:
        alpha: float32, shape (h, w), in [0, 1].
        body: bool, shape (h, w), what differs from the plate, with its holes.
    """

    alpha: Float32
    body: NDArray[np.bool_]


def matte_of(
    window: NDArray[np.uint8],
    plate: Float32,
    noise: Float32,
    inside: tuple[float, float],
    within: NDArray[np.bool_] | None = None,
    blur: float = 0.0,
) -> Matte | None:
    """The matte of the body at `inside` (x, y) in a window (h, w, 3) of a picture.

    Args:
        plate: (h, w, 3) what is behind. noise: (h, w) its σ, grey levels.
        blur: px by which its edges may be smeared by its motion.
        within: (h, w) where the body can be, when others touch it; None: all that hangs together is the body.

    Returns:
        None where nothing there differs from the plate.
    """
    image = window.astype(np.float32)
    difference = image - plate
    distance = np.sqrt((difference**2).mean(axis=-1))
    solid = (distance > np.maximum(DIFFERENT * noise, LEAST_LEVELS)).astype(np.uint8)
    if within is not None:
        solid *= within
    closed = np.asarray(cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), np.uint8)
    body = _filled(closed, inside)
    if body is None:
        return None
    rim = RIM_PX + round(blur / 2.0)
    ring = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1))
    core = cv2.erode(body, ring, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    if not core.any():
        core = cv2.erode(body, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    if not core.any():
        # as thin as its rim: its strongest pixels are it
        core = ((distance >= 0.8 * distance[body > 0].max()) & (body > 0)).astype(np.uint8)
    reach = cv2.dilate(body, ring)
    if within is not None:
        reach = reach * within
    color = carried(image, np.asarray(core > 0))
    own = color - plate
    strength = (own**2).sum(axis=-1)
    covered = (difference * own).sum(axis=-1) / np.maximum(strength, 1e-6)
    alpha = np.where(strength > 3.0 * (CLEAR * noise) ** 2, np.clip(covered, 0.0, 1.0), body.astype(np.float32))
    alpha = np.where(core > 0, 1.0, np.where(reach > 0, alpha, 0.0)).astype(np.float32)
    return Matte(alpha, body > 0)


def _filled(mask: NDArray[np.uint8], inside: tuple[float, float]) -> NDArray[np.uint8] | None:
    """The connected piece at a place, or nearest to it, with its holes."""
    count, labels, stats, centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count < 2:
        return None
    x, y = round(inside[0]), round(inside[1])
    h, w = mask.shape
    chosen = int(labels[min(max(y, 0), h - 1), min(max(x, 0), w - 1)])
    if not chosen:
        # a ring's centre is a hole; of pieces the large ones near it count
        away = np.hypot(centres[1:, 0] - x, centres[1:, 1] - y)
        chosen = 1 + int((stats[1:, cv2.CC_STAT_AREA] / (1.0 + away) ** 2).argmax())
    piece = (labels == chosen).astype(np.uint8)
    outlines, _ = cv2.findContours(piece, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros_like(piece), outlines, -1, 1, cv2.FILLED), np.uint8)


def carried(image: Float32, core: NDArray[np.bool_]) -> Float32:
    """A picture (h, w, 3) inside a core (h, w) that isn't empty; outside each pixel has the nearest core pixel's colour."""
    outside = (~core).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    sources = np.zeros((int(labels.max()) + 1, 3), np.float32)
    sources[labels[core]] = image[core]
    return np.where(core[..., None], image, sources[labels])
