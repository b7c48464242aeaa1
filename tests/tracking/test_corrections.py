"""Tracks mended once it is known what they are of."""

import numpy as np
import pytest
from drawn import detections_of, line, track_of

from kinescribe.tracking.by_id import tracks_by_id
from kinescribe.tracking.corrections import merge_tracks, split_track, without_frames

N = 30
RED, BLUE = (50.0, 65.0, 45.0), (40.0, 10.0, -50.0)


def test_merged_tracks_have_all_sightings_and_the_first_ones_where_both_have_one():
    path = line((40, 60), (4, 1), N)
    first, second = track_of(1, path[:12], 10.0), track_of(2, np.add(path[8:20], (0, 50)), 6.0, frames=range(8, 20))
    both = merge_tracks(first, second)
    assert both.track_id == 1
    assert both.frames.tolist() == list(range(20))
    np.testing.assert_array_equal(both.positions[:12], first.positions)
    np.testing.assert_array_equal(both.positions[12:], second.positions[4:])
    assert len(both.masks) == len(both.phrases) == len(both.shapes) == 20


def test_merging_names_the_gap_between():
    path = line((40, 60), (4, 1), N)
    both = merge_tracks(track_of(1, path[:10], 10.0), track_of(2, path[15:20], 10.0, frames=range(15, 20)))
    assert sorted(both.gaps) == [10, 11, 12, 13, 14]


def test_parts_hold_everything_once_and_in_order():
    track = track_of(1, line((40, 60), (4, 1), N), 10.0)
    parts = split_track(track, [20, 8])
    assert [part.frames.tolist() for part in parts] == [list(range(8)), list(range(8, 20)), list(range(20, N))]
    np.testing.assert_array_equal(np.concatenate([part.positions for part in parts]), track.positions)
    assert [len(part.masks) for part in parts] == [8, 12, 10]


@pytest.mark.parametrize("frame", [0, N, 1000])
def test_a_split_outside_of_the_track_parts_nothing(frame: int):
    (part,) = split_track(track_of(1, line((40, 60), (4, 1), N), 10.0), [frame])
    assert part.frames.tolist() == list(range(N))


def test_frames_can_be_taken_back():
    track = track_of(1, line((40, 60), (4, 1), N), 10.0)
    part = without_frames(track, 10, 14)
    assert part.frames.tolist() == [*range(10), *range(15, N)]
    assert sorted(part.gaps) == [10, 11, 12, 13, 14]
    assert len(part.masks) == N - 5
    assert without_frames(track, N, N + 5) is track
    assert without_frames(track, 0, N) is None


def test_tracks_by_id_follow_the_ids():
    bodies = [
        {"positions": line((30, 40), (5, 1), N), "radius": 8.0, "color": RED},
        {"positions": line((250, 90), (-5, 1), N), "radius": 8.0, "color": BLUE},
    ]
    bodies[1]["positions"][:4] = np.nan
    detections, owners = detections_of(bodies, N, noise=0.0)
    tracks = tracks_by_id(detections, [np.array(owner, np.int64) + 7 for owner in owners])
    assert [(track.track_id, int(track.frames[0]), len(track)) for track in tracks] == [(7, 0, N), (8, 4, N - 4)]
    for track, body in zip(tracks, bodies, strict=True):
        np.testing.assert_allclose(track.positions, body["positions"][track.frames], atol=1e-9)


def test_short_tracks_can_be_left_out_and_ids_must_be_single():
    bodies = [{"positions": line((30, 40), (5, 1), N), "radius": 8.0, "color": RED}]
    bodies[0]["positions"][3:] = np.nan
    detections, owners = detections_of(bodies, N)
    ids = [np.array(owner, np.int64) for owner in owners]
    assert tracks_by_id(detections, ids, least=4) == []
    assert len(tracks_by_id(detections, ids, least=3)) == 1
    twice = [detections[0].joined(detections[0]), *detections[1:]]
    with pytest.raises(ValueError, match="one of its own"):
        tracks_by_id(twice, [np.array([1, 1]), *ids[1:]])


def test_a_video_without_detections_has_no_tracks():
    detections, owners = detections_of([], 5)
    assert tracks_by_id(detections, [np.array(owner, np.int64) for owner in owners]) == []
