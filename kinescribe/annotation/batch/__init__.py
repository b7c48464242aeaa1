"""A folder of videos to a data set: in parallel, resumable, on one machine or many. The public names load on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinescribe.annotation.batch.annotate import Annotated, annotate
    from kinescribe.annotation.batch.engines import Engine
    from kinescribe.annotation.batch.options import DataSetOptions, RunOptions
    from kinescribe.annotation.batch.status import Status, status

__all__ = ["Annotated", "DataSetOptions", "Engine", "RunOptions", "Status", "annotate", "status"]

_HOME = {
    "Annotated": "annotate",
    "DataSetOptions": "options",
    "Engine": "engines",
    "RunOptions": "options",
    "Status": "status",
    "annotate": "annotate",
    "status": "status",
}


def __getattr__(name: str) -> Any:
    """Import a public name from the module where it lives, on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'kinescribe.annotation.batch' has no attribute '{name}'")
    value = getattr(import_module(f"kinescribe.annotation.batch.{_HOME[name]}"), name)
    globals()[name] = value
    return value
