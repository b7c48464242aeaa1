"""Tables whose figures are known by hand, and a small film of one of them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from kinescribe.annotation.reporting import Entry, Summary, summarise
from kinescribe.states import Metadata, States
from kinescribe.states.metadata import ContactEvent, LeftOutMeta, ObjectMeta, TimeMeta, VideoMeta
from kinescribe.video import Video, open_video

WIDTH, HEIGHT, FRAMES = 96, 64, 20
INTERVAL = 0.05
TEXTS = {"label", "label_verified", "shape", "status", "review"}


def meta(**more: Any) -> Metadata:
    """Metadata of the film."""
    video = VideoMeta(name="film.mp4", width=WIDTH, height=HEIGHT, frame_count=FRAMES)
    return Metadata(**{"video": video, "time": TimeMeta(regular=True, interval_s=INTERVAL)} | more)


def row(frame: int, object_id: int = 1, **more: Any) -> dict[str, Any]:
    """One row: an object that moves right by 3 px a frame, seen."""
    x, y = 10.0 + 3 * frame, 10.0 * object_id
    place = {"x": x, "y": y, "x_px": x, "y_px": y, "bbox_x": x - 4, "bbox_y": y - 4, "bbox_w": 8.0, "bbox_h": 8.0}
    return {"frame": frame, "time_s": frame * INTERVAL, "object_id": object_id, "status": "observed", "label": "ball", **place, **more}


def table(rows: list[dict[str, Any]], about: Metadata | None = None) -> States:
    """A table of such rows; what a row lacks is unknown."""
    names = sorted({name for one in rows for name in one} | {"frame", "time_s", "object_id", "x", "y"})
    columns = {name: [one.get(name, "" if name in TEXTS else np.nan) for one in rows] for name in names}
    return States.from_columns(columns, about or meta())


def troubled() -> States:
    """Two bodies and a point of one. Object 1 is whole and calm; 2 has two gaps, flags, a doubtful label and a low identity score."""
    rows = [row(frame, 1, label_verified="yes", identity_score=0.95, sigma_x=0.2, sigma_y=0.4) for frame in range(FRAMES)]
    for frame in range(4, 18):
        if frame in (7, 8, 9):
            continue
        more = {"status": "occluded", "sigma_x": 9.0} if frame == 13 else {"sigma_x": 1.0, "sigma_y": 1.0}
        flag = {12: "its pixels are 3.2 px to the left", 14: "its pixels are 7 px to the left; looks odd"}.get(frame, "")
        score = 0.3 if frame == 11 else 0.8
        rows.append(row(frame, 2, label="cart", label_verified="unsure", identity_score=score, review=flag, **more))
    rows += [row(frame, 3, label="end", review="hidden end" if frame < 2 else "") for frame in range(5)]
    objects = {1: ObjectMeta(label="ball"), 2: ObjectMeta(label="cart"), 3: ObjectMeta(label="end", part_of=2)}
    contacts = [ContactEvent(time_s=0.5, frame=10, partners=[1, 2], position=(40.0, 15.0))]
    left_out = [LeftOutMeta(label="ghost", first_frame=2, last_frame=5, reason="not there")]
    about = meta(
        objects=objects, events=contacts, left_out=left_out, warnings=["the light flickers"], configuration={"backend": "classical"}
    )
    return table(rows, about)


def calm() -> States:
    """One object that is seen in every frame."""
    return table([row(frame) for frame in range(FRAMES)])


def film(frames: int = FRAMES) -> Video:
    """A film with a bright square where object 1 is."""
    pictures = np.full((frames, HEIGHT, WIDTH, 3), 60, np.uint8)
    for frame, picture in enumerate(pictures):
        cv2.rectangle(picture, (6 + 3 * frame, 6), (14 + 3 * frame, 14), (230, 230, 230), -1)
    return open_video(pictures, frame_interval=INTERVAL)


def entry(name: str, **more: Any) -> Entry:
    """A video that is done, and of which there is nothing to say."""
    plain: dict[str, Any] = {"state": "done", "reason": None, "seconds": 2.0, "command": f"kinescribe annotate {name}"}
    plain |= {"page": None, "summary": None, "thumbnail": None}
    return Entry(name=name, **plain | more)


def summary(states: States | None = None) -> Summary:
    """Of a table; by default the calm one."""
    return summarise(calm() if states is None else states)
