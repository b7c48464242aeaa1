"""The one call from a file of another tool's tracks to a states table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kinescribe.annotation.importing.asked import Asked
from kinescribe.annotation.importing.assembling import assembled
from kinescribe.annotation.importing.contents import beginning
from kinescribe.annotation.importing.formats import FORMATS, reader, recognised
from kinescribe.errors import KinescribeError, UsageError, unknown_value
from kinescribe.llm.text import one_line
from kinescribe.states import Calibration, States

__all__ = ["import_tracks"]

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
    video: str | None = None,
    encoding: str | None = None,
    smooth: bool = True,
) -> States:
    """Read tracks that another tool wrote: corrected CVAT or COCO tracks, Tracker, trackpy, TrackMate, DeepLabCut, SLEAP.

    Positions stay as the tool measured them. What was left out or taken for granted stands in ``meta.warnings``, the format and options
    in ``meta.configuration["imported"]``.

    Args:
        path: the file.
        format: one of `kinescribe.annotation.importing.FORMATS`, or "auto": by what the file holds.
        frame_interval: seconds from frame to frame; needed where the file has frame numbers alone. It counts more than the file's times.
        times: (T,), seconds, the time stamps of the video's frames, in place of `frame_interval`.
        calibration: image pixels to the world; None: pixels, y down. For a file in its tool's own world, where its axes lie in the image.
        unit: of length, for a file in its tool's own world that doesn't name it, such as "m".
        first_frame: the number that the file gives the video's first frame.
        least_score: sightings with a lower score are left out; None: below 0.6 for DeepLabCut, else none.
        video: which one, of a COCO file with several.
        encoding: of the text, such as "cp1252"; None: UTF-8, or UTF-16 with its mark.
        smooth: fill in velocities, accelerations and standard deviations, by the smoother of `extract_states`.

    Raises:
        UsageError: an option that makes no sense, or time or scale that are neither given nor in the file.
        InputError: a file that can't be read, is in no known format, or holds what can't be, by row and column.
        NothingFoundError: a file without a single sighting.
    """
    try:
        return _imported(path, format, frame_interval, times, calibration, unit, first_frame, least_score, video, encoding, smooth)
    except KinescribeError as error:
        line = one_line(str(error), 1000)
        if line == str(error):
            raise
        raise type(error)(line) from None  # a file's name may hold line breaks


def _imported(path: Any, format: str, *options: Any) -> States:
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"{path!r} is no path of a file of tracks: give one, such as 'tracks.csv'")
    if format != AUTO and format not in FORMATS:
        raise unknown_value("format", str(format), [AUTO, *FORMATS])
    asked = Asked(*options)
    source = Path(path)
    if format == AUTO:
        format = recognised(source, asked.encoding)
    else:
        beginning(source)  # that it is a file, holds something, and isn't packed
    if asked.video is not None and format != "coco":
        raise UsageError(f"video={asked.video!r}: only COCO files hold several videos; leave it out")
    return assembled(reader(format)(source, asked), format)
