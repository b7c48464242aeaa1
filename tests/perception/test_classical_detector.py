"""The detector as a whole: each body that is in sight is one detection, at its place."""

from __future__ import annotations

import functools
import threading
from typing import Any

import cv2
import numpy as np
import pytest

from kinescribe import extract_states
from kinescribe.evaluation import scenes
from kinescribe.evaluation.scenes import Scene
from kinescribe.perception import Detections, looking
from kinescribe.perception.classical import ClassicalDetector
from kinescribe.video import open_video
from kinescribe.video.frame import Frame


def run(scene: Scene, phrases: tuple[str, ...] = ()) -> tuple[ClassicalDetector, list[Detections]]:
    video = open_video(scene.images(), times=scene.times)
    detector = ClassicalDetector()
    detector.prepare(video, phrases)
    return detector, [detector.detect(frame) for frame in video]


@functools.cache
def seen(name: str) -> tuple[Scene, list[Detections]]:
    scene = getattr(scenes, name)(texture=4.0)
    return scene, run(scene)[1]


def errors(scene: Scene, found: list[Detections], name: str, frames: np.ndarray) -> np.ndarray:
    """Distance of the nearest detection in each of these frames, px; infinite where there is none."""
    truth = scene.truth[name]
    return np.array([np.hypot(*(found[k].centroids - truth.positions[k]).T).min(initial=np.inf) for k in frames])


@pytest.mark.parametrize("name", ["falling_ball", "bouncing_ball", "thrown_small_ball", "ball_behind_occluder", "crossing_discs"])
def test_bodies_in_full_sight_to_a_tenth_of_a_pixel(name: str) -> None:
    scene, found = seen(name)
    for body, truth in scene.truth.items():
        frames = np.flatnonzero(truth.visible_fraction > 0.999)
        if len(scene.truth) > 1:
            gap = np.hypot(*np.subtract(*(t.positions for t in scene.truth.values())).T)
            frames = frames[gap[frames] > 2 * (truth.radius or 0) + 5]
        off = errors(scene, found, body, frames)
        assert np.median(off) < 0.1
        assert np.percentile(off, 95) < 0.2


@pytest.mark.parametrize("name", ["falling_ball", "bouncing_ball", "thrown_small_ball"])
def test_hardly_anything_else_is_seen(name: str) -> None:
    scene, found = seen(name)
    assert sum(len(frame) for frame in found) <= 1.1 * scene.frame_count
    (truth,) = scene.truth.values()
    assert all(len(found[k]) == 0 for k in np.flatnonzero(truth.visible_fraction == 0))


