"""Below a picture: which number stands for which object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.lettering import put, written
from kinescribe.renderers.marks import tag

__all__ = ["Entry", "legend"]

Picture = NDArray[np.uint8]
PAPER, INK = (255, 255, 255), (20, 20, 20)
LONGEST_NAME = 30  # heights of letters
MOST_LINES = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """An object in a legend: its number, its name ("" unknown), whether it is a point of a body, and whether it is dimmed somewhere."""

    object_id: int
    name: str
    point: bool = False
    dimmed: bool = False


def legend(entries: Sequence[Entry], width: int, letters: int) -> Picture:
    """Numbers on their colours, each before its name, in as many lines as they need, uint8 (h, width, 3).

    Twelve lines at most; a last word says how many objects had no room. Letters are `letters` px high.
    """
    tall, space = round(1.7 * letters), letters
    lines: list[list[Picture]] = [[]]
    run, left_out = 0, 0
    for k, entry in enumerate(entries):
        piece = _piece(entry, width, letters)
        if lines[-1] and run + piece.shape[1] > width:
            if len(lines) == MOST_LINES - 1:
                left_out = len(entries) - k
                break
            lines.append([])
            run = 0
        lines[-1].append(piece)
        run += piece.shape[1] + space
    notes = [f"and {left_out} more"] if left_out else []
    notes += ["dimmed: not seen in that frame"] if any(entry.dimmed for entry in entries) else []
    if notes:
        lines.append([_words("; ".join(notes), width, letters)])
    out = np.full((tall * len(lines), width, 3), PAPER, np.uint8)
    for row, line in enumerate(lines):
        x = 0
        for piece in line:
            y = row * tall + (tall - piece.shape[0]) // 2
            out[y : y + piece.shape[0], x : x + piece.shape[1]] = piece
            x += piece.shape[1] + space
    return out


def _piece(entry: Entry, width: int, letters: int) -> Picture:
    plate = tag(entry.object_id, letters)[:, :width]
    name = f"{entry.name} (a point)" if entry.point else entry.name
    room = min(width - plate.shape[1] - letters // 2, LONGEST_NAME * letters)
    if not name or room < letters:
        return plate
    words = _words(name, room, letters)
    out = np.full((max(plate.shape[0], words.shape[0]), plate.shape[1] + letters // 3 + words.shape[1], 3), PAPER, np.uint8)
    for piece, x in ((plate, 0), (words, plate.shape[1] + letters // 3)):
        y = (out.shape[0] - piece.shape[0]) // 2
        out[y : y + piece.shape[0], x : x + piece.shape[1]] = piece
    return out


def _words(text: str, width: int, letters: int) -> Picture:
    covered = written(text, letters, width)
    out = np.full((*covered.shape, 3), PAPER, np.uint8)
    put(out, covered, 0, 0, INK)
    return out
