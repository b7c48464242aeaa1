"""Things that never move, by colour against a plain background: they are in the plate, so that no difference shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.background import Background
from kinescribe.perception.classical.blobs import above_own_contrast, cut_out
from kinescribe.perception.classical.foreground import Foreground, ForegroundModel
from kinescribe.perception.classical.measure import Measurement, measure
from kinescribe.perception.classical.plain import plain_background, unevenness
from kinescribe.perception.detections import MaskCrop
from kinescribe.perception.naming import match_phrase, parse_objects
from kinescribe.video.frame import Frame

__all__ = ["StillObjects"]

MARGIN = 3
LEAST_MATCH = 0.7  # whatever a phrase's threshold: any ground is full of blobs that half look like something
LEAST_CONTRAST = 4.0  # of the ground's unevenness: its mottling and the traces of what moved stay below
LEAST_VISIBLE = 0.6  # of a still thing's pixels must look as they do in the plate
LEAST_AREA_PX = 12
BESIDE, BESIDE_SHARE = 0.15, 0.5  # of a box's sides, of its thing's area: a small thing so near would count as a piece of the large one


@dataclass(frozen=True, slots=True, eq=False)
class _Still:
    """One of them.

    Attributes:
        window: its mask with a margin about it, in which its soft outline is measured.
        mask: the same mask, cut to its own box.
        match: how well it goes by a phrase, in [0, 1].
    """

    window: MaskCrop
    mask: MaskCrop
    match: float


@dataclass(frozen=True, slots=True, eq=False)
class StillObjects:
    """Things in the plate that somebody asked for.

    Attributes:
        things: what was found, the best match first.
        plain: the colour behind them.
        plate: the picture without moving things.
        phrase: given to their detections, so that later stages know that they were asked for.
    """

    things: list[_Still]
    plain: Background
    plate: Background
    phrase: str = "still"

    @property
    def masks(self) -> list[MaskCrop]:
        """Their masks, each cut to its own box."""
        return [thing.mask for thing in self.things]

    @classmethod
    def find(cls, plate: Background, phrases: Sequence[str]) -> StillObjects | None:
        """Those blobs of the plate, against its own plain colour, that one of the phrases describes; None without any.

        A phrase's own threshold can only ask for more than `LEAST_MATCH`, so that a lower one never finds less.
        """
        image = np.clip(plate.plate.round(), 0, 255).astype(np.uint8)
        plain = plain_background([image])
        if plain is None:
            return None
        wanted = parse_objects(", ".join(phrases))
        least = LEAST_CONTRAST * unevenness(image, plain)
        found: list[_Still] = []
        for window, mask, delta in _blobs(image, plain, least):
            rows, columns = window
            seen = measure(image[window], delta, plain.sigma[window], mask, columns.start, rows.start)
            if seen is None:
                continue
            size = (seen.size[0], seen.size[1])
            scored = [(match_phrase(p, seen.color, seen.shape, size), p.threshold or 0.0) for p in wanted]
            match = max((score for score, threshold in scored if score >= max(threshold, LEAST_MATCH)), default=0.0)
            if match > 0:
                found.append(_Still(MaskCrop(columns.start, rows.start, mask), cut_out(mask, columns.start, rows.start), match))
        things = _apart(found)
        return cls(things, plain, plate) if things else None

    def seen(self, frame: Frame, moving: Foreground) -> list[tuple[Measurement, MaskCrop]]:
        """Where each of them is in a frame, unless something moving hides it."""
        out = []
        for thing in self.things:
            crop = thing.window
            h, w = crop.shape
            window = (slice(crop.y, crop.y + h), slice(crop.x, crop.x + w))
            hidden = (moving.labels[window] > 0) & crop.pixels
            if hidden.sum() > (1 - LEAST_VISIBLE) * crop.pixels.sum():
                continue
            image = frame.image[window]
            delta = (image - moving.offset - self.plain.plate[window]).astype(np.float32)
            measured = measure(image, delta, self.plain.sigma[window], crop.pixels, crop.x, crop.y)
            if measured is not None:  # else the bare ground shows there
                out.append((measured, thing.mask))
        return out


def _blobs(
    image: NDArray[np.uint8], plain: Background, least: float
) -> Iterator[tuple[tuple[slice, slice], NDArray[np.bool_], NDArray[np.float32]]]:
    """What stands out from the plain colour by `least` grey levels: rows and columns, mask and difference in them."""
    foreground = ForegroundModel(plain).segment(image)
    for label in foreground.seeds:
        x, y, w, h = (int(v) for v in foreground.stats[label, :4])
        if foreground.stats[label, cv2.CC_STAT_AREA] < LEAST_AREA_PX or w * h > image.shape[0] * image.shape[1] / 4:
            continue
        window = _window(x, y, w, h, image.shape)
        delta = (image[window] - plain.plate[window]).astype(np.float32)
        difference = np.sqrt((delta**2).mean(-1))
        for mask in above_own_contrast(foreground.labels[window] == label, difference):
            if mask.sum() >= LEAST_AREA_PX and np.median(difference[mask]) >= least:
                yield window, mask, delta


def _apart(found: list[_Still]) -> list[_Still]:
    """The best matches first; of two things so near that one would be taken for a piece of the other, the better match alone."""
    kept: list[_Still] = []
    for thing in sorted(found, key=lambda thing: (-thing.match, -int(thing.mask.pixels.sum()))):
        if not any(_beside(thing.mask, other.mask) for other in kept):
            kept.append(thing)
    return kept


def _beside(one: MaskCrop, other: MaskCrop) -> bool:
    """Whether the middle of the smaller, much smaller, lies in or right beside the box of the larger."""
    small, large = sorted((one, other), key=lambda mask: int(mask.pixels.sum()))
    if small.pixels.sum() > BESIDE_SHARE * large.pixels.sum():
        return False
    corner, size = np.array([large.x, large.y]), np.array(large.shape[::-1])
    middle = np.array([small.x, small.y]) + np.array(small.shape[::-1]) / 2
    margin = BESIDE * size + 2
    return bool(((middle >= corner - margin) & (middle <= corner + size + margin)).all())


def _window(x: int, y: int, w: int, h: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of a box with a margin about it, inside a picture of that shape."""
    rows = slice(max(y - MARGIN, 0), min(y + h + MARGIN, shape[0]))
    return rows, slice(max(x - MARGIN, 0), min(x + w + MARGIN, shape[1]))
