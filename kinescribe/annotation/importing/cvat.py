"""CVAT's own format for videos, "CVAT for video 1.1": tracks that people drew or corrected.

Source: CVAT's documentation of its XML (docs.cvat.ai): image pixels from the corner of the top left pixel; frames are the video's, from 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinescribe.annotation.importing.asked import Asked
from kinescribe.annotation.importing.markup import attribute, elements
from kinescribe.annotation.importing.outlines import Extent, of_polygon
from kinescribe.annotation.importing.sheets import shown
from kinescribe.annotation.importing.sightings import Box, Place, Sightings
from kinescribe.errors import InputError
from kinescribe.llm.text import one_line
from kinescribe.states import VideoMeta

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["read_cvat"]

_OURS = "object_id"  # an attribute that our exporter writes, for CVAT numbers tracks anew


@dataclass(slots=True)
class _Track:
    number: int
    label: str
    ours: int | None = None
    shapes: list[tuple[float, float, float, Box | None, str, bool]] = field(default_factory=list)  # frame, x, y, box, status, verified


def read_cvat(path: Path, asked: Asked) -> Sightings:
    """Tracks of boxes, ellipses, single points and polygons; a shape's middle is the position.

    A key frame was set by hand and counts as observed; what CVAT put between two as interpolated; what is marked so as occluded. Shapes
    outside the picture are left out. An attribute ``object_id`` is the object's id, else the track's number.

    Raises:
        InputError: what is no such file, or a track with a number that is none.
    """
    found = Sightings(path, asked, Place(offset=-0.5), "track")
    tracks: list[_Track] = []
    others: dict[str, int] = {}
    pictures = 0
    parts = elements(path, "meta", "track", "image")
    root = next(parts)
    if root.tag != "annotations":
        raise InputError(f"{path}: the outermost element is <{root.tag}>, not CVAT's <annotations>: export as 'CVAT for video 1.1'")
    for part in parts:
        if part.tag == "meta":
            found.video = _video(path, part)
        elif part.tag == "track":
            tracks.append(_track(found, part, others))
        else:
            pictures += 1
    if pictures and not tracks:
        raise InputError(f"{path}: holds {pictures} single pictures and no tracks: export as 'CVAT for video 1.1'")
    found.notes += [f"{count} shapes that are a {kind} were left out: they have no middle" for kind, count in others.items()]
    taken = [track.ours for track in tracks if track.ours is not None]
    fresh = max(taken, default=0) + 1
    for track in tracks:
        object_id = track.number if not taken else track.ours
        if object_id is None:  # drawn by hand beside those that we exported
            object_id, fresh = fresh, fresh + 1
        for frame, x, y, box, status, verified in track.shapes:
            found.see(track.number, object_id, x, y, frame=frame, label=track.label, box=box, status=status, verified=verified)
    return found


def _track(found: Sightings, element: Element, others: dict[str, int]) -> _Track:
    id_ = attribute(found.path, "a track", element, "id")
    if math.isnan(id_) or id_ != math.floor(id_) or not 0 <= id_ < 2**53:
        raise InputError(f"{found.path}: a track's id is {id_:g}, no whole number from 0; export again")
    track = _Track(int(id_), element.get("label", ""))
    for shape in element:
        where = f"track {track.number}, frame {(shape.get('frame') or '?')[:12]}"
        if shape.tag == "attribute" or shape.get("outside") == "1":
            continue
        place = _extent(found.path, where, shape)
        if place is None:
            others[shape.tag] = others.get(shape.tag, 0) + 1
            continue
        x, y, box = place
        turned = attribute(found.path, where, shape, "rotation", 0.0) != 0 or shape.tag == "points"
        status = "occluded" if shape.get("occluded") == "1" else "observed" if shape.get("keyframe", "1") == "1" else "interpolated"
        said = {one.get("name"): (one.text or "").strip() for one in shape.iter("attribute")}
        frame = attribute(found.path, where, shape, "frame")
        track.shapes.append((frame, x, y, None if turned else box, status, said.get("verified", "").lower() == "true"))
        if track.ours is None:
            track.ours = _number(found.path, where, said.get(_OURS, ""))
    return track


def _extent(path: Path, where: str, shape: Element) -> Extent | None:
    """Middle and box of a shape; None for a kind that has none."""
    if shape.tag == "box":
        x0, y0, x1, y1 = (attribute(path, where, shape, name) for name in ("xtl", "ytl", "xbr", "ybr"))
        if not (x1 >= x0 and y1 >= y0):
            raise InputError(f"{path}: {where}: the box ({x0:g}, {y0:g}) to ({x1:g}, {y1:g}) has its corners the wrong way round; mend it")
        return (x0 + x1) / 2, (y0 + y1) / 2, (x0, y0, x1 - x0, y1 - y0)
    if shape.tag == "ellipse":
        x, y, rx, ry = (attribute(path, where, shape, name) for name in ("cx", "cy", "rx", "ry"))
        return x, y, (x - abs(rx), y - abs(ry), 2 * abs(rx), 2 * abs(ry))
    if shape.tag not in ("points", "polygon"):
        return None
    text = shape.get("points", "")
    try:
        points = np.array([[float(number) for number in pair.split(",")] for pair in text.split(";")], np.float64).reshape(-1, 2)
        return None if shape.tag == "points" and len(points) > 1 else of_polygon(points)
    except ValueError:
        raise InputError(f"{path}: {where}: points are {shown(text)}, not x,y;x,y …; export again") from None


def _number(path: Path, where: str, text: str) -> int | None:
    """An object's id; None for an empty text, and for the 0 that CVAT gives a track that was drawn there."""
    if not text.isascii() or (text and not text.isdigit()) or len(text) > 15:
        raise InputError(f"{path}: {where}: {_OURS} is {shown(text)}, no whole number from 0; mend it")
    return int(text or "0") or None


def _video(path: Path, meta: Element) -> VideoMeta | None:
    """The video's name, size and length, where the file has them."""
    tasks = list(meta.iter("task"))
    if len(tasks) > 1:
        raise InputError(f"{path}: holds {len(tasks)} tasks: export each by itself, for their frames count from 0 each")

    def text(name: str) -> str:
        return next((one.text or "" for one in meta.iter(name)), "").strip()

    size = [text(name) for name in ("width", "height", "size", "stop_frame")]
    width, height, count, last = (int(one) if one.isascii() and one.isdigit() and len(one) < 10 else 0 for one in size)
    if not (width and height):
        return None
    name = one_line(text("source") or text("name") or path.stem)
    return VideoMeta(name=name, width=width, height=height, frame_count=max(count, last + 1) if count else None)
