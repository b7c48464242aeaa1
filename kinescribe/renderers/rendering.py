"""States to video: every frame of a table, or of any frame rate, drawn from a scene."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.renderers.arguments import check_states, output_path
from kinescribe.renderers.compositor import compose
from kinescribe.renderers.poses import Pose, PoseTable
from kinescribe.renderers.scene import Scene
from kinescribe.states import States
from kinescribe.video import VideoWriter

__all__ = ["render"]

Float = NDArray[np.float64]
MOST_RATE = 1000.0
MOST_FRAMES = 1_000_000


def render(
    states: States,
    scene: Scene,
    path: str | Path,
    *,
    ghost: States | None = None,
    frame_rate: float | None = None,
    crf: int = 18,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> int:
    """Draw states as an MP4.

    Args:
        states: the table, seen or predicted; places in the picture are its own, or follow from its calibration.
        scene: plate and sprites.
        path: of the MP4. An existing one is replaced at the end; a render that fails leaves nothing.
        ghost: another table whose objects are drawn half transparent beneath, such as what really happened.
        frame_rate: frames a second; None: the table's own times. Between its times objects move straight.
        crf: x264's quality, 0 (lossless) to 51.
        progress: called with "render", frames done, and all frames.

    Returns:
        How many rows were drawn.

    Raises:
        UsageError: a wrong argument, objects of which the scene knows none, times that don't increase, a file that can't be written.
        NothingFoundError: a table without positions.
    """
    check_states(states)
    if not isinstance(scene, Scene):
        raise UsageError(f"scene={_brief(scene)} must be a kinescribe.Scene: Scene.from_video(…) makes one, Scene.read(folder) reads one")
    path = output_path("video", path)
    table = PoseTable.of(states)
    if not any(table.poses):
        raise NothingFoundError("the states table has no object with a position, so that there is nothing to draw")
    known = {pose.object_id for poses in table.poses for pose in poses} & set(scene.objects)
    if not known:
        ours = ", ".join(map(str, sorted({pose.object_id for poses in table.poses for pose in poses})))
        raise UsageError(f"the scene has objects {', '.join(map(str, scene.objects))}, the table {ours}: give the scene of the same video")
    times = _times(table.times, frame_rate)
    mine = _poses(table, times, frame_rate)
    beneath = None
    if ghost is not None:
        check_states(ghost)
        beneath = PoseTable.of(ghost).at(times)
    rate = 1.0 / float(np.median(np.diff(times))) if len(times) > 1 else None
    drawn = 0
    with VideoWriter(path, frame_rate_hint=None if rate is None else min(max(rate, 0.01), MOST_RATE), crf=crf) as writer:
        for k, time in enumerate(times):
            onto = None
            if beneath is not None:
                onto = compose(scene, beneath[k], opacity=0.35).astype(np.float32)
            writer.write(compose(scene, mine[k], onto=onto), float(time))
            drawn += sum(pose.object_id in known for pose in mine[k])
            if progress is not None:
                progress("render", k + 1, len(times))
    return drawn


def _times(times: Float, frame_rate: float | None) -> Float:
    if frame_rate is None:
        return times
    if isinstance(frame_rate, bool) or not isinstance(frame_rate, int | float) or not 0.01 <= frame_rate <= MOST_RATE:
        raise UsageError(f"frame rate {_brief(frame_rate)}: it must be from 0.01 to {MOST_RATE:g} frames a second")
    count = math.floor(float(times[-1] - times[0]) * frame_rate + 1e-6) + 1
    if count > MOST_FRAMES:
        raise UsageError(f"{count} frames are too many: choose a lower frame rate than {frame_rate:g}")
    return np.asarray(times[0] + np.arange(count) / frame_rate)


def _poses(table: PoseTable, times: Float, frame_rate: float | None) -> Sequence[tuple[Pose, ...]]:
    return table.poses if frame_rate is None else table.at(times)


def _brief(value: Any) -> str:
    return " ".join(repr(value).split())[:60]
