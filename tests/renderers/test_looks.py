"""How objects are drawn: parts that touch, views, whole pixels, exposure. Each scene is drawn here, so that its truth is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_scenes import H, N, W, covered, disc, eight_bit, ground, laid, rod, table

from kinescribe.renderers import Scene
from kinescribe.renderers.compositor import compose
from kinescribe.renderers.poses import PoseTable
from kinescribe.video import open_video

BROWN, BLACK, BLUE = (100, 150, 200), (10, 10, 10), (200, 130, 130)


def errors(scene: Scene, images, states) -> list[float]:
    """Root of the mean squared difference of every frame."""
    drawn = [compose(scene, poses) for poses in PoseTable.of(states).poses]
    return [float(np.sqrt(((one.astype(float) - other) ** 2).mean())) for one, other in zip(drawn, images, strict=True)]


def jointed(front: str):
    """A black box that slides, a brown rod that swings on it, and a blue axle on both; or the rod behind the box."""
    wall = ground(3)
    images, rows = [], {1: [], 2: [], 3: []}
    for k in range(N):
        x, swing = 50.0 + 2.3 * k, 0.9 * np.sin(0.35 * k)
        middle = (x + 12 * np.sin(swing), 80.0 - 12 * np.cos(swing))
        rows[1].append((x, 86.0, 0.0))
        rows[2].append((*middle, np.arctan2(-np.cos(swing), np.sin(swing))))
        rows[3].append((x, 80.0, np.nan))
        box = (covered(lambda u, v, x=x: (np.abs(u - x) <= 20) & (np.abs(v - 86.0) <= 9)), BLACK)
        pole = (covered(rod(*middle, rows[2][-1][2])), BROWN)
        axle = (covered(lambda u, v, x=x: np.hypot(u - x, v - 80.0) <= 3.5), BLUE)
        picture = wall
        for alpha, color in (box, pole, axle) if front == "rod" else (pole, box, axle):
            picture = laid(picture, alpha, color)
        images.append(eight_bit(picture))
    sizes = {1: (40.0, 18.0), 2: (44.0, 8.0), 3: (7.0, 7.0)}
    states = table([1, 2, 3], rows, sizes, {1: "box", 2: "rod", 3: "disc"})
    return images, states, Scene.from_video(open_video(np.stack(images), times=np.arange(N) / 25), states), wall


@pytest.mark.parametrize("front", ["rod", "box"])
def test_parts_that_touch_are_told_apart(front):
    images, states, scene, wall = jointed(front)
    depth = {i: one.depth for i, one in scene.objects.items()}
    assert depth[3] > max(depth[1], depth[2])
    assert (depth[2] > depth[1]) == (front == "rod")
    assert max(errors(scene, images, states)) < 6.0
    # drawn apart from the others, each is whole: the box under the rod, the rod under the axle
    box, pole = (next(p for p in PoseTable.of(states).poses[12] if p.object_id == i) for i in (1, 2))
    alone = compose(scene, [box]).astype(float)
    truth = laid(wall, covered(lambda u, v: (np.abs(u - box.x) <= 20) & (np.abs(v - 86.0) <= 9)), BLACK)
    near = (slice(74, 98), slice(int(box.x) - 22, int(box.x) + 23))
    known = scene.confidence[near] > 0.1
    assert np.sqrt(((alone - truth)[near][known] ** 2).mean()) < 12.0
    if front == "rod":
        axle = (pole.x - 12 * np.cos(pole.angle), pole.y - 12 * np.sin(pole.angle))
        drawn = compose(scene, [pole])[round(axle[1]), round(axle[0])].astype(float)
        assert np.abs(drawn - BROWN).max() < 25


def test_a_pole_of_twice_the_length_reaches_from_its_pivot():
    _, states, scene, _ = jointed("rod")
    blank = Scene(np.zeros((H, W, 3), np.float32), scene.confidence, scene.objects)
    from dataclasses import replace

    poses = {pose.object_id: pose for pose in PoseTable.of(states).poses[6]}
    pole, axle = poses[2], poses[3]
    away = np.array([pole.x - axle.x, pole.y - axle.y])
    longer = replace(pole, x=axle.x + 2 * away[0], y=axle.y + 2 * away[1], length=88.0)
    drawn = compose(blank, [longer]).max(axis=2) > 60
    along = np.array([np.cos(pole.angle), np.sin(pole.angle)])
    ys, xs = np.nonzero(drawn)
    reach = (np.stack([xs, ys], axis=1) - [longer.x, longer.y]) @ along
    assert reach.min() == pytest.approx(-44, abs=1.5)
    inside = (longer.x + 44 * along[0] > 0) and (longer.y + 44 * along[1] > 0)
    if inside:
        assert reach.max() == pytest.approx(44, abs=1.5)


def test_a_look_that_changes_with_the_place_has_views():
    """A ball is dark on the left half and bright on the right one, as a mirror is."""
    wall, images, rows = ground(4), [], {1: []}
    for k in range(40):
        x = 20.0 + 3.05 * k
        shade = (30, 40, 50) if x < 80 else (220, 230, 240)
        rows[1].append((x, 60.3, np.nan))
        images.append(eight_bit(laid(wall, covered(disc(x, 60.3)), shade)))
    states = table([1], rows, {1: (18.0, 18.0)}, {1: "disc"})
    scene = Scene.from_video(open_video(np.stack(images), times=np.arange(40) / 25), states)
    thing = scene.objects[1]
    assert thing.views_by == "x"
    assert len(thing.sprites) >= 2
    assert np.median(errors(scene, images, states)) < 4.0
    left, right = (float(view.color[view.alpha > 0.9].mean()) for view in (thing.sprites[0], thing.sprites[-1]))
    assert right - left > 150


def test_one_look_has_one_view():
    wall, images, rows = ground(4), [], {1: []}
    for k in range(40):
        rows[1].append((20.0 + 3.05 * k, 60.3, np.nan))
        images.append(eight_bit(laid(wall, covered(disc(*rows[1][-1][:2])), (40, 210, 230))))
    states = table([1], rows, {1: (18.0, 18.0)}, {1: "disc"})
    scene = Scene.from_video(open_video(np.stack(images), times=np.arange(40) / 25), states)
    assert len(scene.objects[1].sprites) == 1
    assert scene.objects[1].edges == "soft"
    assert scene.exposure == 0.0


def test_whole_pixels_stay_whole():
    """A sprite that a game moves by whole pixels, its states in between."""
    rng = np.random.default_rng(5)
    look = rng.integers(0, 255, (15, 21, 3)).astype(np.uint8)
    images, rows = [], {1: []}
    for k in range(30):
        true_x, true_y = 12.0 + 3.37 * k, 30.0 + 1.21 * k
        x, y = int(true_x), int(true_y)
        picture = np.full((H, W, 3), 240, np.uint8)
        picture[y : y + 15, x : x + 21] = look
        images.append(picture)
        rows[1].append((x + 10.0, y + 7.0, np.nan))
    states = table([1], rows, {1: (21.0, 15.0)}, {1: "box"})
    scene = Scene.from_video(open_video(np.stack(images), times=np.arange(30) / 25), states)
    assert scene.objects[1].edges == "whole"
    assert max(errors(scene, images, states)) < 0.5
    # a place between pixels is drawn at the nearest whole one
    from dataclasses import replace

    pose = PoseTable.of(states).poses[3][0]
    between = compose(scene, [replace(pose, x=pose.x + 0.3, y=pose.y - 0.4)])
    assert np.abs(between.astype(float) - images[3]).max() < 2


@pytest.mark.parametrize("open_for", [0.0, 0.5])
def test_a_shutter_that_is_open(open_for):
    """A ball that speeds up, gathered over half of the time between frames or over none of it."""
    wall, images, rows, speeds = ground(6), [], {1: []}, []
    for k in range(30):
        x, speed = 20.0 + 0.14 * k**2, 0.28 * k  # px, px a frame
        speeds.append(speed * 25)
        rows[1].append((x, 60.3, np.nan))
        steps = open_for * speed * (np.arange(15) / 14 - 0.5)
        alpha = np.mean([covered(disc(x + step, 60.3)) for step in steps], axis=0) if open_for else covered(disc(x, 60.3))
        images.append(eight_bit(laid(wall, alpha, (40, 210, 230))))
    states = table([1], rows, {1: (18.0, 18.0)}, {1: "disc"}, vx=np.array(speeds), vy=np.zeros(30))
    scene = Scene.from_video(open_video(np.stack(images), times=np.arange(30) / 25), states)
    assert scene.exposure == pytest.approx(open_for / 25)
    assert np.median(errors(scene, images, states)) < 2.0


def test_depth_where_three_hide_one_another_in_a_ring():
    from kinescribe.renderers.ownership import DepthVotes

    votes = DepthVotes({})
    for hidden, by in ((1, 2), (2, 3), (3, 1)):
        votes.occluded(hidden, by=by)
    assert sorted(votes.order([3, 1, 2])) == [1, 2, 3]
    votes.occluded(1, by=2)
    votes.occluded(1, by=3)
    votes.occluded(1, by=3)
    assert votes.order([1, 2, 3])[0] == 1


def test_drawn_videos_show_nothing_that_is_not_there():
    """The plate under parts that never leave a place isn't smeared into them."""
    images, states, scene, wall = jointed("rod")
    empty = compose(scene, [])
    known = scene.confidence > 0.3
    assert np.sqrt(((empty.astype(float) - wall)[known] ** 2).mean()) < 2.0
    assert cv2.PSNR(compose(scene, PoseTable.of(states).poses[5]), images[5]) > 32.0
