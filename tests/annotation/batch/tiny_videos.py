"""Clips that take a tenth of a second: one disc, a dozen frames, each clip another one."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinescribe.video import VideoWriter

WIDTH, HEIGHT, FRAMES, RATE = 64, 48, 12, 25.0
_OLD_S = 3600.0


def frames_of(seed: int, count: int = FRAMES) -> NDArray[np.uint8]:
    """A bright disc that crosses a plain picture, (T, H, W, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    row, step, color = rng.uniform(14, 34), rng.uniform(2.5, 3.5), rng.integers(150, 255, 3)
    ground = rng.integers(20, 60)
    out = np.full((count, HEIGHT, WIDTH, 3), ground, np.float64)
    for k in range(count):
        cover = np.clip(6.5 - np.hypot(x - 10 - step * k, y - row - 0.4 * k), 0.0, 1.0)[..., None]
        out[k] = out[k] * (1 - cover) + color * cover
    return np.rint(out).astype(np.uint8)


def draw(path: Path, seed: int = 0, count: int = FRAMES, *, old: bool = True) -> Path:
    """Write a clip; `old` gives it a time stamp that lies so far back that it need not be read again to be known."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name("drawn-in-a-moment.mp4")
    with VideoWriter(beside, frame_rate_hint=RATE) as writer:
        for k, image in enumerate(frames_of(seed, count)):
            writer.write(image, k / RATE)
    beside.rename(path)
    if old:
        age(path)
    return path


def age(path: Path, by: float = _OLD_S) -> None:
    """Have a file look as if it were written some time ago."""
    then = time.time_ns() - int(by * 1e9)
    os.utime(path, ns=(then, then))


def draw_folder(folder: Path, count: int, first: int = 0) -> Path:
    """So many clips: clip-000.mp4 and so on."""
    for k in range(first, first + count):
        draw(folder / f"clip-{k:03}.mp4", k)
    return folder


def tree_of(folder: Path) -> dict[str, bytes]:
    """Every file by its path, but for what a run keeps for itself, and for the page that tells how long it took."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in (".kinescribe", "report.html")
    }


def leftovers(folder: Path) -> list[str]:
    """Whatever looks unfinished: temporary files, folders of work."""
    inner = folder / ".kinescribe"
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if ".part" in path.name or path.name.endswith(".old") or (path.parent == inner and path.name.startswith("work"))
    )
