"""The formats that can be imported, and which of them a file is in, by what it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from kinescribe.annotation.importing.asked import Asked
from kinescribe.annotation.importing.contents import beginning
from kinescribe.annotation.importing.sheets import rows_of
from kinescribe.annotation.importing.sightings import Sightings
from kinescribe.errors import InputError

__all__ = ["FORMATS", "reader", "recognised"]

# By format the name that people know it by.
FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "coco": "COCO JSON with track_id",
        "cvat": "CVAT for video 1.1 (XML)",
        "deeplabcut": "DeepLabCut CSV",
        "sleap": "SLEAP analysis CSV",
        "tracker": "Open Source Physics Tracker data table",
        "trackmate": "TrackMate spots (CSV) or XML",
        "trackpy": "trackpy CSV",
    }
)
_ROOTS = {"annotations": "cvat", "TrackMate": "trackmate", "Tracks": "trackmate"}
_FIRST_LINES = 5


def reader(format: str) -> Callable[[Path, Asked], Sightings]:
    """The function that reads files of a format of `FORMATS`."""
    found: Callable[[Path, Asked], Sightings] = getattr(import_module(f"kinescribe.annotation.importing.{format}"), f"read_{format}")
    return found


def recognised(path: Path, encoding: str | None = None) -> str:
    """The format of a file, by its first lines. Raises InputError for one that can't be read or is in none of `FORMATS`."""
    data = beginning(path)
    utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    # what breaks off within a character, or is in another encoding, doesn't matter here: the reader tells
    text = data.decode("utf-16" if utf16 else encoding or "utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        return _of_markup(path)
    if text.startswith("{"):
        return "coco"
    return _of_table(path, text)


def _of_markup(path: Path) -> str:
    from kinescribe.annotation.importing.markup import root_tag

    root, kind = root_tag(path)
    if root == "object" and "opensourcephysics" in kind:
        raise InputError(f"{path}: is a project of Tracker's: export its data there (File > Export > Data File) and give that file")
    if root not in _ROOTS:
        raise _unknown(path)
    return _ROOTS[root]


def _of_table(path: Path, text: str) -> str:
    from kinescribe.annotation.importing.tracker import MULTI, is_tracker_header

    whole = text if len(text) < 1 << 15 else text[: text.rfind("\n") + 1] or text
    for line, (_, cells) in enumerate(rows_of(path, whole)):
        low = {cell.lower() for cell in cells}
        if line == 0:
            if cells[0].lower() == "scorer" or {"bodyparts", "coords"} & {cells[0].lower()}:
                return "deeplabcut"
            if {"frame", "time_s", "object_id"} <= low:
                raise InputError(f"{path}: is a states table already: read it with kinescribe.states.read")
            if {"track", "frame_idx"} <= low:
                return "sleap"
            if {"track_id", "position_x"} <= low:
                return "trackmate"
            if {"frame", "particle"} <= low:
                return "trackpy"
            if cells[0].lower() == MULTI:
                return "tracker"
        if is_tracker_header(cells):
            return "tracker"
        if line >= _FIRST_LINES:
            break
    raise _unknown(path)


def _unknown(path: Path) -> InputError:
    return InputError(f"{path}: in no format that is known; known are {', '.join(FORMATS.values())}: export as one, or give format=")
