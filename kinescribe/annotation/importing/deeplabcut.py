"""DeepLabCut's CSV of an analysed video: three or four header rows, one row a frame.

Source: DeepLabCut's documentation of its output (deeplabcut.github.io); 0.6 is its own cut-off (`pcutoff`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from kinescribe.annotation.importing.asked import Asked
from kinescribe.annotation.importing.contents import read_text
from kinescribe.annotation.importing.sheets import Sheet, delimiter_of, is_number, rows_of, shown
from kinescribe.annotation.importing.sightings import Place, Sightings
from kinescribe.errors import InputError

__all__ = ["LEAST_LIKELIHOOD", "read_deeplabcut"]

LEAST_LIKELIHOOD = 0.6
_HEADERS = ("scorer", "individuals", "bodyparts", "coords")


def read_deeplabcut(path: Path, asked: Asked) -> Sightings:
    """Rows ``scorer``, (``individuals``,) ``bodyparts``, ``coords``, then frames: every part is an object of its own.

    Likelihoods below 0.6 are left out, unless the caller says otherwise.

    Raises:
        InputError: a file that can't be read, has other header rows, or a cell that is no number.
    """
    text = read_text(path, asked.encoding)
    rows = rows_of(path, text)
    headers: dict[str, list[str]] = {}
    for number, cells in rows:
        kind = cells[0].lower()
        if kind not in _HEADERS or kind in headers:
            raise InputError(f"{path}: row {number} begins with {shown(cells[0])}, not with one of {', '.join(_HEADERS)}; export it again")
        headers[kind] = cells
        if kind == "coords":
            break
    if not {"bodyparts", "coords"} <= headers.keys():
        raise InputError(f"{path}: no header rows 'bodyparts' and 'coords': take the CSV that DeepLabCut writes of an analysed video")
    parts = _parts(path, headers)
    names = [f"{part} {what}" for part, what in _columns(headers)]
    sheet = Sheet(path, ["frame", *names], rows, delimiter_of(text) != ",")
    found = Sightings(path, asked, Place())
    for number, cells in sheet:
        if not is_number(cells[0]):
            raise InputError(
                f"{path}: row {number}: {shown(cells[0])} is no frame number: these are labels of single pictures; "
                "take the CSV of an analysed video"
            )
        frame = sheet.number(number, cells, 0)
        for part, (x, y, likelihood) in parts.items():
            found.see(
                number,
                part,
                sheet.number(number, cells, x),
                sheet.number(number, cells, y),
                frame=frame,
                score=sheet.number(number, cells, likelihood) if likelihood >= 0 else math.nan,
                least_score=LEAST_LIKELIHOOD,
            )
    return found


def _columns(headers: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Part and coordinate of every column but the first."""
    parts, coords = headers["bodyparts"][1:], headers["coords"][1:]
    whose: Sequence[str] = headers.get("individuals", [""] * (len(parts) + 1))[1:]
    whose = [*whose, *[""] * (len(parts) - len(whose))]
    named = (f"{one} {part}" if one and one.lower() != "single" else part for one, part in zip(whose, parts, strict=False))
    return list(zip(named, coords, strict=False))


def _parts(path: Path, headers: dict[str, list[str]]) -> dict[str, tuple[int, int, int]]:
    """By part the columns of x, y and likelihood (−1 without)."""
    places: dict[str, dict[str, int]] = {}
    for k, (part, what) in enumerate(_columns(headers), start=1):
        if what.lower() in places.setdefault(part, {}):
            raise InputError(f"{path}: two columns are {shown(what)} of {shown(part)}: rename one part and export again")
        places[part][what.lower()] = k
    out = {part: (at["x"], at["y"], at.get("likelihood", -1)) for part, at in places.items() if {"x", "y"} <= at.keys()}
    if not out:
        raise InputError(f"{path}: no part has both x and y in the row 'coords'; take the CSV of an analysed video")
    return out
