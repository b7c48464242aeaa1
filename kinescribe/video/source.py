"""Opens whatever can be seen as a video."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import UsageError
from .container import existing_path
from .info import Video, VideoInfo

__all__ = ["Video", "VideoInfo", "open_video"]


def open_video(
    source: str | PathLike[str] | NDArray[np.uint8] | Sequence[Any] | Video,
    *,
    times: ArrayLike | None = None,
    frame_interval: float | None = None,
) -> Video:
    """Open a local video file, a folder of numbered pictures, or frames in memory.

    Args:
        source: path of a file or folder; or uint8 frames, shape (T, H, W, 3) BGR or (T, H, W) grey, or a sequence of such
            pictures. An open video is handed back as it is.
        times: shape (T,), seconds, strictly increasing: when each frame was taken. Replaces a file's time stamps.
        frame_interval: seconds between frames: replaces a file's time stamps by index x interval (slowed-down video).

    Raises:
        InputError: nothing there, a URL, or not a video.
        UsageError: frames without times, or times, interval or array of a kind that makes no sense.
    """
    if isinstance(source, (str, PathLike)):
        path = existing_path(source if isinstance(source, str) else Path(source))
        if path.is_dir():
            from .images import ImageFolder

            return ImageFolder(path, times=times, frame_interval=frame_interval)
        from .reader import FileVideo

        return FileVideo(path, times=times, frame_interval=frame_interval)
    if isinstance(source, Video):
        if times is not None or frame_interval is not None:
            raise UsageError(f"'{source.info.name}' is open already: give times or frame interval where it is opened")
        return source
    if hasattr(source, "__len__") and hasattr(source, "__getitem__"):
        from .arrays import ArrayVideo

        return ArrayVideo(source, times=times, frame_interval=frame_interval)
    raise UsageError(f"a {type(source).__name__} is no video: give a path, an array (T, H, W, 3), or a list of pictures")
