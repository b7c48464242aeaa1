"""Coverage and error of a states table against marked positions."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.errors import InputError, UsageError

__all__ = ["ClipScore", "ObjectScore", "Truth", "read_truth", "score_states"]

Float = NDArray[np.float64]
HIT_PX = 10.0  # a mark is covered when the state lies nearer than this
MAX_OFFSET_PX = 25.0  # farther off than this, an id follows something else


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The marks of one object.

    Attributes:
        frames: (n,) int, decoded frames from 0, no frame twice.
        positions: (n, 2), image pixels, y down.
        headings: (n,), radians counter-clockwise from +x with y up; NaN where not marked.
    """

    frames: NDArray[np.int64]
    positions: Float
    headings: Float


@dataclass(frozen=True, slots=True)
class ObjectScore:
    """How well the best id serves one marked object.

    Attributes:
        object_id: the best id; None where no id comes near the marks.
        coverage: marked frames that the id hits over all marked frames, in [0, 1].
        median_px: median distance after the offset is removed, over the marked frames in which the id exists; NaN without an id.
        offset_px: median of state − mark, x and y; NaN without an id.
        marks: number of marked frames.
        present: number of marked frames in which the id exists.
    """

    object_id: int | None
    coverage: float
    median_px: float
    offset_px: tuple[float, float]
    marks: int
    present: int


@dataclass(frozen=True, slots=True)
class ClipScore:
    """The scores of a clip's objects by name, and the ids that stand for nothing marked.

    Attributes:
        objects: one score a marked object.
        spurious: ids present in over half of the frames that are the best id of no marked object.
        frame_count: frames that "half" was taken of.
    """

    objects: dict[str, ObjectScore]
    spurious: tuple[int, ...]
    frame_count: int


def read_truth(path: str | Path) -> dict[str, Truth]:
    """Marks by object from a CSV with ``frame,object,x_px,y_px`` and optionally ``heading_deg``; raises `InputError` on anything else."""
    file = Path(path)
    rows: dict[str, list[tuple[int, float, float, float]]] = {}
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            for number, row in enumerate(csv.DictReader(stream), start=2):
                try:
                    heading = np.deg2rad(float(row.get("heading_deg") or "nan"))
                    rows.setdefault(row["object"], []).append((int(row["frame"]), float(row["x_px"]), float(row["y_px"]), heading))
                except (KeyError, TypeError, ValueError) as error:
                    raise InputError(f"line {number} of '{file}' is no mark (frame,object,x_px,y_px): {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot read marks from '{file}': {error}") from error
    if not rows:
        raise InputError(f"'{file}' holds no marks; it needs a header frame,object,x_px,y_px and a row a mark")
    return {name: _truth(name, marks, file) for name, marks in rows.items()}


def score_states(
    frames: ArrayLike,
    object_ids: ArrayLike,
    x_px: ArrayLike,
    y_px: ArrayLike,
    truth: dict[str, Truth],
    frame_count: int | None = None,
) -> ClipScore:
    """Coverage, median error and spurious ids of a states table.

    Args:
        frames, object_ids, x_px, y_px: columns of the table, (rows,), image pixels, y down. Rows without a finite position are left out;
            every other row counts, whatever its status.
        truth: marks by object, as `read_truth` gives them.
        frame_count: frames of the video; by default up to the last frame that a row or a mark names.

    Raises `UsageError` where columns differ in length or an id has two rows in one frame.
    """
    columns = [np.asarray(frames, np.int64), np.asarray(object_ids, np.int64), np.asarray(x_px, float), np.asarray(y_px, float)]
    if len({c.shape for c in columns}) != 1 or columns[0].ndim != 1:
        raise UsageError(f"columns of a states table have one length, not {[c.shape for c in columns]}")
    finite = np.isfinite(columns[2]) & np.isfinite(columns[3])
    frame, ids = columns[0][finite], columns[1][finite]
    position = np.stack([columns[2][finite], columns[3][finite]], axis=1)
    if len(np.unique(np.stack([ids, frame]), axis=1).T) != len(ids):
        raise UsageError("an object has two rows in one frame; drop one of them before scoring")
    if frame_count is None:
        named = [f for f in (frame, *(t.frames for t in truth.values())) if len(f)]
        frame_count = int(max((f.max() for f in named), default=-1)) + 1
    by_id = {int(i): (frame[ids == i], position[ids == i]) for i in np.unique(ids)}
    objects = {name: _best(by_id, marks) for name, marks in truth.items()}
    taken = {score.object_id for score in objects.values()}
    spurious = tuple(i for i, (seen, _) in by_id.items() if i not in taken and 2 * len(seen) > frame_count)
    return ClipScore(objects, spurious, frame_count)


def _truth(name: str, marks: list[tuple[int, float, float, float]], file: Path) -> Truth:
    table = np.array(sorted(marks), float)
    frames = table[:, 0].astype(np.int64)
    if len(np.unique(frames)) != len(frames):
        raise InputError(f"'{file}' marks '{name}' twice in frame {frames[:-1][np.diff(frames) == 0][0]}")
    return Truth(frames, table[:, 1:3], table[:, 3])


def _best(by_id: dict[int, tuple[NDArray[np.int64], Float]], marks: Truth) -> ObjectScore:
    best = ObjectScore(None, 0.0, float("nan"), (float("nan"), float("nan")), len(marks.frames), 0)
    best_key = (0.0, -np.inf)
    for object_id, (frame, position) in by_id.items():
        _, here, there = np.intersect1d(frame, marks.frames, assume_unique=True, return_indices=True)
        if not len(here):
            continue
        difference = position[here] - marks.positions[there]
        offset = np.median(difference, axis=0)
        if np.hypot(*offset) > MAX_OFFSET_PX:
            continue
        distance = np.hypot(*(difference - offset).T)
        coverage = float(np.mean(distance < HIT_PX) * len(distance) / len(marks.frames))
        median = float(np.median(distance))
        if (coverage, -median) > best_key:
            best_key = (coverage, -median)
            best = ObjectScore(object_id, coverage, median, (float(offset[0]), float(offset[1])), len(marks.frames), len(here))
    return best
