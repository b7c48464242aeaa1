"""Tables of Open Source Physics Tracker (File > Export > Data File, or copied from its data view).

A line with the track's name (``#multi:`` and a line of names where there are several), a line of column names, then a row a step. The cells
stand between tabs, semicolons, commas or spaces. Positions are in Tracker's world: its unit, from its origin, y up.

Source: Tracker's help, "Exporting data", and files of versions 4 to 6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from kinescribe.annotation.importing.asked import Asked
from kinescribe.annotation.importing.contents import read_text
from kinescribe.annotation.importing.lengths import one_unit
from kinescribe.annotation.importing.sheets import Row, Sheet, delimiter_of, is_number, rows_of, shown
from kinescribe.annotation.importing.sightings import Place, Sightings
from kinescribe.errors import InputError

__all__ = ["is_tracker_header", "read_tracker"]

MULTI = "#multi:"
_UNIT = re.compile(r"(.*?)\s*[(\[](.*)[)\]]\s*")
_SECONDS = {"": 1.0, "s": 1.0, "sec": 1.0, "ms": 1e-3, "min": 60.0}
_FIRST_LINES = 4


@dataclass(slots=True)
class _Body:
    name: str
    x: int = -1
    y: int = -1


def is_tracker_header(cells: list[str]) -> bool:
    """Whether a line names the columns t, x and y."""
    return {"t", "x", "y"} <= {_split(cell)[0] for cell in cells}


def read_tracker(path: Path, asked: Asked) -> Sightings:
    """Columns ``t``, ``x``, ``y`` (and ``frame``) of one track or several, with units in brackets or none.

    Raises:
        InputError: a file that can't be read, has no such columns, or a cell that is no number.
    """
    text = read_text(path, asked.encoding)
    rows = rows_of(path, text)
    above: list[Row] = []
    for number, cells in rows:
        if is_tracker_header(cells):
            break
        above.append((number, cells))
        if len(above) > _FIRST_LINES or all(is_number(cell) for cell in cells):
            raise InputError(f"{path}: row {number}: no line with t, x and y above it: let Tracker's table show t, x and y, and export it")
    else:
        raise InputError(f"{path}: no line names the columns t, x and y: let Tracker's table show them, and export it")
    bodies, unit = _bodies(path, cells, _names(text, above))
    sheet = Sheet(path, cells, rows, delimiter_of(text) != ",")
    plain = [_split(cell) for cell in cells]
    t = next(k for k, (name, _) in enumerate(plain) if name == "t")
    frame = next((k for k, (name, _) in enumerate(plain) if name == "frame"), -1)
    if plain[t][1] not in _SECONDS:
        raise InputError(f"{path}: the times are in {shown(plain[t][1])}; export them in s")
    found = Sightings(path, asked, Place(unit, y_up=True))
    for number, row in sheet:
        time = sheet.number(number, row, t) * _SECONDS[plain[t][1]]
        if time != time:
            raise sheet.fault(number, t, "the time is unknown; mend the cell, or take the row out")
        at = sheet.number(number, row, frame) if frame >= 0 else None
        for body in bodies:
            found.see(number, body.name, sheet.number(number, row, body.x), sheet.number(number, row, body.y), frame=at, time=time)
    return found


def _split(cell: str) -> tuple[str, str]:
    """Name and unit of a column: ``x (m)`` → x, m."""
    match = _UNIT.fullmatch(cell)
    name, unit = (match[1], match[2].strip()) if match else (cell, "")
    return name.strip().lower(), unit


def _names(text: str, above: list[Row]) -> list[str]:
    """The names above the columns: one, or as many as there are tracks."""
    lines = [cells for _, cells in above if cells[0].lower() != MULTI]
    if not lines:
        return []
    if delimiter_of(text) is None:
        return [" ".join(lines[-1]).lstrip("# ")]
    return [name for name in (cell.lstrip("# ") for cell in lines[-1]) if name]


def _bodies(path: Path, header: list[str], names: list[str]) -> tuple[list[_Body], str]:
    """Each track's columns, and their one unit ("" where none is named). A column x begins the next track."""
    bodies: list[_Body] = []
    units = set()
    for k, cell in enumerate(header):
        name, unit = _split(cell)
        if name not in ("x", "y"):
            continue
        units.add(one_unit(unit))
        if not bodies or getattr(bodies[-1], name) >= 0:
            bodies.append(_Body(names[len(bodies)] if len(bodies) < len(names) else f"track {len(bodies) + 1}"))
        setattr(bodies[-1], name, k)
    lame = next((body for body in bodies if body.x < 0 or body.y < 0), None)
    if lame:
        raise InputError(f"{path}: the track {shown(lame.name)} has no pair of x and y: let Tracker's table show both for each track")
    if len(units) > 1:
        raise InputError(f"{path}: lengths are in {' and '.join(shown(unit) for unit in sorted(units))}; export all in one unit")
    twice = sorted({body.name for body in bodies if sum(other.name == body.name for other in bodies) > 1})
    if twice:
        raise InputError(f"{path}: two tracks are named {shown(twice[0])}: rename one in Tracker and export again")
    return bodies, units.pop()
