"""Paths: where they run, how they are dashed, when they begin anew."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kinescribe.renderers.colors import color_of
from kinescribe.renderers.poses import Pose
from kinescribe.renderers.scene import Scene, SceneObject, Sprite
from kinescribe.renderers.trails import Style, Trails, colors_in, line_width

WIDTH, HEIGHT = 120, 80
GREY = 128


def pose(x: float, y: float, object_id: int = 1, velocity: tuple[float, float] = (0.0, 0.0)) -> Pose:
    return Pose(object_id, x, y, np.nan, 10.0, 10.0, True, velocity)


def drawn(trails: Trails, spared: np.ndarray | None = None) -> np.ndarray:
    picture = np.full((HEIGHT, WIDTH, 3), GREY, np.uint8)
    trails.over(picture, spared)
    return picture


def inked(picture: np.ndarray) -> np.ndarray:
    return np.abs(picture.astype(int) - GREY).max(axis=2) > 25


def test_nothing_is_drawn_of_one_place():
    trails = Trails(WIDTH, HEIGHT)
    trails.follow([pose(20, 20)], "solid", 0.0)
    assert not inked(drawn(trails)).any()


def test_a_line_has_the_object_s_colour_and_lies_where_it_went():
    trails = Trails(WIDTH, HEIGHT)
    for k, x in enumerate((10, 40, 90)):
        trails.follow([pose(x, 30, object_id=2)], "solid", 0.1 * k)
    picture = drawn(trails)
    rows, columns = np.nonzero(inked(picture))
    assert np.abs(rows - 30).max() <= line_width(HEIGHT)
    assert (columns.min(), columns.max()) == (pytest.approx(10, abs=2), pytest.approx(90, abs=2))
    color = color_of(2)
    b, g, r = picture[30, 60]
    assert np.abs(np.array([r, g, b], int) - [int(color[i : i + 2], 16) for i in (1, 3, 5)]).max() < 25


def test_joints_are_no_darker():
    trails = Trails(WIDTH, HEIGHT)
    for k, x in enumerate(range(10, 100, 3)):
        trails.follow([pose(x, 30)], "faint", 0.1 * k)
    middle = drawn(trails)[30, 15:90].astype(int)
    assert np.ptp(middle, axis=0).max() <= 15  # twice the opacity would be 30


def test_what_is_foretold_is_dashed_all_along_however_short_the_steps():
    shares, counts = [], []
    for step in (0.7, 3.0, 45.0):
        trails = Trails(WIDTH, HEIGHT)
        for k, x in enumerate(np.arange(10, 105, step)):
            trails.follow([pose(x, 30)], "dashed", 0.1 * k)
        ink = inked(drawn(trails))[30, 12:98]
        shares.append(ink.mean())
        counts.append(np.count_nonzero(np.diff(ink.astype(int)) == 1))
    assert shares == pytest.approx([shares[0]] * 3, abs=0.12)
    assert 0.4 < shares[0] < 0.8
    assert max(counts) - min(counts) <= 1
    assert min(counts) > 5


def test_each_object_may_have_its_style():
    trails = Trails(WIDTH, HEIGHT)
    for k, x in enumerate((10, 100)):
        trails.follow([pose(x, 20), pose(x, 60, object_id=2)], {1: "solid", 2: "dashed"}, 0.1 * k)
    ink = inked(drawn(trails))
    assert ink[20, 12:98].all()
    assert not ink[60, 12:98].all()


def test_a_line_begins_anew_after_a_gap():
    trails = Trails(WIDTH, HEIGHT)
    for k, x in enumerate((10, 30, None, 80, 100)):
        trails.follow([] if x is None else [pose(x, 30)], "solid", 0.1 * k)
    ink = inked(drawn(trails))[30]
    assert ink[15:28].all()
    assert not ink[35:75].any()
    assert ink[85:98].all()


def test_paths_curve_as_the_velocities_say():
    """A quarter of a circle in one step: the chord lies 29 % of the radius inside."""
    radius, rate = 40.0, np.pi / 2
    trails = Trails(WIDTH, HEIGHT)
    trails.follow([pose(20 + radius, 20, velocity=(0.0, radius * rate))], "solid", 0.0)
    trails.follow([pose(20, 20 + radius, velocity=(-radius * rate, 0.0))], "solid", 1.0)
    rows, columns = np.nonzero(inked(drawn(trails)))
    distance = np.hypot(rows - 20, columns - 20)
    assert distance.min() > radius - 3
    assert distance.max() < radius + 3


def test_velocities_that_do_not_go_with_the_way_are_not_believed():
    trails = Trails(WIDTH, HEIGHT)
    trails.follow([pose(20, 60, velocity=(500.0, 900.0))], "solid", 0.0)
    trails.follow([pose(60, 60, velocity=(500.0, -900.0))], "solid", 0.1)
    trails.follow([pose(100, 60, velocity=(0.0, 5000.0))], "solid", 0.2)
    rows, _ = np.nonzero(inked(drawn(trails)))
    assert np.abs(rows - 60).max() <= 12  # a bounce within one step bows a little; nothing flies off


def test_what_is_spared_stays():
    trails = Trails(WIDTH, HEIGHT)
    for k, x in enumerate((10, 100)):
        trails.follow([pose(x, 30)], "solid", 0.1 * k)
    spared = np.zeros((HEIGHT, WIDTH), np.float32)
    spared[:, 50:] = 1.0
    ink = inked(drawn(trails, spared))
    assert ink[30, 20:48].all()
    assert not ink[:, 50:].any()


@pytest.mark.parametrize("far", [(1e9, 30.0), (-5000.0, -5000.0), (1e300, 1e200), (np.inf, 30.0)])
@pytest.mark.parametrize("style", ["solid", "dashed"])
def test_places_far_away_are_no_trouble(far: tuple[float, float], style: Style, monkeypatch: pytest.MonkeyPatch):
    strokes, line = [], cv2.line
    monkeypatch.setattr(cv2, "line", lambda *args: strokes.append(args) or line(*args))
    trails = Trails(WIDTH, HEIGHT)
    for k, place in enumerate([(10.0, 30.0), (30.0, 30.0), far, (far[0], far[1] + 9.0), (30.0, 60.0), (90.0, 60.0)]):
        trails.follow([pose(*place)], style, 0.1 * k)
    ink = inked(drawn(trails))
    assert ink[30, 15:28].any()
    assert ink[60, 35:85].any()
    assert len(strokes) < 100  # a dash for all of the way would be 10⁸


@pytest.mark.parametrize("style", ["solid", "dashed"])
def test_a_line_that_leaves_the_picture_runs_to_its_edge_as_if_there_were_none(style: Style):
    large, small = Trails(1000, HEIGHT), Trails(WIDTH, HEIGHT)
    large.width = small.width
    for k, place in enumerate([(10.0, 30.0), (950.0, 70.0), (100.0, 10.0)]):
        for trails in (large, small):
            trails.follow([pose(*place)], style, 0.1 * k)
    whole = np.full((HEIGHT, 1000, 3), GREY, np.uint8)
    large.over(whole)
    assert np.abs(whole[:, :WIDTH].astype(int) - drawn(small)).max() <= 40  # ends of strokes are rounded to a sixteenth of a pixel
    assert inked(drawn(small))[:, WIDTH - 12 :].any()


def test_paths_have_their_object_s_own_colour_where_it_can_be_seen():
    def thing(object_id: int, *bgr: int) -> SceneObject:
        alpha = np.full((6, 6), 0.5, np.float32)
        sprite = Sprite(alpha[..., None] * np.array(bgr, np.float32), alpha, (3.0, 3.0))
        return SceneObject(object_id, "", "disc", (sprite,), object_id, False, (6.0, 6.0))

    things = {1: thing(1, 20, 30, 220), 2: thing(2, 90, 90, 95), 3: thing(3, 60, 128, 128)}
    plate = np.full((20, 20, 3), 128, np.float32)
    plate[..., 0] = 70
    assert colors_in(Scene(plate, np.ones((20, 20), np.float32), things)) == {1: (20, 30, 220)}
    trails = Trails(WIDTH, HEIGHT, {1: (20, 30, 220)})
    for k, x in enumerate((10, 100)):
        trails.follow([pose(x, 30)], "solid", 0.1 * k)
    assert drawn(trails)[30, 50].tolist() == pytest.approx([20, 30, 220], abs=25)
