"""Programs of a video that a language model proposes: how its objects are found, how they move, and how they are drawn."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinescribe.foretelling.programs.folder import Program
    from kinescribe.foretelling.programs.making import Made, program, replay
    from kinescribe.foretelling.programs.using import Used, use_program

__all__ = ["Made", "Program", "Used", "program", "replay", "use_program"]

_HOME = {"Made": "making", "Program": "folder", "Used": "using", "program": "making", "replay": "making", "use_program": "using"}


def __getattr__(name: str) -> Any:
    """A public name, from the module where it lives: the parts of this package stand on their own."""
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
