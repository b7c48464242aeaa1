"""Which frames of a long file show what all of it is like, so that most of it needn't be decoded.

A picture can be had only by decoding from the key frame before it. So each of evenly spread frames is taken nearer to its key frame, and
what follows it until the next key frame is skipped: the glimpses are as many in each part of the video as before, in shorter runs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["Run", "pictures_of", "runs_of_glimpses"]

Run = tuple[int, list[int]]
"""A key frame, and the frames from there on that are wanted, as places in the file's index, ascending."""

LEAST_RUNS = 8  # of fewer, one and the same thing may be at the same place in half of them
NEARER = 0.25  # of its way from the key frame stays to a glimpse
WORTH = 0.6  # of all frames: runs that decode more aren't made


def runs_of_glimpses(keys: Sequence[int], count: int, wanted: int) -> list[Run] | None:
    """From which key frames to decode, and which frames to take.

    Args:
        keys: places of the key frames in the file's index, ascending, the first of them 0.
        count: frames in all.
        wanted: frames to take, at least 1; each has a successor in its run.

    Returns:
        None where that saves little, or where the key frames are too few to stand for the whole video.
    """
    if not keys or keys[0] != 0 or count < 2 * wanted:
        return None
    runs: list[Run] = []
    for j in range(wanted):
        spread = (2 * j + 1) * count // (2 * wanted)
        which = bisect_right(keys, spread) - 1
        key, end = keys[which], keys[which + 1] if which + 1 < len(keys) else count
        frame = key + round(NEARER * (spread - key))
        if frame + 1 >= end:  # a key frame alone has no successor
            continue
        if runs and runs[-1][0] == key:
            if frame <= runs[-1][1][-1]:
                return None
            runs[-1][1].append(frame)
        else:
            runs.append((key, [frame]))
    decoded = sum(frames[-1] + 2 - key for key, frames in runs)
    return runs if len(runs) >= LEAST_RUNS and decoded <= WORTH * count else None


def pictures_of(
    runs: Sequence[Run], stamps: Sequence[int], decode: Callable[[], Iterator[VideoFrame]], seek: Callable[[int], Any]
) -> Iterator[tuple[int, VideoFrame]]:
    """The pictures of the runs and the successor of each, with their places; ends where the file isn't what its index says.

    Args:
        runs: as `runs_of_glimpses` gives them.
        stamps: of decoding, by place, in the stream's time base.
        decode: gives the pictures from where the file was sought to.
        seek: goes to the key frame that has a stamp.
    """
    from av.error import FFmpegError

    for key, frames in runs:
        wanted = {place + more for place in frames for more in (0, 1)}
        place = key - 1
        try:
            seek(stamps[key])
            for picture in decode():
                if place < key and not (picture.key_frame and picture.pts is not None and picture.pts >= stamps[key]):
                    continue  # leads up to the key frame, and leans on what was jumped over
                place += 1
                if picture.is_corrupt or picture.pts is None:
                    return
                if place in wanted:
                    yield place, picture
                if place == frames[-1] + 1:
                    break
        except FFmpegError:  # a pass from the start tells what is wrong, if anything is
            return
        if place != frames[-1] + 1:
            return
