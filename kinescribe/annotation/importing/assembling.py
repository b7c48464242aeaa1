"""Sightings of another tool become a states table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.annotation.importing.lengths import world
from kinescribe.annotation.importing.sightings import Sightings
from kinescribe.annotation.importing.smoothing import FEWEST, filled
from kinescribe.annotation.importing.timing import frames_and_times
from kinescribe.errors import NothingFoundError
from kinescribe.llm.text import one_line
from kinescribe.states import Metadata, ObjectMeta, States

__all__ = ["assembled"]

_NAMED = 5


def assembled(found: Sightings, format: str) -> States:
    """The states table of what was read from a file in `format`.

    Raises:
        UsageError: times, a unit or a scale that have to be given.
        InputError: two sightings of one object in a frame, or times that contradict each other.
        NothingFoundError: not a single sighting.
    """
    asked = found.asked
    if not len(found):
        lost = f": all {found.doubtful} have a score below the least, lower least_score" if found.doubtful else "; export them again"
        raise NothingFoundError(f"{found.path}: holds no sighting of anything ({format}){lost}")
    if asked.film is not None:
        asked.film.agrees(found.video)
        found.notes += asked.film.notes
    columns = found.columns()
    ids = columns["track"].astype(np.int64)
    frames, times, stamps = frames_and_times(found, columns)
    _once(found, columns["where"], frames, ids)
    calibration, table = world(found, columns)
    order = np.lexsort((ids, frames))
    status = np.array(found.status, object)[order]
    labels = np.array([found.labels[i] for i in ids.tolist()], object)[order]
    rows: dict[str, Any] = {name: values[order] for name, values in table.items()}
    rows |= {"frame": frames[order], "time_s": times[order], "object_id": ids[order], "label": labels, "status": status}
    verdicts = np.where(np.array(found.verified)[order], "yes", np.where(labels != "", "unchecked", ""))
    rows |= {"label_verified": verdicts.astype(object), "detection_score": columns["score"][order]}
    if asked.smooth:
        more, short = filled(rows["object_id"], rows["time_s"], rows["x"], rows["y"], status == "observed")
        rows |= more
        if short:
            named = ", ".join(str(i) for i in short[:_NAMED]) + (f" and {len(short) - _NAMED} more" if len(short) > _NAMED else "")
            found.notes.append(f"object {named}: fewer than {FEWEST} sightings, too few for velocities and errors")
    meta = Metadata(
        calibration=calibration,
        video=found.video if asked.film is None else asked.film.meta,
        time=stamps,
        configuration={"imported": _made_by(found, format)},
        versions=_versions(),
        objects=_objects(rows),
    )
    for line in found.told():
        meta.warn(line)
    return States.from_columns(rows, meta)


def _once(found: Sightings, where: NDArray[np.float64], frames: NDArray[np.int64], ids: NDArray[np.int64]) -> None:
    """One sighting an object and frame. Raises InputError for a second."""
    first_frame = found.asked.first_frame
    order = np.lexsort((frames, ids))
    twice = np.flatnonzero((np.diff(frames[order]) == 0) & (np.diff(ids[order]) == 0))
    if len(twice):
        k = int(twice[np.argmin(order[twice + 1])])
        first, second = order[k], order[k + 1]
        number = int(ids[first])
        name = found.labels[number] if number in found.names.values() else number
        raise found.fault(
            where[second],
            f"a second sighting of track '{name}' in frame {frames[first] + first_frame}, after {found.noun} {where[first]:.0f}: "
            "take one out, or give them tracks of their own",
        )


def _made_by(found: Sightings, format: str) -> dict[str, Any]:
    """What the sidecar says of where the table comes from."""
    asked, place = found.asked, found.place
    return {
        "format": format,
        "file": one_line(found.path.name),
        "positions": f"{place.unit or asked.unit}, y {'up' if place.y_up else 'down'}",
        "pixel_offset": place.offset if place.unit == "px" and not place.y_up else None,
        "first_frame": asked.first_frame,
        "frame_interval": asked.frame_interval,
        "least_score": asked.least_score,
        "smooth": asked.smooth,
    }


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return {"kinescribe": version("kinescribe"), "numpy": version("numpy")}
    except PackageNotFoundError:  # run from a folder of source
        return {"numpy": np.__version__}


def _objects(rows: dict[str, Any]) -> dict[int, ObjectMeta]:
    ids = rows["object_id"]
    order = np.argsort(ids, kind="stable")
    out = {}
    for part in np.split(order, np.flatnonzero(np.diff(ids[order])) + 1):
        frames = rows["frame"][part]
        out[int(ids[part[0]])] = ObjectMeta(
            label=str(rows["label"][part[0]]),
            frames_seen=int((rows["status"][part] == "observed").sum()),
            first_frame=int(frames.min()),
            last_frame=int(frames.max()),
        )
    return out
