"""A drawn free fall in the layouts of other tools."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.states import Calibration

INTERVAL, SCALE, ORIGIN, GRAVITY = 0.02, 200.0, (50.0, 700.0), 9.81
CALIBRATION = Calibration.from_scale(SCALE, "m", origin=ORIGIN)
NOISE_PX = 0.2


@dataclass
class Fall:
    """World positions (n,) in metres, y up; the same in image pixels, from the centre of the top left pixel."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    px: NDArray[np.float64]
    py: NDArray[np.float64]


def fall(seed: int = 0, count: int = 40) -> Fall:
    rng = np.random.default_rng(seed)
    t = np.arange(count) * INTERVAL
    world = np.stack([0.3 + 0.8 * t, 1.2 + 0.5 * t - GRAVITY / 2 * t**2], axis=1) + rng.normal(0, NOISE_PX / SCALE, (count, 2))
    pixels = CALIBRATION.to_pixels(world)
    return Fall(world[:, 0], world[:, 1], pixels[:, 0], pixels[:, 1])


def trackpy(one: Fall) -> str:
    rows = [f"{i},{y!r},{x!r},812.3,1.9,0.1,{i},4" for i, (x, y) in enumerate(_floats(one.px, one.py))]
    return "\n".join([",y,x,mass,size,ecc,frame,particle", *rows]) + "\n"


def sleap(one: Fall) -> str:
    rows = [f"track_0,{i},0.93,{x!r},{y!r},0.88" for i, (x, y) in enumerate(_floats(one.px, one.py))]
    return "\n".join(["track,frame_idx,instance.score,ball.x,ball.y,ball.score", *rows]) + "\n"


def deeplabcut(one: Fall) -> str:
    rows = [f"{i},{x!r},{y!r},0.99" for i, (x, y) in enumerate(_floats(one.px, one.py))]
    head = ["scorer,DLC_r50,DLC_r50,DLC_r50", "bodyparts,ball,ball,ball", "coords,x,y,likelihood"]
    return "\n".join(head + rows) + "\n"


def tracker(one: Fall) -> str:
    rows = [f"{i * INTERVAL:.6f}\t{x!r}\t{y!r}\t" for i, (x, y) in enumerate(_floats(one.x, one.y))]
    return "\n".join(["mass A\t\t\t", "t\tx\ty\t", *rows]) + "\n"


def trackmate_csv(one: Fall) -> str:
    head = [
        "LABEL,ID,TRACK_ID,QUALITY,POSITION_X,POSITION_Y,POSITION_Z,POSITION_T,FRAME,RADIUS",
        "Label,Spot ID,Track ID,Quality,X,Y,Z,T,Frame,Radius",
        "Label,Spot ID,Track ID,Quality,X,Y,Z,T,Frame,R",
        ",,,(quality),(pixel),(pixel),(pixel),(sec),,(pixel)",
    ]
    rows = [f"ID{i},{i},2,9.1,{x!r},{y!r},0.0,{i * INTERVAL:.6f},{i},6.0" for i, (x, y) in enumerate(_floats(one.px, one.py))]
    return "\n".join(head + rows) + "\n"


def trackmate_xml(one: Fall) -> str:
    spots = "".join(
        f'<SpotsInFrame frame="{i}"><Spot ID="{100 + i}" name="s" POSITION_X="{x / SCALE!r}" POSITION_Y="{y / SCALE!r}" POSITION_Z="0" '
        f'POSITION_T="{i * INTERVAL:.6f}" FRAME="{i}" RADIUS="0.03" QUALITY="3"/></SpotsInFrame>'
        for i, (x, y) in enumerate(_floats(one.px, one.py))
    )
    edges = "".join(f'<Edge SPOT_SOURCE_ID="{100 + i}" SPOT_TARGET_ID="{101 + i}"/>' for i in range(len(one.x) - 1))
    return (
        '<?xml version="1.0" encoding="UTF-8"?><TrackMate version="7.11"><Model spatialunits="m" timeunits="sec">'
        f'<AllSpots nspots="{len(one.x)}">{spots}</AllSpots><AllTracks><Track name="Track_0" TRACK_ID="0">{edges}</Track></AllTracks>'
        '<FilteredTracks><TrackID TRACK_ID="0"/></FilteredTracks></Model>'
        f'<Settings><ImageData pixelwidth="{1 / SCALE!r}" pixelheight="{1 / SCALE!r}" timeinterval="{INTERVAL}"/></Settings></TrackMate>'
    )


