"""States to video: every frame of a table, or of any frame rate, drawn from a scene."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinescribe import plugins
from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.renderers.arguments import check_states, output_path
from kinescribe.renderers.completing import completed
from kinescribe.renderers.poses import Pose, PoseTable
from kinescribe.renderers.protocols import Renderer, RendererFactory
from kinescribe.renderers.scene import Scene
from kinescribe.states import States
from kinescribe.video import VideoWriter

__all__ = ["GHOST", "Rendering", "drawer_of", "factory_of", "render"]

Float = NDArray[np.float64]
GHOST = 0.35  # opacity
LEAST_RATE, MOST_RATE = 1e-6, 1000.0
MOST_FRAMES = 1_000_000


@dataclass(frozen=True, slots=True)
class Rendering:
    """What was drawn.

    Attributes:
        rows: of the table that are in the video, at least in part. outside: rows whose object is nowhere in the picture.
        from_shape: ids that the scene doesn't have, drawn from shape, size and the colour that their label names.
        left_out: ids that the scene doesn't have and that can't be drawn so, for the table lacks their shape or size.
        stranger: names of the table's and of the scene's video, where these are different files; () where they aren't, or it isn't known.
    """

    rows: int
    outside: int
    from_shape: tuple[int, ...]
    left_out: tuple[int, ...]
    stranger: tuple[str, ...] = ()

    def warnings(self) -> list[str]:
        """Lines that tell what is not as it was asked for."""
        out = []
        if self.stranger:
            out.append(f"the table was made from '{self.stranger[0]}', the scene from '{self.stranger[1]}': these are different files")
        if self.from_shape:
            out.append(f"no sprite of object {_listed(self.from_shape)} in the scene: drawn from shape, size and the colour in its label")
        if self.left_out:
            out.append(
                f"no sprite of object {_listed(self.left_out)} in the scene, and no shape and size in the table: left out; "
                "add it to the scene's scene.json, or give the columns shape, width and height"
            )
        if self.outside:
            out.append(f"{self.outside} of {self.rows + self.outside} rows lie outside the picture")
        return out


def render(
    states: States,
    scene: Scene,
    path: str | Path,
    *,
    ghost: States | None = None,
    renderer: str | RendererFactory = "sprites",
    frame_rate: float | None = None,
    crf: int = 18,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Rendering:
    """Draw states as an MP4.

    Args:
        states: the table, seen or predicted; places in the picture are its own, or follow from its calibration.
        scene: plate and sprites.
        path: of the MP4. An existing one is replaced at the end; a render that fails leaves nothing.
        ghost: another table whose objects are drawn half transparent beneath, such as what really happened.
        renderer: who draws: "sprites", "shapes", the name of another plug-in, or what makes a renderer of a scene.
        frame_rate: frames a second; None: the table's own times. Between its times objects move straight.
        crf: x264's quality, 0 (lossless) to 51.
        progress: called with "render", frames done, and all frames.

    Raises:
        UsageError: a wrong argument, objects of which none can be drawn, times that don't increase, a file that can't be written.
        NothingFoundError: a table without positions.
    """
    check_states(states)
    if ghost is not None:
        check_states(ghost)
    if not isinstance(scene, Scene):
        raise UsageError(f"scene={_brief(scene)} must be a kinescribe.Scene: Scene.from_video(…) makes one, Scene.read(folder) reads one")
    path = output_path("video", path)
    table = PoseTable.of(states)
    if not any(table.poses):
        raise NothingFoundError("the states table has no object with a position, so that there is nothing to draw")
    height, width = scene.confidence.shape
    for one in (states, ghost):
        meta = None if one is None else one.meta.video
        if meta is not None and (meta.width, meta.height) != (width, height):
            raise UsageError(
                f"the scene is {width}×{height}, the table's video {meta.name} {meta.width}×{meta.height}: give the scene of the same video"
            )
    scene, from_shape, left_out = completed(scene, states)
    if ghost is not None:
        scene, more, lost = completed(scene, ghost)
        from_shape, left_out = sorted({*from_shape, *more}), sorted({*left_out, *lost})
    ids = sorted({pose.object_id for poses in table.poses for pose in poses})
    if set(ids) <= set(left_out):
        raise UsageError(
            f"the scene has objects {_listed(list(scene.objects)) or 'none'}, the table {_listed(ids)} without shape and size: "
            "give the scene of the same video"
        )
    drawer = drawer_of(renderer, scene)
    times = _times(table.times, frame_rate)
    mine = table.poses if frame_rate is None else table.at(times)
    beneath = None
    if ghost is not None:
        shade = PoseTable.of(ghost)
        beneath = [poses if shade.covers(float(time)) else () for poses, time in zip(shade.at(times), times, strict=True)]
    rate = 1.0 / float(np.median(np.diff(times))) if len(times) > 1 else None
    with VideoWriter(path, frame_rate_hint=rate, crf=crf) as writer:
        for k, time in enumerate(times):
            onto = None if beneath is None else drawer.draw(beneath[k], opacity=GHOST)
            writer.write(drawer.draw(mine[k], onto=onto), float(time))
            if progress is not None:
                progress("render", k + 1, len(times))
    inside = [_inside(scene, pose, (width, height)) for poses in mine for pose in poses if pose.object_id in scene.objects]
    return Rendering(sum(inside), len(inside) - sum(inside), tuple(from_shape), tuple(left_out), _strangers(scene, states, ghost))


def factory_of(renderer: str | RendererFactory) -> RendererFactory:
    """What makes a renderer of a scene. Raises UsageError for a name that isn't installed, and for what makes none."""
    if isinstance(renderer, str):
        named: RendererFactory = plugins.load("renderers", renderer)
        return named
    if not callable(renderer):
        raise UsageError(f"renderer={_brief(renderer)} must be a name ('sprites', 'shapes') or a class that takes a scene")
    return renderer


