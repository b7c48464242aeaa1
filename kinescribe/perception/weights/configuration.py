"""The config.json of a model's folder, read as what a stranger wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kinescribe.errors import InputError
from kinescribe.perception.weights.contents import read_json

__all__ = ["read_config"]

LARGEST = 10_000_000  # of any size that a real configuration gives; vocabularies have some 250,000 words
MOST_LAYERS = 1_000
REPEATED = ("layers", "depth", "blocks", "stages", "levels", "heads", "points")  # what is built one by one
DEEPEST = 12

REASONS = {
    "auto_map": "wants Python code of its own to be run (auto_map)",
    "quantization_config": "is for quantised weights, which need other software (quantization_config)",
    "use_pretrained_backbone": "wants a part fetched from the network (use_pretrained_backbone)",
    "use_timm_backbone": "wants a backbone of another library (use_timm_backbone)",
    "transformers_weights": "names another file to read (transformers_weights)",
}


def read_config(folder: Path, model_types: Sequence[str]) -> dict[str, Any]:
    """The configuration in a model's folder.

    Raises:
        InputError: it is missing or no JSON object; it is another model's; it asks for code, downloads or quantised weights; its sizes
            are absurd.
    """
    path = folder / "config.json"
    config = read_json(path)
    found = config.get("model_type")
    if found not in model_types:
        raise InputError(f"{folder} holds a model of type '{found}', where {_either(model_types)} is needed; name another folder")
    for key, value in _items(path, config):
        if key in REASONS and value:
            raise InputError(f"{path} {REASONS[key]}; refused: use a folder in the plain transformers format")
        numbers = [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, int) and not isinstance(v, bool)]
        limit = MOST_LAYERS if any(word in key for word in REPEATED) else LARGEST
        for number in numbers:
            if abs(number) > limit:
                raise InputError(f"{path} gives {key} = {number}, which no model has; download it again")
        if isinstance(value, list) and len(value) > LARGEST // 100:
            raise InputError(f"{path} gives {len(value)} values for {key}, which no model has; download it again")
    return config


def _either(names: Sequence[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)


def _items(path: Path, value: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """All pairs in nested objects."""
    if depth > DEEPEST:
        raise InputError(f"{path} is nested more than {DEEPEST} deep; download it again")
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            for key, inner in each.items():
                yield key, inner
                yield from _items(path, inner, depth + 1)
        elif isinstance(each, list):
            yield from _items(path, each, depth + 1)
