"""Looking into a folder or a file of weights without loading them, and without torch."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from kinescribe.errors import InputError
from kinescribe.perception.weights.regular import is_file, read_bytes
from kinescribe.perception.weights.wording import plain

__all__ = ["preprocessing_missing", "read_json", "tokenizer_missing", "weight_files"]

SINGLE = ("model.safetensors", "pytorch_model.bin")  # safetensors first: no code in them, and they load without a copy
INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
MOST_JSON_BYTES = 32 * 2**20
PART = re.compile(r"[\w.-]+\.(safetensors|bin)")
PREPROCESSING = ("preprocessor_config.json", "processor_config.json")  # either; which one is written depends on the library
TOKENIZERS = (("tokenizer.json",), ("vocab.txt",), ("vocab.json", "merges.txt"))


def read_json(path: Path) -> dict[str, Any]:
    """An object from a JSON file. Raises `InputError` where it is missing, too large, or no such thing."""
    if not os.path.lexists(path):
        raise InputError(f"{path.parent} has no {path.name}; a model's folder holds config.json and model.safetensors")
    raw = read_bytes(path, MOST_JSON_BYTES)
    try:
        content = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not readable as JSON ({plain(error)}); download it again") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds a {type(content).__name__}, not an object; download it again")
    return content


def weight_files(folder: Path) -> list[Path]:
    """The files of a folder that hold the tensors: one, or the parts that an index names.

    Raises:
        InputError: there is none, a part is missing, or the index names something outside the folder.
    """
    for single, index in zip(SINGLE, INDEXES, strict=True):
        if is_file(folder / single):
            return [folder / single]
        if is_file(folder / index):
            return _parts(folder / index)
    raise InputError(f"{folder} has no weights file ({' or '.join(SINGLE)}); download it again, or name another folder")


def _parts(index: Path) -> list[Path]:
    listed = read_json(index).get("weight_map")
    if not isinstance(listed, dict) or not listed:
        raise InputError(f"{index} lists no parts; download it again")
    names = sorted({str(name) for name in listed.values()})
    for name in names:
        if not PART.fullmatch(name):
            raise InputError(f"{index} names the part '{plain(name)}', which is not a file beside it; refused")
        if not is_file(index.parent / name):
            missing = sum(not is_file(index.parent / other) for other in names)
            raise InputError(f"{index.parent} lacks {missing} of {len(names)} parts, such as '{name}'; download it again")
    return [index.parent / name for name in names]


def tokenizer_missing(folder: Path) -> str | None:
    """A line where a folder holds no tokenizer."""
    if any(all(is_file(folder / name) for name in names) for names in TOKENIZERS):
        return None
    return f"{folder} has no tokenizer (tokenizer.json); download the whole model again"


def preprocessing_missing(folder: Path) -> str | None:
    """A line where a folder doesn't say how pictures are prepared."""
    if any(is_file(folder / name) for name in PREPROCESSING):
        return None
    return f"{folder} has no {' or '.join(PREPROCESSING)}, which say how pictures are prepared; download the whole model again"
