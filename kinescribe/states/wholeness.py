"""Whether a table is as it was written: rows that were lost or moved, told by the order of rows and by its metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.states.checks import Problem, capped
from kinescribe.states.frames_read import frames_read
from kinescribe.states.metadata import Metadata

__all__ = ["lost_or_moved"]

EXTRACTED = "backend"  # a setting that every extraction has, and nothing else
Arrays = Mapping[str, NDArray[Any]]


def lost_or_moved(columns: Arrays, meta: Metadata) -> list[Problem]:
    """Rows out of order, and rows that the metadata tell of and that aren't there, as warnings.

    Args:
        columns: frames and ids that are known in every row, in the order of the file.
        meta: of what was extracted, an object has a row in every frame that was looked at, from its first to its last. Imported tracks
            may be sparse, and those by hand too: there only the first and last frame count, where they are told.
    """
    found = [*_order(columns["frame"], columns["object_id"]), *_gaps(columns, meta), *_ends(columns, meta)]
    return [replace(problem, severity="warning") for problem in found]


def _order(frame: NDArray[Any], object_id: NDArray[Any]) -> list[Problem]:
    back = (np.diff(frame) < 0) | ((np.diff(frame) == 0) & (np.diff(object_id) < 0))
    return capped(
        "frame",
        np.flatnonzero(back) + 1,
        lambda i: (
            f"object {object_id[i]} in frame {frame[i]} stands below object {object_id[i - 1]} in frame {frame[i - 1]}; "
            "rows go by frame, then by object, and were moved"
        ),
    )


def _gaps(columns: Arrays, meta: Metadata) -> list[Problem]:
    if EXTRACTED not in meta.configuration:
        return []
    told = frames_read(meta)
    stride = 1 if told is None else told.stride
    frame, object_id = columns["frame"], columns["object_id"]
    order = np.lexsort((frame, object_id))
    inside = (np.diff(object_id[order]) == 0) & (np.diff(frame[order]) > stride)
    before = {int(order[k + 1]): int(order[k]) for k in np.flatnonzero(inside)}

    def tell(i: int) -> str:
        first, last = int(frame[before[i]]) + stride, int(frame[i]) - stride
        frames = f"frames {first} to {last}" if last > first else f"frame {first}"
        return f"object {object_id[i]} has no row in {frames}, though it has rows before and after: some were lost"

    return capped("frame", sorted(before), tell)


def _ends(columns: Arrays, meta: Metadata) -> Iterator[Problem]:
    for i, about in sorted(meta.objects.items()):
        frames = columns["frame"][columns["object_id"] == i]
        if not len(frames):  # told where table and metadata are compared
            continue
        for word, is_, should in (("begins", int(frames.min()), about.first_frame), ("ends", int(frames.max()), about.last_frame)):
            if should is not None and is_ != should:
                yield Problem(
                    None,
                    "frame",
                    f"object {i} {word} in frame {is_}, by the metadata in frame {should}: rows were lost or added",
                )
