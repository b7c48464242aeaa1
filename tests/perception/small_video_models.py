"""Small video models with random weights, written to disk as real ones are, and videos for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from small_models import _clip_tokenizer

from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision

SAM2_SIZE, SAM3_SIZE = 64, 56
WIDTH = 128  # twice the memory's channels, so that pointers are cut in two as in the public models
MEMORY = {
    "memory_attention_hidden_size": WIDTH,
    "memory_attention_num_layers": 1,
    "memory_attention_feed_forward_hidden_size": 32,
    "memory_attention_rope_feat_sizes": [4, 4],
    "memory_encoder_hidden_size": WIDTH,
    "memory_encoder_output_channels": 64,
    "mask_downsampler_embed_dim": WIDTH,
    "memory_fuser_embed_dim": WIDTH,
    "memory_fuser_intermediate_dim": 32,
    "memory_fuser_num_layers": 1,
    "num_maskmem": 4,
    "max_object_pointers_in_encoder": 6,
}
DECODER = {"hidden_size": WIDTH, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 16}


def write_sam2_video(folder: Path, *, seed: int = 5, presence: float = -0.2, **changes: Any) -> Any:
    """A SAM 2 video model of a million weights that takes pictures of 64 px a side; the model itself is returned.

    `presence` is the bias of the logits of things being in view: with this one some are, some are not.
    """
    import torch

    transformers = import_with_torchvision("transformers")
    torch.manual_seed(seed)
    config = transformers.Sam2VideoConfig(
        vision_config={
            "model_type": "sam2_vision_model",
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": 16,
                "image_size": [SAM2_SIZE, SAM2_SIZE],
                "blocks_per_stage": [1, 1, 1, 1],
                "embed_dim_per_stage": [16, 24, 32, 40],
                "num_attention_heads_per_stage": [1, 1, 2, 2],
                "window_size_per_stage": [8, 4, 2, 1],
                "global_attention_blocks": [],
                "window_positional_embedding_background_size": [4, 4],
            },
            "backbone_channel_list": [40, 32, 24, 16],
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
            "fpn_hidden_size": WIDTH,
        },
        prompt_encoder_config={"hidden_size": WIDTH, "image_size": SAM2_SIZE, "patch_size": 16},
        mask_decoder_config=DECODER,
        image_size=SAM2_SIZE,
        **(MEMORY | changes),
    )
    model = transformers.Sam2VideoModel(config).eval()
    _stir(model, 0.1)
    with torch.no_grad():
        model.memory_temporal_positional_encoding.normal_(0, 1)
        model.mask_decoder.pred_obj_score_head.proj_out.bias.fill_(presence)
    model.save_pretrained(folder)
    _write_processor(folder, SAM2_SIZE, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    return model


def write_sam3_video(folder: Path, *, seed: int = 1, presence: float = 1.0, queries: int = 3, **changes: Any) -> Any:
    """A SAM 3 video model of four million weights that takes pictures of 56 px a side, with its tokenizer; the model itself is returned."""
    import torch

    transformers = import_with_torchvision("transformers")
    torch.manual_seed(seed)

    def vision() -> dict[str, Any]:
        return {
            "model_type": "sam3_vision_model",
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": 32,
                "intermediate_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": SAM3_SIZE,
                "window_size": 2,
                "global_attn_indexes": [1],
                "pretrain_image_size": 28,
            },
            "fpn_hidden_size": WIDTH,
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        }

    layer = {"hidden_size": WIDTH, "num_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.Sam3VideoConfig(
        detector_config={
            "model_type": "sam3",
            "vision_config": vision(),
            "text_config": {
                "model_type": "clip_text_model",
                "vocab_size": 600,
                "hidden_size": 32,
                "intermediate_size": 32,
                "projection_dim": 16,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "max_position_embeddings": 32,
                "bos_token_id": 598,
                "eos_token_id": 599,
                "pad_token_id": 0,
            },
            "geometry_encoder_config": layer,
            "detr_encoder_config": layer,
            "detr_decoder_config": layer | {"num_queries": queries},
            "mask_decoder_config": {"hidden_size": WIDTH, "num_attention_heads": 2},
        },
        tracker_config={
            "model_type": "sam3_tracker_video",
            "vision_config": vision(),
            "prompt_encoder_config": {"hidden_size": WIDTH, "image_size": SAM3_SIZE, "patch_size": 14},
            "mask_decoder_config": DECODER,
            "image_size": SAM3_SIZE,
            **MEMORY,
        },
        **(
            {
                "low_res_mask_size": 16,
                "score_threshold_detection": 0.3,
                "new_det_thresh": 0.4,
                "high_conf_thresh": 0.4,
                "high_iou_thresh": 0.4,
                "recondition_every_nth_frame": 4,
                "hotstart_delay": 5,
                "hotstart_unmatch_thresh": 3,
                "hotstart_dup_thresh": 3,
            }
            | changes
        ),
    )
    model = transformers.Sam3VideoModel(config).eval()
    _stir(model, 0.1)
    with torch.no_grad():
        model.tracker_model.mask_decoder.pred_obj_score_head.proj_out.bias.fill_(presence)
    model.save_pretrained(folder)
    tokenizer = _clip_tokenizer(transformers)
    tokenizer.model_max_length = 32
    tokenizer.save_pretrained(folder)
    _write_processor(folder, SAM3_SIZE, [0.5] * 3, [0.5] * 3)
    return model


def moving_video(count: int, *, height: int = 40, width: int = 60, seed: int = 0) -> NDArray[np.uint8]:
    """A red disc that goes to the right and a green one to the left, over and over, on noise: uint8, (count, height, width, 3), BGR."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    frames = np.full((count, height, width, 3), (90, 60, 40), np.uint8) + rng.integers(0, 30, (count, height, width, 3), np.uint8)
    for k, frame in enumerate(frames):
        frame[(x - 10 - k % 40) ** 2 + (y - 12) ** 2 < 60] = (0, 0, 255)
        frame[(x - 50 + k % 40) ** 2 + (y - 28) ** 2 < 50] = (0, 255, 0)
    return frames


def tensor_bytes(*roots: Any) -> int:
    """Bytes of all tensors that can be reached from these objects, storages that several share counted once."""
    import torch

    storages: dict[int, int] = {}
    seen: set[int] = set()
    stack = list(roots)
    while stack:
        item = stack.pop()
        if id(item) in seen or isinstance(item, (str, bytes, int, float, type, type(None))):
            continue
        seen.add(id(item))
        if isinstance(item, torch.Tensor):
            storages[item.untyped_storage().data_ptr()] = item.untyped_storage().nbytes()
        elif isinstance(item, Mapping):
            stack += [*item.keys(), *item.values()]
        elif isinstance(item, (list, tuple, set, frozenset)) or type(item).__name__ == "deque":
            stack += list(item)
        else:
            stack += [getattr(item, name) for name in getattr(type(item), "__slots__", ()) if hasattr(item, name)]
            stack += list(vars(item).values()) if hasattr(item, "__dict__") else []
    return sum(storages.values())


def _stir(model: Any, spread: float) -> None:
    """Weights that matter: as they begin, memories and positions hardly would."""
    import torch

    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" not in name:
                weight.normal_(0, spread)


def _write_processor(folder: Path, size: int, mean: list[float], std: list[float]) -> None:
    settings = {"do_resize": True, "do_rescale": True, "do_normalize": True, "resample": 2, "rescale_factor": 1 / 255}
    settings |= {"size": {"height": size, "width": size}, "image_mean": mean, "image_std": std}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
