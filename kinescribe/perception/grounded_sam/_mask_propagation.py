"""One step of a video model, for many things at once: attend to their memories, decode their masks, encode new memories.

The parts are those of a SAM 2 video model of transformers; how they are put together is the paper's (Ravi et al., SAM 2: Segment
Anything in Images and Videos, 2024). transformers runs them for one thing after the other and keeps all that it ever computed; here
things whose memories are equally long share a batch, and what is kept is the caller's choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from kinescribe.perception.grounded_sam._memory_bank import Limits, Memory, ThingMemory

__all__ = ["FrameFeatures", "MaskPropagation", "Masks"]

ABSENT = -1024.0  # logit of every pixel of a thing that isn't there
SHOWN_SCALE, SHOWN_OFFSET = 20.0, -10.0  # logits of a mask that is given: -10 outside, 10 inside
WAVELENGTH = 10000.0


@dataclass(frozen=True, slots=True, eq=False)
class FrameFeatures:
    """What the image encoder makes of one frame.

    Attributes:
        levels: tensors from fine to coarse, each of shape (positions, 1, channels).
        position: encoding of the coarsest level's positions, shape (positions, 1, channels).
    """

    levels: tuple[Any, ...]
    position: Any


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """Masks of n things in one frame.

    Attributes:
        logits: shape (n, 1, h, w), at the decoder's resolution.
        presence: shape (n,), logits of the thing being there at all.
        overlap: shape (n,), the intersection over union that the model expects of its mask.
        pointers: shape (n, channels).
    """

    logits: Any
    presence: Any
    overlap: Any
    pointers: Any


class MaskPropagation:
    """The parts of a video model, in batches.

    Args:
        model: a Sam2VideoModel, or another one that is built the same way.
        conditioning: conditioning frames that a thing's memory keeps.
    """

    def __init__(self, model: Any, conditioning: int) -> None:
        config = model.config
        self._model, self._config = model, config
        self.limits = Limits(config.num_maskmem - 1, config.max_object_pointers_in_encoder - 1, config.max_cond_frame_num, conditioning)
        self.image_size = int(config.image_size)
        self._sizes = [tuple(size) for size in model.backbone_feature_sizes]
        self._spatial: Any = None  # encoding of a memory's positions: the same for every frame and thing

    def encode(self, pixels: Any) -> list[FrameFeatures]:
        """Features of frames, of shape (B, 3, size, size)."""
        out = self._model.get_image_features(pixels, return_dict=True)
        position = out.fpn_position_encoding[-1][:, :1]
        return [FrameFeatures(tuple(level[:, i : i + 1] for level in out.fpn_hidden_states), position) for i in range(len(pixels))]

    def carry(self, features: FrameFeatures, things: Sequence[ThingMemory], step: int) -> list[tuple[Masks, Memory]]:
        """Where things are in this frame by what is remembered of them, and what to remember of it. Nothing is changed."""
        config = self._config
        several = config.multimask_output_in_sam and config.multimask_output_for_tracking and config.multimask_min_pt_num <= 0
        out: list[tuple[Masks, Memory] | None] = [None] * len(things)
        for group in _alike(things, step):
            seen = self._attend(features, [things[i] for i in group], step)
            masks = self._decode(features, seen, None, several)
            fine = F.interpolate(masks.logits.float(), (self.image_size, self.image_size), mode="bilinear", align_corners=False)
            memories = self._remember(features, fine.to(masks.logits.dtype), masks, hard=False)
            for k, i in enumerate(group):
                one = slice(k, k + 1)
                out[i] = Masks(masks.logits[one], masks.presence[one], masks.overlap[one], masks.pointers[one]), memories[k]
        return [pair for pair in out if pair is not None]

    def show(self, features: FrameFeatures, masks: Any) -> list[Memory]:
        """What to remember of things whose masks in this frame are given, float 0 or 1, shape (n, 1, size, size)."""
        coarse = self._map(features.levels[-1], self._sizes[-1]).expand(len(masks), -1, -1, -1)
        given = masks.to(coarse.dtype)
        decoded = self._decode(features, coarse, self._model.mask_downsample(given), several=True)
        logits = given * SHOWN_SCALE + SHOWN_OFFSET
        there = torch.full_like(decoded.presence, SHOWN_SCALE + SHOWN_OFFSET)
        return self._remember(features, logits, Masks(logits, there, decoded.overlap, decoded.pointers), hard=True)

    def _attend(self, features: FrameFeatures, things: Sequence[ThingMemory], step: int) -> Any:
        """The coarse features of the frame in the light of each thing's memory, shape (n, channels, h, w)."""
        model, count = self._model, len(things)
        remembered = [list(thing.features(step)) for thing in things]
        memory = torch.cat([torch.cat([tensor for _, tensor in one]) for one in remembered], dim=1)
        ages = torch.tensor([[age for age, _ in one] for one in remembered], device=memory.device).T
        # conditioning frames, of age 0, have the last of the learned encodings
        temporal = model.memory_temporal_positional_encoding.flatten(1)[(ages - 1) % (self.limits.memories + 1)]
        position = (self._spatial[None] + temporal[:, None]).flatten(0, 1)
        tokens, token_positions = self._pointer_tokens(things, step)
        current = features.levels[-1]
        out = model.memory_attention(
            current.expand(-1, count, -1),
            torch.cat([memory.to(tokens.dtype), tokens]),
            features.position.expand(-1, count, -1),
            torch.cat([position.to(token_positions.dtype), token_positions]),
            len(tokens),
        )
        return out.reshape(count, -1, current.shape[-1]).transpose(1, 2).reshape(count, -1, *self._sizes[-1])

    def _pointer_tokens(self, things: Sequence[ThingMemory], step: int) -> tuple[Any, Any]:
        """Pointers cut into tokens as wide as the memory, with their encodings; both of shape (tokens, n, memory channels)."""
        model = self._model
        pointed = [list(thing.pointers(step)) for thing in things]
        pointers = torch.stack([torch.stack([pointer for _, pointer in one]) for one in pointed], dim=1)
        width, narrow = pointers.shape[-1], model.mem_dim
        if self._config.enable_temporal_pos_encoding_for_object_pointers:
            ages = torch.tensor([[age for age, _ in one] for one in pointed], device=pointers.device, dtype=torch.float32).T
            waves = _sine(ages / self.limits.pointers, width).to(pointers.dtype)
            positions = model.temporal_positional_encoding_projection_layer(waves)
        else:
            positions = pointers.new_zeros(*pointers.shape[:2], narrow)
        if narrow < width:
            pieces = width // narrow
            pointers = pointers.reshape(len(pointers), len(things), pieces, narrow).transpose(1, 2).flatten(0, 1)
            positions = positions.repeat_interleave(pieces, dim=0)
        return pointers, positions

    def _decode(self, features: FrameFeatures, coarse: Any, prompt: Any, several: bool) -> Masks:
        """Masks from features, of shape (n, channels, h, w), and from masks as prompts, if there are any."""
        model, count = self._model, len(coarse)
        sparse, dense = model.prompt_encoder(
            input_points=coarse.new_zeros(count, 1, 1, 2),
            input_labels=torch.full((count, 1, 1), -1, dtype=torch.int32, device=coarse.device),  # no point
            input_boxes=None,
            input_masks=prompt,
        )
        logits, overlap, tokens, presence = model.mask_decoder(
            image_embeddings=coarse,
            image_positional_embeddings=model.get_image_wide_positional_embeddings().expand(count, -1, -1, -1),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=several,
            high_resolution_features=[
                self._map(level, size).expand(count, -1, -1, -1) for level, size in zip(features.levels[:-1], self._sizes, strict=False)
            ],
        )
        rows = torch.arange(count, device=coarse.device)
        best = overlap[:, 0].argmax(-1)
        token = tokens[rows, 0, best if tokens.shape[2] > 1 else 0]
        there = presence[:, 0] > 0
        pointers = torch.where(there, model.object_pointer_proj(token), model.no_object_pointer.to(token.dtype))
        chosen = logits[rows, 0, best][:, None]
        return Masks(chosen.masked_fill(~there[..., None, None], ABSENT), presence[:, 0, 0], overlap[rows, 0, best], pointers)

    def _remember(self, features: FrameFeatures, fine: Any, masks: Masks, *, hard: bool) -> list[Memory]:
        """Memories of masks in a frame, from logits of shape (n, 1, size, size)."""
        current = features.levels[-1].expand(-1, len(fine), -1)
        encoded, position = self._model._encode_new_memory(current, fine, masks.presence[:, None, None], hard)
        if self._spatial is None:
            self._spatial = position[:, :1].clone()
        # clones: a view would keep the memories of all the things alive for as long as one of them is remembered
        return [Memory(masks.pointers[i].clone(), encoded[:, i : i + 1].clone()) for i in range(len(fine))]

    @staticmethod
    def _map(level: Any, size: tuple[int, ...]) -> Any:
        return level.permute(1, 2, 0).reshape(1, -1, *size)


def _alike(things: Sequence[ThingMemory], step: int) -> list[list[int]]:
    """Places of things whose memories are equally long, so that they fit into one batch."""
    groups: dict[tuple[int, int], list[int]] = {}
    for i, thing in enumerate(things):
        length = sum(1 for _ in thing.features(step)), sum(1 for _ in thing.pointers(step))
        groups.setdefault(length, []).append(i)
    return list(groups.values())


def _sine(positions: Any, width: int) -> Any:
    """Sine and cosine encoding (Vaswani et al., 2017) of numbers, in one more dimension of the given width."""
    half = width // 2
    index = torch.arange(half, dtype=torch.float32, device=positions.device) // 2
    angles = positions[..., None] / WAVELENGTH ** (2 * index / half)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
