"""How fast states are drawn: 1080p frames with ten sprites, over copying the background and encoding alone, in the same run.

A drawn scene, no data needed: ten textured sprites of 60 to 160 px before a textured wall, all of them moving and half of them turning.
Both sides write the same number of frames with the same encoder; rounds alternate, and the median round counts.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from common import Record, finish, number, parser, print_table
from numpy.typing import NDArray

from kinescribe.renderers.compositor import compose
from kinescribe.renderers.poses import Pose
from kinescribe.renderers.scene import Scene, SceneObject, Sprite
from kinescribe.video import VideoWriter

GOAL = 0.5
SIZE = (1920, 1080)
RATE = 30.0


def scene_of(count: int, fineness: int, exposure: float = 0.0) -> Scene:
    """A wall and `count` sprites."""
    rng = np.random.default_rng(0)
    width, height = SIZE
    plate = cv2.GaussianBlur(rng.normal(128, 60, (height, width, 3)).astype(np.float32), (0, 0), 4)
    objects = {}
    for k in range(count):
        side = int(np.linspace(60, 160, count)[k])
        color = cv2.GaussianBlur(rng.uniform(0, 255, (side * fineness, side * fineness, 3)).astype(np.float32), (0, 0), 3)
        y, x = np.mgrid[: side * fineness, : side * fineness] / fineness - (side - 1) / 2
        alpha = np.clip(side / 2 - np.hypot(x, y), 0, 1).astype(np.float32)
        middle = (side * fineness - 1) / 2
        sprite = Sprite(color * alpha[..., None], alpha, (middle, middle), 0.0, fineness)
        objects[k + 1] = SceneObject(k + 1, "", "disc", (sprite,), k, k % 2 == 0, (float(side), float(side)))
    return Scene(plate, np.ones((height, width), np.float32), objects, exposure)


def poses_of(scene: Scene, time_s: float) -> list[Pose]:
    """Every object on a path of its own."""
    width, height = SIZE
    out = []
    for k in scene.objects:
        x = width / 2 + 800 * np.sin(0.7 * time_s + 1.3 * k)
        y = height / 2 + 400 * np.cos(0.9 * time_s + 0.7 * k)
        speed = (560 * np.cos(0.7 * time_s + 1.3 * k), -360 * np.sin(0.9 * time_s + 0.7 * k))
        side = scene.objects[k].size[0]
        out.append(Pose(k, float(x), float(y), float(time_s * k), side, side, True, (float(speed[0]), float(speed[1])), float(k)))
    return out


def seconds(draw: Callable[[int], NDArray[np.uint8]], frames: int, folder: Path) -> float:
    """Wall time of drawing and encoding."""
    start = time.perf_counter()
    with VideoWriter(folder / "out.mp4", frame_rate_hint=RATE) as writer:
        for k in range(frames):
            writer.write(draw(k), k / RATE)
    return time.perf_counter() - start


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(__doc__)
    options.add_argument("--frames", type=int, default=60, metavar="N", help="frames a round (default: %(default)s)")
    options.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds of each side (default: %(default)s)")
    chosen = options.parse_args(arguments)
    cases = {
        "sprites/fineness1": scene_of(10, 1),
        "sprites/fineness2": scene_of(10, 2),
        "sprites/fineness2/exposure": scene_of(10, 2, 0.5 / RATE),
    }
    records, rows = [], []
    with tempfile.TemporaryDirectory() as name:
        for case, scene in cases.items():
            ours, plain = [], []
            for _ in range(chosen.rounds):
                plain.append(seconds(lambda _, scene=scene: scene.picture.copy(), chosen.frames, Path(name)))  # type: ignore[misc]
                ours.append(seconds(lambda k, scene=scene: compose(scene, poses_of(scene, k / RATE)), chosen.frames, Path(name)))  # type: ignore[misc]
            start = time.perf_counter()
            for k in range(chosen.frames):
                compose(scene, poses_of(scene, k / RATE))
            alone = (time.perf_counter() - start) / chosen.frames
            ratio = float(np.median(plain) / np.median(ours))
            goal = None if scene.exposure else GOAL
            records.append(Record("rendering", case, "speed", number(ratio), "of copying and encoding", "higher", goal))
            rows.append([case, chosen.frames / np.median(ours), chosen.frames / np.median(plain), ratio, 1000 * alone])
    header = ["case", "frames/s", "copy and encode alone, frames/s", "ratio", "drawing alone, ms a frame"]
    print_table("Rendering, 1920×1080, ten sprites", header, rows)
    finish(records, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
