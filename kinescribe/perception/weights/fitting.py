"""Whether a folder has all that its model loads, and tensors of the shapes that its configuration describes."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from kinescribe.perception.weights.catalogue import FAMILIES
from kinescribe.perception.weights.configuration import read_config
from kinescribe.perception.weights.contents import preprocessing_missing, tokenizer_missing
from kinescribe.perception.weights.found import Weights
from kinescribe.perception.weights.pretrained import fits
from kinescribe.perception.weights.regular import is_folder

__all__ = ["file_lacking", "misfit", "not_compared"]

CLASSES = {
    "grounding-dino": "GroundingDinoForObjectDetection",
    "mm-grounding-dino": "MMGroundingDinoForObjectDetection",
    "owlv2": "Owlv2ForObjectDetection",
    "sam": "SamModel",
    "sam2": "Sam2Model",
    "sam2-video": "Sam2VideoModel",
    "sam3-video": "Sam3VideoModel",
}
"""Of transformers, by family."""
NEEDED = ("torch", "transformers", "safetensors")


def file_lacking(weights: Weights) -> str | None:
    """A line where a folder lacks a file, besides config.json and the weights, without which its family doesn't load."""
    if not is_folder(weights.path) or weights.family is None:
        return None
    if not FAMILIES[weights.family].reads_text:
        return None  # how pictures are prepared for these has usual values
    return tokenizer_missing(weights.path) or preprocessing_missing(weights.path)


def not_compared(weights: Weights) -> str | None:
    """Why shapes can't be compared with the configuration, None where they can, or there is no configuration."""
    if weights.family not in CLASSES or not is_folder(weights.path):
        return None
    lacking = [name for name in NEEDED if find_spec(name) is None]
    return f"shapes were not compared with config.json, for {', '.join(lacking)} is not installed" if lacking else None


def misfit(weights: Weights) -> None:
    """Raise `InputError` where tensors have other shapes than those that config.json describes; needs torch, takes no memory for it."""
    if weights.family not in CLASSES or not is_folder(weights.path) or not_compared(weights) is not None:
        return
    from kinescribe.perception.grounded_sam.torchvision import import_with_torchvision

    model_class: Any = getattr(import_with_torchvision("transformers"), CLASSES[weights.family])
    fits(model_class, read_config(weights.path, FAMILIES[weights.family].model_types), weights.path)
