"""Videos drawn with sub-pixel accuracy, and the states that they show."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.states import Calibration, Metadata, States, VideoMeta
from kinescribe.video import Video, open_video

Picture = NDArray[np.uint8]
H, W, N = 120, 160, 24
FINE = 8  # sub-pixels a side
DISC_R = 9.0
ROD = (44.0, 8.0)


def ground(seed: int = 0) -> NDArray[np.float32]:
    """A shaded wall with a soft pattern, float32 (H, W, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:H, :W].astype(np.float32)
    plain = np.dstack([120 + 0.2 * x, 110 + 0.3 * y, 130 + 0.1 * (x + y)])
    return (plain + cv2.GaussianBlur(rng.normal(0, 40, (H, W, 3)).astype(np.float32), (0, 0), 3)).astype(np.float32)


def covered(inside: Any) -> NDArray[np.float32]:
    """How much of each pixel a shape covers: `inside` tells it of points x, y."""
    at = (np.arange(FINE) + 0.5) / FINE - 0.5
    y, x = (np.arange(n)[:, None] + at for n in (H, W))
    found = inside(x.reshape(1, -1), y.reshape(-1, 1)).astype(np.float32)
    return found.reshape(H, FINE, W, FINE).mean(axis=(1, 3))


def disc(cx: float, cy: float) -> Any:
    return lambda x, y: np.hypot(x - cx, y - cy) <= DISC_R


def rod(cx: float, cy: float, angle: float) -> Any:
    def inside(x: Any, y: Any) -> Any:
        u = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
        v = -(x - cx) * np.sin(angle) + (y - cy) * np.cos(angle)
        return (np.abs(u) <= ROD[0] / 2) & (np.abs(v) <= ROD[1] / 2)

    return inside


def laid(picture: NDArray[np.float32], alpha: NDArray[np.float32], color: tuple[int, int, int]) -> NDArray[np.float32]:
    return picture * (1 - alpha[..., None]) + alpha[..., None] * np.array(color, np.float32)


def eight_bit(picture: NDArray[np.float32]) -> Picture:
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def table(ids: list[int], rows: dict[int, list[tuple[float, float, float]]], sizes: dict[int, tuple[float, float]],
          shapes: dict[int, str], times: Any = None, **columns: Any) -> States:  # fmt: skip
    """A table in pixels: per object x, y, angle in each frame (NaN: not there)."""
    count = len(rows[ids[0]])
    times = np.arange(count) / 25.0 if times is None else times
    data = {name: [] for name in ("frame", "time_s", "object_id", "x", "y", "angle", "width", "height", "shape", "status", "label")}
    for i in ids:
        for k, (x, y, angle) in enumerate(rows[i]):
            for name, value in zip(data, (k, times[k], i, x, y, angle, *sizes[i], shapes[i], "observed", f"thing {i}"), strict=True):
                data[name].append(value)
    data["x_px"], data["y_px"] = data["x"], data["y"]
    meta = Metadata(calibration=Calibration.pixels(), video=VideoMeta(name="drawn", width=W, height=H, frame_count=count))
    return States.from_columns({**{name: np.array(values) for name, values in data.items()}, **columns}, meta)


def scene_video(noise: float = 0.0) -> tuple[Video, States, NDArray[np.float32]]:
    """A yellow disc that crosses the picture and a blue rod that turns, before a wall; the wall."""
    rng, wall = np.random.default_rng(1), ground()
    images = []
    rows: dict[int, list[tuple[float, float, float]]] = {1: [], 2: []}
    for k in range(N):
        place = (20.3 + 4.87 * k, 25.0 + 0.37 * k)
        turn = 0.3 + 0.11 * k
        picture = laid(wall, covered(disc(*place)), (40, 210, 230))
        picture = laid(picture, covered(rod(70.4, 80.2, turn)), (200, 60, 20))
        images.append(eight_bit(picture + rng.normal(0, noise, picture.shape).astype(np.float32)))
        rows[1].append((*place, np.nan))
        rows[2].append((70.4, 80.2, turn))
    states = table([1, 2], rows, {1: (2 * DISC_R, 2 * DISC_R), 2: ROD}, {1: "disc", 2: "rod"})
    return open_video(np.stack(images), times=np.arange(N) / 25.0), states, wall
