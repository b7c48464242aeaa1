"""Carrying masks from frame to frame with SAM 2 video, in a memory that doesn't grow with the video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.detections import MaskCrop, SoftMask
from kinescribe.perception.grounded_sam._availability import missing_to_run
from kinescribe.perception.grounded_sam._first_run import FirstRun
from kinescribe.perception.weights import find
from kinescribe.video.frame import Frame

if TYPE_CHECKING:
    from kinescribe.perception.grounded_sam._image_processor import ImageProcessor
    from kinescribe.perception.grounded_sam._mask_propagation import FrameFeatures, MaskPropagation
    from kinescribe.perception.grounded_sam._memory_bank import Memory, ThingMemory
    from kinescribe.perception.grounded_sam.runtime import Runtime

__all__ = ["Sam2VideoPropagator", "check_size"]

CARRIED_AT_ONCE = {"cuda": 16}  # things: some 200 MB each at the public models' size
CARRIED_AT_ONCE_ELSEWHERE = 4
STEPS_OF_A_FIRST_RUN = 8  # in the frames before, a thing has hardly a memory to attend to


class Sam2VideoPropagator:
    """SAM 2 video (Ravi et al. 2024, arXiv 2408.00714), frame by frame, all things of a frame together.

    What the model can't attend to any more is forgotten at once. The results are those of a model that keeps everything, as long as no
    thing is prompted in more than `conditioning` frames; beyond that, the first and the latest prompts of a thing are kept.

    Args:
        weights: see `kinescribe.perception.weights.find`; None is the default model.
        runtime: where and how precisely to compute; None chooses.
        conditioning: frames with prompts that are remembered for each thing, at least 2.

    Attributes:
        provenance: of the loaded weights.
        warnings: lines for the user.
    """

    families = ("sam2-video",)
    default = "sam2.1-hiera-tiny"

    def __init__(self, *, weights: str | None = None, runtime: Runtime | None = None, conditioning: int = 4) -> None:
        if conditioning < 2:
            raise UsageError(f"conditioning {conditioning} frames is too few: the first prompt and the latest are needed, so at least 2")
        self._spec, self._given_runtime, self._conditioning = weights, runtime, conditioning
        self._loaded: tuple[MaskPropagation, ImageProcessor, Runtime] | None = None
        self._folder: Path | None = None
        self._first_run = FirstRun()
        self.provenance: dict[str, str] = {}
        self.warnings: list[str] = []
        self.reset()

    @classmethod
    def missing(cls, weights: str | None = None) -> str | None:
        """What is not here that this propagator needs, and how to get it; None where it can run."""
        return missing_to_run(("torch", "torchvision", "transformers"), weights, families=cls.families, default=cls.default)

    def reset(self) -> None:
        """Forget everything: the next frame is the first of another video."""
        self._things: dict[int, ThingMemory] = {}
        self._step = 0
        self._current: int | None = None  # index of the frame that was stepped to last
        self._planned: list[Frame] = []
        self._encoded: dict[int, FrameFeatures] = {}

    def encode_ahead(self, frames: Sequence[Frame]) -> None:
        """These frames are stepped to next: they may be encoded together, a batch at a time, as soon as the first of them is needed."""
        self._planned = list(frames)

    def step(self, frame: Frame) -> dict[int, SoftMask]:
        """The masks in this frame of everything that is followed, by id.

        A mask's score is the probability that the thing is in view times the intersection over union that the model expects of its mask.
        Empty masks, with that score, where a thing isn't in view.

        Raises:
            UsageError: a frame that doesn't come after the one before.
        """
        if self._current is not None and frame.index <= self._current:
            raise UsageError(f"frame {frame.index} after frame {self._current}: step through a video in order, and reset before another")
        self._step, self._current = self._step + 1, frame.index
        self._encoded = {index: features for index, features in self._encoded.items() if index >= frame.index}
        self._planned = [planned for planned in self._planned if planned.index > frame.index]
        if not self._things:
            return {}
        import torch

        propagation, _, runtime = self._load()
        with self._first_run.of(self._folder):
            features, step = self._features(frame), self._step

        def carry(things: list[ThingMemory]) -> list[tuple[Any, Memory]]:
            with runtime.autocast():
                return propagation.carry(features, things, step)

        with self._first_run.of(self._folder, last=self._step >= STEPS_OF_A_FIRST_RUN):
            carried = runtime.in_batches(carry, list(self._things.values()), size=_at_once(runtime, len(self._things)))
        for thing, (_, memory) in zip(self._things.values(), carried, strict=True):
            thing.carry(step, memory)
        logits = torch.cat([masks.logits[:, 0] for masks, _ in carried])
        scores = torch.cat([masks.presence.float().sigmoid() * masks.overlap.float() for masks, _ in carried]).cpu().numpy()
        return dict(zip(self._things, _soft_masks(logits, frame, scores), strict=True))

    def prompt(self, frame: Frame, masks: Mapping[int, MaskCrop]) -> None:
        """These things look like this in the frame that was stepped to last.

        Raises:
            UsageError: another frame than that, or a mask without a pixel.
        """
        if frame.index != self._current:
            raise UsageError(f"prompts for frame {frame.index}, but the last step was to {self._current}: step to a frame first")
        bare = [number for number, mask in masks.items() if not mask.pixels.any()]
        if bare:
            raise UsageError(f"the mask of thing {bare[0]} in frame {frame.index} has no pixel; drop a thing that is gone")
        if not masks:
            return
        from kinescribe.perception.grounded_sam._memory_bank import ThingMemory

        propagation, _, runtime = self._load()
        with self._first_run.of(self._folder):
            features = self._features(frame)

        def show(crops: list[MaskCrop]) -> list[Memory]:
            with runtime.autocast():
                return propagation.show(features, _prompts(crops, frame, propagation.image_size, runtime.device))

        with self._first_run.of(self._folder):
            memories = runtime.in_batches(show, list(masks.values()), size=_at_once(runtime, len(masks)))
        for number, memory in zip(masks, memories, strict=True):
            self._things.setdefault(number, ThingMemory(propagation.limits)).show(self._step, memory)

    def drop(self, ids: Sequence[int]) -> None:
        """Follow these no longer.

        Raises:
            UsageError: one that isn't followed.
        """
        for number in ids:
            if number not in self._things:
                followed = ", ".join(str(i) for i in self._things) or "nothing"
                raise UsageError(f"thing {number} can't be dropped: {followed} is followed")
            del self._things[number]

    def _load(self) -> tuple[MaskPropagation, ImageProcessor, Runtime]:
        if self._loaded is None:
            from kinescribe.perception.grounded_sam._image_processor import ImageProcessor
            from kinescribe.perception.grounded_sam._mask_propagation import MaskPropagation
            from kinescribe.perception.grounded_sam.runtime import Runtime
            from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision
            from kinescribe.perception.weights import load_pretrained

            weights = find(self._spec, families=self.families, default=self.default)
            model_class = import_with_torchvision("transformers").Sam2VideoModel
            processor = ImageProcessor.read(weights.path)
            model = load_pretrained(model_class, weights, model_types=("sam2_video",), warnings=self.warnings)
            check_size(processor, int(model.config.image_size), weights.path)
            runtime = Runtime.choose() if self._given_runtime is None else self._given_runtime
            with self._first_run.of(weights.path):
                self._loaded = MaskPropagation(runtime.place(model, ("vision_encoder",)), self._conditioning), processor, runtime
            self._folder = weights.path
            self.provenance = weights.provenance()
            self.warnings += [self.provenance["warning"]] if "warning" in self.provenance else []
            self.warnings += [line for line in runtime.warnings if line not in self.warnings]
        return self._loaded

    def _features(self, frame: Frame) -> FrameFeatures:
        """Features of a frame; those of the next planned ones are made with it, as far as a batch goes."""
        if frame.index not in self._encoded:
            propagation, processor, runtime = self._load()
            size = frame.image.shape
            batch = [frame, *(planned for planned in self._planned if planned.image.shape == size)][: runtime.batch_size]

            def encode(frames: list[Frame]) -> list[FrameFeatures]:
                with runtime.autocast():
                    return propagation.encode(processor.scaled(runtime.upload([one.image for one in frames])))

            self._encoded |= zip((one.index for one in batch), runtime.in_batches(encode, batch), strict=True)
        return self._encoded[frame.index]


def _at_once(runtime: Runtime, things: int) -> int:
    return max(1, min(things, CARRIED_AT_ONCE.get(runtime.device.type, CARRIED_AT_ONCE_ELSEWHERE)))


def check_size(processor: ImageProcessor, image_size: int, folder: Path) -> None:
    """Raise `InputError` where the processor makes pictures of another size than the model takes."""
    if processor.fixed != (image_size, image_size):
        made = "keep their aspect ratio" if processor.fixed is None else f"have {processor.fixed[1]} x {processor.fixed[0]} px"
        raise InputError(f"{folder} prepares pictures that {made}, and its model takes {image_size} x {image_size} px; download it again")


def _prompts(crops: Sequence[MaskCrop], frame: Frame, size: int, device: Any) -> Any:
    """Masks as the model takes them, float 0 or 1, shape (n, 1, size, size)."""
    import torch
    from torch.nn.functional import interpolate

    height, width = frame.image.shape[:2]
    full = torch.from_numpy(np.stack([crop.full(height, width) for crop in crops]))[:, None].to(device).float()
    if (height, width) == (size, size):
        return full
    share = interpolate(full, (size, size), mode="bilinear", align_corners=False, antialias=True)
    # a thing smaller than one of the model's pixels would vanish, and the model would take it for gone
    return (share >= share.amax((2, 3), keepdim=True).clamp(max=0.5)).float()


def _soft_masks(logits: Any, frame: Frame, scores: np.ndarray[Any, np.dtype[np.float32]]) -> list[SoftMask]:
    from kinescribe.perception.grounded_sam.masks import masks_from_logits

    masks = masks_from_logits(logits, frame.image.shape[:2], scores)
    return [replace(mask, score=float(np.clip(score, 0, 1))) for mask, score in zip(masks, scores, strict=True)]
