"""Tracks that trackpy linked, saved with ``DataFrame.to_csv``: one row a particle and frame.

Source: trackpy's documentation of `link` and `locate` (soft-matter.github.io/trackpy): x and y count from the centre of the first pixel.
"""

from __future__ import annotations

from pathlib import Path

from kinescribe.annotation.importing.asked import Asked
from kinescribe.annotation.importing.contents import read_text
from kinescribe.annotation.importing.sheets import Sheet, delimiter_of, header_of, rows_of
from kinescribe.annotation.importing.sightings import Place, Sightings
from kinescribe.errors import InputError

__all__ = ["read_trackpy"]


def read_trackpy(path: Path, asked: Asked) -> Sightings:
    """Columns ``x``, ``y`` (px), ``frame`` and ``particle``; others aren't read.

    Raises:
        InputError: a file that can't be read, lacks one of these columns, or has a cell that is no number.
    """
    text = read_text(path, asked.encoding)
    rows = rows_of(path, text)
    header = header_of(path, rows)
    sheet = Sheet(path, header, rows, delimiter_of(text) != ",")
    frame, particle, x, y = (sheet.column(name) for name in ("frame", "particle", "x", "y"))
    lacking = [name for name, at in (("frame", frame), ("particle", particle), ("x", x), ("y", y)) if at < 0]
    if lacking:
        raise InputError(f"{path}: no column {', '.join(lacking)}: save what trackpy.link gave, with frame, particle, x and y")
    # the frame is often the index as well, and is written twice
    twins = [k for k, name in enumerate(header) if name.lower() == "frame" and k != frame]
    found = Sightings(path, asked, Place())
    for number, cells in sheet:
        at = sheet.number(number, cells, frame)
        if any(sheet.number(number, cells, k) != at for k in twins):
            raise found.fault(number, "two columns 'frame' say different things; take one out")
        track = found.whole(number, sheet.number(number, cells, particle), "particle")
        found.see(
            number,
            track,
            sheet.number(number, cells, x),
            sheet.number(number, cells, y),
            frame=at,
            label=f"particle {track}",
        )
    return found
