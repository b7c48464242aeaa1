"""What segmenters that are prompted by boxes share: frames are encoded in batches, and the boxes of several frames decoded in one call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.perception.detections import SoftMask
from kinescribe.perception.grounded_sam._availability import missing_to_run
from kinescribe.perception.grounded_sam._first_run import FirstRun
from kinescribe.perception.grounded_sam.masks import EMPTY, masks_from_logits
from kinescribe.perception.weights import find
from kinescribe.video.frame import Frame

if TYPE_CHECKING:
    import torch

    from kinescribe.perception.grounded_sam.runtime import Replicas, Runtime
    from kinescribe.perception.weights import Weights

__all__ = ["BoxSegmenter", "PromptableModel", "usable_boxes"]

Float = NDArray[np.float64]

DECODED_AT_ONCE = {"cuda": 64}  # boxes: some 50 MB each
DECODED_AT_ONCE_ELSEWHERE = 16


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """A picture and its usable boxes (n, 4), which frame it is and which of its boxes' rows these are."""

    image: NDArray[np.uint8]
    boxes: Float
    frame: int
    rows: NDArray[np.intp]


class PromptableModel(ABC):
    """A loaded model on its device.

    Attributes:
        padded: side of the square input of a model that pads pictures to the right and below; None where pictures are stretched to it.
    """

    padded: int | None

    @abstractmethod
    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that a picture is scaled to."""

    @abstractmethod
    def encode(self, images: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
        """Features of each of the uint8 RGB pictures (B, 3, H, W), each without the batch's dimension."""

    @abstractmethod
    def decode(self, features: list[tuple[torch.Tensor, ...]], boxes: torch.Tensor, *, several: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (N, K, h, w) and predicted IoU (N, K) for the boxes (N, 4), in px of the model's input, each before its own features."""


class BoxSegmenter(ABC):
    """Boxes to masks.

    Args:
        weights: see `kinescribe.perception.weights.find`; None is the class's default model.
        runtime: where and how precisely to compute; None chooses.
        best_of_three: let the model draw three masks a box, of parts and wholes, and take the one that it trusts most.

    Attributes:
        provenance: of the loaded weights.
        warnings: lines for the user about the weights; those about the device are the runtime's.
    """

    families: ClassVar[tuple[str, ...]]
    default: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]

    def __init__(self, *, weights: str | None = None, runtime: Runtime | None = None, best_of_three: bool = False) -> None:
        self._spec, self._best_of_three = weights, best_of_three
        self._runtime = runtime
        self._models: Replicas[PromptableModel] | None = None
        self._folder: Path | None = None
        self._first_run = FirstRun()
        self.provenance: dict[str, str] = {}
        self.warnings: list[str] = []

    @classmethod
    def missing(cls, weights: str | None = None) -> str | None:
        """What is not here that this segmenter needs, and how to get it; None where it can run."""
        return missing_to_run(cls.packages, weights, families=cls.families, default=cls.default)

    @property
    def runtime(self) -> Runtime:
        """Where the model runs."""
        if self._runtime is None:
            from kinescribe.perception.grounded_sam.runtime import Runtime

            self._runtime = Runtime.choose()
        return self._runtime

    def segment(self, frame: Frame, boxes: Float) -> list[SoftMask]:
        """One mask for each of the (N, 4) boxes x0, y0, x1, y1; see `segment_batch`."""
        return self.segment_batch([frame], [boxes])[0]

    def segment_batch(self, frames: Sequence[Frame], boxes: Sequence[Float]) -> list[list[SoftMask]]:
        """Masks of the boxes, (N, 4) for each frame, in their order.

        A box's right and lower edge lie one past its last pixel; it is cut to the picture. A box without an area there, or with a
        number that isn't finite, gets an empty mask.

        Raises:
            UsageError: boxes of another shape, or not as many lists of them as frames.
            InputError: the weights are missing, or don't load or run.
        """
        if len(frames) != len(boxes):
            raise UsageError(f"{len(boxes)} lists of boxes for {len(frames)} frames; give one list a frame, empty where there are none")
        out = []
        sized: dict[tuple[int, ...], list[_Job]] = {}
        for f, (frame, rows) in enumerate(zip(frames, boxes, strict=True)):
            cut, usable = usable_boxes(rows, frame.image.shape[0], frame.image.shape[1])
            out.append([EMPTY] * len(cut))
            if usable.any():
                sized.setdefault(frame.image.shape, []).append(_Job(frame.image, cut[usable], f, np.flatnonzero(usable)))
        for jobs in sized.values():  # pictures of one size go together
            models = self._loaded()
            with self._first_run.of(self._folder, last=True):
                found = models.in_batches(self._masks, jobs)
            for job, masks in zip(jobs, found, strict=True):
                for row, mask in zip(job.rows, masks, strict=True):
                    out[job.frame][row] = mask
        return out

    def logits(self, frame: Frame, boxes: Float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The model's own answers: logits (N, K, h, w) and predicted IoU (N, K); K is 3 with `best_of_three`, else 1.

        Raises:
            UsageError: boxes of another shape, none of them, or some that have no area in the picture.
        """
        cut, usable = usable_boxes(boxes, frame.image.shape[0], frame.image.shape[1])
        if not usable.all() or len(cut) == 0:
            raise UsageError(f"{np.count_nonzero(~usable)} of {len(cut)} boxes have no area in the picture; leave them out")
        model = self._loaded().first
        prompts = _prompts(model, cut, frame.image.shape).to(self.runtime.device)
        encoded = model.encode(self.runtime.upload([frame.image]))
        logits, trust = model.decode(encoded * len(cut), prompts, several=self._best_of_three)
        return logits.float().cpu().numpy(), trust.float().cpu().numpy()

    @abstractmethod
    def _load(self, weights: Weights, runtime: Runtime) -> PromptableModel:
        """The model of these weights, placed."""

    def _loaded(self) -> Replicas[PromptableModel]:
        if self._models is None:
            weights = find(self._spec, families=self.families, default=self.default)
            with self._first_run.of(weights.path):
                self._models = self.runtime.replicate(lambda runtime: self._load(weights, runtime))
            self._folder = weights.path
            self.provenance = {**weights.provenance(), **self.provenance}
            self.warnings += [self.provenance["warning"]] if "warning" in self.provenance else []
        return self._models

    def _masks(self, model: PromptableModel, runtime: Runtime, jobs: list[_Job]) -> list[list[SoftMask]]:
        """The masks of the boxes of equally large pictures: these are encoded together, and then their boxes decoded together."""
        import torch

        shape = jobs[0].image.shape
        size = (shape[0], shape[1])
        square = None if model.padded is None else (model.padded, model.input_size(*size))
        encoded = model.encode(runtime.upload([job.image for job in jobs]))

        def decoded(asked: list[tuple[int, Float]]) -> list[SoftMask]:
            boxes = np.stack([box for _, box in asked])
            prompts = _prompts(model, boxes, shape).to(runtime.device)
            logits, trust = model.decode([encoded[k] for k, _ in asked], prompts, several=self._best_of_three)
            best = trust.float().argmax(1)
            row = torch.arange(len(asked), device=logits.device)
            return masks_from_logits(logits[row, best], size, trust[row, best].float().cpu().numpy(), boxes=boxes, square=square)

        asked = [(k, box) for k, job in enumerate(jobs) for box in job.boxes]
        masks = iter(runtime.in_batches(decoded, asked, size=DECODED_AT_ONCE.get(runtime.device.type, DECODED_AT_ONCE_ELSEWHERE)))
        return [[next(masks) for _ in job.boxes] for job in jobs]


def _prompts(model: PromptableModel, boxes: Float, shape: tuple[int, ...]) -> torch.Tensor:
    """The boxes, (N, 4), in px of the model's input, float32."""
    import torch

    height, width = model.input_size(shape[0], shape[1])
    return torch.from_numpy((boxes * ([width / shape[1], height / shape[0]] * 2)).astype(np.float32))


def usable_boxes(boxes: Float, height: int, width: int) -> tuple[Float, NDArray[np.bool_]]:
    """The boxes (N, 4) cut to the picture, and which of them are finite and have an area there, (N,).

    Raises:
        UsageError: boxes of another shape.
    """
    rows = np.asarray(boxes, np.float64)
    if rows.size == 0:
        return np.zeros((0, 4)), np.zeros(0, bool)
    if rows.ndim != 2 or rows.shape[1] != 4:
        raise UsageError(f"boxes of shape {rows.shape} given; (N, 4) with x0, y0, x1, y1 is needed")
    finite = np.asarray(np.isfinite(rows).all(axis=1), np.bool_)
    cut = np.clip(np.where(finite[:, None], rows, 0.0), 0.0, [width, height, width, height])
    return cut, finite & (cut[:, 2] > cut[:, 0]) & (cut[:, 3] > cut[:, 1])
