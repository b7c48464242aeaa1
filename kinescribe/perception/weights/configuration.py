"""The config.json of a model's folder, read as what a stranger wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kinescribe.errors import InputError
from kinescribe.perception.weights.contents import read_json
from kinescribe.perception.weights.wording import plain

__all__ = ["read_config"]

LARGEST = 10_000_000  # of any number that a real configuration gives
MOST_LAYERS = 1_000
REPEATED = ("layers", "depth", "blocks", "stages", "levels", "heads", "points")  # what is built one by one
MOST_VALUES, MOST_ENTRIES = 1_000, 100_000  # of a list; of an object, such as the names of classes
DEEPEST = 12

PLAIN = "use a folder in the plain transformers format"
REASONS = {
    "auto_map": "wants Python code of its own to be run (auto_map)",
    "quantization_config": "is for quantised weights, which need other software (quantization_config)",
    "use_pretrained_backbone": "wants a part fetched from the network (use_pretrained_backbone)",
    "use_timm_backbone": "wants a backbone of another library (use_timm_backbone)",
    "backbone": "names a backbone to be fetched from the network (backbone)",
    "backbone_kwargs": "names a backbone to be fetched from the network (backbone_kwargs)",
    "transformers_weights": "names another file to read (transformers_weights)",
    "use_kernels": "wants compiled code fetched from the network (use_kernels)",
    "kernel_config": "wants compiled code fetched from the network (kernel_config)",
}
IMPLEMENTATIONS = re.compile(r"_?(attn|experts)_implementation(_internal)?")  # what isn't built in is compiled code from the network
BUILT_IN = (None, "eager", "sdpa")
DROPPED = (
    *("return_dict", "torchscript", "output_attentions", "output_hidden_states", "chunk_size_feed_forward", "is_decoder"),
    *("dtype", "torch_dtype", "_name_or_path", "name_or_path"),
)
"""How somebody ran the model, and where he had it from: no part of what it is."""


class Limits(NamedTuple):
    """What a number may be whose key matches; the bounds belong to it."""

    key: re.Pattern[str]
    least: int
    most: int


LIMITS = (
    Limits(re.compile(r"(.*_)?(image|mask)_size"), 1, 2048),
    Limits(re.compile(r"(.*_)?(feat|feature)_sizes|.*background_size"), 1, 2048),
    Limits(re.compile(r"(.*_)?window_size.*"), 0, 64),
    Limits(re.compile(r"(.*_)?patch_size|(.*_)?strides?"), 1, 256),
    Limits(re.compile(r"num_labels"), 0, 100_000),
    Limits(re.compile(r"num_queries|max_text_len|max_position_embeddings"), 1, 10_000),
    Limits(re.compile(r"(.*_)?(num|attention)_heads"), 1, 256),
    Limits(re.compile(r"num_feature_levels|num_maskmem"), 1, 64),
    Limits(re.compile(r"max_object_pointers_in_encoder"), 1, 1024),
    Limits(re.compile(r"hotstart_delay"), 0, 1000),
    Limits(re.compile(r"(.*_)?(vocab|intermediate)_size"), 1, LARGEST),
    Limits(re.compile(r".*_size"), 0, 8192),
)
"""Of what takes memory or time beyond the tensors themselves, which the file's size bounds. The first whose key matches holds."""


def read_config(folder: Path, model_types: Sequence[str]) -> dict[str, Any]:
    """The configuration in a model's folder, without what doesn't describe the model.

    Raises:
        InputError: it is missing or no JSON object; it is another model's; it asks for code, downloads or quantised weights; its sizes
            are absurd.
    """
    path = folder / "config.json"
    config = read_json(path)
    found = config.get("model_type")
    if found not in model_types:
        raise InputError(f"{folder} holds a model of type '{plain(found)}', where {_either(model_types)} is needed; name another folder")
    for key, value in _items(path, config):
        _refuse_foreign(path, key, value)
        _refuse_absurd(path, key, value)
    cleaned: dict[str, Any] = _without_dropped(config)
    return cleaned


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


def _refuse_foreign(path: Path, key: str, value: Any) -> None:
    """Raise `InputError` for what would run code, read other files or reach the network."""
    if key in REASONS and value:
        raise InputError(f"{path} {REASONS[key]}; refused: {PLAIN}")
    if IMPLEMENTATIONS.fullmatch(key) and value not in BUILT_IN:
        raise InputError(f"{path} wants compiled code of another library ({key} = {plain(value)}); refused: {PLAIN}")
    if key == "model_type" and str(value).startswith("timm"):
        raise InputError(f"{path} wants a backbone of another library (model_type = {plain(value)}); refused: {PLAIN}")


def _refuse_absurd(path: Path, key: str, value: Any) -> None:
    """Raise `InputError` for numbers that no model has, and for lists and objects without end."""
    if isinstance(value, list | dict) and len(value) > (MOST_VALUES if isinstance(value, list) else MOST_ENTRIES):
        raise InputError(f"{path} gives {len(value)} values for {plain(key)}, which no model has; download it again")
    repeated = any(word in key for word in REPEATED)
    limits = next((limits for limits in LIMITS if limits.key.fullmatch(key)), None)
    least, most = (-LARGEST, MOST_LAYERS if repeated else LARGEST) if limits is None else (limits.least, limits.most)
    leaves = list(_leaves(value))
    numbers = [leaf for leaf in leaves if isinstance(leaf, int | float) and not isinstance(leaf, bool)]
    for number in numbers:
        if not least <= number <= most:  # nor is NaN
            raise InputError(f"{path} gives {plain(key)} = {plain(number)}, which no model has; download it again")
    if limits is not None and any(leaf is not None and (isinstance(leaf, bool) or not isinstance(leaf, int)) for leaf in leaves):
        raise InputError(f"{path} gives {plain(key)} = {plain(value)}, which is no whole number; download it again")
    if repeated and sum(numbers) > MOST_LAYERS:
        raise InputError(f"{path} gives {plain(key)} = {plain(value)}, which no model has; download it again")


def _leaves(value: Any) -> Iterator[Any]:
    """A value that is neither list nor object, or all such of a list; those of objects have keys of their own."""
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif not isinstance(value, dict):
        yield value


def _without_dropped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_dropped(inner) for key, inner in value.items() if key not in DROPPED}
    return [_without_dropped(each) for each in value] if isinstance(value, list) else value
