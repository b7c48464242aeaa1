"""Plate, sprites and depths from a video, and pictures that look like it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_scenes import DISC_R, ROD, N, W, covered, disc, eight_bit, ground, laid, rod, scene_video, table

from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.renderers import Scene, SceneObject, Sprite
from kinescribe.renderers.compositor import compose
from kinescribe.renderers.poses import Pose, PoseTable
from kinescribe.states import Calibration, Metadata, States
from kinescribe.video import open_video


@pytest.fixture(scope="module")
def made():
    video, states, wall = scene_video(noise=2.0)
    return video, states, wall, Scene.from_video(video, states)


def pose(object_id: int, x: float, y: float, angle: float = np.nan, length: float = np.nan, breadth: float = np.nan) -> Pose:
    return Pose(object_id, x, y, angle, length, breadth, True)


def test_the_plate_is_what_is_behind(made):
    _, _, wall, scene = made
    seen = scene.confidence > 0.2
    assert np.sqrt(((scene.plate - wall)[seen] ** 2).mean()) < 1.0
    # the rod's middle is never free
    assert scene.confidence[80, 70] == 0.0
    assert scene.confidence[115, 5] == 1.0
    assert np.abs(scene.plate[80, 70] - wall[80, 70]).max() < 60.0  # painted in from around it


def test_every_frame_is_drawn_as_it_looks(made):
    video, states, _, scene = made
    table_ = PoseTable.of(states)
    for frame, poses in zip(video, table_.poses, strict=True):
        drawn = compose(scene, poses).astype(float)
        # noise of 2 grey levels is in the video, and a little in the scene
        assert np.sqrt(((drawn - frame.image) ** 2).mean()) < 3.2
        for one in poses:
            x, y = round(one.x), round(one.y)
            if not (30 < x < W - 30):
                continue
            window = (slice(y - 26, y + 27), slice(max(x - 26, 0), x + 27))
            left = ((drawn[window] - frame.image[window]) ** 2).mean()
            plain = ((scene.plate[window] - frame.image[window]) ** 2).mean()
            assert 10 * np.log10(plain / left) > 14.0


def test_it_is_drawn_right_where_it_was_never_seen(made):
    _, _, wall, scene = made
    for x, y, turn in ((60.5, 35.25, 2.9), (99.75, 30.0, -1.0)):
        truth = laid(laid(wall, covered(disc(x, y)), (40, 210, 230)), covered(rod(70.4, 80.2, turn)), (200, 60, 20))
        drawn = compose(scene, [pose(1, x, y), pose(2, 70.4, 80.2, turn)]).astype(float)
        known = scene.confidence > 0.2
        assert np.sqrt(((drawn - truth)[known] ** 2).mean()) < 2.5


def test_sprites_are_sharper_than_a_frame(made):
    _, _, _, scene = made
    sprite = scene.objects[1].sprites[0]
    assert sprite.fineness == 2
    y, x = np.mgrid[: sprite.alpha.shape[0], : sprite.alpha.shape[1]]
    radius = np.hypot(x - sprite.anchor[0], y - sprite.anchor[1]) / sprite.fineness
    assert sprite.alpha[radius < DISC_R - 1.0].min() > 0.9
    assert sprite.alpha[radius > DISC_R + 1.5].max() < 0.1
    assert sprite.alpha.sum() / 4 == pytest.approx(np.pi * DISC_R**2, rel=0.03)
    assert not scene.objects[1].turns
    assert scene.objects[2].turns


def test_larger_states_are_drawn_larger(made):
    _, _, _, scene = made
    plain = replace_plate(scene, 0.0)

    def extent(**more: float) -> tuple[int, int]:
        drawn = compose(plain, [pose(2, 80.0, 60.0, 0.0, **more)])
        ys, xs = np.nonzero(drawn.max(axis=2) > 60)
        return int(np.ptp(xs)), int(np.ptp(ys))

    once = extent(length=ROD[0], breadth=ROD[1])
    twice = extent(length=2 * ROD[0], breadth=ROD[1])
    assert once[0] == pytest.approx(ROD[0], abs=2)
    assert twice == (pytest.approx(2 * ROD[0], abs=3), pytest.approx(once[1], abs=1))


def replace_plate(scene: Scene, level: float) -> Scene:
    return Scene(np.full_like(scene.plate, level), scene.confidence, scene.objects)


def square(depth: int, color: tuple[int, int, int], object_id: int) -> SceneObject:
    sprite = Sprite(np.full((10, 10, 3), color, np.float32), np.ones((10, 10), np.float32), (4.5, 4.5))
    return SceneObject(object_id, "", "box", (sprite,), depth, False, (10.0, 10.0))


def test_what_is_nearer_hides_what_is_farther():
    plate = np.zeros((40, 40, 3), np.float32)
    scene = Scene(plate, np.ones((40, 40), np.float32), {1: square(0, (255, 0, 0), 1), 2: square(1, (0, 0, 255), 2)})
    poses = [pose(1, 20, 20), pose(2, 22, 20)]
    assert compose(scene, poses)[20, 20].tolist() == [0, 0, 255]
    assert compose(scene.with_depths({1: 5}), poses)[20, 20].tolist() == [255, 0, 0]
    with pytest.raises(UsageError, match="no object 7 in the scene; it has: 1, 2"):
        scene.with_depths({7: 0})
    half = compose(scene, [pose(2, 22, 20)], opacity=0.5)
    assert half[20, 22].tolist() == [0, 0, 128]


def test_what_lies_outside_is_left_out():
    plate = np.full((40, 40, 3), 7, np.float32)
    scene = Scene(plate, np.ones((40, 40), np.float32), {1: square(0, (255, 0, 0), 1)})
    for x, y in ((-100.0, 5.0), (1e9, 5.0), (np.nan, 5.0)):
        assert (compose(scene, [pose(1, x, y)]) == 7).all()
    assert (compose(scene, [pose(9, 20.0, 20.0)]) == 7).all()
    edge = compose(scene, [pose(1, 0.0, 0.0)])
    assert edge[0, 0].tolist() == [255, 0, 0]


def test_who_hides_whom_is_told_by_occlusions():
    """A disc passes behind a rod: it is not seen while it does."""
    _, states, wall = scene_video()
    status = np.array(["observed"] * len(states), dtype=object)
    mine = states["object_id"] == 1
    rows = {1: [(20.0 + 5 * k, 60.0, np.nan) for k in range(N)], 2: [(80.0, 60.0, np.pi / 2)] * N}
    hidden = [abs(x - 80.0) < 12 for x, _, _ in rows[1]]
    status[np.flatnonzero(mine)[hidden]] = "occluded"
    images = []
    for k in range(N):
        picture = laid(wall, covered(disc(*rows[1][k][:2])), (40, 210, 230))
        images.append(eight_bit(laid(picture, covered(rod(80.0, 60.0, np.pi / 2)), (200, 60, 20))))
    made = table([1, 2], rows, {1: (18.0, 18.0), 2: ROD}, {1: "disc", 2: "rod"}, status=status)
    scene = Scene.from_video(open_video(np.stack(images), times=np.arange(N) / 25.0), made)
    assert scene.objects[2].depth > scene.objects[1].depth


def test_other_videos_and_empty_tables_are_refused(made):
    video, states, _, _ = made
    short = open_video(np.stack([frame.image for frame in video][:5]), times=np.arange(5) / 25)
    with pytest.raises(UsageError, match="ends before frame 23, which the table has"):
        Scene.from_video(short, states)
    small = open_video(np.zeros((3, 20, 30, 3), np.uint8), times=[0.0, 0.1, 0.2])
    with pytest.raises(UsageError, match="is 30×20, the table's video drawn 160×120"):
        Scene.from_video(small, states)
    nothing = States.from_columns(
        {"frame": [0], "time_s": [0.0], "object_id": [1], "x": [np.nan], "y": [np.nan]}, Metadata(calibration=Calibration.pixels())
    )
    with pytest.raises(NothingFoundError, match="nothing to cut out"):
        Scene.from_video(video, nothing)
    with pytest.raises(UsageError, match=r"must be a kinescribe\.States"):
        Scene.from_video(video, "states.csv")
    # an object that the edge cuts off all the time, and no other
    edge = table([1], {1: [(0.0, 60.0, np.nan)] * N}, {1: (18.0, 18.0)}, {1: "disc"})
    with pytest.raises(NothingFoundError, match="seen whole in any frame"):
        Scene.from_video(video, edge)


def test_poses_between_frames():
    states = table([1], {1: [(0.0, 0.0, 0.0), (10.0, 20.0, 1.0)]}, {1: (4.0, 4.0)}, {1: "disc"}, times=[0.0, 1.0])
    found = PoseTable.of(states)
    ((middle,), (first,), (last,)) = found.at(np.array([0.25, -1.0, 9.0]))
    assert (middle.x, middle.y, middle.angle) == (2.5, 5.0, 0.25)
    assert (first.x, last.x) == (0.0, 10.0)


def test_poses_at_the_tables_own_times_and_past_the_turn():
    nan = np.nan
    rows = {1: [(0.0, 0.0, 3.1), (10.0, 0.0, -3.1), (20.0, 0.0, nan)], 2: [(nan, nan, nan), (5.0, 5.0, 0.0), (6.0, 6.0, 0.0)]}
    found = PoseTable.of(table([1, 2], rows, {1: (4.0, 4.0), 2: (4.0, 4.0)}, {1: "disc", 2: "disc"}, times=np.array([0.0, 1.0, 2.0])))
    own = found.at(np.array([0.0, 1.0, 2.0]))
    assert [[pose.object_id for pose in row] for row in own] == [[1], [1, 2], [1, 2]]
    ((turned,), between) = found.at(np.array([0.5, 1.5]))
    assert abs(np.angle(np.exp(1j * (turned.angle - np.pi)))) < 1e-6  # the short way, over ±π
    assert between[0].angle == -3.1  # the side that is known
    assert found.covers(2.4)
    assert not found.covers(2.6)
    nothing = PoseTable.of(States.from_columns({"frame": [], "time_s": [], "object_id": [], "x": [], "y": []}))
    assert nothing.at(np.array([0.0])) == [()]


def test_turned_axes():
    calibration = Calibration.from_scale(10.0, "m", origin=(50.0, 60.0), angle_deg=90.0)
    columns = {"frame": [0], "time_s": [0.0], "object_id": [3], "x": [2.0], "y": [1.0], "angle": [0.0], "vx": [1.0], "vy": [0.0],
               "angular_velocity": [0.5]}  # fmt: skip
    ((found,),) = PoseTable.of(States.from_columns(columns, Metadata(calibration=calibration))).poses
    # the world's x points up in the picture
    assert (found.x, found.y) == (pytest.approx(40.0), pytest.approx(40.0))
    assert np.exp(1j * found.angle) == pytest.approx(-1j)
    assert found.velocity == (pytest.approx(0.0), pytest.approx(-10.0))
    assert found.turning == pytest.approx(-0.5)


def test_near_the_edge_without_boxes_in_the_table():
    """A disc that is whole in the picture, its rim four pixels from the edge."""
    wall = ground(2)
    places = [(25.0 + 4.1 * k, DISC_R + 4.3) for k in range(N)]
    images = [eight_bit(laid(wall, covered(disc(*at)), (40, 210, 230))) for at in places]
    states = table([1], {1: [(*at, np.nan) for at in places]}, {1: (18.0, 18.0)}, {1: "disc"})
    scene = Scene.from_video(open_video(np.stack(images), times=np.arange(N) / 25), states)
    assert scene.objects[1].sprites[0].alpha.sum() / 4 == pytest.approx(np.pi * DISC_R**2, rel=0.05)


def test_one_moment_alone_does_not_make_the_sprite():
    """Two discs side by side but for one frame: the sprite is of all frames, and so has less noise than one."""
    rng, wall = np.random.default_rng(0), ground(2)
    images, rows = [], {1: [], 2: []}
    for k in range(N):
        x, apart = 30.0 + 3.3 * k, 45.0 if k == 10 else 20.0
        rows[1].append((x, 40.3, np.nan))
        rows[2].append((x, 40.3 + apart, np.nan))
        picture = laid(laid(wall, covered(disc(x, 40.3)), (40, 210, 230)), covered(disc(x, 40.3 + apart)), (200, 60, 20))
        images.append(eight_bit(picture + rng.normal(0, 8, wall.shape)))
    states = table([1, 2], rows, {1: (18.0, 18.0), 2: (18.0, 18.0)}, {1: "disc", 2: "disc"})
    scene = Scene.from_video(open_video(np.stack(images), times=np.arange(N) / 25), states)
    sprite = scene.objects[1].sprites[0]
    y, x = np.mgrid[: sprite.alpha.shape[0], : sprite.alpha.shape[1]]
    inside = np.hypot(x - sprite.anchor[0], y - sprite.anchor[1]) < 2 * (DISC_R - 3)
    drawn = compose(replace_plate(scene, 0.0), [pose(1, 80.0, 60.0)])[54:67, 74:87].astype(float)
    assert inside.any()
    assert (drawn - [40, 210, 230]).std() < 5.0


def test_what_is_drawn_much_smaller_keeps_its_mean():
    stripes = np.tile(np.array([0.0, 255.0], np.float32).repeat(2), 10)[None, :, None].repeat(40, axis=0).repeat(3, axis=2)
    sprite = Sprite(np.ascontiguousarray(stripes), np.ones((40, 40), np.float32), (19.5, 19.5))
    thing = SceneObject(1, "", "box", (sprite,), 0, False, (40.0, 40.0))
    scene = Scene(np.zeros((60, 60, 3), np.float32), np.ones((60, 60), np.float32), {1: thing})
    for x in (30.0, 30.25, 30.75):
        drawn = compose(scene, [pose(1, x, 30.0, length=10.0, breadth=10.0)])
        assert drawn[28:33, 28:33].mean() == pytest.approx(127.5, abs=40)


def test_a_smear_is_bounded():
    scene = Scene(np.zeros((60, 60, 3), np.float32), np.ones((60, 60), np.float32), {1: square(0, (255, 0, 0), 1)}, 3600.0)
    fast = replace(pose(1, 30.0, 30.0), velocity=(1e9, 0.0))
    assert compose(scene, [fast]).max() < 40


def test_places_follow_from_the_calibration_where_the_image_columns_are_empty():
    calibration = Calibration.from_scale(10.0, "m", origin=(5.0, 100.0), angle_deg=0.0)
    states = States.from_columns(
        {"frame": [0], "time_s": [0.0], "object_id": [3], "x": [2.0], "y": [1.0], "angle": [0.5], "width": [4.0], "height": [2.0]},
        Metadata(calibration=calibration),
    )
    ((found,),) = PoseTable.of(states).poses
    assert (found.x, found.y, found.angle) == (pytest.approx(25.0), pytest.approx(90.0), pytest.approx(-0.5))
    assert (found.length, found.breadth) == (40.0, 20.0)


def test_a_sprite_must_fit_its_alpha():
    with pytest.raises(UsageError, match="a sprite needs colours"):
        Sprite(np.zeros((3, 3, 3), np.float32), np.zeros((2, 3), np.float32), (0, 0))
    with pytest.raises(UsageError, match="object 4 has no sprite"):
        replace(square(0, (0, 0, 0), 4), sprites=())


def test_the_nearest_view_is_taken():
    views = tuple(Sprite(np.zeros((1, 1, 3), np.float32), np.ones((1, 1), np.float32), (0, 0), angle) for angle in (0.0, 3.0))
    thing = replace(square(0, (0, 0, 0), 1), sprites=views)
    assert thing.view(pose(1, 0, 0, -3.1)) is views[1]
    assert thing.view(pose(1, 0, 0, 0.4)) is views[0]
    assert thing.view(pose(1, 0, 0, np.nan)) is views[0]
    placed = tuple(replace(view, at=at) for view, at in zip(views, (10.0, 90.0), strict=True))
    by_place = replace(thing, sprites=placed, views_by="x")
    assert by_place.view(pose(1, 70, 0)) is placed[1]
    slender = replace(thing, sprites=tuple(replace(view, at=at) for view, at in zip(views, (0.0, 1.5), strict=True)), views_by="shape")
    assert slender.view(pose(1, 0, 0, length=9, breadth=2)).at == 1.5
    assert slender.view(pose(1, 0, 0)).at == 0.0


def test_states_of_a_video_in_which_nothing_is_there(made):
    _, _, wall, _ = made
    states = table([1], {1: [(20.0 + 5 * k, 60.0, np.nan) for k in range(N)]}, {1: (18.0, 18.0)}, {1: "disc"})
    empty = open_video(np.repeat(eight_bit(wall)[None], N, axis=0), times=np.arange(N) / 25)
    with pytest.raises(NothingFoundError, match="differs from its background where the table has objects"):
        Scene.from_video(empty, states)


def test_a_table_that_tells_two_places_is_refused(made):
    video, states, _, _ = made
    x = states["x"].copy()
    x[3] += 50.0
    with pytest.raises(UsageError, match="row 5, column 'x_px': x, y lie 50 px from x_px, y_px"):
        Scene.from_video(video, States.from_columns({**states.columns, "x": x}, states.meta))
