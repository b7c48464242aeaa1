"""Small pictures of a video with its objects outlined, numbered and trailed, in one pass over the video."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.annotation.reporting.moments import fullest_frame
from kinescribe.annotation.reporting.summarising import point_ids
from kinescribe.errors import InputError, UsageError
from kinescribe.renderers.arguments import check_video, output_path
from kinescribe.renderers.boxes import boxes_by_frame
from kinescribe.renderers.marks import insides, mark
from kinescribe.renderers.poses import Pose, PoseTable, shapes_of
from kinescribe.renderers.trails import Trails
from kinescribe.states import States
from kinescribe.states.writing import replaced

if TYPE_CHECKING:
    from kinescribe.video import Video

__all__ = ["Shot", "Shots", "last_frame_of", "opened", "take_shots", "write_thumbnail"]

Picture = NDArray[np.uint8]
TRAIL_S = 1.5
QUALITY = 80  # of JPEGs
LARGEST_SCALE = 4.0  # of a small video's picture
SMALLEST = 8  # px, of the numbers' letters
CROWD = 40  # of more objects numbers are as small as they can be read
NARROWEST, WIDEST = 16, 4096  # px, of a thumbnail


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame as a JPEG, with the overlay and, where wanted, without it; `width` and `height` in px."""

    frame: int
    width: int
    height: int
    drawn: bytes
    plain: bytes | None


@dataclass(slots=True)
class Shots:
    """What one pass over a video gave: shots by frame number, and what was odd, in words."""

    by_frame: dict[int, Shot] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def write_thumbnail(states: States, video: Video | str | os.PathLike[str], path: str | os.PathLike[str], width: int = 320) -> None:
    """Write a JPEG of the frame in which most objects are seen, its objects outlined, numbered and trailed.

    Args:
        states: the table.
        video: that it was made from, open or its path.
        path: of the JPEG; written whole or not at all.
        width: px, 16 to 4096; a small video's picture is enlarged four times at most.

    Raises:
        UsageError: a width that makes no sense, a video of another size than the table's, or a path that can't be written.
        InputError: the video can't be read.
    """
    if not isinstance(width, int) or isinstance(width, bool) or not NARROWEST <= width <= WIDEST:
        raise UsageError(f"width={width!r}: a thumbnail is {NARROWEST} to {WIDEST} px wide")
    target = output_path("thumbnail", path)
    source = opened(video)
    last = last_frame_of(source)
    best = fullest_frame(states, last)
    wanted = best if best is not None else (source.info.frame_count or 0) // 2
    shots = take_shots(source, states, [wanted], width).by_frame or take_shots(source, states, [0], width).by_frame
    if not shots:
        raise InputError(f"'{source.info.name}': no frame of it can be shown; check the file, or leave the thumbnail out")
    with replaced(target) as (staged,):
        staged.write_bytes(next(iter(shots.values())).drawn)


def opened(video: Video | str | os.PathLike[str]) -> Video:
    """An open video; a path is opened. Raises InputError where it can't be, UsageError for what is no video."""
    from kinescribe.video import open_video

    return open_video(video)


def last_frame_of(video: Video) -> int | None:
    """The last frame's number where it is known for sure; a file's container may be wrong about it."""
    count = video.info.frame_count
    return None if count is None or video.info.kind == "file" else count - 1


def take_shots(video: Video, states: States, frames: Sequence[int], width: int, *, plain: int | None = None) -> Shots:
    """Pictures of these frames, decoded in one pass; memory holds one frame and the small pictures.

    Args:
        frames: numbers; what the video does not have is told in the notes.
        width: of the pictures, px.
        plain: the frame that is wanted without the overlay as well.

    Raises:
        UsageError: the video has another size than the table's.
        InputError: the video can't be read.
    """
    shots = Shots(notes=check_video(video, states))
    try:
        for frame in video.sample(frames):
            shots.by_frame[frame.index] = _shot(frame.image, states, frame.index, width, wants_plain=frame.index == plain)
    except UsageError as error:
        # the table tells of frames that the video doesn't have: what it has is shown
        shots.notes.append(str(error))
    if video.partial:
        shots.notes.append(video.partial)
    return shots


def _shot(image: Picture, states: States, frame: int, width: int, *, wants_plain: bool) -> Shot:
    height, own = image.shape[:2]
    by = min(width / own, LARGEST_SCALE)
    size = (max(round(own * by), 1), max(round(height * by), 1))
    small = np.array(cv2.resize(image, size, interpolation=cv2.INTER_AREA if by < 1.0 else cv2.INTER_CUBIC), np.uint8)
    plain = _jpeg(small) if wants_plain else None
    _draw(small, states, frame, (size[0] / own, size[1] / height))
    return Shot(frame, size[0], size[1], _jpeg(small), plain)


def _draw(picture: Picture, states: States, frame: int, scale: tuple[float, float]) -> None:
    """The library's own marks and trails, in place, from the rows of the last second and a half."""
    part = _rows_until(states, frame)
    table, shapes = PoseTable.of(part), shapes_of(part)
    at = np.flatnonzero(table.frames == frame)
    if not len(at) or not table.poses[int(at[0])]:
        return
    now = int(at[0])
    trails = Trails(picture.shape[1], picture.shape[0])
    for k in range(now + 1):
        trails.follow([_scaled(pose, scale) for pose in table.poses[k]], "solid", float(table.times[k]))
    poses = [_scaled(pose, scale) for pose in table.poses[now]]
    trails.over(picture, insides(picture.shape[:2], poses, shapes))
    boxes = boxes_by_frame(part, table, shapes)[frame] * np.tile(scale, 2).astype(np.float32)
    letters = int(np.clip(picture.shape[1] / 40, SMALLEST, 14)) if len(poses) <= CROWD else SMALLEST
    mark(picture, poses, boxes, shapes, point_ids(states), letters)


def _rows_until(states: States, frame: int) -> States:
    """The rows of a frame and those shortly before it; without what says which of them are points of bodies: these are drawn too."""
    low, high = np.searchsorted(states["frame"], [frame, frame + 1])
    since = states["time_s"][low] - TRAIL_S if high > low else np.inf
    first = int(np.searchsorted(states["time_s"][:high], since))
    columns: dict[str, NDArray[Any]] = {name: values[first:high].copy() for name, values in states.columns.items()}
    return States.from_checked(columns, states.meta.model_copy(update={"objects": {}}))


def _scaled(pose: Pose, scale: tuple[float, float]) -> Pose:
    """The pose in a picture that is so many times as large; pixel centres lie at whole numbers in both."""
    x, y = ((at + 0.5) * by - 0.5 for at, by in zip((pose.x, pose.y), scale, strict=True))
    by = math.sqrt(scale[0] * scale[1])
    velocity = (pose.velocity[0] * scale[0], pose.velocity[1] * scale[1])
    return replace(pose, x=x, y=y, length=pose.length * by, breadth=pose.breadth * by, velocity=velocity)


def _jpeg(picture: Picture) -> bytes:
    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise UsageError(f"a picture of {picture.shape[1]}×{picture.shape[0]} px can't be encoded as JPEG")
    return bytes(encoded.tobytes())
