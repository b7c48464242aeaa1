"""The video that tracks were made on: when its frames were taken, and which file it is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import InputError, UsageError
from kinescribe.llm.text import one_line
from kinescribe.states import VideoMeta
from kinescribe.video import Video, open_video

__all__ = ["Film", "film_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A video, gone through once.

    Attributes:
        times: (T,), seconds from the first frame's stamp, of all frames.
        meta: name, size, hash, number of frames.
        notes: what is to be known of its time stamps, and where it breaks off; one line each.
    """

    times: NDArray[np.float64]
    meta: VideoMeta
    notes: tuple[str, ...]

    def agrees(self, other: VideoMeta | None) -> None:
        """Raises InputError where a file of tracks tells of pictures of another size."""
        if other is not None and (other.width, other.height) != (self.meta.width, self.meta.height):
            raise InputError(
                f"the tracks are of pictures of {other.width} x {other.height} pixels ('{one_line(other.name, 60)}'), and "
                f"'{one_line(self.meta.name, 60)}' has {self.meta.width} x {self.meta.height}: give the tracks' own video"
            )


def film_of(video: Any, frame_interval: float | None) -> Film:
    """Go through a video, given by path or open.

    Args:
        frame_interval: seconds from frame to frame; counts more than its time stamps.

    Raises:
        UsageError: what is no video, and pictures without times.
        InputError: a video that can't be read.
    """
    if not isinstance(video, str | os.PathLike | Video):
        raise UsageError(f"video={one_line(repr(video), 60)} must be a path, or what kinescribe.open_video gives")
    opened = video if isinstance(video, Video) else open_video(video, frame_interval=frame_interval)
    times = np.array([frame.time_s for frame in opened], np.float64)
    info = opened.info
    meta = VideoMeta(name=one_line(info.name), sha256=info.sha256, width=info.width, height=info.height, frame_count=len(times))
    return Film(times, meta, tuple(one_line(line, 400) for line in (*opened.warnings, *([opened.partial] if opened.partial else []))))
