"""The network of the `segment-anything` package: built to fit a checkpoint's tensors, and run on many boxes of many pictures at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import pad

from kinescribe.errors import InputError
from kinescribe.perception.grounded_sam._box_segmenter import PromptableModel
from kinescribe.perception.grounded_sam._pillow_resize import pillow_resize
from kinescribe.perception.grounded_sam.runtime import Runtime, normalize
from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision
from kinescribe.perception.weights import load_state
from kinescribe.perception.weights.wording import plain

if TYPE_CHECKING:
    from kinescribe.perception.weights import Weights

__all__ = ["Architecture", "SegmentAnythingModel"]

State = Mapping[str, torch.Tensor]

NAMES = {(768, 12): "vit_b", (1024, 24): "vit_l", (1280, 32): "vit_h"}
"""Width and depth of the encoders that checkpoints were published for."""

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
DECODER_HEADS = 8  # of every published checkpoint; the tensors' shapes don't tell
LARGEST_SIDE = 2048
OTHERS = {
    "vision_encoder.": "SAM in the format of transformers; choose the segmenter 'sam' or 'sam2' for it",
    "image_encoder.trunk.": "SAM 2 in its original format; take the transformers' one with the segmenter 'sam2'",
    "image_encoder.patch_embed.seq.": "MobileSAM; take an original sam_vit_b, sam_vit_l or sam_vit_h",
}


@dataclass(frozen=True, slots=True)
class Architecture:
    """What the shapes of a checkpoint's tensors tell of its network."""

    patch: int
    grid: int
    width: int
    depth: int
    heads: int
    hidden: int
    window: int
    whole: tuple[int, ...]
    channels: int
    mask_channels: int
    decoder_depth: int
    decoder_hidden: int
    masks: int
    trust_depth: int
    trust_hidden: int

    @property
    def name(self) -> str:
        """Of the published encoder of these sizes, else "custom"."""
        return NAMES.get((self.width, self.depth), "custom")

    @classmethod
    def of(cls, state: State) -> Architecture:
        """Read the shapes.

        Raises:
            KeyError, ValueError: it isn't a checkpoint of segment-anything.
        """
        encoder, decoder = "image_encoder.", "mask_decoder."
        width, _, patch, patch_width = state[f"{encoder}patch_embed.proj.weight"].shape
        _, grid, grid_width, _ = state[f"{encoder}pos_embed"].shape
        if patch != patch_width or grid != grid_width:
            raise ValueError(f"patches of {patch} x {patch_width}, {grid} x {grid_width} of them, aren't square")
        depth = _count(state, f"{encoder}blocks.")
        spans = [state[f"{encoder}blocks.{i}.attn.rel_pos_h"].shape for i in range(depth)]
        sizes = [(span + 1) // 2 for span, _ in spans]
        whole = tuple(i for i, size in enumerate(sizes) if size == grid)
        windows = {size for size in sizes if size != grid}
        if patch * grid > LARGEST_SIDE:
            raise ValueError(f"pictures of {patch * grid} px a side are larger than the {LARGEST_SIDE} px that a model takes")
        if len(windows) > 1 or width % spans[0][1]:
            raise ValueError(f"attention over windows of {sorted(windows)} patches with heads of {spans[0][1]} of {width} channels")
        return cls(
            patch=patch,
            grid=grid,
            width=width,
            depth=depth,
            heads=width // spans[0][1],
            hidden=state[f"{encoder}blocks.0.mlp.lin1.weight"].shape[0],
            window=windows.pop() if windows else 0,
            whole=whole,
            channels=state[f"{encoder}neck.0.weight"].shape[0],
            mask_channels=state["prompt_encoder.mask_downscaling.3.weight"].shape[0],
            decoder_depth=_count(state, f"{decoder}transformer.layers."),
            decoder_hidden=state[f"{decoder}transformer.layers.0.mlp.lin1.weight"].shape[0],
            masks=state[f"{decoder}mask_tokens.weight"].shape[0] - 1,
            trust_depth=_count(state, f"{decoder}iou_prediction_head.layers."),
            trust_hidden=state[f"{decoder}iou_prediction_head.layers.0.weight"].shape[0],
        )

    def build(self) -> Any:
        """The network, without weights: on the meta device."""
        modeling = import_with_torchvision("segment_anything.modeling")
        side = self.patch * self.grid
        with torch.device("meta"):
            encoder = modeling.ImageEncoderViT(
                img_size=side,
                patch_size=self.patch,
                embed_dim=self.width,
                depth=self.depth,
                num_heads=self.heads,
                mlp_ratio=self.hidden / self.width,
                out_chans=self.channels,
                qkv_bias=True,
                norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
                use_rel_pos=True,
                window_size=self.window,
                global_attn_indexes=self.whole,
            )
            prompts = modeling.PromptEncoder(
                embed_dim=self.channels,
                image_embedding_size=(self.grid, self.grid),
                input_image_size=(side, side),
                mask_in_chans=self.mask_channels,
            )
            decoder = modeling.MaskDecoder(
                num_multimask_outputs=self.masks,
                transformer=modeling.TwoWayTransformer(
                    depth=self.decoder_depth, embedding_dim=self.channels, mlp_dim=self.decoder_hidden, num_heads=DECODER_HEADS
                ),
                transformer_dim=self.channels,
                iou_head_depth=self.trust_depth,
                iou_head_hidden_dim=self.trust_hidden,
            )
            return modeling.Sam(encoder, prompts, decoder, list(MEAN), list(STD))


class SegmentAnythingModel(PromptableModel):
    """The three parts of SAM, placed; prompts are encoded in float32, for bfloat16 knows a place only to some pixels."""

    def __init__(self, network: Any, architecture: Architecture, runtime: Runtime) -> None:
        self.architecture = architecture.name
        self.padded: int = architecture.patch * architecture.grid
        self._runtime = runtime
        self._encoder = runtime.place(network.image_encoder)
        self._prompts = network.prompt_encoder.eval().requires_grad_(False).to(runtime.device)
        self._decoder = network.mask_decoder.eval().requires_grad_(False).to(runtime.device)
        with torch.inference_mode():
            self._positions = self._prompts.get_dense_pe()

    @classmethod
    def load(cls, weights: Weights, runtime: Runtime) -> SegmentAnythingModel:
        """Read a checkpoint.

        Raises:
            InputError: not a checkpoint of segment-anything, or not a whole one.
        """
        state = load_state(weights.path)
        name = weights.path.name
        for prefix, meaning in OTHERS.items():
            if any(key.startswith(prefix) for key in state):
                raise InputError(f"'{name}' is a checkpoint of {meaning}")
        try:
            architecture = Architecture.of(state)
            network = architecture.build()
            network.load_state_dict(_floats(state, network.state_dict()), strict=True, assign=True)
        except (KeyError, ValueError, RuntimeError, AssertionError, ZeroDivisionError, IndexError, TypeError) as error:
            reason = plain(" ".join(str(error).split()), 200)
            raise InputError(f"'{name}' is no whole segment-anything checkpoint: {reason}; download it again") from error
        return cls(network, architecture, runtime)

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """The longer side becomes the input's, the other keeps the proportion, rounded half up."""
        scale = self.padded / max(height, width)
        return max(int(height * scale + 0.5), 1), max(int(width * scale + 0.5), 1)

    def encode(self, images: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
        """Embeddings (C, h, w)."""
        scaled = pillow_resize(images, self.input_size(images.shape[2], images.shape[3]))
        pixels = normalize(scaled.float(), MEAN, STD, scale=1.0)
        pixels = pad(pixels, (0, self.padded - pixels.shape[3], 0, self.padded - pixels.shape[2]))
        with self._runtime.autocast():
            return [(embedding,) for embedding in self._encoder(pixels).float()]

    def decode(self, features: list[tuple[torch.Tensor, ...]], boxes: torch.Tensor, *, several: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Every box with its own picture: the package decodes the boxes of one picture at a time."""
        with torch.inference_mode():
            prompts, dense = self._prompts(points=None, boxes=boxes, masks=None)
            pictures = torch.stack([embedding for (embedding,) in features]) + dense
        with self._runtime.autocast():
            logits, trust = self._answer(pictures, prompts)
        chosen = slice(1, None) if several else slice(0, 1)
        return logits[:, chosen], trust[:, chosen].float()

    def _answer(self, pictures: torch.Tensor, prompts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        decoder, (count, channels, height, width) = self._decoder, pictures.shape
        questions = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight]).expand(count, -1, -1)
        tokens = torch.cat([questions, prompts], dim=1)
        answers, pictures = decoder.transformer(pictures, self._positions.expand(count, -1, -1, -1), tokens)
        fine = decoder.output_upscaling(pictures.transpose(1, 2).reshape(count, channels, height, width))
        kinds = range(decoder.num_mask_tokens)
        filters = torch.stack([decoder.output_hypernetworks_mlps[k](answers[:, 1 + k]) for k in kinds], dim=1)
        with torch.autocast(fine.device.type, enabled=False):  # where the terms of this sum cancel is the outline
            logits = torch.einsum("nkc,nchw->nkhw", filters.float(), fine.float())
        return logits, decoder.iou_prediction_head(answers[:, 0])


def _floats(state: State, wanted: State) -> dict[str, torch.Tensor]:
    """The tensors in float32, unless they have other names, shapes or kinds than the network's: then nothing is converted.

    Raises:
        ValueError: one of them is not as the network has it.
    """
    for name in [*state, *wanted]:
        if name not in state or name not in wanted:
            raise ValueError(f"the tensor '{plain(name)}' is {'missing' if name in wanted else 'unknown'}")
        found = state[name]
        if found.shape != wanted[name].shape or not found.is_floating_point():
            raise ValueError(f"the tensor '{plain(name)}' is {found.dtype} {list(found.shape)} instead of {list(wanted[name].shape)}")
    return {name: tensor.float() for name, tensor in state.items()}


def _count(state: State, prefix: str) -> int:
    """How many numbered parts there are under the prefix, which must be 0, 1, 2 …"""
    numbers = {int(key[len(prefix) :].split(".", 1)[0]) for key in state if key.startswith(prefix)}
    if numbers != set(range(len(numbers))) or not numbers:
        raise KeyError(f"{prefix}0")
    return len(numbers)
