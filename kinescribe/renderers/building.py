"""A scene from a video and its states."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.renderers.arguments import check_states
from kinescribe.renderers.matte import matte_of
from kinescribe.renderers.plate import Plate, boxes_about, estimate_plate
from kinescribe.renderers.poses import Pose, PoseTable
from kinescribe.renderers.scene import Scene, SceneObject, Sprite
from kinescribe.renderers.sprites import Cutout, sprite_of
from kinescribe.states import States
from kinescribe.video import Video, open_video

__all__ = ["build_scene"]

Float32 = NDArray[np.float32]
MOST_CUTOUTS = 24  # of an object: more make no sharper sprite
BESIDE_PX = 3.0  # between two boxes, so that neither object is in the other's window
WINDOW_PX = 6.0  # about an object's box
CUT_PX = 0.5  # from the picture's edge


@dataclass(slots=True)
class _Sightings:
    """Frames in which an object is whole and alone."""

    frames: list[int] = field(default_factory=list)
    poses: list[Pose] = field(default_factory=list)
    boxes: list[Float32] = field(default_factory=list)


def build_scene(video: Video | str | Path, states: States) -> Scene:
    """Plate, sprites and depths. Raises as `Scene.from_video` does."""
    check_states(states)
    if isinstance(video, str | Path):
        video = open_video(video)
    meta = states.meta.video
    size = (video.info.width, video.info.height)
    if meta is not None and (meta.width, meta.height) != size:
        raise UsageError(
            f"'{video.info.name}' is {size[0]}×{size[1]}, the table's video {meta.name} {meta.width}×{meta.height}; "
            "give the video that the table was made from"
        )
    table = PoseTable.of(states)
    if not any(table.poses):
        raise NothingFoundError("the states table has no object with a position, so that there is nothing to cut out")
    own = _boxes(states)
    boxes = {int(frame): boxes_about(poses, own.get(int(frame), {})) for frame, poses in zip(table.frames, table.poses, strict=True)}
    plate = estimate_plate(video, table, boxes)
    sightings = _whole_and_alone(table, boxes, size)
    cutouts = _cutouts(video, plate, sightings)
    objects = {}
    for object_id, mine in sorted(cutouts.items()):
        if mine:
            objects[object_id] = _made(states, object_id, mine)
    if not objects:
        raise NothingFoundError("no object was seen whole and by itself in any frame, so that there is nothing to cut out")
    return Scene(plate.image, plate.confidence, _in_depth(objects, table, boxes))


def _boxes(states: States) -> dict[int, dict[int, Float32]]:
    """By frame and object the boxes x0, y0, x1, y1 that the table has."""
    columns = np.stack([states[name] for name in ("bbox_x", "bbox_y", "bbox_w", "bbox_h")], axis=1)
    out: dict[int, dict[int, Float32]] = defaultdict(dict)
    for k in np.flatnonzero(np.isfinite(columns).all(axis=1)):
        x, y, w, h = columns[k]
        out[int(states["frame"][k])][int(states["object_id"][k])] = np.array([x, y, x + w, y + h], np.float32)
    return out


def _whole_and_alone(table: PoseTable, boxes: dict[int, Float32], size: tuple[int, int]) -> dict[int, _Sightings]:
    """By object where it was seen, not cut off by the edge and not beside another; the frames spread over the video."""
    found: dict[int, _Sightings] = defaultdict(_Sightings)
    beside: dict[int, _Sightings] = defaultdict(_Sightings)
    for frame, poses in zip(table.frames.tolist(), table.poses, strict=True):
        mine = boxes[frame]
        for k, (pose, box) in enumerate(zip(poses, mine, strict=True)):
            inside = (box[:2] > CUT_PX).all() and (box[2:] < np.array(size) - CUT_PX).all()
            if not (pose.seen and inside):
                continue
            others = np.delete(mine, k, axis=0)
            apart = np.maximum(others[:, :2] - box[2:], box[:2] - others[:, 2:]).max(axis=1, initial=-np.inf)
            into = found if (apart > BESIDE_PX).all() else beside
            into[pose.object_id].frames.append(frame)
            into[pose.object_id].poses.append(pose)
            into[pose.object_id].boxes.append(box)
    return {i: _spread(found[i] if i in found else beside[i]) for i in {*found, *beside}}


def _spread(all_of_them: _Sightings) -> _Sightings:
    count = len(all_of_them.frames)
    keep = np.unique(np.linspace(0, count - 1, min(count, MOST_CUTOUTS)).round().astype(int))
    return _Sightings(*([part[k] for k in keep] for part in (all_of_them.frames, all_of_them.poses, all_of_them.boxes)))


def _cutouts(video: Video, plate: Plate, sightings: dict[int, _Sightings]) -> dict[int, list[Cutout]]:
    wanted: dict[int, list[tuple[Pose, Float32]]] = defaultdict(list)
    for one in sightings.values():
        for index, pose, box in zip(one.frames, one.poses, one.boxes, strict=True):
            wanted[index].append((pose, box))
    out: dict[int, list[Cutout]] = {i: [] for i in sightings}
    last = max(wanted, default=-1)
    height, width = plate.confidence.shape
    for frame in video:
        for pose, box in wanted.get(frame.index, ()):
            x0, y0 = (max(int(np.floor(side - WINDOW_PX)), 0) for side in box[:2])
            x1, y1 = (min(int(np.ceil(side + WINDOW_PX)), limit) for side, limit in zip(box[2:], (width, height), strict=True))
            window = (slice(y0, y1), slice(x0, x1))
            matte = matte_of(frame.image[window], plate.image[window], plate.noise[window], (pose.x - x0, pose.y - y0))
            if matte is not None:
                image = frame.image[window].astype(np.float32)
                out[pose.object_id].append(Cutout(pose, x0, y0, image, plate.image[window], matte))
        if frame.index >= last:
            break
    return out


def _made(states: States, object_id: int, cutouts: Sequence[Cutout]) -> SceneObject:
    words = [str(word) for word in states["shape"][states["object_id"] == object_id] if word]
    shape = max(set(words), key=words.count) if words else ""
    turns = bool(np.isfinite([one.pose.angle for one in cutouts]).mean() > 0.5)
    size = tuple(float(np.nanmedian([getattr(one.pose, side) for one in cutouts])) for side in ("length", "breadth"))
    nothing = np.zeros((1, 1), np.float32)
    blank = SceneObject(
        object_id, states.labels.get(object_id, ""), shape, (Sprite(np.zeros((1, 1, 3), np.float32), nothing, (0.0, 0.0)),), 0, turns,
        (size[0], size[1]),
    )  # fmt: skip
    usable = [one for one in cutouts if not turns or np.isfinite(one.pose.angle)]
    return replace(blank, sprites=(sprite_of(blank, usable),))


def _in_depth(objects: dict[int, SceneObject], table: PoseTable, boxes: dict[int, Float32]) -> dict[int, SceneObject]:
    """Who hides whom is in front: votes of the frames in which two boxes overlap and only one of the two was seen."""
    votes: dict[int, int] = dict.fromkeys(objects, 0)
    for frame, poses in zip(table.frames.tolist(), table.poses, strict=True):
        mine = boxes[frame]
        for a, one in enumerate(poses):
            for b, other in enumerate(poses):
                overlap = (mine[a, :2] < mine[b, 2:]).all() and (mine[b, :2] < mine[a, 2:]).all()
                if a != b and overlap and one.seen and not other.seen and {one.object_id, other.object_id} <= set(objects):
                    votes[one.object_id] += 1
                    votes[other.object_id] -= 1
    order = sorted(objects, key=lambda i: (votes[i], i))
    return {i: replace(objects[i], depth=order.index(i)) for i in sorted(objects)}
