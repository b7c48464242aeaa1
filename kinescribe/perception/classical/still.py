"""Things that never move, by colour against a plain background: they are in the plate, so that no difference shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from kinescribe.perception.background import Background
from kinescribe.perception.classical.blobs import above_own_contrast
from kinescribe.perception.classical.foreground import Foreground, ForegroundModel
from kinescribe.perception.classical.measure import Measurement, measure
from kinescribe.perception.classical.plain import plain_background
from kinescribe.perception.detections import MaskCrop
from kinescribe.perception.naming import match_phrase, parse_objects
from kinescribe.video.frame import Frame

__all__ = ["StillObjects"]

MARGIN = 3
LEAST_MATCH = 0.7
LEAST_VISIBLE = 0.6  # of a still thing's pixels must look as they do in the plate
LEAST_AREA_PX = 12


@dataclass(frozen=True, slots=True, eq=False)
class StillObjects:
    """Things in the plate that somebody asked for.

    Attributes:
        masks: their crops.
        plain: the colour behind them.
        plate: the picture without moving things.
        phrase: given to their detections, so that later stages know that they were asked for.
    """

    masks: list[MaskCrop]
    plain: Background
    plate: Background
    phrase: str = "still"

    @classmethod
    def find(cls, plate: Background, phrases: Sequence[str]) -> StillObjects | None:
        """Those blobs of the plate, against its own plain colour, that one of the phrases describes; None without any."""
        image = np.clip(plate.plate.round(), 0, 255).astype(np.uint8)
        plain = plain_background([image])
        if plain is None:
            return None
        wanted = parse_objects(", ".join(phrases))
        foreground = ForegroundModel(plain).segment(image)
        masks = []
        for label in foreground.seeds:
            x, y, w, h = (int(v) for v in foreground.stats[label, :4])
            if foreground.stats[label, cv2.CC_STAT_AREA] < LEAST_AREA_PX or w * h > image.shape[0] * image.shape[1] / 4:
                continue
            window, x0, y0 = _window(x, y, w, h, image.shape)
            delta = (image[window] - plain.plate[window]).astype(np.float32)
            difference = np.sqrt((delta**2).mean(-1))
            for mask in above_own_contrast(foreground.labels[window] == label, difference):
                if mask.sum() < LEAST_AREA_PX:
                    continue
                seen = measure(image[window], delta, plain.sigma[window], mask, x0, y0)
                size = (seen.size[0], seen.size[1])
                if any(match_phrase(p, seen.color, seen.shape, size) >= (p.threshold or LEAST_MATCH) for p in wanted):
                    masks.append(MaskCrop(x0, y0, mask))
        return cls(masks, plain, plate) if masks else None

    def seen(self, frame: Frame, moving: Foreground) -> list[tuple[Measurement, MaskCrop]]:
        """Where each of them is in a frame, unless something moving hides it."""
        out = []
        for crop in self.masks:
            h, w = crop.pixels.shape
            window = (slice(crop.y, crop.y + h), slice(crop.x, crop.x + w))
            hidden = (moving.labels[window] > 0) & crop.pixels
            if hidden.sum() > (1 - LEAST_VISIBLE) * crop.pixels.sum():
                continue
            image = frame.image[window]
            delta = (image - moving.offset - self.plain.plate[window]).astype(np.float32)
            out.append((measure(image, delta, self.plain.sigma[window], crop.pixels, crop.x, crop.y), crop))
        return out


def _window(x: int, y: int, w: int, h: int, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], int, int]:
    x0, y0 = max(x - MARGIN, 0), max(y - MARGIN, 0)
    return (slice(y0, min(y + h + MARGIN, shape[0])), slice(x0, min(x + w + MARGIN, shape[1]))), x0, y0
