"""Where objects are cut out: the frames in which each is whole, and by itself if it ever is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kinescribe.renderers.matte import matte_of
from kinescribe.renderers.ownership import RIM_PX, SURE_PX, DepthVotes, known_pixels, outside_of
from kinescribe.renderers.plate import Plate
from kinescribe.renderers.poses import Pose, PoseTable
from kinescribe.renderers.sprites import Cutout
from kinescribe.video import Frame, Video

__all__ = ["Sightings", "cutouts_of", "depths_of", "whole_ones"]

Float32 = NDArray[np.float32]
MOST_CUTOUTS = 48  # of an object: more make no sharper sprite
FEWEST_CUTOUTS, MOST_PIXELS = 8, 10_000_000  # of an object, and pixels of all its cut-outs, to bound memory
ENOUGH = 12  # of them, in which the object is alone, that others aren't needed
MOST_OVERLAPS = 24  # frames in which it is asked who is in front
BESIDE_PX = 3.0  # between two boxes, so that neither object is in the other's window
WINDOW_PX = 6.0  # about an object's box
SMEAR, MOST_SMEAR_PX = 0.25, 12.0  # share of the way between frames over which a shutter may smear an edge
CUT_PX = 0.5  # from the picture's edge


@dataclass(slots=True)
class Sightings:
    """Frames in which an object is whole.

    Attributes:
        frames, poses, boxes: of each sighting. alone: no other object is near in any of them.
    """

    alone: bool = True
    frames: list[int] = field(default_factory=list)
    poses: list[Pose] = field(default_factory=list)
    boxes: list[Float32] = field(default_factory=list)

    def spread(self) -> Sightings:
        """At most `MOST_CUTOUTS` of them, fewer of what is large, all over the video."""
        count = len(self.frames)
        pixels = max(float(np.prod(box[2:] - box[:2] + 2 * WINDOW_PX)) for box in self.boxes)
        most = int(np.clip(MOST_PIXELS // pixels, FEWEST_CUTOUTS, MOST_CUTOUTS))
        keep = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
        return Sightings(self.alone, *([part[k] for k in keep] for part in (self.frames, self.poses, self.boxes)))


def whole_ones(table: PoseTable, boxes: Mapping[int, Float32], size: tuple[int, int]) -> dict[int, Sightings]:
    """By object where it was seen and is not cut off by the edge of a picture of this size (width, height)."""
    found: dict[int, Sightings] = defaultdict(Sightings)
    beside: dict[int, Sightings] = defaultdict(lambda: Sightings(alone=False))
    for frame, poses in zip(table.frames.tolist(), table.poses, strict=True):
        mine = boxes[frame]
        for k, (pose, box) in enumerate(zip(poses, mine, strict=True)):
            inside = (box[:2] > CUT_PX).all() and (box[2:] < np.array(size) - CUT_PX).all()
            # a table may tell a box here and a place there
            there = np.abs(np.array([pose.x, pose.y]) - (box[:2] + box[2:]) / 2.0) <= box[2:] - box[:2] + 1.0
            if not (pose.seen and inside and there.all()):
                continue
            others = np.delete(mine, k, axis=0)
            apart = np.maximum(others[:, :2] - box[2:], box[:2] - others[:, 2:]).max(axis=1, initial=-np.inf)
            into = found if (apart > BESIDE_PX).all() else beside
            into[pose.object_id].frames.append(frame)
            into[pose.object_id].poses.append(pose)
            into[pose.object_id].boxes.append(box)
    chosen = {}
    for i in sorted({*found, *beside}):
        # a moment alone makes a worse sprite than many frames beside others
        enough = i not in beside or len(found[i].frames) >= min(ENOUGH, len(beside[i].frames))
        chosen[i] = (found[i] if enough else beside[i]).spread()
    return chosen


def depths_of(video: Video, table: PoseTable, boxes: Mapping[int, Float32], shapes: Mapping[int, str]) -> DepthVotes:
    """Who is in front of whom, from the frames in which boxes overlap."""
    votes = DepthVotes(shapes)
    overlapping = []
    for frame, poses in zip(table.frames.tolist(), table.poses, strict=True):
        pairs = list(_overlaps(boxes[frame]))
        for a, b in pairs:
            if poses[a].seen and not poses[b].seen:
                votes.occluded(poses[b].object_id, by=poses[a].object_id)
        if any(poses[a].seen and poses[b].seen for a, b in pairs):
            overlapping.append(frame)
    wanted = {overlapping[int(k)] for k in np.linspace(0, len(overlapping) - 1, min(len(overlapping), MOST_OVERLAPS)).round()}
    at = dict(zip(table.frames.tolist(), table.poses, strict=True))
    for frame in _frames(video, wanted):
        votes.see(frame, at[frame.index], boxes[frame.index])
    return votes


def cutouts_of(
    video: Video,
    plate: Plate,
    sightings: Mapping[int, Sightings],
    table: PoseTable,
    boxes: Mapping[int, Float32],
    votes: DepthVotes,
) -> dict[int, list[Cutout]]:
    """By object its cut-outs."""
    wanted: dict[int, list[tuple[Pose, Float32, bool]]] = defaultdict(list)
    for one in sightings.values():
        for index, pose, box in zip(one.frames, one.poses, one.boxes, strict=True):
            wanted[index].append((pose, box, one.alone))
    at = dict(zip(table.frames.tolist(), table.poses, strict=True))
    out: dict[int, list[Cutout]] = {i: [] for i in sightings}
    interval = float(np.median(np.diff(table.times))) if len(table.times) > 1 else 0.0
    height, width = plate.confidence.shape
    for frame in _frames(video, wanted):
        for pose, box, alone in wanted[frame.index]:
            x0, y0 = (max(int(np.floor(side - WINDOW_PX)), 0) for side in box[:2])
            x1, y1 = (min(int(np.ceil(side + WINDOW_PX)), limit) for side, limit in zip(box[2:], (width, height), strict=True))
            window, size = (slice(y0, y1), slice(x0, x1)), (x1 - x0, y1 - y0)
            own, within = outside_of(pose, votes.shapes[pose.object_id], box, (x0, y0), size), None
            # what is painted in differs from the picture where no object is, too
            known = (plate.confidence[window] > 0.0) | (own < -SURE_PX)
            if not alone:
                near = [
                    (
                        outside_of(other, votes.shapes[other.object_id], theirs, (x0, y0), size),
                        votes.in_front(other.object_id, pose.object_id),
                    )
                    for other, theirs in zip(at[frame.index], boxes[frame.index], strict=True)
                    if other.object_id != pose.object_id
                ]
                known, within = known & known_pixels(own, near), own < RIM_PX
            middle, blur = (pose.x - x0, pose.y - y0), min(SMEAR * float(np.hypot(*pose.velocity)) * interval, MOST_SMEAR_PX)
            matte = matte_of(frame.image[window], plate.image[window], plate.noise[window], middle, within, blur)
            if matte is not None:
                out[pose.object_id].append(Cutout(pose, x0, y0, frame.image[window].copy(), plate.image[window], matte, known))
    return out


def _overlaps(boxes: Float32) -> Iterator[tuple[int, int]]:
    for a in range(len(boxes)):
        over = (boxes[a, :2] < boxes[:, 2:]).all(axis=1) & (boxes[:, :2] < boxes[a, 2:]).all(axis=1)
        yield from ((a, int(b)) for b in np.flatnonzero(over) if b != a)


def _frames(video: Video, wanted: Mapping[int, object] | set[int]) -> Iterator[Frame]:
    last = max(wanted, default=-1)
    if last < 0:
        return
    for frame in video:
        if frame.index in wanted:
            yield frame
        if frame.index >= last:
            break
