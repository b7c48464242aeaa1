"""Which parts are models made from weights, and the files that they are made from. Without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kinescribe.perception.weights import find
from kinescribe.perception.weights.regular import entries, is_file, is_folder

__all__ = ["files_of", "has_weights", "is_own_model"]

HOME = "kinescribe.perception.grounded_sam."
TEXTS = (".json", ".txt", ".jinja", ".model")  # configuration, preprocessing and tokenizer of a model's folder


def has_weights(part: Any) -> bool:
    """Whether a plug-in's class is made from weights that `files_of` can find."""
    return bool(getattr(part, "families", None)) and bool(getattr(part, "default", None))


def is_own_model(part: Any) -> bool:
    """The same, of a class of our own."""
    return has_weights(part) and str(getattr(part, "__module__", "")).startswith(HOME)


def files_of(part: Any, weights: str | None) -> list[Path]:
    """All files that a learned part reads: tensors first, then what stands beside them, by name.

    Args:
        part: its class, of which `has_weights` holds.
        weights: as its argument of that name has them; None for its default.

    Raises:
        UsageError, InputError: weights that are unknown, missing or broken.
    """
    found = find(weights, families=part.families, default=part.default)
    files = list(found.files)
    if is_folder(found.path):
        files += [file for file in entries(found.path) if file.suffix in TEXTS and is_file(file)]
    if "groundingdino-py" in part.families:
        from kinescribe.perception.grounded_sam.groundingdino_py import find_vocabulary

        files.append(find_vocabulary())  # the checkpoints lack it
    return files
