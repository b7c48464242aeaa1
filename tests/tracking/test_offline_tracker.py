"""The whole video is known before anything is decided: one id a body."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from drawn import BLUE, RED, detections_of, hidden, line

from kinescribe.evaluation import scenes
from kinescribe.evaluation.scenes import Scene
from kinescribe.perception.classical import ClassicalDetector
from kinescribe.tracking import OfflineTracker, Track
from kinescribe.video import open_video


@functools.cache
def tracked(name: str, alike: bool) -> tuple[Scene, list[Track]]:
    """The tracks of what the classical detector sees of a scene before a mottled ground."""
    options = {"alike": True} if alike else {}
    scene = getattr(scenes, name)(texture=4.0, **options)
    video = open_video(scene.images(), times=scene.times)
    detector = ClassicalDetector()
    detector.prepare(video)
    return scene, OfflineTracker().track([detector.detect(frame) for frame in video], (scene.width, scene.height))


def share_held(scene: Scene, tracks: list[Track], name: str, reach: float = 8.0) -> float:
    """The largest share of the frames with most of the body in sight that one track follows it in."""
    truth = scene.truth[name]
    frames = np.flatnonzero(truth.visible_fraction > 0.8)
    best = 0
    for track in tracks:
        common, i, _ = np.intersect1d(track.frames, frames, return_indices=True)
        best = max(best, int((np.hypot(*(track.positions[i] - truth.positions[common]).T) < reach).sum()))
    return best / len(frames)


@pytest.mark.parametrize(
    ("scene", "alike"),
    [
        ("falling_ball", False),
        ("bouncing_ball", False),
        ("thrown_small_ball", False),
        ("crossing_discs", False),
        ("two_pucks_collision", False),
        ("two_pucks_collision", True),
        ("ball_behind_occluder", False),
        ("pendulum_with_string", False),
    ],
)
def test_one_track_follows_each_body(scene: str, alike: bool) -> None:
    drawn, tracks = tracked(scene, alike)
    # while bodies touch they are one blob, which the second look takes apart
    least = 0.85 if len(drawn.truth) > 1 else 0.97
    for name in drawn.truth:
        assert share_held(drawn, tracks, name) >= least, name


@pytest.mark.parametrize("scene", ["crossing_discs", "two_pucks_collision"])
@pytest.mark.parametrize("alike", [False, True])
def test_no_track_changes_over_to_the_other(scene: str, alike: bool) -> None:
    drawn, tracks = tracked(scene, alike)
    for track in tracks:
        near = [np.hypot(*(track.positions - truth.positions[track.frames]).T) < 8 for truth in drawn.truth.values()]
        assert min(part.sum() for part in near) <= 6  # but for the frames in which both are one blob


def test_a_fast_small_ball_at_15_frames_a_second_is_one_track() -> None:
    drawn, tracks = tracked("thrown_small_ball", False)
    (truth,) = drawn.truth.values()
    assert len(tracks) == 1
    assert len(tracks[0]) >= (truth.visible_fraction > 0.8).sum()


def test_fields_follow_the_detections() -> None:
    bodies = [
        {"positions": hidden(line((20, 40), (4, 1), 30), 10, 14), "radius": 9, "color": RED},
        {"positions": line((300, 160), (-4, 1), 30), "radius": 6, "color": BLUE},
    ]
    found, _ = detections_of(bodies, 30)
    first, second = OfflineTracker().track(found, (320, 240))
    tracks = sorted((first, second), key=lambda track: track.radius)
    assert [track.track_id for track in (first, second)] == [1, 2]
    small, large = tracks
    assert len(large) == 26
    assert set(large.gaps) == {10, 11, 12, 13}
    np.testing.assert_allclose(small.positions, bodies[1]["positions"], atol=0.3)
    np.testing.assert_allclose(np.median(large.colors, axis=0), RED)
    np.testing.assert_allclose(large.areas, np.pi * 81)
    np.testing.assert_allclose(large.times, large.frames / 30)
    for frame, mask in zip(small.frames, small.masks, strict=True):
        ys, xs = np.nonzero(mask.full(300, 400))
        assert np.hypot(*(np.array([xs.mean(), ys.mean()]) - small.positions[frame])) < 1


def test_a_glimpse_is_no_track() -> None:
    path = np.full((30, 2), np.nan)
    path[10:12] = [[50, 50], [52, 50]]
    found, _ = detections_of([{"positions": path, "radius": 6, "color": RED}], 30)
    assert OfflineTracker().track(found, (320, 240)) == []


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_few_frames_are_enough(count: int) -> None:
    found, _ = detections_of([{"positions": line((50, 50), (5, 0), count), "radius": 8, "color": RED}], count)
    (track,) = OfflineTracker().track(found, (320, 240))
    assert len(track) == count


def test_no_frames_and_no_detections() -> None:
    assert OfflineTracker().track([], (320, 240)) == []
    assert OfflineTracker().track(detections_of([], 4)[0], (320, 240)) == []
