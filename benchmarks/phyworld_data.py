"""PhyWorld's clips: the published HDF5 layout, the splits, and the plain weighted centroid that perception is held against."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
SETS = ("uniform_motion", "collision", "parabola")
FRAME_INTERVAL = 0.1  # the containers' own rate means nothing
EXTENT = 10.0  # the view's side in world units
NOISE_FLOOR = 8.0  # grey levels of compression noise around the ball


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One clip.

    Attributes:
        name: set and index; kind: the set.
        video: the MP4's bytes.
        positions: (T, balls, 2), world units, y up.
        radii, speeds: (balls,), world units, world units a second.
    """

    name: str
    kind: str
    video: bytes
    positions: Float
    radii: Float
    speeds: Float

    @property
    def dropped(self) -> bool:
        """Too small to score."""
        return bool((self.radii <= 0.5).any()) if self.kind == "collision" else bool((self.radii < 0.6).any())

    @property
    def split(self) -> str:
        """ "in" for sizes and speeds as in training, else "ood"."""
        low, high = (0.5, 1.5) if self.kind == "collision" else (0.7, 1.4)
        within = (self.radii >= low) & (self.radii <= high) & (self.speeds >= 1.0) & (self.speeds <= 4.0)
        return "in" if within.all() else "ood"

    @property
    def times(self) -> Float:
        return np.arange(len(self.positions), dtype=float) * FRAME_INTERVAL

    def images(self, count: int | None = None) -> NDArray[np.uint8]:
        """The first `count` frames, (count, H, W, 3), BGR."""
        import av

        with av.open(io.BytesIO(self.video), "r") as container:
            frames = []
            for frame in container.decode(video=0):
                frames.append(frame.to_ndarray(format="bgr24"))
                if len(frames) == count:
                    break
        return np.stack(frames)


def read_clips(path: Path) -> list[Clip]:
    """The scored clips of one file, in its order; ends the benchmark with one line where the file is missing."""
    import h5py

    if not path.is_file():
        sys.exit(f"no file '{path}'; name the data with --data DIR")
    kind = path.stem.rpartition("_")[0]
    clips = []
    with h5py.File(path, "r") as file:
        for group in sorted(file["video_streams"]):
            videos, positions, inits = (file[stream][group] for stream in ("video_streams", "position_streams", "init_streams"))
            for i in range(len(videos)):
                init = np.asarray(inits[i], float)
                balls = len(init) // 2
                truth = np.asarray(positions[i], float).reshape(-1, balls, 2)
                clips.append(Clip(f"{kind}/{group}[{i}]", kind, bytes(videos[i]), truth, init[:balls], init[balls:]))
    return [clip for clip in clips if not clip.dropped]


def pick(clips: Sequence[Clip], limit: int | None) -> list[Clip]:
    """At most `limit` clips, spread evenly over the sequence, so that every part of it is there."""
    if limit is None or limit >= len(clips):
        return list(clips)
    return [clips[i] for i in np.linspace(0, len(clips) - 1, limit).round().astype(int)]


def to_world(pixels: Float, height: int, width: int) -> Float:
    """World positions of image pixels (…, 2): pixel i shows 10·i/(W − 1), rows flipped."""
    scale = np.array([EXTENT / (width - 1), -EXTENT / (height - 1)])
    return np.asarray(pixels * scale + np.array([0.0, EXTENT]))


def weighted_centroids(images: NDArray[np.uint8], balls: int) -> Float:
    """Plain intensity-weighted centroids, (T, balls, 2), image pixels, y down: the reference that perception is held against.

    A pixel weighs what it lacks of white, mean of the two channels that the ball's colour does without (red: green and blue; blue: green
    and red); under the noise floor nothing. Two balls share the pixels by whether they are redder or bluer. NaN where a ball isn't seen.
    """
    lack = 255.0 - images.astype(float)
    rows, columns = np.arange(images.shape[1]), np.arange(images.shape[2])
    out = np.full((len(images), balls, 2), np.nan)
    for ball, (own, other) in enumerate([(2, 0), (0, 2)][:balls]):
        weight = (lack[..., 1] + lack[..., other]) / 2.0
        weight[weight < NOISE_FLOOR] = 0.0
        if balls > 1:
            weight[images[..., own] <= images[..., other]] = 0.0
        total = weight.sum(axis=(1, 2))
        with np.errstate(invalid="ignore"):
            out[:, ball, 0] = weight.sum(axis=1) @ columns / total
            out[:, ball, 1] = weight.sum(axis=2) @ rows / total
    return out
