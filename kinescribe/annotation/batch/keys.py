"""What a result depends on, as one key: bytes of the video, settings, revisions of models and plug-ins, our version, what is made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kinescribe
from kinescribe import plugins

if TYPE_CHECKING:
    from kinescribe.annotation.batch.jobs import Products
    from kinescribe.settings import ExtractionSettings

__all__ = ["has_weights_in", "key_of", "revisions_of", "setup_of"]

_NO_MATTER = ("vlm_cache", "vlm_replay", "vlm_timeout")  # where answers are kept, and how long one waits for them


def setup_of(settings: Mapping[str, Any], revisions: Mapping[str, str], products: Products) -> str:
    """A hash of everything that a result depends on but the video's bytes, hexadecimal."""
    matters = {name: value for name, value in settings.items() if name not in _NO_MATTER}
    return _hash({"version": kinescribe.__version__, "settings": matters, "revisions": dict(revisions), "products": asdict(products)})


def key_of(sha256: str, setup: str) -> str:
    """The key of a video's result, hexadecimal."""
    return _hash({"video": sha256, "setup": setup})


def revisions_of(settings: ExtractionSettings) -> dict[str, str]:
    """By role, which part does it: the package that offers it with its version, and where it has weights the hash of those and of all
    that is read beside them: configuration, preprocessing, tokenizer. "pictures" is the hash of those that are named as examples.

    Raises:
        UsageError, InputError: parts that are unknown or can't run here, weights that are missing.
    """
    from kinescribe.llm import Settings
    from kinescribe.perception.backends import ROLES, choose
    from kinescribe.perception.learned import has_weights

    keywords = settings.keywords()
    vlm = keywords.get("vlm") or (Settings.from_environment() if settings.asks_vlm else None)
    asked = {role: getattr(settings, role) for role in ROLES if isinstance(getattr(settings, role), str)}
    on_device = settings.device not in ("auto", "cpu")
    choices = choose(settings.backend, asked, ready=() if vlm is None else ("vlm",), on_device=on_device)
    out = {"tracker": _package("trackers", settings.tracker)}
    for role, choice in choices.items():
        out[role] = f"{choice.name} of {_package(ROLES[role], choice.name)}"
        part = plugins.load(ROLES[role], choice.name)
        if has_weights(part):
            out[role] += f", {_weights(part, choice.weights)}"
    if vlm is not None:
        out["vlm"] = f"{vlm.model} at {vlm.host}"
    pictures = _pictures(settings.objects or "")
    return out | ({"pictures": _contents(pictures)} if pictures else {})


def has_weights_in(revisions: Mapping[str, str]) -> bool:
    """Whether any of the parts of `revisions_of` is a model with weights."""
    return any("weights " in revision for revision in revisions.values())


def _weights(part: Any, weights: str | None) -> str:
    """Hashes of what a part reads. Where it lies doesn't matter, nor when it was written."""
    from kinescribe.perception.learned import files_of
    from kinescribe.perception.weights import find

    found = find(weights, families=part.families, default=part.default)
    tensors = set(found.files)
    beside = [file for file in files_of(part, weights) if file not in tensors]
    return f"weights {found.sha256()}" + (f" beside {_contents(beside)}" if beside else "")


def _pictures(objects: str) -> list[Path]:
    """The files of "@cart.png", a picture in the place of words; those that aren't there are told of when they are read."""
    from kinescribe.perception.naming import PICTURE_MARK, prompts_of
    from kinescribe.perception.weights.regular import is_file

    if PICTURE_MARK not in objects:
        return []
    names = [name for prompt in prompts_of([objects]) for name in prompt.synonyms]
    return [path for name in names if name.startswith(PICTURE_MARK) and is_file(path := Path(name.removeprefix(PICTURE_MARK)))]


def _contents(files: Sequence[Path]) -> str:
    """A hash of these files' names and contents, hexadecimal."""
    from kinescribe.video.hashing import sha256_of_file

    return _hash([(file.name, sha256_of_file(file)) for file in files])


def _package(kind: str, name: str) -> str:
    # our own version is part of every key already
    found = next((plugin.package for plugin in plugins.plugins(kind) if plugin.name == name), "unknown")
    return "kinescribe" if found.startswith("kinescribe ") else found


def _hash(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()
