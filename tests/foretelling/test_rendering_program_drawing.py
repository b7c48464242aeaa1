"""What a program draws, where parts are, and what a file of it may hold."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from rendering_scenes import SPRING, at, look, spring_video

from kinescribe.dynamics.sandbox import SandboxError
from kinescribe.dynamics.sandbox.syscalls import machine
from kinescribe.errors import InputError, UsageError
from kinescribe.foretelling.programs.rendering import Rendering
from kinescribe.foretelling.programs.rendering_description import Description, Part
from kinescribe.foretelling.programs.rendering_drawing import Painter
from kinescribe.foretelling.programs.rendering_parts import with_parts
from kinescribe.renderers import Scene, SceneObject, Sprite
from kinescribe.renderers.compositor import compose, layer_of
from kinescribe.renderers.poses import Pose, PoseTable
from kinescribe.states import Calibration, States

needs_walls = pytest.mark.skipif(machine() is None, reason="the sandbox needs 64-bit Linux")
BAR = """
import numpy as np

count = []

def draw(u, v, length, breadth, angle, x):
    count.append(1)
    inside = (np.abs(u) <= length / 2) & (np.abs(v) <= breadth / 2)
    picture = np.zeros((*u.shape, 4))
    picture[..., 0] = np.where(u > 0, 200.0, 20.0)
    picture[..., 1] = x
    picture[..., 2] = len(count)
    picture[..., 3] = inside
    return picture
