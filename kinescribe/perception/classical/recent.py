"""The last frames before a body was first seen, to follow it back from there."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from kinescribe.video.frame import Frame

__all__ = ["RecentFrames"]

MOST_BYTES = 96 << 20
MOST_FRAMES = 60  # two seconds: who wasn't seen for longer isn't found by following either


class RecentFrames:
    """A ring of frames that are copied into it, kept only where somebody will soon ask for them.

    Copied, because frames that live long among what is short-lived leave holes in the process's memory that no other frame fits into.

    Args:
        asked: indices of the frames before which frames will be asked for.
    """

    def __init__(self, asked: Iterable[int]) -> None:
        self._asked = sorted(asked)
        self._ring: NDArray[np.uint8] | None = None
        self._notes: list[tuple[int, float, NDArray[np.float32]]] = []  # index, time, offset; the place is index modulo capacity

    def add(self, frame: Frame, offset: NDArray[np.float32]) -> None:
        """Keep the next frame, with its brightness offset, if a frame that soon follows was named."""
        height, width, channels = frame.image.shape
        capacity = max(min(MOST_FRAMES, MOST_BYTES // (height * width * channels)), 1)
        place = bisect_right(self._asked, frame.index)
        if place == len(self._asked) or self._asked[place] - frame.index > capacity:
            self._notes.clear()
            return
        if self._ring is None:
            self._ring = np.empty((capacity, *frame.image.shape), np.uint8)
        self._ring[frame.index % capacity] = frame.image
        self._notes.append((frame.index, frame.time_s, offset))
        del self._notes[:-capacity]

    def newest_first(self) -> Iterator[tuple[Frame, NDArray[np.float32]]]:
        """The frames at hand with their offsets, each one before the last; read them before the next is added."""
        for index, time_s, offset in reversed(self._notes):
            assert self._ring is not None
            yield Frame(index, time_s, self._ring[index % len(self._ring)]), offset
