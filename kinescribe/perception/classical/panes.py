"""What the second look needs of most frames, kept from the first: the surroundings of what was seen, in a temporary file.

Decoding is most of what reading a video costs, and a body that was seen is looked for where it was seen. Where more of a frame is
needed, that frame is decoded again.
"""

from __future__ import annotations

import tempfile
import threading
import weakref
from collections.abc import Iterable
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kinescribe.video.frame import Frame

__all__ = ["Box", "Glazed", "OutOfSightError", "Panes"]

MOST_BYTES = 512 << 20
MOST_SHARE = 0.35  # of a picture: beyond, decoding it again is as quick
GROWN_SHARE, GROWN_PX = 0.27, 7  # of a box' longer side, and px, added on each side: as far as a sprite is looked for around it

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1, the last two exclusive."""


class OutOfSightError(Exception):
    """Something of the picture is asked for that wasn't kept."""


class _Pane(NamedTuple):
    box: Box
    place: int  # in the file


class _Kept(NamedTuple):
    time_s: float
    offset: NDArray[np.float32]
    panes: tuple[_Pane, ...]


class Glazed:
    """A picture of which parts are there: cut out rows and columns as of an array (H, W, 3); what isn't there raises `OutOfSightError`."""

    def __init__(self, shape: tuple[int, ...], parts: list[tuple[Box, NDArray[np.uint8]]]) -> None:
        self.shape = shape
        self._parts = parts

    def __getitem__(self, window: tuple[slice, slice]) -> NDArray[np.uint8]:
        rows, columns = window
        y0, y1, _ = rows.indices(self.shape[0])
        x0, x1, _ = columns.indices(self.shape[1])
        if y1 <= y0 or x1 <= x0:
            return np.empty((max(y1 - y0, 0), max(x1 - x0, 0), 3), np.uint8)
        pixels, (top, left) = self.around((x0, y0, x1, y1))
        return pixels[top : top + y1 - y0, left : left + x1 - x0]

    def around(self, box: Box) -> tuple[NDArray[np.uint8], tuple[int, int]]:
        """The whole of what is there about a part of the picture, which isn't empty, and the row and column at which the part begins in it.

        Raises:
            OutOfSightError: where some of the part isn't there.
        """
        for held, pixels in self._parts:
            if _holds(held, box):
                return pixels, (box[1] - held[1], box[0] - held[0])
        raise OutOfSightError


class Panes:
    """Parts of the frames of one video, with the time and the brightness offset of each; several threads may keep frames at once.

    Nothing more is kept once there are `MOST_BYTES`, or where the disk takes no more. The file has no name, and is gone with this.
    """

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}
        self._shape: tuple[int, ...] = ()
        self._file: IO[bytes] | None = None
        self._size = 0
        self._full = False
        self._lock = threading.Lock()

    def keep(self, frame: Frame, offset: NDArray[np.float32], windows: Iterable[tuple[slice, slice]]) -> None:
        """Keep a frame's windows with their surroundings; of a frame that has none, its time."""
        height, width = frame.image.shape[:2]
        boxes = _without_those_inside([_grown(rows, columns, height, width) for rows, columns in windows])
        if sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes) > MOST_SHARE * height * width:
            boxes = []
        crops = [frame.image[y0:y1, x0:x1].tobytes() for x0, y0, x1, y1 in boxes]
        with self._lock:
            self._shape = frame.image.shape
            panes = [] if self._full else self._written(boxes, crops)
            self._kept[frame.index] = _Kept(frame.time_s, offset, tuple(panes))

    def _written(self, boxes: list[Box], crops: list[bytes]) -> list[_Pane]:
        if self._size + sum(map(len, crops)) > MOST_BYTES:
            self._full = True
            return []
        out = []
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the panes)
                weakref.finalize(self, self._file.close)  # where no second look comes
            for box, crop in zip(boxes, crops, strict=True):
                self._file.seek(self._size)
                self._file.write(crop)
                out.append(_Pane(box, self._size))
                self._size += len(crop)
        except OSError:  # a full disk: what is not kept is decoded again
            self._full = True
            return []
        return out

    @property
    def indices(self) -> list[int]:
        """Of all frames that were seen, ascending."""
        return sorted(self._kept)

    def hold(self, index: int, box: Box) -> bool:
        """Whether that part of a frame is there, as far as it lies in the picture."""
        height, width = self._shape[:2]
        x0, y0, x1, y1 = box
        inside = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        return any(_holds(pane.box, inside) for pane in self._kept[index].panes)

    def frame(self, index: int) -> tuple[Frame, NDArray[np.float32]]:
        """What is there of a frame, its picture a `Glazed` one, and its brightness offset."""
        kept = self._kept[index]
        parts = []
        with self._lock:
            for (x0, y0, x1, y1), place in kept.panes:
                assert self._file is not None
                self._file.seek(place)
                pixels = np.empty((y1 - y0, x1 - x0, 3), np.uint8)
                self._file.readinto(pixels.data)  # type: ignore[attr-defined]  # a temporary file of bytes has it
                parts.append(((x0, y0, x1, y1), pixels))
        return Frame(index, kept.time_s, Glazed(self._shape, parts)), kept.offset  # type: ignore[arg-type]

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._kept = {}


def _grown(rows: slice, columns: slice, height: int, width: int) -> Box:
    margin = GROWN_PX + round(GROWN_SHARE * max(rows.stop - rows.start, columns.stop - columns.start))
    return (
        max(columns.start - margin, 0),
        max(rows.start - margin, 0),
        min(columns.stop + margin, width),
        min(rows.stop + margin, height),
    )


def _holds(box: Box, other: Box) -> bool:
    return box[0] <= other[0] and box[1] <= other[1] and box[2] >= other[2] and box[3] >= other[3]


def _without_those_inside(boxes: list[Box]) -> list[Box]:
    """Those that lie in no other one."""
    distinct = sorted(set(boxes))
    return [box for box in distinct if not any(other != box and _holds(other, box) for other in distinct)]
