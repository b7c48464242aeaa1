"""Small weights on disk: bare files without torch, and a SAM of some ten thousand numbers as transformers writes it."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHAPES = {"a.weight": (3, 4), "a.bias": (4,)}


def safetensors_bytes(shapes: dict[str, tuple[int, ...]] = SHAPES, **header: Any) -> bytes:
    """A safetensors file of float32 zeros, written by hand; `header` adds entries or replaces them."""
    entries: dict[str, Any] = {}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * math.prod(shape)
        entries[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
    raw = json.dumps(entries | header).encode()
    return struct.pack("<Q", len(raw)) + raw + bytes(end)


def write_folder(folder: Path, model_type: str = "sam", **config: Any) -> Path:
    """A folder that can be found: a configuration and weights that open, of no real model."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": model_type, **config}), encoding="utf-8")
    (folder / "preprocessor_config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(safetensors_bytes())
    return folder


def write_snapshot(cache: Path, repo: str, model_type: str = "sam", commit: str = COMMIT, *, main: bool = True) -> Path:
    """The same in a Hugging Face cache, laid out as huggingface_hub does: bytes under their hash, names as links to them."""
    root = cache / f"models--{repo.replace('/', '--')}"
    folder = write_folder(root / "snapshots" / commit, model_type)
    (root / "blobs").mkdir(exist_ok=True)
    import hashlib

    for file in (folder / "config.json", folder / "model.safetensors"):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        file.rename(root / "blobs" / digest)
        file.symlink_to(Path("..", "..", "blobs", digest))
    if main:
        (root / "refs").mkdir(exist_ok=True)
        (root / "refs" / "main").write_text(commit, encoding="utf-8")
    return folder


def small_sam(seed: int = 0, **vision: Any) -> Any:
    """A SamModel with random weights for pictures of 32 px."""
    import torch

    transformers = import_with_torchvision("transformers")
    torch.manual_seed(seed)
    sizes = {
        "hidden_size": 16,
        "output_channels": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
        "mlp_dim": 16,
        "window_size": 2,
        "global_attn_indexes": [1],
        "num_pos_feats": 8,
    }
    config = transformers.SamConfig(
        vision_config=sizes | vision,
        prompt_encoder_config={"hidden_size": 16, "image_size": 32, "patch_size": 8, "mask_input_channels": 4},
        mask_decoder_config={"hidden_size": 16, "mlp_dim": 16, "num_attention_heads": 2, "iou_head_hidden_dim": 16},
    )
    return transformers.SamModel(config).eval()
