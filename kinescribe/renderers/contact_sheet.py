"""One picture that tells what a clip's objects did: frames in a grid, every object outlined, numbered, with its trail and its name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.renderers.arguments import check_states, check_video
from kinescribe.renderers.boxes import boxes_by_frame
from kinescribe.renderers.fonts import warn_of_unwritable
from kinescribe.renderers.legend import Entry, legend
from kinescribe.renderers.lettering import put, written
from kinescribe.renderers.marks import insides, mark
from kinescribe.renderers.poses import Pose, PoseTable, shapes_of
from kinescribe.renderers.telling import telling_frames
from kinescribe.renderers.trails import Trails
from kinescribe.states import States

if TYPE_CHECKING:
    from kinescribe.video import Video

__all__ = ["annotated_sheet"]

Float32 = NDArray[np.float32]
Picture = NDArray[np.uint8]
MOST_FRAMES = 48
SMALLEST = 256  # px, of a sheet's longer side
LARGEST_SCALE = 4.0  # of a tile
PAPER, INK = (255, 255, 255), (20, 20, 20)
TRAIL_S = 1.5  # a trail goes back no further, and no further than to the tile before


@dataclass(frozen=True, slots=True)
class _Grid:
    """How tiles lie: columns, rows, size of a tile, of the strip above it, and of letters, px."""

    columns: int
    rows: int
    width: int
    height: int
    letters: int

    @property
    def strip(self) -> int:
        return round(1.5 * self.letters)

    @property
    def gap(self) -> int:
        return max(4, self.letters // 2)

    @property
    def across(self) -> int:
        return self.columns * (self.width + self.gap) - self.gap

    @property
    def down(self) -> int:
        return self.rows * (self.strip + self.height + self.gap)


def annotated_sheet(video: Video, states: States, *, frames: int = 8, longest: int = 1536) -> Picture:
    """Frames of a clip in a grid, uint8 (H, W, 3), BGR: each under "t = 0.40 s, frame 12", its objects outlined and numbered.

    The frames are its first and last and those between where most moves or things touch. Every object has its own colour, its number in
    the table, and a trail back to where it was in the frame shown before, at most 1.5 s ago; a legend below names the numbers. What was
    not seen in a frame itself is dimmed. Names that no font of this machine can write are left out, and a `UserWarning` says so.

    Args:
        video: the video that the table was made from.
        states: the table.
        frames: how many, 1 to 48; fewer where the table has no more.
        longest: side of the sheet, px, 256 or more; it is never larger.

    Raises:
        UsageError: an argument that makes no sense, or a video of another size than the table's.
        NothingFoundError: no object of the table lies in a frame of the video.
    """
    check_states(states)
    check_video(video, states)
    if not 1 <= frames <= MOST_FRAMES:
        raise UsageError(f"frames={frames}: a contact sheet shows from 1 to {MOST_FRAMES}")
    if longest < SMALLEST:
        raise UsageError(f"longest={longest}: nobody could read a contact sheet that small; give {SMALLEST} px or more")
    # all rows, those of the ends of bodies too: without what says whose ends they are, they are things as all others
    points = {i for i, about in states.meta.objects.items() if about.part_of is not None}
    everything = States(states.columns, states.meta.model_copy(update={"objects": {}}))
    table, shapes = PoseTable.of(everything), shapes_of(states)
    last = None if video.info.frame_count is None else video.info.frame_count - 1
    chosen = telling_frames(everything, frames, last)
    if not chosen or not any(table.poses):
        raise NothingFoundError(f"no object of the table lies in a frame of '{video.info.name}': there is nothing to outline")
    entries = _entries(states, points, chosen)
    grid = _grid(len(chosen), video.info.width, video.info.height, longest, lambda wide, letters: legend(entries, wide, letters).shape[0])
    boxes = boxes_by_frame(everything, table, shapes)
    words = _captions(states, table, chosen)
    sheet = np.full((grid.down, grid.across, 3), PAPER, np.uint8)
    before = -np.inf
    for place, frame in enumerate(video.sample(chosen)):
        row, column = divmod(place, grid.columns)
        y, x = row * (grid.strip + grid.height + grid.gap), column * (grid.width + grid.gap)
        _title(sheet[y : y + grid.strip, x : x + grid.width], words[place], grid.letters)
        at = int(np.flatnonzero(table.frames == frame.index)[0])
        scale = (grid.width / frame.image.shape[1], grid.height / frame.image.shape[0])
        poses = [_scaled(pose, scale) for pose in table.poses[at]]
        tile = _resized(frame.image, grid)
        _trails(table, at, before, scale, tile.shape[:2]).over(tile, insides(tile.shape[:2], poses, shapes))
        mark(tile, poses, boxes[frame.index] * np.tile(scale, 2).astype(np.float32), shapes, points, grid.letters)
        sheet[y + grid.strip : y + grid.strip + grid.height, x : x + grid.width] = tile
        before = float(table.times[at])
    return np.vstack([sheet, legend(entries, grid.across, grid.letters)])


def _grid(count: int, width: int, height: int, longest: int, legend_height: Callable[[int, int], int]) -> _Grid:
    """The grid with the largest tiles; of equals the one with the fewest empty places."""
    letters = int(np.clip(round(longest / 80), 9, 40))

    def of(columns: int) -> _Grid:
        rows = math.ceil(count / columns)
        empty = _Grid(columns, rows, 0, 0, letters)
        scale = min((longest - empty.across) / (columns * width), (longest - empty.down) / (rows * height), LARGEST_SCALE)
        while True:
            grid = _Grid(columns, rows, max(int(scale * width), 1), max(int(scale * height), 1), letters)
            if grid.down + legend_height(grid.across, letters) <= longest or grid.width == 1:
                return grid
            scale *= 0.97

    grids = [of(columns) for columns in range(1, count + 1)]
    return max(grids, key=lambda grid: (grid.width, -grid.columns * grid.rows))


def _resized(image: Picture, grid: _Grid) -> Picture:
    smaller = grid.width < image.shape[1]
    tile = cv2.resize(image, (grid.width, grid.height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    return np.array(tile, np.uint8)  # its own, to be drawn on


def _trails(table: PoseTable, at: int, before: float, scale: tuple[float, float], size: tuple[int, ...]) -> Trails:
    """The ways that lead to where objects are at one of the table's times."""
    trails = Trails(size[1], size[0])
    since = max(before, float(table.times[at]) - TRAIL_S)
    for k in range(int(np.searchsorted(table.times, since)), at + 1):
        trails.follow([_scaled(pose, scale) for pose in table.poses[k]], "solid", float(table.times[k]))
    return trails


