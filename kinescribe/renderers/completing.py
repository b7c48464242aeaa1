"""Objects that a table has and a scene has not: drawn from shape, size and the colour that their label names."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from kinescribe.renderers.poses import PoseTable, shapes_of
from kinescribe.renderers.scene import SHAPES, Scene, SceneObject
from kinescribe.states import States

__all__ = ["completed"]

# blue, green, red
NAMED = {
    "black": (25.0, 25.0, 25.0),
    "white": (245.0, 245.0, 245.0),
    "grey": (128.0, 128.0, 128.0),
    "gray": (128.0, 128.0, 128.0),
    "red": (40.0, 40.0, 210.0),
    "orange": (30.0, 130.0, 240.0),
    "yellow": (40.0, 215.0, 245.0),
    "green": (70.0, 160.0, 50.0),
    "cyan": (200.0, 190.0, 40.0),
    "blue": (200.0, 90.0, 40.0),
    "purple": (160.0, 50.0, 130.0),
    "pink": (180.0, 130.0, 245.0),
    "brown": (45.0, 80.0, 125.0),
}
PLAIN_GREY = NAMED["grey"]


def completed(scene: Scene, states: States) -> tuple[Scene, list[int], list[int]]:
    """The scene with what it lacks of a table's objects.

    Returns:
        The scene, the ids that were added, and the ids that can't be drawn, for the table does not tell shape and size.
    """
    table = PoseTable.of(states)
    sizes: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for pose in (pose for row in table.poses for pose in row if pose.object_id not in scene.objects):
        sizes[pose.object_id].append((pose.length, pose.breadth))
    shapes = shapes_of(states)
    added: list[SceneObject] = []
    lost: list[int] = []
    front = max((one.depth for one in scene.objects.values()), default=0)
    for object_id in sorted(sizes):
        shape, sides = shapes[object_id], np.array(sizes[object_id])
        known = shape in SHAPES and bool(np.isfinite(sides).any(axis=0).all()) and float(np.nanmedian(sides, axis=0).min()) > 0.0
        if not known:
            lost.append(object_id)
            continue
        length, breadth = (float(side) for side in np.nanmedian(sides, axis=0))
        label = states.labels.get(object_id, "")
        color = next((NAMED[word] for word in label.lower().split() if word in NAMED), PLAIN_GREY)
        turns = shape != "disc"
        added.append(SceneObject(object_id, label, shape, (), front + 1 + len(added), turns, (length, breadth), color=color))
    return scene.with_objects(added), [one.object_id for one in added], lost
