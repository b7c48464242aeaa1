"""Frames as picture files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kinescribe.errors import UsageError
from kinescribe.video import Video

__all__ = ["SUFFIXES", "write_pictures"]

SUFFIXES = {"jpg": ".jpg", "png": ".png"}
_JPEG_QUALITY = 95


def write_pictures(video: Video, folder: Path, name_of: Callable[[int], str], wanted: range) -> tuple[int, ...]:
    """Write the wanted frames; the numbers of those that were written.

    A video that breaks off before gives fewer, and tells it in `video.partial`.
    """
    import cv2

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for frame in video:
        if not wanted or frame.index > wanted[-1]:
            break
        if frame.index not in wanted:
            continue
        path = folder / name_of(frame.index)
        options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if path.suffix == ".jpg" else []
        done, data = cv2.imencode(path.suffix, frame.image, options)
        if not done:
            raise UsageError(f"frame {frame.index} of '{video.info.name}' can't be written as {path.suffix[1:]}; try the other format")
        path.write_bytes(data.tobytes())  # not imwrite: it can't open every name on every system
        written.append(frame.index)
    return tuple(written)
