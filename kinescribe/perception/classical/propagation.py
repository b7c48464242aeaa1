"""Carrying masks from frame to frame without weights: layered optical flow, a learned look, and search for what went far or was hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.classical.propagating.camera import pair_of, small_of
from kinescribe.perception.classical.propagating.thing import Guess, Thing
from kinescribe.perception.classical.propagating.windows import Field, Image
from kinescribe.perception.detections import MaskCrop, SoftMask
from kinescribe.video.frame import Frame

__all__ = ["FlowPropagator"]

DOUBT = 100.0  # log-odds: more than any evidence
BELOW = 0.999  # so that two halves of a pixel are not both on the outline


class FlowPropagator:
    """Follows masks by flow and look. Needs no weights and no GPU; its memory does not grow with the video.

    Each thing and what is behind it are two layers with motions of their own; a classifier of pixels learned from the prompted mask,
    and slowly from what followed, tells one from the other; a minimal cut gives the mask, the colours along its outline the coverage.
    """

    def __init__(self) -> None:
        self._things: dict[int, Thing] = {}
        self._image: Image | None = None
        self._small: Image | None = None
        self._frame: int | None = None

    @classmethod
    def missing(cls, weights: str | None = None) -> str | None:
        """Nothing is ever missing."""
        return None

    def step(self, frame: Frame) -> dict[int, SoftMask]:
        """The masks in this frame of everything that is followed, by id; empty masks with score 0 where a thing isn't seen.

        Raises InputError where the picture's size changes.
        """
        image = frame.image
        before, small_before = self._image, self._small
        if before is not None and before.shape != image.shape:
            sizes = " to ".join(f"{shape[1]}x{shape[0]}" for shape in (before.shape, image.shape))
            raise InputError(f"the picture's size changes from {sizes} at frame {frame.index}; call reset() where another video begins")
        small = small_of(image)
        self._image, self._small, self._frame = image, small, frame.index
        if before is None or small_before is None or not self._things:
            return {}
        scale = small.shape[1] / image.shape[1], small.shape[0] / image.shape[0]
        covered = np.zeros(small.shape, bool)
        for thing in self._things.values():
            covered |= thing.covers((small.shape[0], small.shape[1]), scale)
        pair = pair_of(before, image, small_before, small, covered)
        guesses = {key: thing.foresee(pair) for key, thing in self._things.items()}
        shares = _shares(guesses, image.shape)
        masks = {key: thing.settle(guesses[key], pair, shares.get(key)) for key, thing in self._things.items()}
        return _parted(masks, image.shape)

    def prompt(self, frame: Frame, masks: Mapping[int, MaskCrop]) -> None:
        """These things look like this in the frame that was stepped to last.

        Raises RuntimeError for a frame that was not, UsageError for a mask without a pixel in the picture.
        """
        if self._image is None or frame.index != self._frame:
            raise RuntimeError("a FlowPropagator is prompted only with the frame that it was stepped to last")
        for key, mask in masks.items():
            inside = _inside(mask, frame.image.shape)
            if not inside.pixels.any():
                raise UsageError(f"the mask of thing {key} has no pixel in the picture; prompt it with one that has")
            if key in self._things:
                self._things[key].prompt(frame.image, inside)
            else:
                self._things[key] = Thing(frame.image, inside)

    def drop(self, ids: Sequence[int]) -> None:
        """Follow these no longer; ids that aren't followed are none of its business."""
        for key in ids:
            self._things.pop(key, None)

    def reset(self) -> None:
        """Forget everything: the next frame is the first of another video."""
        self._things.clear()
        self._image = self._small = self._frame = None


def _inside(mask: MaskCrop, shape: tuple[int, ...]) -> MaskCrop:
    """The part of a mask that lies in a picture of this shape, cut to its own box."""
    height, width = shape[:2]
    x0, y0 = max(-mask.x, 0), max(-mask.y, 0)
    pixels = mask.pixels[y0 : max(height - mask.y, y0), x0 : max(width - mask.x, x0)]
    return SoftMask(mask.x + x0, mask.y + y0, pixels.astype(np.float32)).binary()


def _shares(guesses: Mapping[int, Guess | None], shape: tuple[int, ...]) -> dict[int, Field]:
    """What each thing keeps of its window where several claim the same pixels: the one with the most evidence has them,
    one that was not lost before one that was.
    """
    found = {key: guess for key, guess in guesses.items() if guess is not None}
    if len(found) < 2:
        return {}
    most = np.full(shape[:2], -np.inf, np.float32)
    owner = np.full(shape[:2], -1, np.int32)
    for number, guess in enumerate(found.values()):
        window = guess.window
        evidence = window.grown(guess.evidence) - (DOUBT if guess.again else 0)
        claim = np.where(window.grown(guess.membership) >= 0.5, evidence, -np.inf)
        claim = claim[: shape[0] - window.y, : shape[1] - window.x]
        place = (slice(window.y, window.y + window.height), slice(window.x, window.x + window.width))
        more = claim > most[place]
        most[place] = np.where(more, claim, most[place])
        owner[place] = np.where(more, number, owner[place])
    shares = {}
    for number, (key, guess) in enumerate(found.items()):
        window = guess.window
        part = owner[window.y : window.y + window.height, window.x : window.x + window.width]
        free = np.ones((window.height, window.width), np.float32)
        free[: part.shape[0], : part.shape[1]] = (part == number) | (part == -1)
        shares[key] = np.asarray(cv2.resize(free, window.size, interpolation=cv2.INTER_AREA), np.float32)
    return shares


def _parted(masks: dict[int, SoftMask], shape: tuple[int, ...]) -> dict[int, SoftMask]:
    """The same masks, but what a thing covers of a pixel most of which is another's is at most what that one leaves."""
    if sum(not mask.empty for mask in masks.values()) < 2:
        return masks
    most, owner = np.zeros(shape[:2], np.float32), np.full(shape[:2], -1, np.int32)
    places = {key: (slice(m.y, m.y + m.coverage.shape[0]), slice(m.x, m.x + m.coverage.shape[1])) for key, m in masks.items()}
    for number, (key, mask) in enumerate(masks.items()):
        more = mask.coverage > most[places[key]]
        most[places[key]][more] = mask.coverage[more]
        owner[places[key]][more] = number
    parted = {}
    for number, (key, mask) in enumerate(masks.items()):
        left = np.where(owner[places[key]] == number, np.float32(1), np.float32(BELOW) * (1 - most[places[key]]))
        parted[key] = SoftMask(mask.x, mask.y, np.minimum(mask.coverage, left), mask.score)
    return parted
