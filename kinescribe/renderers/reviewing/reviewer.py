"""The review itself: a scene, its noise, and every frame of the video beside what the states make of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.renderers.arguments import check_states, check_video
from kinescribe.renderers.boxes import FARTHEST, boxes_by_frame
from kinescribe.renderers.poses import Pose, PoseTable, shapes_of
from kinescribe.renderers.reviewing.drawn import COVERS, Drawn, draw
from kinescribe.renderers.reviewing.ground import OTHER_PICTURE, Ground, free_of, levelled, measure_ground, share_changed
from kinescribe.renderers.reviewing.looks import agreeing, look_of
from kinescribe.renderers.reviewing.measuring import Measured, measure, measure_without_sprite
from kinescribe.renderers.reviewing.missed import MissedRegion, MissedTracks, missed_boxes, owners
from kinescribe.renderers.reviewing.result import Review, with_reasons
from kinescribe.renderers.reviewing.verdicts import FLAGGED, judge
from kinescribe.renderers.reviewing.words import join
from kinescribe.renderers.scene import Scene
from kinescribe.states import States
from kinescribe.states.frames_read import frame_step, frames_read
from kinescribe.video import Video, open_video
from kinescribe.video.selection import only_read

__all__ = ["review"]

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """The table by frame.

    Attributes:
        poses: by frame and object. boxes: by frame (n, 4) of all its objects. rows: row of the table by frame and object.
    """

    poses: dict[int, dict[int, Pose]]
    boxes: dict[int, Float32]
    rows: dict[tuple[int, int], int]

    @classmethod
    def of(cls, states: States) -> Frames:
        """Of a table."""
        table = PoseTable.of(states)
        pairs = list(zip(table.frames.tolist(), table.poses, strict=True))
        return cls(
            {frame: {pose.object_id: pose for pose in poses} for frame, poses in pairs},
            boxes_by_frame(states, table, shapes_of(states)),
            {(int(f), int(i)): k for k, (f, i) in enumerate(zip(states["frame"], states["object_id"], strict=True))},
        )

    def box(self, frame: int, object_id: int) -> Float32:
        """One object's box in a frame in which it is."""
        return np.asarray(self.boxes[frame][list(self.poses[frame]).index(object_id)], np.float32)


def review(video: Video | str | Path | Any, states: States, scene: Scene | None = None, *, progress: Progress | None = None) -> Review:
    """Draw a video again from its states and tell where that doesn't explain it.

    Args:
        video: that the table was made from: open, a path, or pictures (T, H, W, 3), uint8 BGR.
        states: the table. Ends of bodies and pivots are points of others, and not judged.
        scene: plate and sprites; None: built from the video and these very states, from rows that agree with each other.
        progress: called with "scene", "noise" or "review", frames done, and all frames or None.

    Raises:
        UsageError: a wrong argument, or a video or scene of another size.
        InputError: a video that can't be read, or that the plate doesn't explain: states of another video, or a camera that moves.
        NothingFoundError: no positions in the table, or no object that a sprite could be cut of.
    """
    check_states(states)
    if scene is not None and not isinstance(scene, Scene):
        raise UsageError(f"scene={' '.join(repr(scene).split())[:60]} must be a kinescribe.Scene: Scene.read(folder) reads one")
    video = opened(video, states)
    check_video(video, states, scene)
    frames = Frames.of(states)
    if not any(frames.poses.values()):
        raise NothingFoundError("the states table has no object with a position, so that there is nothing to review")
    relative = scene is None
    if scene is None:
        scene, ground = _built(video, states, frames, progress)
    else:
        ground = measure_ground(video, scene, frames.boxes)
    seen = _look(video, states, scene, ground, frames, progress)
    return _judged(states, scene, ground, frames, seen, video, relative=relative)


def opened(video: Any, states: States) -> Video:
    """The video at the times that the table has it: what carries no time stamps takes the table's, and so does what was given others.

    Frames that the table wasn't made from are left out.
    """
    return only_read(_opened(video, states), frames_read(states.meta))


