"""Frames evenly spread over a video, and where they move."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.video.frame import Frame

__all__ = ["FrameSample", "sample_frames"]

Image = NDArray[np.uint8]

FLOW_STILL_PX = 0.3  # a pixel whose flow is below this a frame counts as still
LEAST_SAMPLES, MOST_SAMPLES = 12, 40  # between these and twice as many frames vote
SAMPLE_BYTES = 120_000_000
HALVED_FROM = 1_000_000  # pixels
SMALLEST_FLOW = 16  # px
USUAL = 0.7  # of the places, filled when every n-th frame of a video is kept
ENOUGH = 0.9  # of the frames that were asked for


@dataclass(frozen=True, slots=True, eq=False)
class FrameSample:
    """Frames spread over a video.

    Attributes:
        images: uint8, shape (S, H, W, 3), BGR.
        moving: bool, shape (S, H, W), where the picture moves towards the next frame.
        frame_count: of the whole video.
    """

    images: Image
    moving: NDArray[np.bool_]
    frame_count: int


def sample_frames(frames: Iterable[Frame]) -> FrameSample:
    """Keep a bounded number of a video's frames, evenly spread; of a long one most frames aren't even decoded where it can do without.

    Raises:
        ValueError: without frames.
    """
    return _glimpsed(frames) or _from_all(frames)


def _from_all(frames: Iterable[Frame]) -> FrameSample:
    sampler = _Sampler()
    for frame in frames:
        sampler.add(frame)
    return sampler.finish()


def _glimpsed(frames: Iterable[Frame]) -> FrameSample | None:
    """The sample of a video that tells what it is like by itself; None where it doesn't, or not to the end."""
    glimpses: Callable[[int], Iterator[tuple[Frame, Frame]] | None] | None = getattr(frames, "glimpses", None)
    info = getattr(frames, "info", None)
    if glimpses is None or info is None or not info.frame_count:
        return None
    wanted = round(USUAL * _places(3 * info.width * info.height))
    pairs = glimpses(wanted)
    if pairs is None:
        return None
    sampler = _Sampler()
    got = 0
    for frame, successor in pairs:
        sampler.keep(frame.image, _grey(successor.image))
        got += 1
    return sampler.finish(info.frame_count) if got >= ENOUGH * wanted else None


def _places(size: int) -> int:
    """How many pictures of so many bytes are held at most."""
    return 2 * max(LEAST_SAMPLES, min(MOST_SAMPLES, SAMPLE_BYTES // max(size, 1)))


class _Sampler:
    """Frames evenly spread over a video of unknown length: every n-th, and when these get too many every other of them is let go.

    Each is kept with its successor, grey and as large as motion needs it, so that motion is found only for those that stay. The places for
    both are made once: however long the video is, no more memory is held.
    """

    def __init__(self) -> None:
        self._every = 1
        self._count = 0
        self._kept = 0
        self._images = self._successors = np.zeros((0, 0, 0, 3), np.uint8)
        self._held: Frame | None = None

    def add(self, frame: Frame) -> None:
        """Take the next frame."""
        self._count += 1
        if self._held is not None:
            self.keep(self._held.image, _grey(frame.image))
            self._held = None
        if frame.index % self._every == 0:
            self._held = frame

    def keep(self, image: Image, successor: Image) -> None:
        """Hold a frame for good, with its successor as `_grey` makes it."""
        if not self._images.size:
            places = _places(image.nbytes)
            self._images = np.empty((places, *image.shape), np.uint8)
            self._successors = np.empty((places, *successor.shape), np.uint8)
        self._images[self._kept], self._successors[self._kept] = image, successor
        self._kept += 1
        if self._kept == len(self._images):
            self._kept = (self._kept + 1) // 2
            for k in range(self._kept):
                self._images[k], self._successors[k] = self._images[2 * k], self._successors[2 * k]
            self._every *= 2

    def finish(self, count: int | None = None) -> FrameSample:
        """The sample, of a video of so many frames; of those that were taken if not given."""
        if self._held is not None and self._kept < LEAST_SAMPLES:  # it has no successor to move towards
            self.keep(self._held.image, _grey(self._held.image))
        if not self._kept:
            raise ValueError("a background needs at least one frame")
        images, successors = self._images[: self._kept], self._successors[: self._kept]
        moving = np.empty(images.shape[:3], bool)
        flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        for image, successor, moves in zip(images, successors, moving, strict=True):
            moves[...] = _moving(flow, _grey(image), successor, image.shape[:2])
        return FrameSample(images, moving, self._count if count is None else count)


def _grey(image: Image) -> Image:
    """As motion is told from; large pictures at half their size, for motion is smooth."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    if grey.size <= HALVED_FROM:
        return grey
    return np.asarray(cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0] // 2), interpolation=cv2.INTER_AREA), np.uint8)


def _moving(flow: cv2.DISOpticalFlow, grey: Image, successor: Image, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Where a picture of such a shape moves towards the next."""
    if min(grey.shape) < SMALLEST_FLOW or np.array_equal(grey, successor):  # the flow's pyramid needs a few pixels
        return np.zeros(shape, bool)
    field = flow.calc(grey, successor, None)  # type: ignore[call-overload]
    still = FLOW_STILL_PX if grey.shape == shape else FLOW_STILL_PX / 2
    moving = (cv2.magnitude(field[..., 0], field[..., 1]) > still).astype(np.uint8)
    moving = cv2.dilate(moving, np.ones((5, 5), np.uint8))
    if grey.shape != shape:
        moving = cv2.resize(moving, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
    return moving.astype(bool)
