"""Frames evenly spread over a video, and where they move."""

from __future__ import annotations

from collections.abc import Iterable
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
    """Read a video once and keep a bounded number of its frames, evenly spread.

    Raises:
        ValueError: without frames.
    """
    sampler = _Sampler()
    for frame in frames:
        sampler.add(frame)
    return sampler.finish()


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
        self._count += 1
        if self._held is not None:
            self._keep(self._held.image, _grey(frame.image))
            self._held = None
        if frame.index % self._every == 0:
            self._held = frame

    def _keep(self, image: Image, successor: Image) -> None:
        if not self._images.size:
            places = 2 * max(LEAST_SAMPLES, min(MOST_SAMPLES, SAMPLE_BYTES // image.nbytes))
            self._images = np.empty((places, *image.shape), np.uint8)
            self._successors = np.empty((places, *successor.shape), np.uint8)
        self._images[self._kept], self._successors[self._kept] = image, successor
        self._kept += 1
        if self._kept == len(self._images):
            self._kept = (self._kept + 1) // 2
            for k in range(self._kept):
                self._images[k], self._successors[k] = self._images[2 * k], self._successors[2 * k]
            self._every *= 2

    def finish(self) -> FrameSample:
        if self._held is not None and self._kept < LEAST_SAMPLES:  # it has no successor to move towards
            self._keep(self._held.image, _grey(self._held.image))
        if not self._kept:
            raise ValueError("a background needs at least one frame")
        images, successors = self._images[: self._kept], self._successors[: self._kept]
        moving = np.empty(images.shape[:3], bool)
        flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        for image, successor, moves in zip(images, successors, moving, strict=True):
            moves[...] = _moving(flow, _grey(image), successor, image.shape[:2])
        return FrameSample(images, moving, self._count)


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
