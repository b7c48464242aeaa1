"""The detector that always works: a static camera, no weights, no GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.background import Background, FrameSample, estimate_background, sample_frames
from kinescribe.perception.classical.blobs import above_own_contrast, cut_out, split_at_necks
from kinescribe.perception.classical.foreground import Foreground, ForegroundModel
from kinescribe.perception.classical.measure import Measurement, measure
from kinescribe.perception.classical.panes import Panes
from kinescribe.perception.classical.parts import PART, Parts
from kinescribe.perception.classical.plain import plain_background
from kinescribe.perception.classical.second_look import second_look
from kinescribe.perception.classical.still import StillObjects
from kinescribe.perception.detections import Detections, MaskCrop
from kinescribe.perception.sightings import Path, Sightings
from kinescribe.video.frame import Frame

if TYPE_CHECKING:
    from kinescribe.video.source import Video

__all__ = ["Body", "ClassicalDetector", "Window", "detections_from"]

Float32 = NDArray[np.float32]
Window = tuple[slice, slice]
"""Rows and columns of a picture."""

FEW_FRAMES = 8  # too few for a temporal background: a slow thing covers itself in all of them
EVEN_ENOUGH = 0.7  # a sheet of paper; a dark backdrop full of things is better told from few frames' median
DRAWN_EVENNESS = 0.985  # a drawn background, not a photographed wall
MARGIN = 3
LARGEST_SHARE = 0.5  # of the picture: a blob beyond this is a change of light or of the scene
MOST_DETECTIONS = 400  # a frame
MOST_BODIES = 30  # a blob
BESIDE_DETECT = ("__init__", "prepare", "second_look", "keep_for_second_look", "_estimate")  # never run while frames are looked at


class ClassicalDetector:
    """Background difference with measured noise, bodies cut at thin necks, sub-pixel centres.

    Attributes:
        finds_still: whether things that never move are detected too; known after `prepare`.
        background: known after `prepare`.
        thread_safe: several threads may look at frames at once; False for a subclass with a `detect` of its own that doesn't promise it.
    """

    thread_safe = True

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        promising = next(base for base in cls.__mro__ if "thread_safe" in vars(base))
        within = [name for name, value in vars(ClassicalDetector).items() if callable(value) and name not in BESIDE_DETECT]
        # the promise is of the code that was there when it was made: what is put in its place may keep something from frame to frame
        if any(getattr(cls, name) is not getattr(promising, name, None) for name in within):
            cls.thread_safe = False

    def __init__(self) -> None:
        self.finds_still = False
        self.background: Background | None = None
        self._model: ForegroundModel | None = None
        self._still: StillObjects | None = None
        self._parts: Parts | None = None
        self._panes: Panes | None = None

    def prepare(self, video: Video, phrases: Sequence[str] = ()) -> None:
        """Estimate the background from the whole video and learn the parts of jointed bodies; among still things look for those that
        `phrases` describe.
        """
        sample = sample_frames(video)
        few = sample.frame_count < FEW_FRAMES
        spread = sample.images[np.unique(np.linspace(0, len(sample.images) - 1, FEW_FRAMES).round().astype(int))]
        plain = plain_background(list(spread), EVEN_ENOUGH if few else DRAWN_EVENNESS)
        self.finds_still = plain is not None
        self.background = self._estimate(sample) if plain is None else plain
        self._model = ForegroundModel(self.background)
        self._parts = Parts.find(sample.images, self._model, self._windows, phrases)
        if phrases and plain is None:
            self._still = StillObjects.find(self.background, phrases)

    def detect(self, frame: Frame) -> Detections:
        """The bodies that stand out from the background in this frame."""
        model, _ = self._prepared()
        frame = replace(frame, image=model.level(frame.image))
        foreground = model.segment(frame.image)
        bodies: list[Body] = []
        windows = self._windows(foreground)
        if self._panes is not None:
            self._panes.keep(frame, foreground.offset, [window for _, window in windows])
        for label, window in windows:
            bodies += self._cut(frame, foreground, label, window, *self._difference(frame, foreground, window))
        return self._detections(frame, foreground, bodies, [body.measured() for body in bodies])

    def second_look(self, video: Video, paths: list[Path], progress: Callable[[int], None] | None = None) -> list[Sightings | None]:
        """Follow each path's body through the video by its own look; None where it has none."""
        if self.background is None:
            raise RuntimeError("a ClassicalDetector looks again only after prepare(video)")
        panes, self._panes = self._panes, None
        try:
            return second_look(video, self.background, paths, progress, self._parts, panes if panes is not None and panes.indices else None)
        finally:
            if panes is not None:
                panes.close()

    def keep_for_second_look(self) -> None:
        """Keep what `second_look` needs of the frames that `detect` sees from now on, the same ones that its video has, each once.

        The second look need not decode all of them again then. What is kept lies in a temporary file of half a gigabyte at most, which is
        gone after the second look, or with the detector. Nothing is kept of what a subclass detects in its own way: it may have seen other
        pictures than the video's, or not all of them.
        """
        self._panes = Panes() if type(self).detect is ClassicalDetector.detect else None

    def _prepared(self) -> tuple[ForegroundModel, Background]:
        if self._model is None or self.background is None:
            raise RuntimeError(f"a {type(self).__name__} detects only after prepare(video)")
        return self._model, self.background

    def _estimate(self, sample: FrameSample) -> Background:
        return estimate_background(sample)

    def _windows(self, foreground: Foreground) -> list[tuple[int, Window]]:
        """The blobs to look at, largest first, and the part of the picture about each."""
        height, width = foreground.labels.shape
        limit = LARGEST_SHARE * height * width
        seeds = sorted(foreground.seeds, key=lambda k: -int(foreground.stats[k, cv2.CC_STAT_AREA]))
        out = []
        for label in seeds[:MOST_DETECTIONS]:
            if not self.finds_still and foreground.stats[label, cv2.CC_STAT_AREA] > limit:
                continue
            x, y, w, h = (int(v) for v in foreground.stats[label, :4])
            rows = slice(max(y - MARGIN, 0), min(y + h + MARGIN, height))
            out.append((int(label), (rows, slice(max(x - MARGIN, 0), min(x + w + MARGIN, width)))))
        return out

    def _difference(self, frame: Frame, foreground: Foreground, window: Window) -> tuple[Float32, Float32]:
        """Frame − background in a window, (h, w, 3), and its RMS over channels, (h, w)."""
        from kinescribe.perception.classical.compiled.foreground import subtract  # numba takes its time to come in

        _, background = self._prepared()
        image, plate = frame.image[window], background.plate[window]
        delta, difference = np.empty(image.shape, np.float32), np.empty(image.shape[:2], np.float32)
        subtract(image, foreground.offset, plate, delta, difference)
        return delta, difference

    def _cut(self, frame: Frame, foreground: Foreground, label: int, window: Window, delta: Float32, difference: Float32) -> Iterator[Body]:
        """The bodies that a blob holds."""
        _, background = self._prepared()
        blob = foreground.labels[window] == label
        parts = [] if self._parts is None else self._parts.cut(frame.image[window], delta, blob)
        for part in parts:
            yield Body(part.image, part.delta, part.difference, background.sigma[window], part.mask, window[1].start, window[0].start, PART)
        if parts:
            return
        bodies = [body for part in above_own_contrast(blob, difference) for body in split_at_necks(part)]
        for mask in bodies[:MOST_BODIES]:
            yield Body(frame.image[window], delta, difference, background.sigma[window], mask, window[1].start, window[0].start)

    def _detections(
        self, frame: Frame, foreground: Foreground, bodies: Sequence[Body], measured: Sequence[Measurement | None]
    ) -> Detections:
        found = [(m, body) for m, body in zip(measured, bodies, strict=True) if m is not None]
        detections = detections_from(frame, [(m, body.crop()) for m, body in found])
        detections.phrases = [body.phrase for _, body in found]
        if self._still is None:
            return detections
        return detections.joined(detections_from(frame, self._still.seen(frame, foreground), self._still.phrase))


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A body cut out of a frame, not yet measured.

    Attributes:
        image, delta, difference, sigma: crops of the same window: the picture, its difference from the background, that one's RMS over
            channels and its noise.
        mask: bool, (h, w), which of the window's pixels are the body.
        x0, y0: image pixel of the window's top left corner.
        phrase: handed on to its detection.
    """

    image: NDArray[np.uint8]
    delta: Float32
    difference: Float32
    sigma: Float32
    mask: NDArray[np.bool_]
    x0: int
    y0: int
    phrase: str = ""

    @property
    def whole(self) -> bool:
        """Whether it is all of a body, not a part cut off from others."""
        return self.phrase != PART

    def measured(self) -> Measurement | None:
        """On its own; None where nothing of it differs from the background."""
        return measure(self.image, self.delta, self.sigma, self.mask, self.x0, self.y0, difference=self.difference, whole=self.whole)

    def crop(self) -> MaskCrop:
        """The mask cut to its own box."""
        return cut_out(self.mask, self.x0, self.y0)


def detections_from(frame: Frame, found: Sequence[tuple[Measurement, MaskCrop]], phrase: str = "") -> Detections:
    """The struct of arrays for one frame's measurements, all found for the same phrase."""
    if not found:
        return Detections(frame.index, frame.time_s)
    measured, masks = [m for m, _ in found], [mask for _, mask in found]
    height, width = frame.image.shape[:2]
    boxes = np.array([[m.x, m.y, m.x + m.shape[1], m.y + m.shape[0]] for m in masks], np.float64)
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
