"""A second look at what tracks are called: by rules, or by a vision-language model behind an endpoint."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinescribe.perception.verification.frames import choose_views, frames_to_show
    from kinescribe.perception.verification.rules import RulesVerifier
    from kinescribe.perception.verification.vlm import VlmVerifier

__all__ = ["RulesVerifier", "VlmVerifier", "choose_views", "frames_to_show"]

_HOME = {"RulesVerifier": "rules", "VlmVerifier": "vlm", "choose_views": "frames", "frames_to_show": "frames"}


def __getattr__(name: str) -> Any:
    """Import a public name from its module, on first use."""
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
