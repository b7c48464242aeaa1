"""No track for what isn't a moving body."""

import numpy as np
from drawn import line, track_of

from kinescribe.tracking.selection import leave_out, worth_a_second_look
from kinescribe.tracking.tracks import Track

SIZE = (320, 240)
N = 50
RNG = np.random.default_rng(0)


def noisy(path: np.ndarray, sigma: float = 0.1) -> np.ndarray:
    return path + np.random.default_rng(1).normal(0, sigma, path.shape)


BALL = track_of(1, noisy(line((40, 60), (4, 1), N)), 10.0)


def kept(*tracks: Track, confirmed: set[int] | None = None, asked_for: bool = False) -> list[int]:
    ids = {track.track_id for track in tracks} if confirmed is None else confirmed
    return [track.track_id for track in leave_out(list(tracks), ids, SIZE, N, asked_for=asked_for)[0]]


def test_a_moving_body_is_kept() -> None:
    assert kept(BALL) == [1]


def test_what_does_not_move_is_left_out() -> None:
    still = track_of(2, noisy(np.full((N, 2), 100.0), 0.2), 10.0)
    assert kept(BALL, still) == [1]
    _, left = leave_out([BALL, still], {1, 2}, SIZE, N)
    assert left.still == 1


def test_a_still_thing_that_was_asked_for_is_kept() -> None:
    still = track_of(2, noisy(np.full((N, 2), 100.0), 0.02), 10.0, phrases=["still"] * N)
    assert kept(BALL, still, asked_for=True) == [1, 2]


def test_what_the_edge_cuts_off_all_the_time_is_left_out() -> None:
    arm = track_of(2, noisy(line((10, 100), (0, 1), N)), 30.0)
    assert kept(BALL, arm) == [1]
    passing = track_of(3, noisy(line((-2, 100), (4, 0), N)), 10.0)  # comes in from the edge
    assert kept(BALL, passing) == [1, 3]


def test_what_jumps_about_is_left_out() -> None:
    jumping = track_of(2, RNG.uniform(50, 150, (N, 2)), 8.0)
    assert kept(BALL, jumping) == [1]
    sparse = track_of(3, line((40, 200), (4, 0), N)[::5], 8.0, frames=range(0, N, 5))
    assert kept(BALL, sparse) == [1]


def test_what_is_next_to_nothing_beside_the_rest_is_left_out_unless_asked_for() -> None:
    faint = track_of(2, noisy(line((40, 200), (0.4, 0), N), 0.05), 2.0, contrast=1.0)
    assert kept(BALL, faint) == [1]
    assert kept(BALL, faint, asked_for=True) == [1, 2]


def test_alone_a_faint_body_counts() -> None:
    faint = track_of(2, noisy(line((40, 200), (3, 0), N), 0.05), 4.0, contrast=6.0)
    assert kept(faint) == [2]


def test_all_is_accounted_for() -> None:
    tracks = [BALL, track_of(2, noisy(np.full((N, 2), 100.0)), 10.0), track_of(3, RNG.uniform(50, 150, (N, 2)), 8.0)]
    remaining, left = leave_out(tracks, {1, 2, 3}, SIZE, N)
    assert len(remaining) + sum(left.counts().values()) == 3


def test_what_the_edge_cuts_off_is_handed_back() -> None:
    arm = track_of(2, noisy(line((10, 100), (0, 1), N)), 30.0)
    still = track_of(3, noisy(np.full((N, 2), 100.0)), 10.0)
    _, left = leave_out([BALL, arm, still], {1, 2, 3}, SIZE, N)
    assert [track.track_id for track in left.cut] == [2]
    assert left.counts() == {"still": 1, "cut_off": 1, "erratic": 0, "faint": 0}


def test_flickers_are_not_worth_a_second_look() -> None:
    flicker = track_of(2, line((40, 200), (0.3, 0), 4), 1.5, contrast=7.0, frames=[0, 15, 30, 45])
    assert [track.track_id for track in worth_a_second_look([BALL, flicker], N)] == [1]
    assert worth_a_second_look([], N) == []


def test_what_rests_is_worth_a_second_look_where_such_things_are_found() -> None:
    fast = track_of(1, line((40, 60), (40, 0), 3), 20.0)
    slow = track_of(2, line((160, 60), (-0.14, 0), 3), 20.0)
    assert [track.track_id for track in worth_a_second_look([fast, slow], 3)] == [1]
    assert [track.track_id for track in worth_a_second_look([fast, slow], 3, resting=True)] == [1, 2]
    speck = track_of(3, line((250, 10), (0, 0), 3), 0.5, contrast=0.5)
    assert [track.track_id for track in worth_a_second_look([fast, speck], 3, resting=True)] == [1]
