"""The detector that always works: a static camera, no weights, no GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.background import Background, estimate_background, sample_indices
from kinescribe.perception.classical.blobs import above_own_contrast, split_at_necks
from kinescribe.perception.classical.foreground import Foreground, ForegroundModel
from kinescribe.perception.classical.measure import Measurement, measure
from kinescribe.perception.classical.plain import plain_background
from kinescribe.perception.detections import Detections, MaskCrop
from kinescribe.video.frame import Frame

if TYPE_CHECKING:
    from kinescribe.video.source import Video

__all__ = ["ClassicalDetector", "detections_from"]

FEW_FRAMES = 8  # too few for a temporal background: a slow thing covers itself in all of them
DRAWN_EVENNESS = 0.985  # a drawn background, not a photographed wall
MARGIN = 3
LARGEST_SHARE = 0.5  # of the picture: a blob beyond this is a change of light or of the scene
MOST_DETECTIONS = 400  # a frame
MOST_BODIES = 30  # a blob


class ClassicalDetector:
    """Background difference with measured noise, bodies cut at thin necks, sub-pixel centroids.

    Args:
        background_samples: frames that vote for the background.
    """

    def __init__(self, background_samples: int = 60) -> None:
        self.background_samples = background_samples
        self.background: Background | None = None
        self.plain = False
        self.warnings: list[str] = []
        self._model: ForegroundModel | None = None

    def prepare(self, video: Video, phrases: Sequence[str] = ()) -> None:
        """Estimate the background from frames spread over the whole video."""
        count = sum(1 for _ in video.sample([])) if video.info.frame_count is None else video.info.frame_count
        indices = sample_indices(count, self.background_samples)
        images = [frame.image for frame in video.sample([int(i) for i in indices])]
        plain = plain_background(images[:FEW_FRAMES], 0.0 if count < FEW_FRAMES else DRAWN_EVENNESS)
        if plain is not None:
            self.background, self.plain = plain, True
        else:
            self.background = estimate_background(_pairs(video, indices))
        self._model = ForegroundModel(self.background)

    def detect(self, frame: Frame) -> Detections:
        """The bodies that stand out from the background in this frame."""
        assert self._model is not None and self.background is not None, "call prepare() first"
        foreground = self._model.segment(frame.image)
        found: list[tuple[Measurement, MaskCrop]] = []
        limit = LARGEST_SHARE * frame.image.shape[0] * frame.image.shape[1]
        seeds = sorted(foreground.seeds, key=lambda k: -int(foreground.stats[k, cv2.CC_STAT_AREA]))
        for label in seeds[:MOST_DETECTIONS]:
            if not self.plain and foreground.stats[label, cv2.CC_STAT_AREA] > limit:
                continue
            found += self._bodies(frame, foreground, int(label))
        return detections_from(frame, found)

    def _bodies(self, frame: Frame, foreground: Foreground, label: int) -> Iterator[tuple[Measurement, MaskCrop]]:
        assert self.background is not None
        height, width = foreground.labels.shape
        x, y, w, h = (int(v) for v in foreground.stats[label, :4])
        x0, y0, x1, y1 = max(x - MARGIN, 0), max(y - MARGIN, 0), min(x + w + MARGIN, width), min(y + h + MARGIN, height)
        window = (slice(y0, y1), slice(x0, x1))
        image = frame.image[window]
        delta = image - foreground.offset - self.background.plate[window]
        difference = np.sqrt(np.einsum("hwc,hwc->hw", delta, delta) / 3).astype(np.float32)
        sigma = self.background.sigma[window]
        blob = foreground.labels[window] == label
        bodies = [body for part in above_own_contrast(blob, difference) for body in split_at_necks(part)]
        for mask in bodies[:MOST_BODIES]:
            measured = measure(image, difference, sigma, mask, x0, y0)
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
            yield measured, MaskCrop(x0 + int(columns[0]), y0 + int(rows[0]), crop)


def _pairs(video: Video, indices: NDArray[np.int64]) -> Iterator[tuple[Frame, Frame | None]]:
    """The sampled frames, each with its successor."""
    wanted = sorted({int(i) for i in indices} | {int(i) + 1 for i in indices})
    chosen = {int(i) for i in indices}
    held: Frame | None = None
    for frame in video.sample(wanted):
        if held is not None:
            yield held, frame if frame.index == held.index + 1 else None
        held = frame if frame.index in chosen else None
    if held is not None:
        yield held, None


def detections_from(frame: Frame, found: Sequence[tuple[Measurement, MaskCrop]]) -> Detections:
    """The struct of arrays for one frame's measurements."""
    if not found:
        return Detections(frame.index, frame.time_s)
    measured, masks = [m for m, _ in found], [mask for _, mask in found]
    height, width = frame.image.shape[:2]
    boxes = np.array([[m.x, m.y, m.x + m.pixels.shape[1], m.y + m.pixels.shape[0]] for m in masks], np.float64)
    contrasts = np.array([m.contrast for m in measured])
    return Detections(
        frame=frame.index,
        time_s=frame.time_s,
        boxes=boxes,
        centroids=np.stack([m.centroid for m in measured]),
        covariances=np.stack([m.covariance for m in measured]),
        areas=np.array([m.area for m in measured]),
        sizes=np.stack([m.size for m in measured]),
        angles=np.array([m.angle for m in measured]),
        angle_sigmas=np.array([m.angle_sigma for m in measured]),
        colors=np.stack([m.color for m in measured]),
        contrasts=contrasts,
        scores=1 - np.exp(-contrasts / 6),
        truncated=(boxes[:, 0] <= 0) | (boxes[:, 1] <= 0) | (boxes[:, 2] >= width) | (boxes[:, 3] >= height),
        masks=masks,
        phrases=[""] * len(found),
        shapes=[m.shape for m in measured],
    )
