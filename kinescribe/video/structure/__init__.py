"""Where a file's own structure is damaged: what demuxers step over without a word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from .boxes import damage_of_boxes
from .damage import Damage
from .flv import damage_of_flv
from .gif import damage_of_gif
from .matroska import damage_of_matroska
from .transport import count_of_units, damage_of_transport_stream, starts_with_key

__all__ = ["Damage", "announces_key", "first_damage", "units_of_pictures"]

_WALKS: dict[str, Callable[[BinaryIO, int], Damage | None]] = {
    "matroska,webm": damage_of_matroska,
    "flv": damage_of_flv,
    "gif": damage_of_gif,
    "mov,mp4,m4a,3gp,3g2,mj2": damage_of_boxes,
    "mpegts": damage_of_transport_stream,
}


def first_damage(path: Path, form: str) -> Damage | None:
    """The first place where the structure of a Matroska, WebM, FLV, GIF, MP4, MOV or MPEG-TS file contradicts itself; None for others.

    Only headers are read. What lies inside a coded picture is the decoder's business.

    Args:
        path: of the file.
        form: the demuxer's name of its format, which it can tell from a header that is damaged itself.

    Raises:
        OSError: the file can't be read.
    """
    walk = _WALKS.get(form)
    if walk is None:
        return None
    with path.open("rb") as stream:
        return walk(stream, path.stat().st_size)


def announces_key(path: Path) -> bool:
    """Whether a transport stream says that it begins with a key frame, whatever is left of it; False for other files.

    Raises:
        OSError: the file can't be read.
    """
    with path.open("rb") as stream:
        return starts_with_key(stream)


def units_of_pictures(path: Path) -> int:
    """How many units of pictures begin in a transport stream.

    Raises:
        OSError: the file can't be read.
    """
    with path.open("rb") as stream:
        return count_of_units(stream, path.stat().st_size)
