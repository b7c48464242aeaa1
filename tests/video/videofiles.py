"""Video files with known content, for the tests."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

TICKS = Fraction(1, 90_000)


def noise(index: int, size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    """A picture that costs the encoder many bytes."""
    return np.random.default_rng(index).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


def plain(index: int, size: tuple[int, int] = (64, 48)) -> NDArray[np.uint8]:
    """A grey picture whose level tells its index."""
    return np.full((size[1], size[0], 3), 20 + 18 * (index % 12), np.uint8)


def write_file(
    path: Path,
    ticks: Sequence[int],
    *,
    draw=plain,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    size: tuple[int, int] = (64, 48),
    rotation: int = 0,
    mirror: bool = False,
    time_base: Fraction = TICKS,
    pixel_aspect: Fraction | None = None,
    container_format: str | None = None,
    group: int | None = None,
    **options: str,
) -> Path:
    """Encode one frame for each time stamp, in units of the time base; `group`: frames from one key frame to the next."""
    with av.open(str(path), "w", format=container_format, options=options) as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.time_base = time_base
        if group:
            stream.codec_context.gop_size = group
        if pixel_aspect:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if rotation or mirror:
            stream.set_display_rotation(rotation, hflip=mirror)
        for index, stamp in enumerate(ticks):
            frame = av.VideoFrame.from_ndarray(draw(index, size), format="bgr24")
            frame.pts, frame.time_base = stamp, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_audio(path: Path) -> Path:
    """Half a second of silence."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        for index in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44_100, 1024 * index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
