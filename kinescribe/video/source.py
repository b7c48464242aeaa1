"""Opens whatever can be seen as a video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import UsageError
from .container import existing_path
from .info import Video, VideoInfo
from .limits import Limits

__all__ = ["Video", "VideoInfo", "open_video"]


def open_video(
    source: str | PathLike[str] | NDArray[np.uint8] | Sequence[Any] | Video,
    *,
    times: ArrayLike | None = None,
    frame_interval: float | None = None,
    limits: Limits | None = None,
) -> Video:
    """Open a local video file, a folder of numbered pictures, or frames in memory.

    Args:
        source: path of a file or folder; or uint8 frames, shape (T, H, W, 3) BGR or (T, H, W) grey, or a sequence of such
            pictures. An open video is handed back as it is.
        times: shape (T,), seconds, strictly increasing: when each frame was taken. Replaces a file's time stamps.
        frame_interval: seconds between frames: replaces a file's time stamps by index x interval (slowed-down video).
        limits: to what a file or folder may ask for; from the environment (KINESCRIBE_MAX_PIXELS …) if not given.

    Raises:
        InputError: nothing there, a URL, not a video, or one that asks for more than the limits allow; reading it may raise that too.
        UsageError: frames without times, or times, interval or array of a kind that makes no sense.
    """
    if isinstance(source, (str, PathLike)):
        path = existing_path(source if isinstance(source, str) else Path(source))
        limits = limits or Limits.from_environment()
        if path.is_dir():
            from .images import ImageFolder

            return ImageFolder(path, times=times, frame_interval=frame_interval, limits=limits)
        from .reader import FileVideo

        return FileVideo(path, times=times, frame_interval=frame_interval, limits=limits)
    if isinstance(source, Video):
        if times is not None or frame_interval is not None:
            raise UsageError(f"'{source.info.name}' is open already: give times or frame interval where it is opened")
        return source
    if _is_sequence(source):
        _refuse_names(source)
        from .arrays import ArrayVideo

        return ArrayVideo(source, times=times, frame_interval=frame_interval)
    raise UsageError(f"{_shown(source)} is no video: give a path, an array (T, H, W, 3), or a list of pictures")


def _is_sequence(source: Any) -> bool:
    """Whether it may be a row of pictures; bytes are none, and neither is what is looked up by keys."""
    return hasattr(source, "__len__") and hasattr(source, "__getitem__") and not isinstance(source, (bytes, bytearray, Mapping))


def _refuse_names(source: Any) -> None:
    """Raises UsageError for a list of paths, which is several videos or the pictures of one."""
    if not isinstance(source, np.ndarray) and len(source) and isinstance(source[0], (str, bytes, PathLike)):
        raise UsageError(f"{_shown(source)} is a list of paths: give one path, of a video or of a folder of numbered images")


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"
