"""Small detectors with random weights, written to disk as real ones are: configuration, safetensors, tokenizer, preprocessing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision

WORDS = ["red", "blue", "black", "white", "ball", "cart", "trolley", "pole", "box", "stick", "thing", "the", "a", "of", "photo"]
IMAGE_MEAN, IMAGE_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def bert_vocabulary() -> dict[str, int]:
    """Ids 101, 102, 1012 and 1029 stand for [CLS], [SEP], "." and "?", as GroundingDINO takes for granted."""
    fixed = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)] + list("0123456789-'&")
    words = iter([*WORDS, *letters, *(f"##{letter}" for letter in letters)])
    vocabulary = {}
    taken = {number: word for word, number in fixed.items()}
    for number in range(1100):
        word = taken.get(number) or (next(words, None) if number > 103 else None)
        vocabulary[word or f"[unused{number}]"] = number
    return vocabulary


def write_grounding_dino(folder: Path, *, mm: bool = False, seed: int = 0, edges: tuple[int, int] = (96, 160), **changes: Any) -> Path:
    """A GroundingDINO (or MM-GroundingDINO) of a quarter of a million weights; pictures are scaled to `edges` (shortest, longest)."""
    import torch

    transformers = import_with_torchvision("transformers")
    torch.manual_seed(seed)
    family = "MMGroundingDino" if mm else "GroundingDino"
    config = getattr(transformers, f"{family}Config")(
        backbone_config=transformers.SwinConfig(
            image_size=96,
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 2, 2],
            window_size=4,
            drop_path_rate=0.0,
            out_features=["stage2", "stage3", "stage4"],
        ),
        text_config=transformers.BertConfig(
            vocab_size=1100, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, max_position_embeddings=64
        ),
        **{
            "d_model": 32,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 32,
            "decoder_ffn_dim": 32,
            "num_queries": 24,
            "max_text_len": 32,
            "init_std": 0.3,
        }
        | changes,
    )
    model = getattr(transformers, f"{family}ForObjectDetection")(config).eval()
    with torch.no_grad():  # box heads start at zero: every box would lie on its anchor
        for name, weight in model.named_parameters():
            if "bbox_embed" in name:
                weight.normal_(0, 0.2)
            elif "class_embed" in name:  # MM-GroundingDINO's bias: all scores would lie near 0.01
                weight.zero_()
    model.save_pretrained(folder)
    transformers.BertTokenizer(vocab=bert_vocabulary(), model_max_length=64).save_pretrained(folder)
    preprocessing = {
        "image_processor_type": "GroundingDinoImageProcessor",
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "do_pad": True,
        "size": {"shortest_edge": edges[0], "longest_edge": edges[1]},
        "image_mean": IMAGE_MEAN,
        "image_std": IMAGE_STD,
        "resample": 2,
        "rescale_factor": 1 / 255,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing), encoding="utf-8")
    return folder


def write_owlv2(folder: Path, *, seed: int = 0, image_size: int = 96, **changes: Any) -> Path:
    """An OWLv2 of some fifty thousand weights that looks at pictures of `image_size` px a side in patches of 16."""
    import torch

    transformers = import_with_torchvision("transformers")
    torch.manual_seed(seed)
    config = transformers.Owlv2Config(
        text_config={
            "vocab_size": 600,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": 16,
            "pad_token_id": 0,
            "bos_token_id": 598,
            "eos_token_id": 599,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": image_size,
            "patch_size": 16,
        },
        projection_dim=32,
        **changes,
    )
    model = transformers.Owlv2ForObjectDetection(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.startswith(("box_head", "class_head", "objectness_head")):
                weight.normal_(0, 0.3)
    model.save_pretrained(folder)
    _clip_tokenizer(transformers).save_pretrained(folder)
    preprocessing = {
        "image_processor_type": "Owlv2ImageProcessor",
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "do_pad": True,
        "size": {"height": image_size, "width": image_size},
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "resample": 2,
        "rescale_factor": 1 / 255,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing), encoding="utf-8")
    return folder


def _clip_tokenizer(transformers: Any) -> Any:
    """Every byte is a token, and so is every byte that ends a word; "!" has id 0 and fills up, as in CLIP."""
    tokenizers = import_with_torchvision("tokenizers")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: i for i, letter in enumerate(alphabet)}
    vocabulary |= {f"{letter}</w>": len(alphabet) + i for i, letter in enumerate(alphabet)}
    vocabulary |= {f"[unused{i}]": i for i in range(2 * len(alphabet), 598)}
    vocabulary |= {"<|startoftext|>": 598, "<|endoftext|>": 599}
    merges = []
    for word in WORDS:
        if len(word) < 2:
            continue
        left = word[0]
        for letter in word[1:-1]:
            merges.append((left, letter))
            left += letter
        merges.append((left, f"{word[-1]}</w>"))
    merges = list(dict.fromkeys(merges))
    spare = iter(range(2 * len(alphabet), 598))
    for left, right in merges:
        if left + right not in vocabulary:
            number = next(spare)
            vocabulary.pop(f"[unused{number}]")
            vocabulary[left + right] = number
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=merges, pad_token="!", model_max_length=16)
