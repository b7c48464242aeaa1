"""Ids given frame by frame, with the past alone."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from drawn import BLUE, RED, detections_of, hidden, line

from kinescribe.errors import UsageError
from kinescribe.perception.detections import Detections
from kinescribe.tracking import OnlineTracker, Tracker, detections_from_boxes


def ids_by_body(bodies: list[dict[str, object]], n: int, tracker: OnlineTracker | None = None, **options: object) -> dict[int, list[int]]:
    """The ids that each body (−1: clutter) had, frame after frame."""
    found, owners = detections_of(bodies, n, **options)
    tracker = tracker or OnlineTracker()
    out: dict[int, list[int]] = {k: [] for k in range(-1, len(bodies))}
    for detections, whose in zip(found, owners, strict=True):
        ids = tracker.update(detections)
        assert ids.shape == (len(detections),)
        given = ids[ids > 0].tolist()
        assert len(set(given)) == len(given)
        for owner, one in zip(whose, ids.tolist(), strict=True):
            out[owner].append(one)
    return out


@pytest.mark.parametrize("offset", [0.0, 3.0, 9.0])
@pytest.mark.parametrize("merged", [0, 4])
def test_alike_discs_that_cross_keep_their_ids(offset: float, merged: int) -> None:
    # the one behind is unseen while they overlap
    first, second = line((40, 100), (5, 0.3), 45), line((265, 100 + offset), (-5, 0.3), 45)
    bodies = [
        {"positions": first, "radius": 8, "color": RED},
        {"positions": hidden(second, 22 - merged // 2, 22 + merged // 2 + 1), "radius": 8, "color": RED},
    ]
    ids = ids_by_body(bodies, 45, noise=0.3)
    assert [set(ids[0]), set(ids[1])] in ([{1}, {2}], [{2}, {1}])


def test_discs_that_are_one_blob_for_a_while_keep_their_ids() -> None:
    # for five frames one sighting of twice the area lies between them, and looks like the one or the other
    first, second = line((40, 100), (4, 0.3), 50), line((236, 106), (-4, -0.3), 50)
    rng = np.random.default_rng(0)
    tracker, owners = OnlineTracker(), []
    for k in range(50):
        merged = abs(k - 24.5) < 3
        places = np.array([0.5 * (first[k] + second[k])] if merged else [first[k], second[k]]) + rng.normal(0, 0.1, (2 - merged, 2))
        radius = 12 * np.sqrt(2) if merged else 12
        ids = tracker.update(detections_from_boxes(k, k / 30, np.column_stack([places - radius, places + radius])))
        if not merged:
            owners.append(ids.tolist())
    assert owners[0] == [1, 2]
    assert all(ids == [1, 2] for ids in owners[:22])
    assert all(ids == [1, 2] for ids in owners[-20:])


def test_what_is_there_at_first_has_an_id_at_once_and_what_comes_later_with_its_second_sighting() -> None:
    path = hidden(line((300, 150), (-3, 0), 20), 0, 8)
    ids = ids_by_body(
        [{"positions": line((20, 40), (4, 1), 20), "radius": 9, "color": RED}, {"positions": path, "radius": 7, "color": BLUE}], 20
    )
    assert ids[0] == [1] * 20
    assert ids[1] == [-1] + [2] * 11


def test_single_false_alarms_have_no_id() -> None:
    tracker = OnlineTracker(least_observations=3)
    rng = np.random.default_rng(0)
    given = []
    for k in range(40):
        boxes = [[4 * k, 50, 4 * k + 30, 90]]
        if k % 7 == 3:
            x, y = rng.uniform(0, 3000, 2)
            boxes.append([x, y + 500, x + 25, y + 540])
        given.append(tracker.update(detections_from_boxes(k, k / 25, boxes)))
    assert [ids[0] for ids in given] == [1] * 40
    assert {int(i) for ids in given for i in ids[1:]} == {-1}


@pytest.mark.parametrize("gap", [5, 15, 30])
def test_an_id_outlives_an_occlusion(gap: int) -> None:
    path = hidden(line((20, 100), (3, 0.5), 90), 40, 40 + gap)
    ids = ids_by_body([{"positions": path, "radius": 9, "color": RED}], 90)
    assert set(ids[0]) <= {1, -1}
    assert ids[0].count(-1) <= 1


def test_what_was_away_for_too_long_is_something_new() -> None:
    path = hidden(line((20, 100), (3, 0), 90), 40, 60)
    ids = ids_by_body([{"positions": path, "radius": 9, "color": RED}], 90, OnlineTracker(longest_gap=12))
    assert set(ids[0]) == {1, -1, 2}


def test_a_ball_that_bounces_is_followed() -> None:
    y = 200 - np.abs(((np.arange(80) * 7) % 240) - 120)
    ids = ids_by_body([{"positions": np.column_stack([20 + 2 * np.arange(80), y]), "radius": 10, "color": RED}], 80)
    assert set(ids[0]) <= {1, -1}
    assert ids[0].count(-1) <= 4  # one a bounce at most


def test_what_comes_where_another_left_has_an_id_of_its_own() -> None:
    bodies = [
        {"positions": hidden(line((20, 40), (4, 0), 60), 25, 60), "radius": 9, "color": RED},
        {"positions": hidden(line((250, 220), (-4, 0), 60), 0, 35), "radius": 9, "color": BLUE},
    ]
    ids = ids_by_body(bodies, 60)
    assert set(ids[0]) == {1}
    assert set(ids[1]) == {-1, 2}


def test_uneven_times_and_frames_without_detections() -> None:
    tracker = OnlineTracker()
    rng = np.random.default_rng(1)
    time, ids = 0.0, []
    for k in range(40):
        time += rng.uniform(0.5, 1.5) / 30
        if k in (10, 11, 12):
            assert tracker.update(Detections(k, time)).shape == (0,)
            continue
        x = 20 + 150 * time
        ids += tracker.update(detections_from_boxes(k, time, [[x, 40, x + 20, 60]])).tolist()
    assert set(ids) == {1}


def test_a_thousand_with_missed_ones_keep_their_ids() -> None:
    rng = np.random.default_rng(0)
    centre, velocity = rng.uniform(0, 1900, (1000, 2)), rng.normal(0, 3, (1000, 2))
    tracker, last, changes = OnlineTracker(), np.full(1000, -1), 0
    for k in range(15):
        velocity += rng.normal(0, 0.3, (1000, 2))
        centre += velocity
        seen = rng.permutation(1000)[rng.random(1000) > 0.05]
        ids = tracker.update(detections_from_boxes(k, k / 30, np.column_stack([centre[seen] - 12, centre[seen] + 12])))
        known = (last[seen] > 0) & (ids > 0)
        changes += int((ids[known] != last[seen][known]).sum())
        last[seen] = np.where(ids > 0, ids, last[seen])
    assert changes <= 40  # of 14,000; some start within a step of another
    assert (last > 0).all()


def test_memory_of_ten_thousand_is_no_square() -> None:
    rng = np.random.default_rng(0)
    centre = rng.uniform(0, 6000, (10_000, 2))
    tracker = OnlineTracker()
    frames = [detections_from_boxes(k, k / 30, np.column_stack([centre + k - 12, centre + k + 12])) for k in range(3)]
    tracemalloc.start()
    for frame in frames:
        ids = tracker.update(frame)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(set(ids.tolist())) == 10_000
    assert peak < 100e6  # one matrix of all with all, of a byte each


def test_it_stands_in_for_a_tracker_of_whole_videos() -> None:
    bodies = [
        {"positions": hidden(line((20, 40), (4, 1), 30), 12, 18), "radius": 9, "color": RED},
        {"positions": hidden(line((300, 160), (-4, 1), 30), 0, 5), "radius": 6, "color": BLUE},
        {"positions": hidden(np.full((30, 2), 280.0), 2, 30), "radius": 6, "color": RED},
    ]
    found, _ = detections_of(bodies, 30)
    tracker = OnlineTracker()
    for _ in range(2):  # nothing is left over from the first time
        first, second = tracker.track(found, (320, 240))
        assert [first.track_id, second.track_id] == [1, 2]
        assert first.frames[[0, -1]].tolist() == [0, 29]
        assert set(first.gaps) >= {12, 13, 14, 15, 16, 17}
        np.testing.assert_allclose(second.positions[-1], [184, 189], atol=0.5)
    assert tracker.track([], (320, 240)) == []
    assert isinstance(tracker, Tracker)


def test_frames_in_another_order_are_refused() -> None:
    tracker = OnlineTracker()
    tracker.update(Detections(0, 1.0))
    with pytest.raises(UsageError, match=r"frame 1 is of 0\.5 s, the one before of 1 s"):
        tracker.update(Detections(1, 0.5))


@pytest.mark.parametrize("options", [{"least_observations": 0}, {"longest_gap": -1.0}, {"frame_interval": 0.0}])
def test_nonsense_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        OnlineTracker(**options)  # type: ignore[arg-type]