def _opened(video: Any, states: States) -> Video:
    if isinstance(video, Video):
        return video
    asked = states.meta.configuration.get("frame_interval")
    usual = states.meta.time.interval_s if states.meta.time is not None else None
    given = float(asked) if isinstance(asked, int | float) and not isinstance(asked, bool) and 0.0 < asked < np.inf else None
    if isinstance(video, str | Path):
        return open_video(video, frame_interval=given or (usual if Path(video).is_dir() else None))
    return open_video(video, frame_interval=given or usual or 1.0)


def _built(video: Video, states: States, frames: Frames, progress: Progress | None) -> tuple[Scene, Ground]:
    """The scene of a table that may be wrong: where rows of an object don't agree, it is built once more from those that do."""
    scene = Scene.from_video(video, states)
    ground = measure_ground(video, scene, frames.boxes)
    looks: dict[int, dict[int, Float]] = defaultdict(dict)
    for frame in video:
        poses = frames.poses.get(frame.index, {})
        if poses:
            free = free_of(ground.noise.shape, frames.boxes[frame.index]) & ground.known
            image = levelled(frame.image, ground.plate, free)
            for i, pose in poses.items():
                look = look_of(image, ground, pose, frames.box(frame.index, i)) if pose.seen and _alone(frames, frame.index, i) else None
                if look is not None:
                    looks[i][frame.index] = look
        if progress is not None:
            progress("scene", frame.index + 1, video.info.frame_count)
    doubted = [(frame, i) for i, mine in looks.items() for frame in set(mine) - agreeing(mine)]
    if not doubted:
        return scene, ground
    status = states["status"].copy()
    status[[frames.rows[pair] for pair in doubted]] = "occluded"
    again = Scene.from_video(video, States.from_checked({**states.columns, "status": status}, states.meta))
    again = again.with_depths({i: scene.objects[i].depth for i in again.objects if i in scene.objects})
    # an object all of whose rows are doubted keeps what it had
    scene = replace(again, objects={**scene.objects, **again.objects})
    return scene, measure_ground(video, scene, frames.boxes)


def _alone(frames: Frames, frame: int, object_id: int) -> bool:
    box = frames.box(frame, object_id)
    others = np.delete(frames.boxes[frame], list(frames.poses[frame]).index(object_id), axis=0)
    return not ((others[:, :2] < box[2:] + 3.0) & (box[:2] < others[:, 2:] + 3.0)).all(axis=1).any()


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """By row what was measured; regions; frames of the video, and those that differ as a whole."""

    measured: list[Measured]
    missed: list[MissedRegion]
    changed: list[int]


def _look(video: Video, states: States, scene: Scene, ground: Ground, frames: Frames, progress: Progress | None) -> _Seen:
    measured = [Measured("no frame") for _ in range(len(states))]
    tracks, changed = MissedTracks(frame_step(states)), []
    shape = ground.noise.shape
    nothing = np.zeros((0, 4), np.float32)
    for frame in video:
        poses = frames.poses.get(frame.index, {})
        free = free_of(shape, frames.boxes.get(frame.index, nothing)) & ground.known
        drawn = draw(levelled(frame.image, ground.plate, free), scene, ground, poses)
        found = {i: _measured(drawn, i) for i in poses}
        for i, one in found.items():
            measured[frames.rows[frame.index, i]] = one
        if share_changed(drawn.image, ground.plate, free) > OTHER_PICTURE:
            changed.append(frame.index)
        else:
            tracks.add(frame.index, frame.time_s, missed_boxes(drawn, drawn.picture(), _accounted(found, frames, frame.index, scene)))
        if progress is not None:
            progress("review", frame.index + 1, video.info.frame_count)
    count = frame.index + 1
    for (index, object_id), k in frames.rows.items():
        if index < count and object_id not in frames.poses.get(index, {}):
            measured[k].code = "no position"
    return _Seen(measured, tracks.finish(), changed)


