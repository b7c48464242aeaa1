"""A description of how objects are drawn, brought to a scene."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np

from kinescribe.errors import UsageError
from kinescribe.foretelling.programs.rendering_description import Description, Look, Part
from kinescribe.foretelling.programs.rendering_drawing import Painter, ProgramObject
from kinescribe.renderers.boxes import boxes_by_frame
from kinescribe.renderers.plate import estimate_plate
from kinescribe.renderers.poses import Pose, PoseTable, shapes_of
from kinescribe.renderers.scene import Scene, SceneObject, Sprite, ViewsBy, where_in_views
from kinescribe.states import States
from kinescribe.video import Video

__all__ = ["behind", "described"]

CLEAR = Sprite(np.zeros((1, 1, 3), np.float32), np.zeros((1, 1), np.float32), (0.0, 0.0))
NOMINAL_PX = 100.0  # length of a part where nothing tells it: every row does


def described(scene: Scene, description: Description, seconds: float = math.inf) -> Scene:
    """The scene with its objects drawn as they are described, and its parts; programs have their workers then.

    Args:
        seconds: that the drawings of one program may take together.

    Raises:
        UsageError: objects that the scene doesn't have, or that can't be drawn so. SandboxError: a program that may not run, or fails.
    """
    unknown = sorted(set(description.objects) - set(scene.objects))
    if unknown:
        raise UsageError(f"no object {unknown[0]} in the scene; it has: {', '.join(map(str, scene.objects)) or 'none'}")
    looks = [_looked(scene.objects[i], look, seconds) for i, look in description.objects.items()]
    return scene.with_objects([*looks, *(_made(part, seconds) for part in description.parts)])


def behind(scene: Scene, video: Video, states: States) -> Scene:
    """The scene with what is behind the objects of this table, which has more of them than the one that the scene was built from.

    Without, what hangs between objects leaves faint traces in the background, through which it is drawn once more.
    """
    table, shapes = PoseTable.of(states), shapes_of(states)
    plate = estimate_plate(video, table, boxes_by_frame(states, table, shapes), shapes)
    return replace(scene, plate=plate.image, confidence=plate.confidence)


def _looked(thing: SceneObject, look: Look, seconds: float) -> SceneObject:
    made = replace(
        thing,
        depth=thing.depth if look.depth is None else look.depth,
        turns=thing.turns if look.turns is None else look.turns,
        edges=look.edges or thing.edges,
        color=thing.color if look.color_rgb is None else look.color_rgb[::-1],
        shape=look.shape or thing.shape,
    )
    if look.drawn == "nothing":
        return replace(made, sprites=(CLEAR,), color=None, plain=False)
    if look.drawn == "shape":
        return replace(made, sprites=())
    if look.drawn == "program":
        return _programmed(made, str(look.program), seconds)
    return _viewed(made, look.views_by)


def _viewed(thing: SceneObject, views_by: str | None) -> SceneObject:
    """The same views, told apart by something else, as far as they tell where along it they lie."""
    if views_by is None or len(thing.sprites) < 2 or views_by == thing.views_by:
        return thing
    if views_by == "one":
        return replace(thing, sprites=thing.sprites[:1])
    kind: ViewsBy = "angle" if views_by == "angle" else "shape"
    if views_by not in ("angle", "shape"):
        raise UsageError(f"the views of object {thing.object_id} don't tell their {views_by}: take angle, shape, one or {thing.views_by}")
    sprites = tuple(replace(one, at=where_in_views(kind, _pose_of(one))) for one in thing.sprites)
    if not all(math.isfinite(one.at) for one in sprites):
        raise UsageError(f"the views of object {thing.object_id} don't tell their {views_by}: take one or {thing.views_by}")
    return replace(thing, sprites=sprites, views_by=kind)


def _pose_of(sprite: Sprite) -> Pose:
    return Pose(0, math.nan, math.nan, sprite.angle, *sprite.size, True)


def _programmed(thing: SceneObject, source: str, seconds: float) -> ProgramObject:
    sides = (thing.size[0] if thing.size[0] > 0.0 else NOMINAL_PX, thing.size[1] if thing.size[1] > 0.0 else NOMINAL_PX)
    painter = Painter(source, sides, f"program of object {thing.object_id}", seconds)
    pose = Pose(thing.object_id, 0.0, 0.0, 0.0, *sides, True)
    own = {one.name: getattr(thing, one.name) for one in fields(SceneObject) if one.init}
    # what is drawn for a pose is as large as the pose: never stretched, never taken for a shape
    own |= {"sprites": (painter.sprite(pose),), "size": sides, "plain": False, "edges": "soft", "views_by": "angle"}
    return ProgramObject(**own, painter=painter.sprite)


def _made(part: Part, seconds: float) -> SceneObject:
    color = None if part.color_rgb is None else part.color_rgb[::-1]
    thing = SceneObject(part.id, part.name, "rod", (), part.depth, True, (NOMINAL_PX, part.breadth), color=color or (128.0, 128.0, 128.0))
    return thing if part.drawn == "shape" else _programmed(thing, str(part.program), seconds)