def trackmate_tracks(one: Fall) -> str:
    dots = "".join(f'<detection t="{i}" x="{x!r}" y="{y!r}" z="0"/>' for i, (x, y) in enumerate(_floats(one.px, one.py)))
    return (
        f'<?xml version="1.0"?><Tracks nTracks="1" spaceUnits="pixel" frameInterval="{INTERVAL}" timeUnits="sec">'
        f'<particle nSpots="{len(one.x)}">{dots}</particle></Tracks>'
    )


def cvat(one: Fall) -> str:
    # CVAT counts from the corner of the first pixel
    boxes = "".join(
        f'<box frame="{i}" keyframe="1" outside="0" occluded="0" xtl="{x - 7.5!r}" ytl="{y - 5.5!r}" xbr="{x + 8.5!r}" ybr="{y + 6.5!r}" '
        'z_order="0"></box>'
        for i, (x, y) in enumerate(_floats(one.px, one.py))
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta><task><name>fall</name>'
        "<size>60</size><original_size><width>640</width><height>1600</height></original_size><source>fall.mp4</source></task></meta>"
        f'<track id="3" label="ball" source="manual">{boxes}</track></annotations>'
    )


def coco(one: Fall) -> str:
    return json.dumps(coco_data(one))


def coco_data(one: Fall) -> dict[str, Any]:
    count = len(one.x)
    return {
        "images": [{"id": 10 + i, "file_name": f"fall_{i:06d}.jpg", "width": 640, "height": 1600} for i in range(count)],
        "categories": [{"id": 1, "name": "ball"}],
        "annotations": [
            {
                "id": i,
                "image_id": 10 + i,
                "category_id": 1,
                "track_id": 7,
                "bbox": [x - 7.5, y - 5.5, 16.0, 12.0],
                "area": 192,
                "iscrowd": 0,
            }
            for i, (x, y) in enumerate(_floats(one.px, one.py))
        ],
    }


@dataclass(frozen=True)
class Layout:
    """A writer, the file's ending, the format's name, and what the caller must say."""

    name: str
    write: Callable[[Fall], str]
    suffix: str
    format: str
    options: dict[str, Any]

    def file(self, folder: Path, one: Fall) -> Path:
        path = folder / f"{self.name}{self.suffix}"
        path.write_text(self.write(one), encoding="utf-8")
        return path


PIXELS = {"frame_interval": INTERVAL, "calibration": CALIBRATION}
LAYOUTS = [
    Layout("trackpy", trackpy, ".csv", "trackpy", PIXELS),
    Layout("sleap", sleap, ".csv", "sleap", PIXELS),
    Layout("deeplabcut", deeplabcut, ".csv", "deeplabcut", PIXELS),
    Layout("tracker", tracker, ".txt", "tracker", {"calibration": CALIBRATION}),
    Layout("trackmate_csv", trackmate_csv, ".csv", "trackmate", {"calibration": CALIBRATION}),
    Layout("trackmate_xml", trackmate_xml, ".xml", "trackmate", {"calibration": CALIBRATION}),
    Layout("trackmate_tracks", trackmate_tracks, ".xml", "trackmate", {"calibration": CALIBRATION}),
    Layout("cvat", cvat, ".xml", "cvat", PIXELS),
    Layout("coco", coco, ".json", "coco", PIXELS),
]


def _floats(*columns: NDArray[np.float64]) -> list[tuple[float, ...]]:
    return list(zip(*(column.tolist() for column in columns), strict=True))
