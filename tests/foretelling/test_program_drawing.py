"""A program's description of a scene in its future, and in another video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from kinescribe.evaluation.scenes import two_pucks_collision
from kinescribe.foretelling.programs.drawing import WithParts, drawn_with, in_other_table
from kinescribe.foretelling.programs.rendering import Rendering
from kinescribe.renderers.poses import Pose
from kinescribe.states import States
from kinescribe.video import open_video

ROPE = {"id": 9, "name": "rope", "start": {"object": 1}, "end": {"object": 2}, "breadth": 3.0, "color_rgb": [250, 0, 250]}


def rendering(**others: Any) -> Rendering:
    return Rendering.from_dict({"format": 1, "objects": {"2": {"depth": 5}}, "parts": [{**ROPE, **others}]})


@pytest.fixture
def pucks(table_of: Callable[..., States]) -> States:
    return table_of(two_pucks_collision(frame_count=6, width=160, height=120))


def named(states: States, labels: dict[int, str], ids: dict[int, int]) -> States:
    """The same under other labels and ids."""
    numbers = np.array([ids[i] for i in states["object_id"].tolist()])
    words = np.array([labels[i] for i in states["object_id"].tolist()], object)
    return States.from_columns({**states.columns, "object_id": numbers, "label": words}, states.meta)


class Noted:
    """Draws nothing, and notes what it is asked to."""

    def draw(self, poses: Sequence[Pose], *, onto: Any = None, opacity: float = 1.0) -> np.ndarray:
        self.poses = poses
        return np.zeros((2, 2, 3), np.uint8)


def test_what_hangs_between_two_bodies_is_drawn_where_they_are():
    inner = Noted()
    drawer = WithParts(inner, rendering().description.parts)
    body = [Pose(k, x, 20.0, 0.0, 8.0, 8.0, True) for k, x in ((1, 10.0), (2, 50.0))]
    drawer.draw(body)
    rope = inner.poses[-1]
    assert (rope.object_id, rope.x, rope.y, rope.length, rope.angle) == (9, 30.0, 20.0, 40.0, 0.0)
    drawer.draw(body[:1])
    assert [pose.object_id for pose in inner.poses] == [1]
    drawer.draw([*body, rope])
    assert [pose.object_id for pose in inner.poses] == [1, 2, 9]


def test_the_scene_is_as_the_program_has_it(pucks: States):
    drawn = two_pucks_collision(frame_count=6, width=160, height=120)
    video = open_video(drawn.images(), frame_interval=1 / 30)
    scene, factory = drawn_with(rendering(), video, pucks)
    assert scene.objects[2].depth == 5
    assert 9 in scene.objects
    (x1, y1), (x2, y2) = (
        two_pucks_collision(frame_count=6, width=160, height=120).truth[name].positions[0] for name in pucks.labels.values()
    )
    picture = factory(scene).draw([Pose(1, x1, y1, 0.0, 30.0, 30.0, True), Pose(2, x2, y2, 0.0, 30.0, 30.0, True)])
    blue, green, red = picture[round((y1 + y2) / 2), round((x1 + x2) / 2)].astype(int)
    assert min(blue, red) - green > 150


def test_in_another_table_objects_are_found_by_their_labels(pucks: States):
    labels = dict(pucks.labels)
    other = named(pucks, labels, {1: 9, 2: 4})
    found, lines = in_other_table(rendering(), labels, other)
    assert lines == ()
    assert set(found.description.objects) == {4}
    (rope,) = found.description.parts
    assert (rope.start.object, rope.end.object) == (9, 4)
    assert rope.id not in other.object_ids


def test_what_another_table_lacks_is_left_out_and_told(pucks: States):
    labels = dict(pucks.labels)
    other = named(pucks, {1: labels[1], 2: "somebody else"}, {1: 1, 2: 2})
    found, lines = in_other_table(rendering(), labels, other)
    assert found.description.empty
    assert lines == (f"how '{labels[2]}' is drawn is left out: nothing goes by that label here",)
    assert in_other_table(Rendering(), {}, other) == (Rendering(), ())
