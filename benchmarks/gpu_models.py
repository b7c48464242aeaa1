"""Models with random weights, of full size or small, written to a folder as real ones are, and a video to run them on."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision
from kinescribe.video import VideoWriter

WORDS = ["ball", "cart", "pole", "box", "stick", "cup", "disc"]
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
SPREAD = 0.02  # standard deviation of weights that would else begin at zero: zeros may run faster than a trained model's do
SMALL, WIDTH, SAM2_WIDTH = 128, 32, 128  # side of the pictures that the small models take, px; channels (SAM 2 takes memories of 64)


@dataclass(frozen=True, slots=True)
class Models:
    """Where the models lie: folders in the format of transformers, and a checkpoint of segment-anything's.

    `edges`: shortest and longest edge that the detector scales pictures to; `side`: of the square pictures that the others take, px.
    """

    detector: Path
    sam: Path
    sam2: Path
    sam2_video: Path
    segment_anything: Path | None
    edges: tuple[int, int]
    side: int


def write_models(folder: Path, *, small: bool) -> Models:
    """Writes all of them. Full size: GroundingDINO tiny (Swin-T, BERT base), SAM ViT-B, SAM 2 and SAM 2 video with Hiera tiny."""
    import torch

    transformers = import_with_torchvision("transformers")
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(0)
    side, edges = (SMALL, (96, 160)) if small else (1024, (800, 1333))
    models = Models(*(folder / name for name in ("detector", "sam", "sam2", "sam2_video")), _checkpoint(folder, small), edges, side)
    _write_detector(transformers, models.detector, edges, small)
    square = {"height": side, "width": side}
    _stirred(transformers.SamModel(_sam(transformers, small))).save_pretrained(models.sam)
    transformers.SamImageProcessor(
        size={"longest_edge": side},
        pad_size=square,
        mask_size={"longest_edge": side // 4},
        mask_pad_size={"height": side // 4, "width": side // 4},
    ).save_pretrained(models.sam)
    _stirred(transformers.Sam2Model(_sam2(transformers, small, video=False))).save_pretrained(models.sam2)
    _stirred(transformers.Sam2VideoModel(_sam2(transformers, small, video=True))).save_pretrained(models.sam2_video)
    for path in (models.sam2, models.sam2_video):
        transformers.Sam2ImageProcessor(size=square, image_mean=MEAN, image_std=STD).save_pretrained(path)
    return models


def write_video(path: Path, count: int, width: int, height: int) -> Path:
    """Discs that move over a textured ground."""
    rng = np.random.default_rng(0)
    ground = np.kron(rng.integers(40, 160, (height // 16 + 1, width // 16 + 1, 3), np.uint8), np.ones((16, 16, 1), np.uint8))
    y, x = np.mgrid[:height, :width]
    with VideoWriter(path) as writer:
        for k in range(count):
            frame = np.ascontiguousarray(ground[:height, :width])
            for i, (x0, y0, x1, y1) in enumerate(fixed_boxes(width, height)):
                middle = ((x0 + x1) / 2 + (k + i) % 8, (y0 + y1) / 2)
                frame[np.hypot(x - middle[0], y - middle[1]) < (y1 - y0) / 3] = (25 * i, 250 - 25 * i, 128)
            writer.write(frame, k / 30)
    return path


def fixed_boxes(width: int, height: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Ten boxes in two rows, (10, 4): x0, y0, x1, y1, px."""
    columns, rows = np.meshgrid(np.arange(5), np.arange(2))
    corner = np.stack([(columns.ravel() + 0.2) * width / 5, (rows.ravel() + 0.2) * height / 2], 1)
    return np.hstack([corner, corner + np.array([0.6 * width / 5, 0.6 * height / 2])])


def vocabulary() -> dict[str, int]:
    """Of a BERT tokenizer: ids 101, 102, 1012 and 1029 stand for [CLS], [SEP], "." and "?", as GroundingDINO takes for granted."""
    fixed = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}
    words = dict(enumerate(WORDS, start=1030))
    return {(fixed | words).get(number, f"[unused{number}]"): number for number in range(1100)}


def _write_detector(transformers: Any, folder: Path, edges: tuple[int, int], small: bool) -> None:
    config = transformers.GroundingDinoConfig()
    if small:
        config = transformers.GroundingDinoConfig(
            backbone_config=transformers.SwinConfig(
                image_size=96,
                embed_dim=8,
                depths=[1] * 4,
                num_heads=[1, 1, 2, 2],
                window_size=4,
                out_features=["stage2", "stage3", "stage4"],
            ),
            text_config=transformers.BertConfig(
                vocab_size=1100, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
            ),
            d_model=WIDTH,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            num_queries=50,
        )
    _stirred(transformers.GroundingDinoForObjectDetection(config)).save_pretrained(folder)
    transformers.BertTokenizer(vocab=vocabulary(), model_max_length=512).save_pretrained(folder)
    preprocessing = {
        "image_processor_type": "GroundingDinoImageProcessor",
        "size": {"shortest_edge": edges[0], "longest_edge": edges[1]},
        "image_mean": MEAN,
        "image_std": STD,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing), encoding="utf-8")


