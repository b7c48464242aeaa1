"""The one call from a file of another tool's tracks to a states table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kinescribe.annotation.importing.asked import Asked
from kinescribe.annotation.importing.assembling import assembled
from kinescribe.annotation.importing.coco import videos_of_coco
from kinescribe.annotation.importing.contents import beginning
from kinescribe.annotation.importing.film import film_of
from kinescribe.annotation.importing.formats import FORMATS, reader, recognised
from kinescribe.errors import KinescribeError, UsageError, unknown_value
from kinescribe.llm.text import one_line
from kinescribe.states import Calibration, States
from kinescribe.video import Video

__all__ = ["import_tracks", "videos_in"]

AUTO = "auto"


def import_tracks(
    path: str | os.PathLike[str],
    *,
    format: str = AUTO,
    frame_interval: float | None = None,
    times: Sequence[float] | None = None,
    calibration: Calibration | None = None,
    unit: str | None = None,
    first_frame: int = 0,
    least_score: float | None = None,
    video: str | os.PathLike[str] | Video | None = None,
    only: str | None = None,
    encoding: str | None = None,
    smooth: bool = True,
) -> States:
    """Read tracks that another tool wrote: corrected CVAT or COCO tracks, Tracker, trackpy, TrackMate, DeepLabCut, SLEAP.

    Positions stay as the tool measured them. What was left out or taken for granted stands in ``meta.warnings``, the format and options
    in ``meta.configuration["imported"]``.

    Args:
        path: the file.
        format: one of `kinescribe.annotation.importing.FORMATS`, or "auto": by what the file holds.
        frame_interval: seconds from frame to frame. A file that has frame numbers alone needs this, `video` or `times`. It counts more than
            the times of the file and of the video.
        times: (T,), seconds, the time stamps of the video's frames, in place of `frame_interval`.
        calibration: image pixels to the world; None: pixels, y down. For a file in its tool's own world, where its axes lie in the image.
        unit: of length, for a file in its tool's own world that doesn't name it, such as "m".
        first_frame: the number that the file gives the video's first frame.
        least_score: sightings with a lower score are left out; None: below 0.6 for DeepLabCut, else none.
        video: the video that the tracks were made on, by path or open: its time stamps count, and its name, size and hash go into
            ``meta.video``.
        only: which video, of a COCO file with several (`videos_in`).
        encoding: of the text, such as "cp1252"; None: UTF-8, or UTF-16 with its mark.
        smooth: fill in velocities, accelerations and standard deviations, by the smoother of `extract_states`.

    Raises:
        UsageError: an option that makes no sense, or time or scale that are neither given nor in the file.
        InputError: a file or video that can't be read, is in no known format, or holds what can't be, by row and column; a video that isn't
            that of the tracks.
        NothingFoundError: a file without a single sighting.
    """
    with _in_one_line():
        options = (frame_interval, times, calibration, unit, first_frame, least_score, only, encoding, smooth)
        asked = Asked(*options)
        source, format = _recognised(path, format, asked.encoding)
        if only is not None and format != "coco":
            raise UsageError(f"only={only!r}: none but COCO files hold several videos; leave it out")
        if video is not None:  # it takes its time, so it comes when all else is in order
            asked = Asked(*options, film=film_of(video, asked.frame_interval))
        return assembled(reader(format)(source, asked), format)


def videos_in(path: str | os.PathLike[str], *, format: str = AUTO, encoding: str | None = None) -> tuple[str, ...]:
    """Names of the videos whose tracks a file holds, sorted, for `only`; () for a format that holds one video a file.

    Raises:
        UsageError: an option that makes no sense.
        InputError: a file that can't be read or is in no known format.
    """
    with _in_one_line():
        source, format = _recognised(path, format, Asked(encoding=encoding).encoding)
        return tuple(videos_of_coco(source, encoding)) if format == "coco" else ()


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Errors of ours in one line, whatever a file's name holds."""
    try:
        yield
    except KinescribeError as error:
        line = one_line(str(error), 1000)
        if line == str(error):
            raise
        raise type(error)(line) from None


def _recognised(path: Any, format: str, encoding: str | None) -> tuple[Path, str]:
    """The path, and the format, by what the file holds where it isn't named."""
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"{path!r} is no path of a file of tracks: give one, such as 'tracks.csv'")
    if format != AUTO and format not in FORMATS:
        raise unknown_value("format", str(format), [AUTO, *FORMATS])
    source = Path(path)
    if format == AUTO:
        return source, recognised(source, encoding)
    beginning(source)  # that it is a file, holds something, and isn't packed
    return source, format
