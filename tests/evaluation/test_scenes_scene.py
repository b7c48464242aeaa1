import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from kinescribe.evaluation import scenes
from kinescribe.evaluation.scenes import Body, Camera, Scene
from kinescribe.evaluation.scenes.drawing import COLORS
from kinescribe.evaluation.scenes.paths import ballistic, still
from kinescribe.video import open_video

CLEAN = {"noise": 0.0, "texture": 0.0}
BUILDERS = {name: getattr(scenes, name) for name in scenes.__all__ if name.islower()}


def centroid(scene: Scene, image: np.ndarray) -> np.ndarray:
    """Of all that differs from the ground, weighted by how much."""
    weight = np.abs(image.astype(float) - scene.background).sum(2)
    y, x = np.mgrid[: scene.height, : scene.width]
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


@pytest.mark.parametrize("name", BUILDERS)
def test_every_scene_is_whole(name: str) -> None:
    scene = BUILDERS[name](frame_count=4)
    images, times = scene.images(), scene.times
    assert images.shape == (4, scene.height, scene.width, 3)
    assert images.dtype == np.uint8
    assert times[0] == 0
    assert (np.diff(times) > 0).all()
    assert [time for _, time in scene.frames()] == times.tolist()
    assert scene.truth
    for key, truth in scene.truth.items():
        assert truth.name == key
        assert truth.positions.shape == truth.velocities.shape == (4, 2)
        assert truth.visible.shape == truth.visible_fraction.shape == (4,)
        assert (truth.angles is None) == (truth.radius is not None) == (truth.shape == "disc")
        assert truth.color_name in COLORS


@pytest.mark.parametrize(
    "name", ["falling_ball", "bouncing_ball", "resting_object", "swinging_rod", "low_contrast_ball", "slow_cart", "phyworld_like"]
)
def test_the_picture_shows_the_truth(name: str) -> None:
    scene = BUILDERS[name](**CLEAN)
    (truth,) = scene.truth.values()
    whole = np.flatnonzero(truth.visible_fraction > 0.999)[::7]
    frames = list(scene.frames())
    errors = [np.hypot(*(centroid(scene, frames[i][0]) - truth.positions[i])) for i in whole]
    assert len(errors) >= 4
    assert max(errors) < 0.05


@pytest.mark.parametrize("name", BUILDERS)
def test_velocities_go_with_positions_between_contacts(name: str) -> None:
    scene = BUILDERS[name]()
    times = np.linspace(0.0, scene.times[-1], 300)[1:-1]
    hits = np.array([time for time, _ in scene.contacts])
    for body in (body for body in scene.bodies if body.tracked):
        before, at, after = (body.path(times + step) for step in (-1e-6, 0.0, 1e-6))
        free = np.array([(np.abs(hits - t) > 1e-5).all() for t in times])
        slopes = (after.positions - before.positions) / 2e-6
        agree = np.abs(at.velocities - slopes).max(1) < 1e-2
        assert agree[free].mean() > 0.99  # a wall or the end of a slide may fall on a sample


def test_frames_repeat_and_seeds_differ() -> None:
    scene = scenes.falling_ball(frame_count=3, texture=3.0)
    assert np.array_equal(scene.images(), scene.images())
    assert not np.array_equal(scene.images(), scenes.falling_ball(frame_count=3, texture=3.0, seed=1).images())
    first, second, _ = scene.images().astype(float)
    corner = first[150:, :80] - second[150:, :80]
    assert corner.std() / math.sqrt(2) == pytest.approx(2.0, rel=0.05)  # the noise is new in every frame, and as strong as asked for


def test_motion_blur_smears_about_the_truth() -> None:
    scene = scenes.phyworld_like(velocity=6.0, radius=0.6, exposure=1.0)
    sharp = scenes.phyworld_like(velocity=6.0, radius=0.6)
    (truth,) = scene.truth.values()
    blurred, crisp = scene.images()[8], sharp.images()[8]
    np.testing.assert_allclose(centroid(scene, blurred), truth.positions[8], atol=0.1)
    spread = [(np.abs(image - scene.background).sum((0, 2)) > 100).sum() for image in (blurred.astype(float), crisp.astype(float))]
    assert spread[0] - spread[1] == pytest.approx(6.0 * 25.5 * 0.1, abs=3)


def test_flicker_wavers_with_the_asked_amplitude() -> None:
    levels = scenes.static_objects_on_plain(frame_count=60, flicker=0.05, noise=0.0, background=(128.0, 128.0, 128.0)).images()[:, 0, 0, 0]
    assert levels.max() == pytest.approx(128 * 1.05, abs=1)
    assert levels.min() == pytest.approx(128 * 0.95, abs=1)


def test_jitter_shifts_stamps_and_motion_together() -> None:
    scene = scenes.falling_ball(jitter=0.1)
    steps = np.diff(scene.times) * scene.camera.frame_rate
    assert 0.05 < steps.std() < 0.3
    (truth,) = scene.truth.values()
    np.testing.assert_allclose(truth.velocities[:, 1], 420.0 * scene.times)


def test_visibility_counts_what_is_before_and_outside() -> None:
    back = Body("red disc", "disc", (20, 20), still((40, 30)), "red")
    front = Body("blue box", "box", (40, 40), still((60, 30)), "blue")  # its left edge runs through the disc's middle
    leaving = Body("green disc", "disc", (20, 20), ballistic((0, 70), (-20, 0)), "green")
    truth = Scene("three", Camera(width=120, height=100, frame_count=2, frame_rate=1.0), [back, front, leaving]).truth
    assert truth["red disc"].visible_fraction[0] == pytest.approx(0.5, abs=0.01)
    assert truth["blue box"].visible_fraction[0] == pytest.approx(1.0)
    assert truth["green disc"].visible_fraction.tolist() == [pytest.approx(0.53, abs=0.03), 0.0]
    assert truth["green disc"].visible.tolist() == [True, False]


def test_labels_and_sizes() -> None:
    truth = scenes.static_objects_on_plain().truth
    assert {t.label for t in truth.values()} == {"red disc", "blue box", "green rod"}
    assert truth["red disc"].radius == 22.0
    assert truth["blue box"].size == (60.0, 40.0)


def test_camera_is_immutable_and_takes_options() -> None:
    camera = scenes.many_discs(3, width=200, height=100, seed=4).camera
    assert (camera.width, camera.height, camera.seed) == (200, 100, 4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        camera.seed = 5


def test_written_video_keeps_stamps_and_pictures(tmp_path: Path) -> None:
    scene = scenes.falling_ball(frame_count=8, jitter=0.1, noise=0.0)
    scene.write(tmp_path / "fall.mp4")
    frames = list(open_video(tmp_path / "fall.mp4"))
    np.testing.assert_allclose([frame.time_s for frame in frames], scene.times, atol=1e-3)
    assert max(np.abs(frame.image.astype(float) - image).mean() for frame, (image, _) in zip(frames, scene.frames(), strict=True)) < 3