def drawer_of(renderer: str | RendererFactory, scene: Scene) -> Renderer:
    """A renderer of this scene, by name or from what makes one. Raises as `factory_of` does."""
    return factory_of(renderer)(scene)


def _strangers(scene: Scene, *tables: States | None) -> tuple[str, ...]:
    for table in tables:
        meta = None if table is None else table.meta.video
        if meta is not None and meta.sha256 and scene.source[1] and meta.sha256 != scene.source[1]:
            return meta.name, scene.source[0]
    return ()


def _inside(scene: Scene, pose: Pose, size: tuple[int, int]) -> bool:
    """Whether any of the object can be in the picture: its place is, by as much as it is large."""
    thing = scene.objects[pose.object_id]
    sides = [side for side in (pose.length, pose.breadth, *thing.size) if np.isfinite(side)]
    reach = max(sides, default=0.0) / 2.0
    return -reach <= pose.x <= size[0] - 1 + reach and -reach <= pose.y <= size[1] - 1 + reach


def _times(times: Float, frame_rate: float | None) -> Float:
    if frame_rate is None:
        return times
    if isinstance(frame_rate, bool) or not isinstance(frame_rate, int | float) or not LEAST_RATE <= frame_rate <= MOST_RATE:
        raise UsageError(f"frame rate {_brief(frame_rate)}: it must be from {LEAST_RATE:g} to {MOST_RATE:g} frames a second")
    count = math.floor(float(times[-1] - times[0]) * frame_rate + 1e-6) + 1
    if count > MOST_FRAMES:
        raise UsageError(f"{count} frames are too many: choose a lower frame rate than {frame_rate:g}")
    return np.asarray(times[0] + np.arange(count) / frame_rate)


def _listed(ids: Sequence[int]) -> str:
    return ", ".join(map(str, ids))


def _brief(value: Any) -> str:
    return " ".join(repr(value).split())[:60]
