"""Frames in and out, with their time stamps."""

from __future__ import annotations

from .frame import Frame
from .hashing import sha256_of_file
from .info import Video, VideoInfo
from .limits import Limits
from .source import open_video
from .timing import TimeStats, time_stats
from .writer import VideoWriter

__all__ = ["Frame", "Limits", "TimeStats", "Video", "VideoInfo", "VideoWriter", "open_video", "sha256_of_file", "time_stats"]
