"""What a result depends on, as one key: bytes of the video, settings, revisions of models and plug-ins, our version, what is made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import kinescribe
from kinescribe import plugins

if TYPE_CHECKING:
    from kinescribe.annotation.batch.jobs import Products
    from kinescribe.settings import ExtractionSettings

__all__ = ["key_of", "revisions_of", "setup_of"]

_NO_MATTER = ("vlm_cache", "vlm_replay", "vlm_timeout")  # where answers are kept, and how long one waits for them


def setup_of(settings: Mapping[str, Any], revisions: Mapping[str, str], products: Products) -> str:
    """A hash of everything that a result depends on but the video's bytes, hexadecimal."""
    matters = {name: value for name, value in settings.items() if name not in _NO_MATTER}
    return _hash({"version": kinescribe.__version__, "settings": matters, "revisions": dict(revisions), "products": asdict(products)})


def key_of(sha256: str, setup: str) -> str:
    """The key of a video's result, hexadecimal."""
    return _hash({"video": sha256, "setup": setup})


def revisions_of(settings: ExtractionSettings) -> dict[str, str]:
    """By role, which part does it: the package that offers it with its version, and the hash of its weights where it has some.

    Raises:
        UsageError, InputError: parts that are unknown or can't run here, weights that are missing.
    """
    from kinescribe.llm import Settings
    from kinescribe.perception.backends import ROLES, choose
    from kinescribe.perception.weights import find

    keywords = settings.keywords()
    vlm = keywords.get("vlm") or (Settings.from_environment() if _asks_vlm(settings) else None)
    asked = {role: getattr(settings, role) for role in ROLES if isinstance(getattr(settings, role), str)}
    on_device = settings.device not in ("auto", "cpu")
    choices = choose(settings.backend, asked, ready=() if vlm is None else ("vlm",), on_device=on_device)
    out = {"tracker": _package("trackers", settings.tracker)}
    for role, choice in choices.items():
        out[role] = f"{choice.name} of {_package(ROLES[role], choice.name)}"
        families, default = (getattr(plugins.load(ROLES[role], choice.name), name, None) for name in ("families", "default"))
        if families and default:
            out[role] += f", weights {find(choice.weights, families=families, default=default).sha256()}"
    if vlm is not None:
        out["vlm"] = f"{vlm.model} at {vlm.host}"
    return out


def _asks_vlm(settings: ExtractionSettings) -> bool:
    return settings.verifier == "vlm" or (settings.objects or "").strip().lower() == "auto"


def _package(kind: str, name: str) -> str:
    # our own version is part of every key already
    found = next((plugin.package for plugin in plugins.plugins(kind) if plugin.name == name), "unknown")
    return "kinescribe" if found.startswith("kinescribe ") else found


def _hash(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()
