"""TrackMate's table of spots, as CSV: a header, in new versions of four rows, then a row a spot.

Source: TrackMate's documentation of its tables and features (imagej.net/plugins/trackmate): positions count from the centre of the first
pixel, in the image's unit, y down; FRAME from 0.
"""

from __future__ import annotations

import math
from itertools import chain
from pathlib import Path

from kinescribe.annotation.importing.asked import Asked
from kinescribe.annotation.importing.contents import read_text
from kinescribe.annotation.importing.lengths import one_unit
from kinescribe.annotation.importing.sheets import Row, Sheet, delimiter_of, header_of, is_number, rows_of
from kinescribe.annotation.importing.sightings import Place, Sightings
from kinescribe.errors import InputError

__all__ = ["SECONDS", "read_trackmate", "read_trackmate_csv"]

SECONDS = {
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "ms": 1e-3,
    "msec": 1e-3,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
}


def read_trackmate(path: Path, asked: Asked) -> Sightings:
    """A table of spots (CSV), or one of TrackMate's two kinds of XML. Raises InputError for anything else."""
    with path.open("rb") as stream:
        beginning = stream.read(64)
    if beginning.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n").startswith(b"<"):
        from kinescribe.annotation.importing.trackmate_xml import read_trackmate_xml

        return read_trackmate_xml(path, asked)
    return read_trackmate_csv(path, asked)


def read_trackmate_csv(path: Path, asked: Asked) -> Sightings:
    """Columns ``TRACK_ID``, ``POSITION_X``, ``POSITION_Y``, ``FRAME``, and ``POSITION_T``, ``RADIUS`` where they are there.

    Spots of no track are left out.

    Raises:
        InputError: a file that can't be read, lacks one of these columns, or has a cell that is no number.
    """
    text = read_text(path, asked.encoding)
    rows = rows_of(path, text)
    header = header_of(path, rows)
    bare = Sheet(path, header, iter(()), delimiter_of(text) != ",")
    x, y = bare.column("POSITION_X"), bare.column("POSITION_Y")
    t, frame, track, radius = (bare.column(name) for name in ("POSITION_T", "FRAME", "TRACK_ID", "RADIUS"))
    lacking = [name for name, at in (("TRACK_ID", track), ("POSITION_X", x), ("POSITION_Y", y), ("FRAME", frame)) if at < 0]
    if lacking:
        raise InputError(f"{path}: no column {', '.join(lacking)}: export the table 'spots' of TrackMate's 'Tracks' window")
    units: list[str] = []
    body: list[Row] = []
    for number, cells in rows:
        if x < len(cells) and is_number(cells[x]):
            body.append((number, cells))
            break
        units = cells
    sheet = Sheet(path, header, chain(body, rows), bare.decimal_comma)
    length, second = (_bracketed(units[k]) if 0 <= k < len(units) else "" for k in (x, t))
    tick = SECONDS.get(second.lower(), math.nan)
    found = Sightings(path, asked, Place(one_unit(length) or asked.unit or "px"))
    loose = 0
    for number, cells in sheet:
        id_ = sheet.number(number, cells, track)
        if math.isnan(id_):
            loose += 1
            continue
        found.see(
            number,
            found.whole(number, id_, "TRACK_ID"),
            sheet.number(number, cells, x),
            sheet.number(number, cells, y),
            frame=sheet.number(number, cells, frame),
            time=sheet.number(number, cells, t) * tick,
            label=f"track {id_:.0f}",
            size=2 * abs(sheet.number(number, cells, radius)),
        )
    if loose:
        found.notes.append(f"{loose} spots that belong to no track were left out")
    if not length:
        found.notes.append(f"the table names no unit of length: positions are taken to be in {found.place.unit}")
    return found


def _bracketed(cell: str) -> str:
    return cell.strip().removeprefix("(").removesuffix(")").strip()
