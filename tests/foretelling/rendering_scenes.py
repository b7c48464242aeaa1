"""Small videos for drawing programs, and a model that says what it is told to."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.llm import Message, Reply, Usage
from kinescribe.states import Calibration, Metadata, States, VideoMeta
from kinescribe.video import Video, open_video

H, W, FINE = 100, 150, 6
RADIUS, BREADTH, COILS, THICK = 9.0, 16.0, 6, 3.0
DARK, YELLOW = (60, 60, 60), (40, 210, 230)

SPRING = f"""
import numpy as np

def draw(u, v, length, breadth):
    share = u / length + 0.5
    saw = 0.8 * breadth / 2 * (4 * np.abs(({COILS} * share) % 1.0 - 0.5) - 1)
    slope = {COILS} * 4 * 0.8 * breadth / 2 / length
    outside = np.maximum(np.abs(v - saw) / np.sqrt(1 + slope**2) - {THICK / 2}, np.abs(u) - length / 2)
    picture = np.full((*u.shape, 4), 60.0)
    picture[..., 3] = np.clip(0.5 - 2 * outside, 0, 1)
    return picture
"""


class Scripted:
    """Answers in order, whatever it is asked; keeps what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.model = "scripted"
        self.usage = Usage()
        self.asked: list[Sequence[Message]] = []
        self._answers = list(answers)

    def ask(self, messages: Sequence[Message], *, schema: Any = None, images: Any = (), seed: Any = None, n_tag: int = 0) -> Reply:
        self.asked.append(messages)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Reply(json.dumps(answer), answer)


def look(object_id: int, **changed: Any) -> dict[str, Any]:
    """What an answer says of one object."""
    none = dict.fromkeys(("depth", "shape", "color_rgb", "turns", "views_by", "edges", "program"))
    return {"id": object_id, "drawn": "pixels", **none, **changed}


def part(start: dict[str, Any], end: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """What an answer says of one part."""
    given = {"name": "string", "breadth": 3.0, "depth": -1, "drawn": "shape", "color_rgb": [60, 60, 60], "program": None}
    return {**given, "start": start, "end": end, **changed}


def at(x: float, y: float, of: int | None = None) -> dict[str, Any]:
    return {"object": of, "x": x, "y": y}


def answer(*objects: dict[str, Any], parts: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {"objects": list(objects), "parts": list(parts)}


def covered(inside: Callable[[Any, Any], Any]) -> NDArray[np.float64]:
    """How much of each pixel a shape covers."""
    fine = (np.arange(FINE) + 0.5) / FINE - 0.5
    y, x = (np.arange(n)[:, None] + fine for n in (H, W))
    return inside(x.reshape(1, -1), y.reshape(-1, 1)).reshape(H, FINE, W, FINE).mean(axis=(1, 3))


def coil(x0: float, x1: float, y0: float) -> Callable[[Any, Any], Any]:
    """A zigzag of lines of one thickness, however far it is stretched."""

    def inside(x: Any, y: Any) -> Any:
        share = (x - x0) / (x1 - x0)
        saw = 0.8 * BREADTH / 2 * (4 * np.abs((COILS * share) % 1.0 - 0.5) - 1)
        slope = COILS * 4 * 0.8 * BREADTH / 2 / (x1 - x0)
        return (share >= 0) & (share <= 1) & (np.abs(y - y0 - saw) <= THICK / 2 * np.sqrt(1 + slope**2))

    return inside


def spring_video(frames: int = 16, *, in_table: bool = True) -> tuple[Video, States]:
    """A yellow disc, object 1, that swings at the end of a dark spring, object 2, whose other end is at (10, 50)."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:H, :W]
    wall = np.dstack([120 + 0.2 * x, 110 + 0.3 * y, 130 + 0.1 * (x + y)])
    images, rows = [], []
    for k in range(frames):
        end = 78.0 + 38.0 * np.sin(0.45 * k)
        picture = wall
        for shape, color in ((coil(10.0, end, 50.0), DARK), (lambda x, y, end=end: np.hypot(x - end - RADIUS, y - 50) <= RADIUS, YELLOW)):
            alpha = covered(shape)[..., None]
            picture = picture * (1 - alpha) + alpha * np.array(color)
        images.append(np.clip(picture + rng.normal(0, 1, picture.shape) + 0.5, 0, 255).astype(np.uint8))
        rows.append((k, k / 25, 1, end + RADIUS, 50.0, np.nan, 2 * RADIUS, 2 * RADIUS, "disc", "yellow disc"))
        if in_table:
            rows.append((k, k / 25, 2, (10 + end) / 2, 50.0, 0.0, end - 10, BREADTH, "rod", "spring"))
    names = ("frame", "time_s", "object_id", "x", "y", "angle", "width", "height", "shape", "label")
    columns = {name: np.array([row[k] for row in rows]) for k, name in enumerate(names)}
    columns |= {"x_px": columns["x"], "y_px": columns["y"], "status": np.array(["observed"] * len(rows))}
    meta = Metadata(calibration=Calibration.pixels(), video=VideoMeta(name="array", width=W, height=H, frame_count=frames))
    return open_video(np.stack(images), times=np.arange(frames) / 25), States.from_columns(columns, meta)
