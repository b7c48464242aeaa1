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
    """Frames evenly spread over a video of unknown length: every n-th, and when these get too many every other of them is let go."""

    def __init__(self) -> None:
        self._every, self._count = 1, 0
        self._images: list[Image] = []
        self._moving: list[NDArray[np.bool_]] = []
        self._held: Frame | None = None
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def add(self, frame: Frame) -> None:
        self._count += 1
        if self._held is not None:
            self._keep(self._held.image, _moving(self._flow, self._held.image, frame.image))
            self._held = None
        if frame.index % self._every == 0:
            self._held = frame

    def _keep(self, image: Image, moving: NDArray[np.bool_]) -> None:
        self._images.append(image)
        self._moving.append(moving)
        if len(self._images) >= 2 * max(LEAST_SAMPLES, min(MOST_SAMPLES, SAMPLE_BYTES // image.nbytes)):
            self._images, self._moving = self._images[::2], self._moving[::2]
            self._every *= 2

    def finish(self) -> FrameSample:
        if self._held is not None and len(self._images) < LEAST_SAMPLES:  # the last frame has no successor to move towards
            self._keep(self._held.image, np.zeros(self._held.image.shape[:2], bool))
        if not self._images:
            raise ValueError("a background needs at least one frame")
        return FrameSample(np.stack(self._images), np.stack(self._moving), self._count)


def _moving(flow: cv2.DISOpticalFlow, image: Image, successor: Image) -> NDArray[np.bool_]:
    """Where the picture moves towards the next frame; large pictures at half their size, for motion is smooth."""
    a, b = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.cvtColor(successor, cv2.COLOR_BGR2GRAY)
    scale = 2 if a.size > HALVED_FROM else 1
    if scale > 1:
        a, b = (cv2.resize(g, (g.shape[1] // scale, g.shape[0] // scale), interpolation=cv2.INTER_AREA) for g in (a, b))
    if min(a.shape) < SMALLEST_FLOW:  # the flow's pyramid needs a few pixels
        return np.zeros(image.shape[:2], bool)
    field = flow.calc(a, b, None)  # type: ignore[call-overload]
    moving = cv2.dilate((np.hypot(field[..., 0], field[..., 1]) * scale > FLOW_STILL_PX).astype(np.uint8), np.ones((5, 5), np.uint8))
    if scale > 1:
        moving = cv2.resize(moving, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_NEAREST)
    return moving.astype(bool)
