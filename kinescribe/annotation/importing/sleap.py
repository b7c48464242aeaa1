"""SLEAP's analysis CSV: one row an instance and frame, three columns a node.

Source: SLEAP's documentation of its exports (docs.sleap.ai) and sleap-io's of the CSV format.
"""

from __future__ import annotations

import math
from pathlib import Path

from kinescribe.annotation.importing.asked import Asked
from kinescribe.annotation.importing.contents import read_text
from kinescribe.annotation.importing.sheets import Sheet, delimiter_of, header_of, rows_of
from kinescribe.annotation.importing.sightings import Place, Sightings
from kinescribe.errors import InputError

__all__ = ["read_sleap"]


def read_sleap(path: Path, asked: Asked) -> Sightings:
    """Columns ``track``, ``frame_idx``, and ``NODE.x``, ``NODE.y``, ``NODE.score``: every node of every track is an object of its own.

    Raises:
        InputError: a file that can't be read, lacks one of these columns, or has a cell that is no number.
    """
    text = read_text(path, asked.encoding)
    rows = rows_of(path, text)
    header = header_of(path, rows)
    sheet = Sheet(path, header, rows, delimiter_of(text) != ",")
    track, frame = sheet.column("track"), sheet.column("frame_idx")
    nodes = [name[:-2] for name in header if name.endswith(".x") and f"{name[:-2]}.y" in header]
    if track < 0 or frame < 0 or not nodes:
        raise InputError(f"{path}: no column track, frame_idx, or no pair NODE.x, NODE.y: export SLEAP's analysis CSV again")
    if len(set(nodes)) < len(nodes):
        raise InputError(f"{path}: two nodes have one name: rename one in SLEAP and export again")
    places = [(node, header.index(f"{node}.x"), header.index(f"{node}.y"), sheet.column(f"{node}.score")) for node in nodes]
    found = Sightings(path, asked, Place())
    for number, cells in sheet:
        at = sheet.number(number, cells, frame)
        for node, x, y, score in places:
            name = f"{cells[track]} {node}".strip()
            confidence = sheet.number(number, cells, score) if score >= 0 else math.nan
            found.see(number, name, sheet.number(number, cells, x), sheet.number(number, cells, y), frame=at, score=confidence)
    return found
