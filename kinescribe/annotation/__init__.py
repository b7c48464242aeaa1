"""Folders of videos to data sets, states tables to formats for training and correcting, other tools' tracks to states tables.

The public names load on first use, so that listing what is installed stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinescribe.annotation.batch import Annotated, DataSetOptions, RunOptions, Status, annotate, status
    from kinescribe.annotation.exporting import Exported, Exporter, ExporterFactory, Item, LabelledVideo, export
    from kinescribe.annotation.importing import import_tracks

__all__ = [
    "Annotated",
    "DataSetOptions",
    "Exported",
    "Exporter",
    "ExporterFactory",
    "Item",
    "LabelledVideo",
    "RunOptions",
    "Status",
    "annotate",
    "export",
    "import_tracks",
    "status",
]

_BATCH = ("Annotated", "DataSetOptions", "RunOptions", "Status", "annotate", "status")
_HOME = (
    dict.fromkeys(__all__, "kinescribe.annotation.exporting")
    | dict.fromkeys(_BATCH, "kinescribe.annotation.batch")
    | {"import_tracks": "kinescribe.annotation.importing"}
)


def __getattr__(name: str) -> Any:
    """Import a public name from the package where it lives, on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'kinescribe.annotation' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
