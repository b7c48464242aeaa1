"""COCO JSON with tracks: images that are frames of a video, annotations with a ``track_id``.

Source: COCO's data format (cocodataset.org) and the fields that trackers add to it: ``track_id``, ``video_id``, ``frame_id``.
Boxes and polygons count from the corner of the top left pixel.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from kinescribe.annotation.importing.asked import Asked
from kinescribe.annotation.importing.coco_images import Images
from kinescribe.annotation.importing.contents import read_text
from kinescribe.annotation.importing.outlines import Extent, of_segmentation
from kinescribe.annotation.importing.sheets import shown
from kinescribe.annotation.importing.sightings import Place, Sightings
from kinescribe.errors import InputError
from kinescribe.states import STATUSES

__all__ = ["MAX_JSON", "read_coco", "videos_of_coco"]

MAX_JSON = 100 * 2**20
_APART = 2.0  # px between the edges of box and outline, from where on one of them was moved
_TRACK = ("track_id", "object_id", "instance_id")


def read_coco(path: Path, asked: Asked) -> Sightings:
    """Annotations of one video; the middle of the outline is the position, or the box's where there is none or it was moved since.

    Raises:
        UsageError: several videos, and none was chosen.
        InputError: what is no such file, or an annotation that lacks its track, image, category or box.
    """
    data = _loaded(path, asked.encoding)
    images = Images.of(path, data["images"], data.get("videos"), asked.only)
    names = _categories(path, data.get("categories", []))
    found = Sightings(path, asked, Place(offset=-0.5), "annotation")
    found.video = images.video
    crowds = moved = 0
    for k, note in enumerate(data["annotations"]):
        number = _whole(note.get("id")) if isinstance(note, dict) else None
        where = k if number is None or abs(number) >= 2**53 else number
        if not isinstance(note, dict):
            raise found.fault(where, f"is {shown(note)}, no object; export again")
        image = _whole(note.get("image_id"))
        if image is None or image not in images.frames:
            if image in images.elsewhere:
                continue
            raise found.fault(where, f"image_id {shown(note.get('image_id'))} is no image of the file; export again")
        if _yes(note.get("iscrowd")):
            crowds += 1
            continue
        extra = note.get("attributes")
        said = {**extra, **note} if isinstance(extra, dict) else note
        track = next((value for value in (_whole(said.get(name)) for name in _TRACK) if value is not None), None)
        if track is None:
            raise found.fault(where, "has no track_id: these are single detections; export tracks")
        category = _whole(note.get("category_id"))
        if names and category not in names:
            raise found.fault(where, f"category_id {shown(note.get('category_id'))} is no category of the file; export again")
        (x, y, box), shifted = _placed(found, where, note)
        moved += shifted
        found.see(
            where,
            track,
            x,
            y,
            frame=images.frames[image],
            time=images.times.get(image, math.nan),
            label=names.get(category, ""),
            box=box,
            score=_real(note.get("score")),
            status=_status(said),
            verified=_yes(said.get("verified")),
        )
    if crowds:
        found.notes.append(f"{crowds} annotations of crowds were left out")
    if moved:
        found.notes.append(f"of {moved} annotations box and outline lie apart: the box counts")
    return found


def videos_of_coco(path: Path, encoding: str | None) -> list[str]:
    """Names of the videos in a file, sorted. Raises InputError for what is no such file."""
    data = _loaded(path, encoding)
    return sorted(Images.sorted_out(path, data["images"], data.get("videos")))


def _loaded(path: Path, encoding: str | None) -> dict[str, Any]:
    try:
        data = json.loads(read_text(path, encoding, MAX_JSON))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: not JSON at line {error.lineno}, column {error.colno}: {error.msg}; export it again") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}; export it again") from None
    lacking = [name for name in ("images", "annotations") if not isinstance(data, dict) or not isinstance(data.get(name), list)]
    if lacking:
        raise InputError(f"{path}: no list '{lacking[0]}': a COCO file has images, annotations and categories")
    found: dict[str, Any] = data
    return found


def _categories(path: Path, listed: Any) -> dict[int | None, str]:
    if not isinstance(listed, list) or not all(isinstance(one, dict) and _whole(one.get("id")) is not None for one in listed):
        raise InputError(f"{path}: 'categories' must be a list of objects with an id and a name; export again")
    return {_whole(one["id"]): str(one.get("name", "")) for one in listed}


def _placed(found: Sightings, where: int, note: dict[str, Any]) -> tuple[Extent, bool]:
    """Middle and box, and whether the box was moved away from the outline."""
    box, outline = note.get("bbox"), note.get("segmentation")
    edges = [_real(value) for value in box] if isinstance(box, list) else []
    if edges and not (len(edges) == 4 and all(math.isfinite(edge) for edge in edges) and min(edges[2:]) >= 0):
        raise found.fault(where, f"the bbox is {shown(box)}, not [x, y, width, height]; mend it")
    try:
        extent = of_segmentation(outline)
    except ValueError as error:
        raise found.fault(where, f"the segmentation can't be read: {error}; mend it, or take it out") from None
    if not edges:
        if extent is None:
            raise found.fault(where, "has neither bbox nor segmentation; mend it")
        return extent, False
    x, y, w, h = edges
    boxed: Extent = (x + w / 2, y + h / 2, (x, y, w, h))
    if extent is None:
        return boxed, False
    theirs = extent[2]
    apart = max(abs(x - theirs[0]), abs(y - theirs[1]), abs(x + w - theirs[0] - theirs[2]), abs(y + h - theirs[1] - theirs[3])) > _APART
    return (boxed, True) if apart else ((extent[0], extent[1], boxed[2]), False)


def _status(said: dict[str, Any]) -> str:
    told = said.get("status")
    if isinstance(told, str) and told in STATUSES:
        return told
    return "occluded" if _yes(said.get("occluded")) else "observed"


def _yes(value: Any) -> bool:
    return value is True or value == 1 or value in ("true", "True", "1")


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _real(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 else math.nan
