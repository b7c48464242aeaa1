"""Each scene holds the difficulty that it is named for."""

import numpy as np
import pytest

from kinescribe.errors import UsageError
from kinescribe.evaluation import scenes
from kinescribe.evaluation.scenes import Scene, Truth


def gap(one: Truth, other: Truth) -> np.ndarray:
    """Between two discs' rims, px, (T,)."""
    return np.hypot(*(one.positions - other.positions).T) - (one.radius or 0) - (other.radius or 0)


def only(scene: Scene) -> Truth:
    (truth,) = scene.truth.values()
    return truth


def test_thrown_ball_shares_no_pixel_between_frames() -> None:
    scene = scenes.thrown_small_ball()
    ball = only(scene)
    steps = np.hypot(*np.diff(ball.positions, axis=0).T)
    assert steps.min() > 2 * 4 + 2
    assert not ball.visible[0]
    assert not ball.visible[-1]
    assert ball.visible.sum() > 15
    assert ball.positions[ball.visible, 1].min() > 10  # all of the arc is in the picture


def test_cart_covers_its_pixels_for_over_half_the_clip() -> None:
    for swings in (False, True):
        scene = scenes.slow_cart(swings=swings, noise=0.0)
        covered = (scene.images().astype(int).sum(3) < 150).mean(0)
        assert (covered > 0.5).sum() > 0.8 * 120 * 26
        assert np.ptp(only(scene).positions[:, 0]) == pytest.approx(70, abs=3)


@pytest.mark.parametrize("rests", ["start", "end"])
def test_resting_object_rests(rests: str) -> None:
    box = only(scenes.resting_object(rests))
    still = np.hypot(*box.velocities.T) == 0
    assert still.mean() == pytest.approx(0.65, abs=0.03)
    assert still[0 if rests == "start" else -1]
    assert np.ptp(box.positions[:, 0]) > 100


def test_pucks_touch_for_some_frames() -> None:
    scene = scenes.two_pucks_collision()
    red, blue = scene.truth.values()
    assert 2 <= (gap(red, blue) < 4).sum() <= 12
    assert gap(red, blue).min() > -1e-9
    momentum = red.velocities + blue.velocities
    np.testing.assert_allclose(momentum, momentum[0] * np.ones((60, 1)), atol=1e-9)
    assert len(scene.contacts) == 1
    assert {truth.color_name for truth in scenes.two_pucks_collision(alike=True).truth.values()} == {"red"}


def test_crossing_discs_hide_each_other() -> None:
    behind, before = scenes.crossing_discs().truth.values()
    assert behind.visible_fraction.min() < 0.35
    assert before.visible_fraction.min() > 0.999
    assert behind.visible_fraction[[0, -1]].min() > 0.999


def test_ball_is_wholly_hidden_for_some_frames() -> None:
    ball = only(scenes.ball_behind_occluder())
    assert (ball.visible_fraction == 0).sum() >= 5
    assert ball.visible[0]
    assert ball.visible[-1]


def test_bouncing_ball_bounces() -> None:
    scene = scenes.bouncing_ball()
    assert len(scene.contacts) >= 3
    assert (only(scene).positions[:, 1] + 12).max() <= scene.height - 20 + 1e-6


def test_pendulum_has_its_string() -> None:
    scene = scenes.pendulum_with_string(noise=0.0)
    assert list(scene.truth) == ["blue ball"]
    bob = only(scene)
    middle = (bob.positions[5] + (scene.width / 2, 24.0)) / 2
    around = scene.images()[5][int(middle[1]), int(middle[0]) - 3 : int(middle[0]) + 4]
    assert around.min() < 185 < around.max()


def test_low_contrast_ball_is_faint() -> None:
    scene = scenes.low_contrast_ball(noise=0.0)
    difference = np.abs(scene.images()[20].astype(float) - scene.background)
    assert difference.max() == pytest.approx(12.0, abs=0.6)


def test_static_scene_does_not_move() -> None:
    scene = scenes.static_objects_on_plain()
    assert scene.frame_count == 3
    assert all((truth.velocities == 0).all() for truth in scene.truth.values())


def test_many_discs_stay_in_the_picture() -> None:
    scene = scenes.many_discs(30)
    assert len(scene.truth) == 30
    for truth in scene.truth.values():
        assert (truth.positions > 7).all()
        assert (truth.positions < np.array([640, 360]) - 8).all()


def test_phyworld_scale_colours_and_fall() -> None:
    scene = scenes.phyworld_like("uniform_motion", radius=1.0, velocity=2.0)
    ball = only(scene)
    np.testing.assert_allclose(np.diff(ball.positions[:, 0]), 2.0 * 25.5 * 0.1)
    np.testing.assert_allclose(ball.positions[:, 1], 255 - 5 * 25.5)
    image = scene.images()[5]
    assert image[0, 0].tolist() == [255, 255, 255]
    assert image[tuple(np.rint(ball.positions[5][::-1]).astype(int))].tolist() == [0, 0, 255]
    fall = only(scenes.phyworld_like("parabola"))
    np.testing.assert_allclose(np.diff(fall.velocities[:, 1]), 2.5 * 25.5 * 0.1)


def test_phyworld_collision_is_elastic_and_at_its_time() -> None:
    scene = scenes.phyworld_like("collision", radius=0.8, velocity=3.0, radius2=1.2, velocity2=1.5)
    assert [time for time, _ in scene.contacts] == [pytest.approx(1.2)]
    red, blue = scene.truth.values()
    relative = blue.velocities[:, 0] - red.velocities[:, 0]
    np.testing.assert_allclose(relative[[0, -1]], np.array([-4.5, 4.5]) * 25.5)


def test_phyworld_kinds_are_named() -> None:
    with pytest.raises(UsageError, match="did you mean 'collision'"):
        scenes.phyworld_like("colision")


@pytest.mark.parametrize("seed", range(6))
def test_demo_keeps_rod_and_balls_apart_and_alive(seed: int) -> None:
    scene = scenes.demo_scene(seed=seed)
    rod = scene.truth["orange rod"]
    balls = [scene.truth[name] for name in ("red ball", "blue ball", "green ball")]
    assert scene.times[-1] == pytest.approx(4.0)
    assert (scene.pixels_per_unit, scene.unit) == (150.0, "m")
    for ball in balls:
        assert ball.positions[:, 0].max() + (ball.radius or 0) < 408.01
        assert ball.visible_fraction.min() > 0.99
        assert np.hypot(*np.diff(ball.positions[-30:], axis=0).T).max() > 1
    assert rod.angles is not None
    tips = rod.positions + 64 * np.column_stack([np.cos(rod.angles), np.sin(rod.angles)])
    assert tips[:, 0].min() > 415
    assert tips[:, 0].max() < 635
    assert np.ptp(rod.angles) > np.radians(90)
    assert sum(len(names) == 2 for _, names in scene.contacts) >= 3
