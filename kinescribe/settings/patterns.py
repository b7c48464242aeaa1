"""Patterns of videos' names, the same wherever some videos are chosen from many."""

from __future__ import annotations

from collections.abc import Container
from fnmatch import fnmatchcase

__all__ = ["fits"]


def fits(name: str, pattern: str, names: Container[str] = ()) -> bool:
    """Whether a pattern fits a video: its path, relative to the folder of all and with /, or its file name. Case counts.

    Args:
        name: the path of the video.
        pattern: as of file names: ``*``, ``?``, ``[…]``; a ``*`` goes across folders. A name as it is fits too, whatever is in it.
        names: of all videos, where they are known: a pattern that is the whole name of one means that one alone.
    """
    if name == pattern or pattern in names:
        return name == pattern
    last = name.rpartition("/")[2]
    return last == pattern or fnmatchcase(name, pattern) or fnmatchcase(last, pattern)