def test_fields_agree_with_each_other() -> None:
    scene, found = seen("two_pucks_collision")
    for frame in found:
        assert frame.boxes.shape == (len(frame), 4)
        for i in range(len(frame)):
            x0, y0, x1, y1 = frame.boxes[i]
            mask = frame.masks[i].full(scene.height, scene.width)
            ys, xs = np.nonzero(mask)
            assert (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == (x0, y0, x1, y1)
            assert x0 - 1 <= frame.centroids[i, 0] <= x1
            assert y0 - 1 <= frame.centroids[i, 1] <= y1
            assert np.linalg.eigvalsh(frame.covariances[i]).min() > 0
            assert 0 <= frame.scores[i] <= 1
            assert frame.phrases[i] == ""
    assert np.median(np.concatenate([frame.areas for frame in found])) == pytest.approx(np.pi * 16**2, rel=0.05)
    assert [frame.frame for frame in found] == list(range(scene.frame_count))
    np.testing.assert_allclose([frame.time_s for frame in found], scene.times)


def test_touching_pucks_are_two_detections() -> None:
    scene, found = seen("two_pucks_collision")
    red, blue = scene.truth.values()
    gap = np.hypot(*(red.positions - blue.positions).T) - 32
    touching = np.flatnonzero(gap < 2.5)
    assert len(touching) > 0
    for name in scene.truth:
        assert errors(scene, found, name, touching).max() < 2.0


def test_the_string_is_not_counted_to_the_bob() -> None:
    scene, found = seen("pendulum_with_string")
    assert np.median(errors(scene, found, "blue ball", np.arange(scene.frame_count))) < 0.3


def test_an_object_cut_by_the_edge_says_so() -> None:
    scene = scenes.falling_ball(gravity=900.0, texture=4.0)
    _, found = run(scene)
    (truth,) = scene.truth.values()
    away = truth.positions[:, 1] + 11 < 236
    cut = (truth.visible_fraction < 0.9) & (truth.visible_fraction > 0.2)
    assert cut.any()
    assert all(found[k].truncated.all() for k in np.flatnonzero(cut))
    assert not any(found[k].truncated.any() for k in np.flatnonzero(away))


@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_a_few_frames_on_plain_ground_show_what_is_still_too(count: int) -> None:
    scene = scenes.static_objects_on_plain(frame_count=count)
    detector, found = run(scene)
    assert detector.finds_still
    for name, truth in scene.truth.items():
        assert errors(scene, found, name, np.arange(count)).max() < 0.1
        k = int(np.hypot(*(found[0].centroids - truth.positions[0]).T).argmin())
        assert found[0].shapes[k] == truth.shape


def test_a_filmed_ground_does_not() -> None:
    detector, _ = run(scenes.falling_ball(texture=4.0, frame_count=12))
    assert not detector.finds_still


@pytest.mark.parametrize(("phrase", "expected"), [("green box", 1), ("red ball", 0)])
def test_still_things_are_found_when_they_are_asked_for(phrase: str, expected: int) -> None:
    options: dict[str, Any] = {"frame_count": 20, "texture": 1.5}
    scene = scenes.falling_ball(**options)
    box = scenes.resting_object(**options).bodies[0]
    scene.scenery.append(box)  # stays where it is at t = 0
    detector, found = run(scene, (phrase,))
    assert not detector.finds_still
    still = [sum(text == "still" for text in frame.phrases) for frame in found]
    assert max(still) <= expected
    assert np.mean(still) >= 0.9 * expected
    if expected:
        k = found[0].phrases.index("still")
        assert np.hypot(*(found[0].centroids[k] - box.path(np.zeros(1)).positions[0])) < 0.2


def test_equal_frames_show_nothing_that_moves() -> None:
    image = scenes.falling_ball(texture=4.0, frame_count=1).images()[0]
    video = open_video(np.stack([image] * 12), frame_interval=0.1)
    detector = ClassicalDetector()
    detector.prepare(video)
    assert sum(len(detector.detect(frame)) for frame in video) == 0


def ring(center: tuple[int, int]) -> np.ndarray:
    """A thin ring on even ground, which shows through it."""
    image = np.full((60, 120, 3), 180, np.uint8)
    cv2.circle(image, center, 9, (0, 0, 0))
    return image


def test_a_ring_through_which_the_ground_shows_is_followed_from_end_to_end() -> None:
    places = np.array([20, 30]) + np.arange(24)[:, None] * [2, 0]
    states = extract_states(np.stack([ring((int(x), int(y))) for x, y in places]), times=np.arange(24) / 30)
    c = states.columns
    assert c["frame"].tolist() == list(range(24))
    off = np.stack([c["x_px"], c["y_px"]], axis=1) - places
    assert np.abs(off).max() < 0.1
    assert np.abs(off).max() < 3 * c["sigma_x"].min()


@pytest.mark.parametrize(("height", "width"), [(2, 2), (2, 40), (40, 2)])
def test_a_picture_of_a_few_pixels_has_detections_in_it(height: int, width: int) -> None:
    images = np.full((20, height, width, 3), 180, np.uint8)
    for k, image in enumerate(images):
        image[k % height, k % width] = 10
    video = open_video(images, times=np.arange(20) / 30)
    detector = ClassicalDetector()
    detector.prepare(video)
    found = [detector.detect(frame) for frame in video]
    assert all(np.isfinite(one.centroids).all() and np.isfinite(one.covariances).all() for one in found)
    assert sum(map(len, found)) > 0


class Prepares(ClassicalDetector):
    """Looks at frames as `ClassicalDetector` does."""

    def prepare(self, video: Any, phrases: Any = ()) -> None:
        super().prepare(video, phrases)


class Detects(ClassicalDetector):
    """Notes who asks it, in a list that no two threads may append to in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, str]] = []

    def detect(self, frame: Frame) -> Detections:
        self.asked.append((frame.index, threading.current_thread().name))
        return super().detect(frame)


class Cuts(ClassicalDetector):
    """Has its own way in what runs within `detect`."""

    def _cut(self, *given: Any) -> Any:
        return super()._cut(*given)


class Promises(Detects):
    """Says so itself."""

    thread_safe = True


class Breaks(Promises):
    """What it inherits the promise from didn't know its code."""

    def detect(self, frame: Frame) -> Detections:
        return super().detect(frame)


class Look:
    """Found before the detector's own, as it is named first."""

    def detect(self, frame: Frame) -> Detections:
        return Detections(frame.index, frame.time_s)


class Mixed(Look, ClassicalDetector):
    """Detects in another class's way."""


@pytest.mark.parametrize(
    ("detector", "safe"),
    [
        (ClassicalDetector, True),
        (Prepares, True),
        (Detects, False),
        (type("Inherits", (Detects,), {}), False),
        (Cuts, False),
        (Mixed, False),
        (Promises, True),
        (type("Follows", (Promises,), {}), True),
        (Breaks, False),
    ],
)
def test_the_promise_to_stand_several_threads_is_not_inherited_by_other_code(detector: type[ClassicalDetector], safe: bool) -> None:
    assert detector.thread_safe is safe


def test_a_subclass_that_promises_nothing_is_asked_by_one_thread_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "cores", lambda: 4)
    scene, detector = scenes.falling_ball(frame_count=20), Detects()
    extract_states(scene.images(), times=scene.times, detector=detector)
    assert [index for index, _ in detector.asked] == list(range(20))
    assert len({thread for _, thread in detector.asked}) == 1
