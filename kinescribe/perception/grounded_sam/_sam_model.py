"""SAM and SAM 2 of `transformers`, taken apart: pictures are encoded in batches, and every box is decoded before its own picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import pad

from kinescribe.errors import InputError
from kinescribe.perception.grounded_sam._box_segmenter import PromptableModel
from kinescribe.perception.grounded_sam._preprocessing import Normalization, normalization, read_settings
from kinescribe.perception.grounded_sam.runtime import Runtime, normalize, resize
from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision
from kinescribe.perception.weights import load_pretrained

if TYPE_CHECKING:
    from kinescribe.perception.weights import Weights

__all__ = ["Sam2Parts", "SamParts"]

Features = list[tuple[torch.Tensor, ...]]

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
PROCESSORS = ("processor_config.json", "preprocessor_config.json")


class _Parts(PromptableModel):
    """What both have in common. Prompts are encoded in float32, for bfloat16 knows a place only to some pixels."""

    def __init__(self, model: Any, side: int, weights: Weights, runtime: Runtime) -> None:
        self.side = side
        self._runtime = runtime
        self._normalization = _normalization(weights.path)
        self._vision = runtime.place(model.vision_encoder)
        self._prompts = model.prompt_encoder.requires_grad_(False).to(runtime.device)
        self._decoder = model.mask_decoder.requires_grad_(False).to(runtime.device)
        # get_image_wide_positional_embeddings reads these of the model itself
        model.shared_image_embedding.requires_grad_(False).to(runtime.device)
        with torch.inference_mode():
            self._positions = model.get_image_wide_positional_embeddings()

    def _prompted(self, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.inference_mode():
            sparse, dense = self._prompts(input_points=None, input_labels=None, input_boxes=boxes[:, None], input_masks=None)
        return sparse, dense

    def _pixels(self, images: torch.Tensor) -> torch.Tensor:
        mean, std, scale = self._normalization
        return normalize(resize(images, self.input_size(images.shape[2], images.shape[3])), mean, std, scale=scale)


class SamParts(_Parts):
    """SAM: the longer side of a picture fills the input, the rest is padded."""

    def __init__(self, weights: Weights, runtime: Runtime, warnings: list[str]) -> None:
        model = load_pretrained(import_with_torchvision("transformers").SamModel, weights, model_types=("sam",), warnings=warnings)
        side, prompted = int(model.config.vision_config.image_size), int(model.config.prompt_encoder_config.image_size)
        if side != prompted:
            raise InputError(f"{weights.path} takes pictures of {side} px a side, and prompts on {prompted} px; download it again")
        super().__init__(model, side, weights, runtime)
        self.padded = self.side

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """The longer side becomes the input's, the other keeps the proportion, rounded half up."""
        scale = self.side / max(height, width)
        return max(int(height * scale + 0.5), 1), max(int(width * scale + 0.5), 1)

    def encode(self, images: torch.Tensor) -> Features:
        """Embeddings (C, h, w)."""
        pixels = self._pixels(images)
        pixels = pad(pixels, (0, self.side - pixels.shape[3], 0, self.side - pixels.shape[2]))
        with self._runtime.autocast():
            return [(embedding,) for embedding in self._vision(pixels).last_hidden_state.float()]

    def decode(self, features: Features, boxes: torch.Tensor, *, several: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Every box with its own picture."""
        sparse, dense = self._prompted(boxes)
        with self._runtime.autocast():
            logits, trust = self._decoder(
                image_embeddings=torch.stack([embedding for (embedding,) in features]),
                image_positional_embeddings=self._positions.expand(len(boxes), -1, -1, -1),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=several,
            )
        return logits[:, 0], trust[:, 0]


class Sam2Parts(_Parts):
    """SAM 2: pictures are stretched to the square input; two finer levels of features sharpen the masks."""

    padded = None

    def __init__(self, weights: Weights, runtime: Runtime, warnings: list[str]) -> None:
        network = import_with_torchvision("transformers").Sam2Model
        model = load_pretrained(network, weights, model_types=("sam2", "sam2_video"), warnings=warnings)
        super().__init__(model, int(model.config.prompt_encoder_config.image_size), weights, runtime)
        self._no_memory = model.no_memory_embedding.detach().to(runtime.device)

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """The square, whatever the picture's size."""
        return self.side, self.side

    def encode(self, images: torch.Tensor) -> Features:
        """Feature maps (C, h, w) from fine to coarse; the finer ones as the decoder takes them in."""
        pixels = self._pixels(images)
        with self._runtime.autocast():
            levels = list(self._vision(pixels, return_dict=True).fpn_hidden_states)
            levels[0], levels[1] = self._decoder.conv_s0(levels[0]), self._decoder.conv_s1(levels[1])
            levels[-1] = levels[-1] + self._no_memory.reshape(1, -1, 1, 1)  # a picture has no past
            return list(zip(*(level.float() for level in levels), strict=True))

    def decode(self, features: Features, boxes: torch.Tensor, *, several: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Every box with its own picture."""
        sparse, dense = self._prompted(boxes)
        *fine, coarse = (torch.stack(level) for level in zip(*features, strict=True))
        with self._runtime.autocast():
            logits, trust, *_ = self._decoder(
                image_embeddings=coarse,
                image_positional_embeddings=self._positions.expand(len(boxes), -1, -1, -1),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=several,
                high_resolution_features=fine,
            )
        return logits[:, 0], trust[:, 0]


def _normalization(folder: Path) -> Normalization:
    """What is done to the input's channels, where the folder tells; else as for ImageNet."""
    path, values = read_settings(folder, PROCESSORS) or (folder, {})
    return normalization(path, {"image_mean": MEAN, "image_std": STD} | values)