def _measured(drawn: Drawn, object_id: int) -> Measured:
    thing = drawn.scene.objects.get(object_id)
    if thing is not None and (not thing.sprites or any((one.alpha > COVERS).any() for one in thing.sprites)):
        return measure(drawn, object_id)
    return measure_without_sprite(drawn, drawn.poses[object_id])


def _accounted(found: dict[int, Measured], frames: Frames, frame: int, scene: Scene) -> list[Float32]:
    """Boxes of what sprites at their rows don't cover: objects without one, and those that were found elsewhere."""
    out = [frames.box(frame, i) for i in found if i not in scene.objects]
    for one in found.values():
        if one.code == "" and np.isfinite(one.shift[0]):
            dx, dy = one.shift[:2]
            out.append(np.array(one.box, np.float32) + np.array([dx, dy, dx, dy], np.float32))
    return out


def _judged(states: States, scene: Scene, ground: Ground, frames: Frames, seen: _Seen, video: Video, *, relative: bool) -> Review:
    measured = seen.measured
    calibration = states.meta.calibration
    scale = calibration.pixels_per_unit if calibration is not None else 1.0
    own = np.maximum(np.nan_to_num(states["sigma_x"]), np.nan_to_num(states["sigma_y"])) * scale
    found = judge(states, scene, measured, _pace(states, frames), own, states["sigma_angle"], relative=relative)
    verdict, reason = found.verdict, found.reason
    parts = np.isin(states["object_id"], [i for i, about in states.meta.objects.items() if about.part_of is not None])
    verdict[parts] = "ok"
    reason[parts] = ""
    ends = _ends(frames, scene)
    missed = owners(seen.missed, ends, frame_step(states))
    for region in missed:
        if region.object_id is not None:
            first, last = (frame for frame, _ in ends[region.object_id])
            k = frames.rows[last if region.frames[0] > last else first, region.object_id]
            reason[k] = join(str(reason[k]), region.reason)
            if verdict[k] not in FLAGGED:
                verdict[k] = "unexplained"
    flagged = np.isin(verdict.astype(str), FLAGGED)
    lacking = sorted({i for mine in frames.poses.values() for i in mine} - set(scene.objects))
    warnings = [f"object {i} has no sprite: it was never seen whole and by itself" for i in lacking] + list(video.warnings)

    def gathered(name: str) -> Float:
        return np.array([getattr(one, name) for one in measured], np.float64)

    return Review(
        with_reasons(states, reason, flagged),
        gathered("residual"),
        gathered("noise"),
        gathered("explained"),
        gathered("visible"),
        found.shift,
        np.array([max(one.sigma[:2]) for one in measured]),
        found.turn,
        np.array([one.box for one in measured], np.float64).reshape(-1, 4),
        verdict,
        reason,
        tuple(missed),
        np.array(seen.changed, np.int64),
        tuple(warnings),
        video.partial,
        scene,
        ground,
    )


def _pace(states: States, frames: Frames) -> Float:
    """(n, 2) px a frame, from the row before to the row after."""
    out = np.full((len(states), 2), np.nan)
    for (frame, object_id), k in frames.rows.items():
        around = [at for at in (frame - 1, frame, frame + 1) if object_id in frames.poses.get(at, {})]
        if len(around) > 1:
            a, b = frames.poses[around[0]][object_id], frames.poses[around[-1]][object_id]
            moved = np.clip([b.x - a.x, b.y - a.y], -FARTHEST, FARTHEST)
            out[k] = moved / (around[-1] - around[0])
    return np.asarray(np.nan_to_num(out), np.float64)


def _ends(frames: Frames, scene: Scene) -> dict[int, tuple[tuple[int, Float], tuple[int, Float]]]:
    """By object with a sprite its first and last frame, and where it is then."""
    out = {}
    for i in scene.objects:
        mine = [frame for frame, poses in frames.poses.items() if i in poses]
        if mine:
            first, last = min(mine), max(mine)
            out[i] = ((first, np.asarray(frames.box(first, i), float)), (last, np.asarray(frames.box(last, i), float)))
    return out