def _scaled(pose: Pose, scale: tuple[float, float]) -> Pose:
    """The pose in a picture that is so many times as large; pixel centres lie at whole numbers in both."""
    x, y = ((at + 0.5) * by - 0.5 for at, by in zip((pose.x, pose.y), scale, strict=True))
    by = math.sqrt(scale[0] * scale[1])
    velocity = (pose.velocity[0] * scale[0], pose.velocity[1] * scale[1])
    return replace(pose, x=x, y=y, length=pose.length * by, breadth=pose.breadth * by, velocity=velocity)


def _entries(states: States, points: set[int], chosen: Sequence[int]) -> list[Entry]:
    """What the legend says of each object; names that can't be written are empty."""
    from PIL import features

    from kinescribe.renderers.fonts import font_for

    names = {i: " ".join(label.split()) for i, label in states.labels.items()}
    unwritable = [name for name in names.values() if name and font_for(name, shaping=features.check("raqm")) is None]
    warn_of_unwritable(unwritable, "contact sheet")
    unseen = np.isin(states["frame"], chosen) & ~np.isin(states["status"], ["observed", ""])
    dimmed = set(states["object_id"][unseen].tolist())
    return [Entry(i, "" if name in unwritable else name, point=i in points, dimmed=i in dimmed) for i, name in names.items()]


def _captions(states: States, table: PoseTable, chosen: Sequence[int]) -> list[tuple[str, str]]:
    """Of each chosen frame when it was, and what touches in it."""
    times = dict(zip(table.frames.tolist(), table.times.tolist(), strict=True))
    decimals = max(2, math.ceil(-math.log10(table.interval))) if table.interval > 0.0 else 2
    touching = [[" and ".join(map(str, event.partners)) for event in states.meta.events if event.frame == frame] for frame in chosen]
    return [
        (f"t = {times[frame]:.{decimals}f} s, frame {frame}", f"contact of {'; of '.join(who)}" if who else "")
        for frame, who in zip(chosen, touching, strict=True)
    ]


def _title(strip: Picture, words: tuple[str, str], letters: int) -> None:
    """A tile's words into its strip, smaller where it is narrow; the second of them only as far as there is room."""
    size = letters
    while size > 6 and written(words[0], size, 100 * size).shape[1] > strip.shape[1]:
        size -= 1
    first = written(words[0], size, strip.shape[1])
    put(strip, first, 0, (strip.shape[0] - first.shape[0]) // 2, INK)
    room = strip.shape[1] - first.shape[1] - size
    if words[1] and room > 3 * size:
        second = written(words[1], size, room)
        put(strip, second, first.shape[1] + size, (strip.shape[0] - second.shape[0]) // 2, (0, 0, 190))
