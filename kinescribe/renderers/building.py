"""A scene from a video and its states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import NothingFoundError
from kinescribe.renderers.arguments import check_states, check_video
from kinescribe.renderers.boxes import boxes_by_frame
from kinescribe.renderers.looks import best_exposure, best_look
from kinescribe.renderers.plate import estimate_plate
from kinescribe.renderers.poses import PoseTable, shapes_of
from kinescribe.renderers.scene import Scene, SceneObject, Sprite
from kinescribe.renderers.sightings import cutouts_of, depths_of, whole_ones
from kinescribe.renderers.sprites import Cutout
from kinescribe.states import States
from kinescribe.video import Video, open_video

__all__ = ["build_scene"]

Float32 = NDArray[np.float32]


def build_scene(video: Video | str | Path, states: States) -> Scene:
    """Plate, sprites, depths and exposure. Raises as `Scene.from_video` does."""
    check_states(states)
    if isinstance(video, str | Path):
        video = open_video(video)
    check_video(video, states)
    size = (video.info.width, video.info.height)
    table = PoseTable.of(states)
    if not any(table.poses):
        raise NothingFoundError("the states table has no object with a position, so that there is nothing to cut out")
    shapes = shapes_of(states)
    boxes = boxes_by_frame(states, table, shapes)
    plate = estimate_plate(video, table, boxes, shapes)
    votes = depths_of(video, table, boxes, shapes)
    whole = whole_ones(table, boxes, size)
    if not whole:
        raise NothingFoundError("no object was seen whole in any frame, so that there is nothing to cut out")
    cutouts = {i: some for i, some in cutouts_of(video, plate, whole, table, boxes, votes).items() if some}
    if not cutouts:
        raise NothingFoundError(
            f"nothing in '{video.info.name}' differs from its background where the table has objects: "
            "give the video that the table was made from"
        )
    things = {i: _blank(states, i, shapes[i], some) for i, some in cutouts.items()}
    interval = float(np.median(np.diff(table.times))) if len(table.times) > 1 else 0.0
    exposure = best_exposure([(things[i], some) for i, some in cutouts.items()], interval)
    order = votes.order(list(things))
    objects = {i: replace(best_look(things[i], some, exposure), depth=order.index(i)) for i, some in cutouts.items()}
    return Scene(plate.image, plate.confidence, objects, exposure, (video.info.name, video.info.sha256 or ""))


def _blank(states: States, object_id: int, shape: str, cutouts: Sequence[Cutout]) -> SceneObject:
    """The object before it has sprites: whether it has angles, and its size."""
    sides = np.array([[one.pose.length, one.pose.breadth] for one in cutouts])
    size = [float(np.nanmedian(side)) if np.isfinite(side).any() else float("nan") for side in sides.T]
    turns = bool(np.isfinite([one.pose.angle for one in cutouts]).mean() > 0.5)
    empty = Sprite(np.zeros((1, 1, 3), np.float32), np.zeros((1, 1), np.float32), (0.0, 0.0))
    return SceneObject(object_id, states.labels.get(object_id, ""), shape, (empty,), 0, turns, (size[0], size[1]))
