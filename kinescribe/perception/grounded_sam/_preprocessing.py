"""The settings of a model's image processor, read as what a stranger wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kinescribe.errors import InputError
from kinescribe.perception.weights.contents import read_json
from kinescribe.perception.weights.wording import plain

__all__ = ["FILES", "Normalization", "edge", "normalization", "read_settings"]

FILES = ("preprocessor_config.json", "processor_config.json")
LARGEST_EDGE = 2048
Channels = tuple[float, float, float]


class Normalization(NamedTuple):
    """Mean and standard deviation of each channel, R, G, B, after the multiplication of grey levels 0..255 by `scale`."""

    mean: Channels
    std: Channels
    scale: float


def read_settings(folder: Path, files: Sequence[str] = FILES) -> tuple[Path, dict[str, Any]] | None:
    """The first of these files that a folder has, and the image processor's settings in it; None where it has none.

    Raises `InputError` where the file holds no settings.
    """
    path = next((folder / name for name in files if (folder / name).is_file()), None)
    if path is None:
        return None
    content = read_json(path)
    values = content.get("image_processor", content)
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no settings by name; download it again")
    return path, values


def normalization(path: Path, values: Mapping[str, Any]) -> Normalization:
    """What the keys image_mean, image_std and rescale_factor (1/255 if missing) say. Raises `InputError` for what can't be."""
    mean = _three(path, values, "image_mean", -1000, 1000)
    std = _three(path, values, "image_std", 1e-3, 1000)
    return Normalization(mean, std, _number(path, "rescale_factor", values.get("rescale_factor", 1 / 255), 1e-6, 1))


def edge(path: Path, size: Mapping[str, Any], key: str) -> int:
    """An edge's length, px. Raises `InputError` for what no picture has."""
    value = size.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_EDGE:
        raise InputError(f"{path} gives {plain(repr(value))} for size's {key}; it must be a whole number from 1 to {LARGEST_EDGE}")
    return value


def _three(path: Path, values: Mapping[str, Any], key: str, least: float, most: float) -> Channels:
    items = values.get(key)
    if not isinstance(items, list) or len(items) != 3:
        raise InputError(f"{path} gives {plain(repr(items))} for {key}; it must be three numbers")
    one, two, three = (_number(path, key, item, least, most) for item in items)
    return one, two, three


def _number(path: Path, key: str, value: Any, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:  # nor is NaN
        raise InputError(f"{path} gives {plain(repr(value))} for {key}; it must be a number from {least:g} to {most:g}; download it again")
    return float(value)
