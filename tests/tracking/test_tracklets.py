"""Short, safe pieces of track."""

import numpy as np
from drawn import BLUE, GREEN, RED, detections_of, hidden, line
from hypothesis import given, settings
from hypothesis import strategies as st

from kinescribe.tracking.follower import motion_intensity
from kinescribe.tracking.observations import Observations, flatten
from kinescribe.tracking.tracklets import track_frame_by_frame


def owners_of(seen: Observations, owners: list[list[int]], piece: np.ndarray) -> set[int]:
    return {owners[int(seen.frames[i])][int(seen.rows[i])] for i in piece}


def long_pieces(bodies: list[dict[str, object]], n: int, **options: object) -> list[set[int]]:
    found, owners = detections_of(bodies, n, **options)
    seen = flatten(found)
    return [owners_of(seen, owners, piece) for piece in track_frame_by_frame(seen) if len(piece) >= 0.9 * n]


def test_bodies_hold_one_piece_each() -> None:
    bodies = [
        {"positions": line((20, 40), (4, 1), 40), "radius": 9, "color": RED},
        {"positions": line((300, 60), (-5, 1), 40), "radius": 9, "color": BLUE},
        {"positions": line((150, 20), (0, 0), 40, (0, 0.2)), "radius": 6, "color": GREEN},
    ]
    assert sorted(long_pieces(bodies, 40), key=min) == [{0}, {1}, {2}]


def test_alike_bodies_that_cross_keep_their_direction() -> None:
    bodies = [
        {"positions": line((40, 100), (5, 0.2), 45), "radius": 8, "color": RED},
        {"positions": line((265, 112), (-5, -0.2), 45), "radius": 8, "color": RED},
    ]
    assert sorted(long_pieces(bodies, 45), key=min) == [{0}, {1}]


def test_a_frame_or_two_may_miss() -> None:
    path = hidden(hidden(line((20, 50), (5, 2), 40), 12, 14), 25, 26)
    found, _ = detections_of([{"positions": path, "radius": 8, "color": RED}], 40)
    assert [len(piece) for piece in track_frame_by_frame(flatten(found))] == [37]


def test_a_long_gap_is_left_to_the_linker() -> None:
    path = hidden(line((20, 50), (5, 2), 40), 12, 22)
    found, _ = detections_of([{"positions": path, "radius": 8, "color": RED}], 40)
    assert sorted(len(piece) for piece in track_frame_by_frame(flatten(found))) == [12, 18]


def test_only_what_is_allowed_takes_part() -> None:
    bodies = [
        {"positions": line((20, 40), (4, 1), 20), "radius": 9, "color": RED},
        {"positions": line((20, 140), (4, 1), 20), "radius": 9, "color": BLUE},
    ]
    found, owners = detections_of(bodies, 20)
    seen = flatten(found)
    flat = np.array([owner for frame in owners for owner in frame])
    pieces = track_frame_by_frame(seen, flat == 1)
    assert [owners_of(seen, owners, piece) for piece in pieces] == [{1}]


def test_a_speck_where_a_bounced_ball_would_have_been_is_not_the_ball() -> None:
    # 28 px a frame to the wall and back; a speck of another colour lies behind the wall from the bounce on
    path = np.column_stack([390 - 28 * np.abs(np.arange(40) - 19.8), np.full(40, 120.0)])
    speck = hidden(np.tile([402.0, 120.0], (40, 1)), 0, 21)
    bodies = [{"positions": path, "radius": 19, "color": BLUE}, {"positions": speck, "radius": 1.3, "color": (90.0, 3.0, -4.0)}]
    found, owners = detections_of(bodies, 40)
    seen = flatten(found)
    assert all(len(owners_of(seen, owners, piece)) == 1 for piece in track_frame_by_frame(seen))


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(0, 6), st.integers(1, 12))
def test_every_observation_is_in_one_piece_and_no_piece_holds_two_of_a_frame(seed: int, clutter: int, n: int) -> None:
    found, _ = detections_of([{"positions": line((20, 40), (4, 1), n), "radius": 9, "color": RED}], n, clutter=clutter, seed=seed)
    seen = flatten(found)
    pieces = track_frame_by_frame(seen)
    np.testing.assert_array_equal(np.sort(np.concatenate(pieces)), np.arange(len(seen)))
    for piece in pieces:
        assert (np.diff(seen.frames[piece]) > 0).all()


def test_uneven_time_stamps_are_followed() -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(0.5, 1.5, 40)) / 30
    path = np.array([20, 50]) + np.outer(times * 30, [6.0, 2.0])
    found, _ = detections_of([{"positions": path, "radius": 6, "color": RED}], 40)
    for frame, time in zip(found, times, strict=True):
        frame.time_s = float(time)
    assert [len(piece) for piece in track_frame_by_frame(flatten(found))] == [40]


def test_larger_and_faster_bodies_may_do_more() -> None:
    base = motion_intensity(np.array([5.0]), np.array([2.0]))
    assert motion_intensity(np.array([20.0]), np.array([2.0])) > base
    assert motion_intensity(np.array([5.0]), np.array([20.0])) > base


def test_no_frames_and_no_detections() -> None:
    assert track_frame_by_frame(flatten([])) == []
    assert track_frame_by_frame(flatten(detections_of([], 5)[0])) == []
