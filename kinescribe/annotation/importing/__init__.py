"""Tracks of other tools as states tables."""

from kinescribe.annotation.importing.formats import FORMATS
from kinescribe.annotation.importing.importing import import_tracks, videos_in

__all__ = ["FORMATS", "import_tracks", "videos_in"]
