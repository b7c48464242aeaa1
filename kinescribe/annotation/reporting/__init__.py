"""The quality report: one self-contained page of a video, one of a data set, and what both say in short.

The public names load on first use; jinja2 (the extra ``report``) is needed for the pages alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinescribe.annotation.reporting.dataset_page import write_dataset_page
    from kinescribe.annotation.reporting.entry import Entry
    from kinescribe.annotation.reporting.looking import reasons_to_look
    from kinescribe.annotation.reporting.pictures import write_thumbnail
    from kinescribe.annotation.reporting.summarising import summarise
    from kinescribe.annotation.reporting.summary import Summary
    from kinescribe.annotation.reporting.templates import check_pages
    from kinescribe.annotation.reporting.video_page import write_video_page

__all__ = [
    "Entry",
    "Summary",
    "check_pages",
    "reasons_to_look",
    "summarise",
    "write_dataset_page",
    "write_thumbnail",
    "write_video_page",
]

_HOME = {
    "Entry": "entry",
    "Summary": "summary",
    "check_pages": "templates",
    "reasons_to_look": "looking",
    "summarise": "summarising",
    "write_dataset_page": "dataset_page",
    "write_thumbnail": "pictures",
    "write_video_page": "video_page",
}


def __getattr__(name: str) -> Any:
    """Import a public name from the module where it lives, on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'kinescribe.annotation.reporting' has no attribute '{name}'")
    value = getattr(import_module(f"kinescribe.annotation.reporting.{_HOME[name]}"), name)
    globals()[name] = value
    return value
