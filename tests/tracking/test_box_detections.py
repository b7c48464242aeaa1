"""Detections that are boxes alone."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.errors import UsageError
from kinescribe.perception.detections import Detections
from kinescribe.tracking import OfflineTracker, SteadyTracker, detections_from_boxes


def test_middle_size_and_score_are_the_boxes() -> None:
    found = detections_from_boxes(3, 0.1, [[10, 20, 30, 80], [0, 0, 50, 4]], [0.9, 0.6])
    assert (found.frame, found.time_s, len(found)) == (3, 0.1, 2)
    assert found.centroids.tolist() == [[20, 50], [25, 2]]
    assert found.areas.tolist() == [1200, 200]
    assert found.sizes.tolist() == [[60, 20], [50, 4]]
    assert found.scores.tolist() == [0.9, 0.6]
    assert (found.covariances[0] == np.diag([1.0, 9.0])).all()  # 5 % of the sides
    assert len(found.take([1]).joined(found)) == 3


@pytest.mark.parametrize("boxes", [[], np.zeros((0, 4))])
def test_no_boxes(boxes: object) -> None:
    assert len(detections_from_boxes(0, 0.0, boxes)) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("box", [[10, 20, 10, 80], [10, 20, 30, 19], [10, float("nan"), 30, 40], [0, 0, float("inf"), 4]])
def test_what_is_no_box_is_refused(box: list[float]) -> None:
    with pytest.raises(UsageError, match=r"frame 7: box \["):
        detections_from_boxes(7, 0.0, [[0, 0, 5, 5], box])


@pytest.mark.parametrize("boxes", [[1, 2, 3, 4], [[1, 2, 3]], np.zeros((2, 5))])
def test_boxes_have_four_corners_each(boxes: object) -> None:
    with pytest.raises(UsageError, match=r"boxes of shape .* have \(N, 4\)"):
        detections_from_boxes(0, 0.0, boxes)  # type: ignore[arg-type]


def test_scores_and_boxes_belong_together() -> None:
    with pytest.raises(UsageError, match="1 scores for 2 boxes"):
        detections_from_boxes(0, 0.0, [[0, 0, 5, 5], [9, 9, 12, 12]], [0.5])


def walkers(frames: int = 60) -> tuple[list[Detections], np.ndarray]:
    """Boxes of two alike that pass each other, the one behind unseen for six frames; and the middles, (frames, 2, 2)."""
    rng = np.random.default_rng(0)
    t = np.arange(frames)
    middles = np.stack([np.column_stack([100 + 4 * t, 200 + 0 * t]), np.column_stack([340 - 4 * t, 206 + 0 * t])], axis=1)
    found = []
    for k in range(frames):
        seen = middles[k] if abs(k - 30) > 3 else middles[k, :1]
        boxes = np.tile(seen, 2) + np.array([-20, -50, 20, 50]) + rng.normal(0, 1.0, (len(seen), 4))
        found.append(detections_from_boxes(k, k / 25, boxes))
    return found, middles


@pytest.mark.parametrize("tracker", [OfflineTracker(motion="steady"), SteadyTracker()])
def test_steady_things_that_pass_each_other_are_one_track_each(tracker: OfflineTracker) -> None:
    found, middles = walkers()
    tracks = tracker.track(found, (480, 400))
    assert len(tracks) == 2
    for track in tracks:
        away = np.hypot(*(track.positions[:, None] - middles[track.frames]).transpose(2, 0, 1))
        assert away.max(0).min() < 5
        assert len(track) >= 53


def test_an_unknown_motion_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown motion 'wild'; available: free, steady"):
        OfflineTracker(motion="wild")
