"""How an extraction is asked for in plain words: the form that the command line, a configuration file and a batch share.

Importing it loads nothing heavy; what the words stand for is made when it's asked for.
"""

from __future__ import annotations

from .extraction import ExtractionSettings, checked_options
from .overrides import Overrides, VideoChanges

__all__ = ["ExtractionSettings", "Overrides", "VideoChanges", "checked_options"]
