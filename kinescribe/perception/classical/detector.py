"""The detector that always works: a static camera, no weights, no GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from kinescribe.perception.background import Background, estimate_background, sample_frames
from kinescribe.perception.classical.blobs import above_own_contrast, split_at_necks
from kinescribe.perception.classical.foreground import Foreground, ForegroundModel
from kinescribe.perception.classical.measure import Measurement, measure
from kinescribe.perception.classical.plain import plain_background
from kinescribe.perception.classical.second_look import second_look
from kinescribe.perception.classical.still import StillObjects
from kinescribe.perception.detections import Detections, MaskCrop
from kinescribe.perception.sightings import Path, Sightings
from kinescribe.video.frame import Frame

if TYPE_CHECKING:
    from kinescribe.video.source import Video

__all__ = ["ClassicalDetector", "detections_from"]

FEW_FRAMES = 8  # too few for a temporal background: a slow thing covers itself in all of them
EVEN_ENOUGH = 0.7  # a sheet of paper; a dark backdrop full of things is better told from few frames' median
DRAWN_EVENNESS = 0.985  # a drawn background, not a photographed wall
MARGIN = 3
LARGEST_SHARE = 0.5  # of the picture: a blob beyond this is a change of light or of the scene
MOST_DETECTIONS = 400  # a frame
MOST_BODIES = 30  # a blob


class ClassicalDetector:
    """Background difference with measured noise, bodies cut at thin necks, sub-pixel centres.

    Attributes:
        finds_still: whether things that never move are detected too; known after `prepare`.
        background: known after `prepare`.
    """

    def __init__(self) -> None:
        self.finds_still = False
        self.background: Background | None = None
        self._model: ForegroundModel | None = None
        self._still: StillObjects | None = None

    def prepare(self, video: Video, phrases: Sequence[str] = ()) -> None:
        """Estimate the background from the whole video; among still things look for those that `phrases` describe."""
        sample = sample_frames(video)
        few = sample.frame_count < FEW_FRAMES
        spread = sample.images[np.unique(np.linspace(0, len(sample.images) - 1, FEW_FRAMES).round().astype(int))]
        plain = plain_background(list(spread), EVEN_ENOUGH if few else DRAWN_EVENNESS)
        self.finds_still = plain is not None
        self.background = estimate_background(sample) if plain is None else plain
        self._model = ForegroundModel(self.background)
        if phrases and plain is None:
            self._still = StillObjects.find(self.background, phrases)

    def detect(self, frame: Frame) -> Detections:
        """The bodies that stand out from the background in this frame."""
        if self._model is None:
            raise RuntimeError("a ClassicalDetector detects only after prepare(video)")
        foreground = self._model.segment(frame.image)
        found: list[tuple[Measurement, MaskCrop]] = []
        limit = LARGEST_SHARE * frame.image.shape[0] * frame.image.shape[1]
        seeds = sorted(foreground.seeds, key=lambda k: -int(foreground.stats[k, cv2.CC_STAT_AREA]))
        for label in seeds[:MOST_DETECTIONS]:
            if not self.finds_still and foreground.stats[label, cv2.CC_STAT_AREA] > limit:
                continue
            found += self._bodies(frame, foreground, int(label))
        detections = detections_from(frame, found)
        if self._still is not None:
            detections = detections.joined(detections_from(frame, self._still.seen(frame, foreground), self._still.phrase))
        return detections

    def second_look(self, video: Video, paths: list[Path], progress: Callable[[int], None] | None = None) -> list[Sightings | None]:
        """Follow each path's body through the video by its own look; None where it has none."""
        if self.background is None:
            raise RuntimeError("a ClassicalDetector looks again only after prepare(video)")
        return second_look(video, self.background, paths, progress)

    def _bodies(self, frame: Frame, foreground: Foreground, label: int) -> Iterator[tuple[Measurement, MaskCrop]]:
        assert self.background is not None
        height, width = foreground.labels.shape
        x, y, w, h = (int(v) for v in foreground.stats[label, :4])
        x0, y0, x1, y1 = max(x - MARGIN, 0), max(y - MARGIN, 0), min(x + w + MARGIN, width), min(y + h + MARGIN, height)
        window = (slice(y0, y1), slice(x0, x1))
        image = frame.image[window]
        delta = (image - foreground.offset - self.background.plate[window]).astype(np.float32)
        difference = np.sqrt(np.einsum("hwc,hwc->hw", delta, delta) / 3).astype(np.float32)
        sigma = self.background.sigma[window]
        blob = foreground.labels[window] == label
        bodies = [body for part in above_own_contrast(blob, difference) for body in split_at_necks(part)]
        for mask in bodies[:MOST_BODIES]:
            measured = measure(image, delta, sigma, mask, x0, y0)
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
            yield measured, MaskCrop(x0 + int(columns[0]), y0 + int(rows[0]), crop)


def detections_from(frame: Frame, found: Sequence[tuple[Measurement, MaskCrop]], phrase: str = "") -> Detections:
    """The struct of arrays for one frame's measurements, all found for the same phrase."""
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
        phrases=[phrase] * len(found),
        shapes=[m.shape for m in measured],
    )
