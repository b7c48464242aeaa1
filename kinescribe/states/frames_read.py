"""Which frames of its video a table was made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kinescribe.states.metadata import Metadata
from kinescribe.states.table import States

__all__ = ["KEY", "FramesRead", "frame_step", "frames_looked_at", "frames_read"]

KEY = "frames_read"
"""Where the metadata's configuration has them."""
MOST = 10**9


class FramesRead(NamedTuple):
    """The frames `first`, `first + stride`, … up to `last`, as the video counts them."""

    first: int
    last: int
    stride: int

    @property
    def numbers(self) -> range:
        """Of all these frames."""
        return range(self.first, self.last + 1, self.stride)


def frames_read(meta: Metadata) -> FramesRead | None:
    """The frames that a table was made from; None where that is every frame of its video, or isn't told in a way that makes sense."""
    told = meta.configuration.get(KEY)
    if not isinstance(told, Mapping):
        return None
    numbers = [told.get(name) for name in FramesRead._fields]
    sound = [n for n in numbers if isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= MOST]
    if len(sound) < len(numbers):
        return None
    made = FramesRead(*sound)
    return made if made.stride >= 1 and made.first <= made.last else None


def frame_step(states: States) -> int:
    """By how much the frame's number grows from one frame that was looked at to the next: 1, but for a table made with a stride."""
    told = frames_read(states.meta)
    return 1 if told is None else told.stride


def frames_looked_at(meta: Metadata) -> int | None:
    """How many frames the table was made from; None where that isn't known."""
    told = frames_read(meta)
    if told is not None:
        return len(told.numbers)
    return None if meta.video is None else meta.video.frame_count
