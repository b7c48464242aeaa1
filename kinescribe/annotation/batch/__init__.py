"""A folder of videos to a data set: in parallel, resumable, on one machine or many. The public names load on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinescribe.annotation.batch.annotating import annotate
    from kinescribe.annotation.batch.engines import Engine
    from kinescribe.annotation.batch.options import DataSetOptions, RunOptions
    from kinescribe.annotation.batch.overview import Status, status
    from kinescribe.annotation.batch.result import Annotated

__all__ = ["Annotated", "DataSetOptions", "Engine", "RunOptions", "Status", "annotate", "status"]

_HOME = {
    "Annotated": "result",
    "DataSetOptions": "options",
    "Engine": "engines",
    "RunOptions": "options",
    "Status": "overview",
    "annotate": "annotating",
    "status": "overview",
}


def __getattr__(name: str) -> Any:
    """Import a public name from the module where it lives, on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'kinescribe.annotation.batch' has no attribute '{name}'")
    value = getattr(import_module(f"kinescribe.annotation.batch.{_HOME[name]}"), name)
    globals()[name] = value
    return value