def _sam(transformers: Any, small: bool) -> Any:
    if not small:
        return transformers.SamConfig()
    vision = {
        "hidden_size": WIDTH,
        "output_channels": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": SMALL,
        "window_size": 4,
        "global_attn_indexes": [1],
        "mlp_dim": 64,
        "num_pos_feats": WIDTH // 2,
    }
    prompts = {"hidden_size": WIDTH, "image_size": SMALL, "image_embedding_size": SMALL // 16}
    return transformers.SamConfig(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=_decoder(WIDTH))


def _decoder(width: int) -> dict[str, int]:
    return {"hidden_size": width, "mlp_dim": 64, "num_attention_heads": 2, "iou_head_hidden_dim": 32}


def _sam2(transformers: Any, small: bool, *, video: bool) -> Any:
    kind = transformers.Sam2VideoConfig if video else transformers.Sam2Config
    if not small:
        return kind()
    parts: dict[str, Any] = {
        "vision_config": {
            "model_type": "sam2_vision_model",
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": 8,
                "image_size": [SMALL, SMALL],
                "blocks_per_stage": [1, 1, 2, 1],
                "embed_dim_per_stage": [8, 16, 32, 64],
                "num_attention_heads_per_stage": [1, 1, 2, 4],
                "window_size_per_stage": [4, 2, 4, 2],
                "global_attention_blocks": [3],
                "window_positional_embedding_background_size": [4, 4],
            },
            "backbone_channel_list": [64, 32, 16, 8],
            "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
            "fpn_hidden_size": SAM2_WIDTH,
        },
        "prompt_encoder_config": {"hidden_size": SAM2_WIDTH, "image_size": SMALL, "patch_size": 16},
        "mask_decoder_config": _decoder(SAM2_WIDTH),
    }
    if video:
        parts |= {
            "image_size": SMALL,
            "memory_attention_hidden_size": SAM2_WIDTH,
            "memory_attention_feed_forward_hidden_size": SAM2_WIDTH,
            "memory_attention_num_layers": 1,
            "memory_attention_rope_feat_sizes": [8, 8],
            "memory_encoder_hidden_size": SAM2_WIDTH,
            "memory_encoder_output_channels": 64,
            "mask_downsampler_embed_dim": SAM2_WIDTH,
            "memory_fuser_embed_dim": SAM2_WIDTH,
            "memory_fuser_intermediate_dim": SAM2_WIDTH,
            "memory_fuser_num_layers": 1,
        }
    return kind(**parts)


def _checkpoint(folder: Path, small: bool) -> Path | None:
    """segment-anything's ViT-B, or a small one of the same kind; None, with a line, where the package isn't installed."""
    import torch

    try:
        import_with_torchvision("segment_anything")
    except ImportError:
        print("segment-anything isn't installed and left out; pip install 'kinescribe[sam]'", file=sys.stderr)
        return None
    network = segment_anything_network(small)
    path = folder / ("sam_small.pth" if small else "sam_vit_b.pth")
    torch.save(_stirred(network).state_dict(), path)
    return path


def segment_anything_network(small: bool) -> Any:
    """A network of segment-anything with random weights."""
    build = import_with_torchvision("segment_anything.build_sam")
    if not small:
        return build.build_sam_vit_b()
    from functools import partial

    from torch import nn

    parts = import_with_torchvision("segment_anything.modeling")
    grid = SMALL // 16
    encoder = parts.ImageEncoderViT(
        img_size=SMALL,
        patch_size=16,
        embed_dim=WIDTH,
        depth=2,
        num_heads=2,
        out_chans=WIDTH,
        qkv_bias=True,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=4,
        global_attn_indexes=(1,),
    )
    prompts = parts.PromptEncoder(embed_dim=WIDTH, image_embedding_size=(grid, grid), input_image_size=(SMALL, SMALL), mask_in_chans=16)
    transformer = parts.TwoWayTransformer(depth=2, embedding_dim=WIDTH, num_heads=8, mlp_dim=64)
    decoder = parts.MaskDecoder(transformer_dim=WIDTH, transformer=transformer)
    return parts.Sam(encoder, prompts, decoder, [255 * m for m in MEAN], [255 * s for s in STD])


def _stirred(model: Any) -> Any:
    """The model with no matrix of (nearly) zeros left."""
    import torch

    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1 and float(weight.std()) < SPREAD / 10:
                weight.normal_(0, SPREAD)
    return model.eval()