"""


def pose(**changed: float) -> Pose:
    return replace(Pose(3, 60.0, 50.0, 0.0, 40.0, 10.0, True), **changed)


def scene_of(*things: SceneObject, size: tuple[int, int] = (100, 120)) -> Scene:
    return Scene(np.full((*size, 3), 128.0, np.float32), np.ones(size, np.float32), {one.object_id: one for one in things})


def plain(object_id: int = 3, views: int = 1, **changed) -> SceneObject:
    sprites = tuple(
        Sprite(np.full((9, 9, 3), 50.0, np.float32), np.ones((9, 9), np.float32), (4.0, 4.0), 0.3 * k, 1, (9.0 + 2 * k, 9.0))
        for k in range(views)
    )
    given = {"label": "bar", "shape": "rod", "depth": 0, "turns": True, "size": (40.0, 10.0), "color": (30.0, 60.0, 90.0)}
    return SceneObject(object_id, sprites=sprites, **{**given, **changed})


@needs_walls
def test_a_drawing_is_as_large_as_the_state_and_turns_with_it():
    made = Rendering.from_dict({"format": 1, "objects": {"3": {"drawn": "program", "program": BAR}}, "parts": []})
    thing = made.apply(scene_of(plain())).objects[3]
    flat = layer_of(thing, pose(), (120, 100))
    ys, xs = np.nonzero(flat.alpha > 0.5)
    assert (np.ptp(xs) + 1, np.ptp(ys) + 1) == (pytest.approx(40, abs=1.1), pytest.approx(10, abs=1.1))
    assert float(flat.alpha.sum()) == pytest.approx(400, rel=0.05)
    # red in front, u > 0 to the right; colours come as BGR
    right = flat.color[int(np.median(ys)), xs.max() - 2]
    assert right[2] == pytest.approx(200, abs=3)
    assert right[1] == pytest.approx(60, abs=1)
    upright = layer_of(thing, pose(angle=np.pi / 2, length=60.0), (120, 100))
    ys, xs = np.nonzero(upright.alpha > 0.5)
    assert (np.ptp(xs) + 1, np.ptp(ys) + 1) == (pytest.approx(10, abs=1.1), pytest.approx(60, abs=1.1))
    below = upright.color[ys.max() - 2, int(np.median(xs))]
    assert below[2] == pytest.approx(200, abs=3)


@needs_walls
def test_a_state_is_drawn_once_and_one_that_the_program_does_not_ask_for_makes_no_other():
    painter = Painter(BAR, (40.0, 10.0))
    first = painter.sprite(pose())
    assert painter.sprite(pose(y=77.0)) is first
    assert painter.sprite(pose(length=40.05)) is first
    assert painter.sprite(pose(x=80.0)) is not first
    assert painter.sprite(pose(length=float("nan"), breadth=float("nan"))).size == (40.0, 10.0)
    huge = painter.sprite(pose(length=1e7, breadth=1.0))
    assert huge.size[0] == 2_000.0


@needs_walls
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return np.zeros((3, 3, 4))", "must be"),
        ("return u * np.nan", "must be"),
        ("return np.full((*u.shape, 4), np.inf)", "numbers that are none"),
        ("return np.full((*u.shape, 4), 2.0)", "alpha must lie in"),
        ("return np.linalg.inv(np.zeros((2, 2)))", "LinAlgError"),
    ],
)
def test_what_is_no_picture_is_refused(body, said):
    source = f"import numpy as np\ndef draw(u):\n    {body}\n"
    rendering = Rendering(Description.from_dict({"format": 1, "objects": {"3": {"drawn": "program", "program": source}}}))
    with pytest.raises(SandboxError, match=said):
        rendering.apply(scene_of(plain()))


@needs_walls
def test_what_a_drawing_may_not_ask_for_is_refused():
    for source in ("def draw(): return 0", "def draw(u, video): return u", "def draw(*u): return u"):
        with pytest.raises(SandboxError, match="its arguments may be u, v, length"):
            Painter(source, (40.0, 10.0))
    with pytest.raises(SandboxError, match="may not run in the sandbox"):
        Painter("import socket\ndef draw(u): return u", (40.0, 10.0))


def test_what_is_said_of_an_object_is_what_changes():
    two = Rendering.from_dict(
        {
            "format": 1,
            "objects": {
                "3": {"drawn": "shape", "shape": "disc", "color_rgb": [1, 2, 3], "depth": 7},
                "4": {"views_by": "shape", "turns": False, "edges": "whole"},
            },
            "parts": [],
        }
    )
    scene = scene_of(plain(), plain(4, views=3), plain(5))
    made = two.apply(scene)
    assert made.objects[5] is scene.objects[5]
    three, four = made.objects[3], made.objects[4]
    assert (three.sprites, three.shape, three.color, three.depth) == ((), "disc", (3.0, 2.0, 1.0), 7)
    assert (four.views_by, four.turns, four.edges, four.depth) == ("shape", False, "whole", 0)
    assert four.view(pose(length=13.0, breadth=9.0)).size[0] == 13.0
    none = Rendering.from_dict({"format": 1, "objects": {"3": {"drawn": "nothing"}}, "parts": []}).apply(scene)
    assert np.array_equal(compose(none, [pose(), pose(length=90.0)]), scene.picture)
    assert not np.array_equal(compose(scene, [pose()]), scene.picture)
    one = Rendering.from_dict({"format": 1, "objects": {"4": {"views_by": "one"}}, "parts": []})
    assert one.apply(scene).objects[4].sprites == scene.objects[4].sprites[:1]


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ({"9": {"depth": 1}}, "no object 9 in the scene; it has: 3"),
        ({"3": {"drawn": "shape", "shape": "box"}}, "no colour and shape"),
        ({"3": {"views_by": "x"}}, "don't tell their x"),
    ],
)
def test_what_a_scene_does_not_have_is_refused(objects, said):
    made = Rendering.from_dict({"format": 1, "objects": objects, "parts": []})
    with pytest.raises(UsageError, match=said):
        made.apply(scene_of(plain(views=2, size=(0.0, 0.0), color=None)))


GOOD = {"format": 1, "objects": {"3": {"depth": 2}}, "parts": []}


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {**GOOD, "format": 2},
        {**GOOD, "more": 1},
        {**GOOD, "objects": []},
        {**GOOD, "objects": {"three": {}}},
        {**GOOD, "objects": {"-3": {}}},
        {**GOOD, "objects": {"3": {"depth": "2"}}},
        {**GOOD, "objects": {"3": {"depth": 1.5}}},
        {**GOOD, "objects": {"3": {"file": "x"}}},
        {**GOOD, "objects": {"3": {"drawn": "program", "program": "x" * 20_001}}},
        {**GOOD, "objects": {"3": {"program": SPRING}}},
        {**GOOD, "objects": {str(k): {} for k in range(201)}},
        {**GOOD, "objects": {"3": {"color_rgb": [1, 2]}}},
        {**GOOD, "objects": {"3": {"color_rgb": [1, 2, math.nan]}}},
        {**GOOD, "objects": {"3": {"color_rgb": [1, 2, {1, 2}]}}},
        {**GOOD, "parts": [{"id": 1, "start": at(0, 0), "end": at(0, 0), "breadth": 1, "color_rgb": [1, 2, 3]}]},
        {**GOOD, "parts": [{"id": 3, "start": at(0, 0, of=3), "end": at(0, 0), "breadth": 1, "color_rgb": [1, 2, 3]}]},
        {**GOOD, "parts": [{"id": 4, "start": at(0, 0, of=3), "end": at(0, 0), "breadth": 1}]},
        {**GOOD, "parts": [{"id": 4, "start": at(0, 0, of=3), "end": at(0, math.inf), "breadth": 1, "color_rgb": [1, 2, 3]}]},
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(data):
    with pytest.raises(InputError, match=r"^mine/scene\.json: ") as caught:
        Rendering.from_dict(data, "mine/scene.json")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400
    assert Rendering.from_dict(GOOD).to_dict() == GOOD


def a_part(start: dict, end: dict, **changed) -> Part:
    return Part(id=9, name="rope", breadth=2.0, color_rgb=(1.0, 2.0, 3.0), start=start, end=end, **changed)


def test_a_part_reaches_from_end_to_end():
    _, states = spring_video(frames=5, in_table=False)
    whole = with_parts(states, [a_part(at(10.0, 50.0), at(-9.0, 3.0, of=1))])
    rope, disc = whole.of(9), states.of(1)
    ends = np.stack([disc["x_px"] - 9.0, disc["y_px"] + 3.0], axis=1)
    assert np.allclose(rope["x_px"], (10.0 + ends[:, 0]) / 2)
    assert np.allclose(rope["width"], np.hypot(ends[:, 0] - 10.0, 3.0))
    assert np.allclose(rope["angle"], np.arctan2(3.0, ends[:, 0] - 10.0))
    assert set(rope["status"]) == {"observed"}
    assert set(rope["height"]) == {2.0}
    assert len(whole) == 10
    # nothing but the rows that were added
    assert all(np.array_equal(whole.of(1)[name], disc[name], equal_nan=disc[name].dtype.kind == "f") for name in states.columns)


def test_a_part_of_a_turned_body_in_a_calibrated_world_lies_where_it_does_in_the_picture():
    _, pixels = spring_video(frames=4)
    world = Calibration.from_scale(50.0, "m", origin=(30.0, 90.0), angle_deg=20.0)
    columns = dict(pixels.columns)
    points = world.points(np.stack([pixels["x_px"], pixels["y_px"]], axis=1))
    turned = np.where(pixels["object_id"] == 2, 0.7, np.nan)
    columns |= {"x": points[:, 0], "y": points[:, 1], "angle": world.angles(turned)}
    columns |= {name: world.lengths(pixels[name]) for name in ("width", "height")}
    states = States.from_columns(columns, pixels.meta.model_copy(update={"calibration": world}))
    part_of_it = a_part(at(20.0, 5.0, of=2), at(0.0, 0.0, of=1))
    rows = PoseTable.of(with_parts(states, [part_of_it])).poses
    for row in rows:
        there = {one.object_id: one for one in row}
        body, rope = there[2], there[9]
        start = np.array([body.x, body.y]) + 20 * np.array([np.cos(0.7), np.sin(0.7)]) + 5 * np.array([-np.sin(0.7), np.cos(0.7)])
        way = np.array([there[1].x, there[1].y]) - start
        assert np.allclose([rope.x, rope.y], start + way / 2)
        assert rope.length == pytest.approx(np.hypot(*way))
        assert rope.breadth == pytest.approx(2.0)
        assert np.exp(1j * rope.angle) == pytest.approx(complex(*way) / np.hypot(*way))


def test_a_part_without_one_of_its_ends_is_not_there():
    _, states = spring_video(frames=4)
    kept = ~((states["object_id"] == 2) & (states["frame"] == 2))
    some = States.from_columns({name: values[kept] for name, values in states.columns.items()}, states.meta)
    assert with_parts(some, [a_part(at(0, 0, of=2), at(0, 0, of=1))]).of(9)["frame"].tolist() == [0, 1, 3]
    assert with_parts(states, [a_part(at(0, 0, of=5), at(0, 0, of=1))]) is states


def test_an_empty_description_says_nothing():
    assert Description.from_dict({"format": 1, "objects": {"3": {"drawn": "pixels"}}}).empty
    assert not Description.from_dict(GOOD).empty
    assert look(3)["drawn"] == "pixels"
