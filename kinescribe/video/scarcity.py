"""Few frames: whether that is why little was found, and how to get more."""

from __future__ import annotations

from collections.abc import Mapping

from kinescribe.video.info import Video
from kinescribe.video.selection import SelectedVideo

__all__ = ["few_frames", "few_rows"]

FEW = 30  # frames; with fewer, when they are what is left of more, that they are few is the likely reason
VERY_FEW = 8  # of a whole video
FEW_ROWS = 2  # an object with no more has a place, or a step at most: its motion can't be told from its error
MOST_NAMED = 5  # objects


def few_frames(video: Video, frames: int) -> str | None:
    """Why so few frames were looked at, and how to have more; None where they aren't few.

    Args:
        video: as far as it could be read.
        frames: how many of it were looked at.
    """
    options, way_out = _chosen(video)
    number = "a single frame was" if frames == 1 else f"{frames} frames were"
    looked = f"only {number} looked at{f' ({options})' if options else ''}, likely too few"
    if frames < FEW and video.partial is not None:
        return f"{looked}, for {video.partial}: give a whole copy of it"
    if frames < FEW and options:
        return f"{looked}: {way_out}"
    return f"{looked}: give a longer video" if frames < VERY_FEW else None


def few_rows(video: Video, frames: int, rows: Mapping[int, int]) -> str | None:
    """One line on objects that have too few rows to tell how they move, where that is for want of frames; None where none has.

    Args:
        video, frames: as for `few_frames`.
        rows: by object id, how many.
    """
    few = [i for i, count in sorted(rows.items()) if count <= FEW_ROWS]
    options, way_out = _chosen(video)
    if not few or not (options or video.partial is not None or frames < VERY_FEW):
        return None
    named = ", ".join(map(str, few[:MOST_NAMED])) + (f" and {len(few) - MOST_NAMED} more" if len(few) > MOST_NAMED else "")
    most = max(rows[i] for i in few)
    count = f"{most} row{'s' * (most > 1)}"
    if len(few) == 1:
        what = f"object {named} has {count}, too few to tell how it moves"
    else:
        what = f"objects {named} have {count} {'each' if most == 1 else 'at most'}, too few to tell how they move"
    if options:
        return f"{what}: with {options} {frames} frames were looked at; {way_out}"
    return f"{what}: {frames} frames were looked at; give {'a longer video' if video.partial is None else 'a whole copy of the video'}"


def _chosen(video: Video) -> tuple[str, str]:
    """The options by which the user chose the frames, and what to change to have more of them; both empty where all were."""
    if not isinstance(video, SelectedVideo) or video.selection.whole:
        return "", ""
    stride, start, end = video.selection.stride, video.selection.start, video.selection.end
    given = [f"--stride {stride}"] if stride > 1 else []
    given += [f"--{name} {moment}" for name, moment in (("start", start), ("end", end)) if moment is not None]
    ways = ["a smaller --stride"] if stride > 1 else []
    if start is not None and end is not None:
        ways.append("--start and --end farther apart")
    elif start is not None or end is not None:
        ways.append("an earlier --start" if start is not None else "a later --end")
    return " ".join(given), f"give {' or '.join(ways)}"
