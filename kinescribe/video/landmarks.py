"""Where in a file its key frames are, learned from a whole pass, so that single frames can be had without decoding all before them.

A seek may land anywhere, and pictures that lean on others that were never decoded look whole and aren't (PyAV and OpenCV say nothing).
So a jump counts only if the key frame that it lands on is the one seen before, stamp and pixels, and every later stamp is the next one.
"""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["Landmarks"]

SPARSE = 509  # every so many bytes of a key frame's brightness tell it from others; a prime, so that columns differ
WORTH = 0.7  # of the frames that decoding from the start takes: jumps that decode more aren't made


class Landmarks:
    """Stamps of all frames, and the key frames among them, of a video that decodes from end to end.

    Attributes:
        whole: whether all frames were noted and their stamps increase, without which there is no jumping.
    """

    def __init__(self) -> None:
        self.whole = False
        self._stamps, self._times = array("q"), array("d")
        self._keys, self._prints = array("q"), array("q")
        self._sound = True

    def note(self, picture: VideoFrame, time_s: float) -> None:
        """The next frame of the pass, and its time as it is told."""
        stamp = picture.pts
        if stamp is None or (self._stamps and stamp <= self._stamps[-1]):
            self._sound = False
            return
        if picture.key_frame:
            self._keys.append(len(self._stamps))
            self._prints.append(fingerprint(picture))
        self._stamps.append(stamp)
        self._times.append(time_s)

    def close(self) -> None:
        """The pass came to a clean end."""
        self.whole = self._sound and bool(self._keys) and self._keys[0] == 0

    def time(self, index: int) -> float:
        """Of a frame, seconds."""
        return self._times[index]

    def plan(self, wanted: Sequence[int]) -> list[tuple[int, list[int]]] | None:
        """For each jump the key frame, and the frames that are wanted from there on; None where decoding from the start is as quick.

        `wanted`: ascending, each once.
        """
        if not self.whole or not wanted or wanted[-1] >= len(self._stamps):
            return None
        jumps: list[tuple[int, list[int]]] = []
        for index in wanted:
            key = self._keys[bisect_right(self._keys, index) - 1]
            # from a frame that is decoded already it may be nearer than from its key frame
            if jumps and (key <= jumps[-1][1][-1] or jumps[-1][0] == key):
                jumps[-1][1].append(index)
            else:
                jumps.append((key, [index]))
        decoded = sum(frames[-1] - key + 1 for key, frames in jumps)
        return jumps if decoded < WORTH * (wanted[-1] + 1) else None

    def stamp(self, index: int) -> int:
        """Of a frame, in the stream's time base."""
        return self._stamps[index]

    def follow(self, pictures: Iterator[VideoFrame], key: int) -> Iterator[tuple[int, VideoFrame]]:
        """The pictures from a key frame on with their indices, after a seek to it; ends where one isn't what it was in the whole pass."""
        index = key
        for picture in pictures:
            if picture.pts is not None and picture.pts < self._stamps[key]:
                continue  # leads up to the key frame, and leans on what was jumped over
            if picture.is_corrupt or index >= len(self._stamps) or picture.pts != self._stamps[index]:
                return
            if index == key and fingerprint(picture) != self._prints[bisect_right(self._keys, key) - 1]:
                return
            yield index, picture
            index += 1


def fingerprint(picture: VideoFrame) -> int:
    """A few thousand of a picture's bytes, summed up."""
    return zlib.crc32(bytes(memoryview(picture.planes[0])[::SPARSE]))
