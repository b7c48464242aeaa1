"""Detectors, segmenters and propagators that know the truth of a drawn scene, and err in the ways they are told to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinescribe.evaluation.scenes import Scene
from kinescribe.perception import Detections, MaskCrop, SoftMask
from kinescribe.perception.grounded_sam.boxes import detections_of_boxes
from kinescribe.perception.naming.prompts import prompts_of
from kinescribe.perception.overlap import iou
from kinescribe.video import Frame


def soft_mask(scene: Scene, name: str, frame: int, moved: tuple[float, float] = (0.0, 0.0)) -> SoftMask:
    """What a body of the scene covers in a frame, hidden parts included; empty where it is out of the picture."""
    truth = scene.truth[name]
    body = next(body for body in scene.bodies if body.name == name)
    angle = 0.0 if truth.angles is None else float(truth.angles[frame])
    rows, columns, coverage = body.coverage(truth.positions[frame] + np.array(moved), angle, scene.height, scene.width)
    if coverage.size == 0 or coverage.max() < 0.5:
        return SoftMask(0, 0, np.zeros((0, 0), np.float32))
    return SoftMask(columns.start, rows.start, coverage.astype(np.float32), 0.95)


def whole(box: Sequence[float]) -> MaskCrop:
    x0, y0, x1, y1 = (round(edge) for edge in box)
    return MaskCrop(x0, y0, np.ones((max(y1 - y0, 1), max(x1 - x0, 1)), bool))


def box_of(mask: SoftMask) -> list[float]:
    crop = mask.binary()
    return [crop.x, crop.y, crop.x + crop.pixels.shape[1], crop.y + crop.pixels.shape[0]]


@dataclass
class ScriptedDetector:
    """Boxes of a scene's bodies.

    `missed`, `swapped`: how often, of 1, a body isn't seen, or is given another of the names. `ghosts`: names of things that aren't there,
    each reported in this share of the frames, at a place of its own each time. `called`: bodies with a wrong name throughout.
    """

    scene: Scene
    missed: float = 0.0
    swapped: float = 0.0
    ghosts: Mapping[str, float] = field(default_factory=dict)
    called: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, range] = field(default_factory=dict)
    seed: int = 0
    finds_still: bool = True
    segments: bool = False
    reads_phrases: bool = True

    def __post_init__(self) -> None:
        self.asked: list[str] = []
        self.looked_at: list[int] = []

    def prepare(self, video: object, phrases: Sequence[str]) -> None:
        self.asked = [prompt.label for prompt in prompts_of(phrases)]

    def detect(self, frame: Frame) -> Detections:
        rng = np.random.default_rng([self.seed, frame.index])
        self.looked_at.append(frame.index)
        boxes: list[list[float]] = []
        scores: list[float] = []
        names: list[str] = []
        for name in self.scene.truth:
            mask = soft_mask(self.scene, name, frame.index)
            if mask.empty or rng.random() < self.missed or frame.index in self.hidden.get(name, range(0)):
                continue
            word = self.called.get(name, name)
            if rng.random() < self.swapped:
                word = str(rng.choice([other for other in self.asked if other != word] or [word]))
            if word in self.asked:
                boxes.append(box_of(mask))
                scores.append(0.8)
                names.append(word)
        for word, share in self.ghosts.items():
            if rng.random() < share:
                x, y = rng.uniform(5, self.scene.width - 30), rng.uniform(5, self.scene.height - 30)
                boxes.append([x, y, x + 22, y + 22])
                scores.append(0.45)
                names.append(word)
        return detections_of_boxes(frame, np.array(boxes, float).reshape(-1, 4), np.array(scores), names)


@dataclass
class ScriptedSegmenter:
    """The mask of the body whose box is meant; a whole box where it is none's."""

    scene: Scene

    def segment(self, frame: Frame, boxes: NDArray[np.float64]) -> list[SoftMask]:
        out = []
        masks = [soft_mask(self.scene, name, frame.index) for name in self.scene.truth]
        for box in boxes:
            overlaps = [0.0 if mask.empty else iou(whole(box_of(mask)), whole(box)) for mask in masks]
            best = int(np.argmax(overlaps))
            out.append(masks[best] if overlaps[best] > 0.5 else SoftMask.of(whole(box)))
        return out


@dataclass
class ScriptedPropagator:
    """Follows the scene's bodies; what is no body stays where it was. `drift`: px a frame by which a carried mask slips to the right."""

    scene: Scene
    drift: float = 0.0
    loses: Mapping[str, range] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reset()
        self.prompts: list[tuple[int, int]] = []

    def reset(self) -> None:
        self._followed: dict[int, tuple[str | None, MaskCrop, int]] = {}

    def step(self, frame: Frame) -> dict[int, SoftMask]:
        out = {}
        for number, (name, still, since) in self._followed.items():
            if name is None:
                out[number] = SoftMask.of(still)
            elif frame.index in self.loses.get(name, range(0)):
                out[number] = SoftMask(0, 0, np.zeros((0, 0), np.float32))
            else:
                out[number] = soft_mask(self.scene, name, frame.index, (self.drift * (frame.index - since), 0.0))
        return out

    def prompt(self, frame: Frame, masks: Mapping[int, MaskCrop]) -> None:
        for number, mask in masks.items():
            best = max(self.scene.truth, key=lambda name: iou(mask, soft_mask(self.scene, name, frame.index).binary()))
            known = iou(mask, soft_mask(self.scene, best, frame.index).binary()) > 0.3
            self._followed[number] = (best if known else None, mask, frame.index)
            self.prompts.append((frame.index, number))

    def drop(self, ids: Sequence[int]) -> None:
        for number in ids:
            del self._followed[number]
