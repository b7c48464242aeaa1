"""TrackMate's XML: the whole session (``<TrackMate>``), or tracks alone (``<Tracks>``, "Export tracks to XML file").

Source: the schema as TrackMate's documentation and files show it (imagej.net/plugins/trackmate).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kinescribe.annotation.importing.asked import Asked
from kinescribe.annotation.importing.lengths import one_unit
from kinescribe.annotation.importing.markup import attribute, elements
from kinescribe.annotation.importing.sightings import Place, Sightings
from kinescribe.annotation.importing.trackmate import SECONDS
from kinescribe.errors import InputError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["read_trackmate_xml"]

_Spot = tuple[float, float, float, float, float]  # x, y, frame, time, diameter


def read_trackmate_xml(path: Path, asked: Asked) -> Sightings:
    """Spots of the tracks that passed TrackMate's filter, or all detections of tracks alone.

    Raises:
        InputError: what is no XML of TrackMate's, or has an attribute that is no number, by spot or particle.
    """
    parts = elements(path, "Model", "Spot", "Track", "TrackID", "ImageData", "particle")
    root = next(parts)
    if root.tag == "Tracks":
        return _tracks_alone(path, asked, root, parts)
    if root.tag != "TrackMate":
        raise InputError(f"{path}: the outermost element is <{root.tag}>, not <TrackMate> or <Tracks>: save TrackMate's session as XML")
    return _session(path, asked, parts)


def _tracks_alone(path: Path, asked: Asked, root: Element, parts: Iterator[Element]) -> Sightings:
    found = Sightings(path, asked, Place(one_unit(root.get("spaceUnits", "")) or "px"), "particle")
    tick = SECONDS.get(root.get("timeUnits", "").lower())
    interval = attribute(path, "<Tracks>", root, "frameInterval", math.nan)
    found.interval = interval * tick if tick is not None and interval > 0 else None
    for number, particle in enumerate(part for part in parts if part.tag == "particle"):
        where = f"particle {number}"
        for spot in particle.iter("detection"):
            x, y, frame = (attribute(path, where, spot, name) for name in "xyt")
            found.see(number, number, x, y, frame=frame, label=f"track {number}")
    return found


def _session(path: Path, asked: Asked, parts: Iterator[Element]) -> Sightings:
    spots: dict[int, _Spot] = {}
    tracks: dict[int, set[int]] = {}
    kept: set[int] = set()
    space = time = ""
    pixel = interval = math.nan
    for part in parts:
        if part.tag == "Spot":
            where = f"spot {part.get('ID', '?')[:20]}"
            x, y, frame = (attribute(path, where, part, name) for name in ("POSITION_X", "POSITION_Y", "FRAME"))
            at, radius = attribute(path, where, part, "POSITION_T", math.nan), attribute(path, where, part, "RADIUS", math.nan)
            spots[_whole(path, where, part, "ID")] = (x, y, frame, at, 2 * abs(radius))
        elif part.tag == "Track":
            ends = tracks.setdefault(_whole(path, "track", part, "TRACK_ID"), set())
            for edge in part.iter("Edge"):
                ends |= {_whole(path, "edge", edge, name) for name in ("SPOT_SOURCE_ID", "SPOT_TARGET_ID")}
        elif part.tag == "TrackID":
            kept.add(_whole(path, "filtered track", part, "TRACK_ID"))
        elif part.tag == "Model":
            space, time = part.get("spatialunits", ""), part.get("timeunits", "")
        else:
            pixel = attribute(path, "<ImageData>", part, "pixelwidth", math.nan)
            interval = attribute(path, "<ImageData>", part, "timeinterval", math.nan)
    unit, tick = one_unit(space) or "px", SECONDS.get(time.lower(), math.nan)
    found = Sightings(path, asked, Place(unit, pixels_per_unit=1 / pixel if pixel > 0 else None), "spot")
    found.interval = interval * tick if interval * tick > 0 else None
    for track in sorted(kept or tracks):
        for spot in sorted(tracks.get(track, ())):
            if spot not in spots:
                raise InputError(f"{path}: track {track} has the spot {spot}, which the file doesn't hold; save the session again")
            x, y, frame, at, size = spots[spot]
            found.see(spot, track, x, y, frame=frame, time=at * tick, label=f"track {track}", size=size)
    return found


def _whole(path: Path, where: str, element: Element, name: str) -> int:
    value = attribute(path, where, element, name)
    if math.isnan(value) or value != math.floor(value) or not 0 <= value < 2**53:
        raise InputError(f"{path}: {where}: {name} is {value:g}, no whole number from 0; save the session again")
    return int(value)
