"""One track a body: pieces of it are joined, bodies of their own are not."""

import numpy as np
from drawn import line, track_of

from kinescribe.tracking.pieces import join_pieces

N = 50


def noisy(path: np.ndarray, sigma: float = 0.1) -> np.ndarray:
    return path + np.random.default_rng(1).normal(0, sigma, path.shape)


BALL = track_of(1, noisy(line((40, 60), (4, 1), N)), 10.0)


def test_a_piece_that_lies_on_a_body_becomes_part_of_it() -> None:
    piece = track_of(2, np.add(BALL.positions, (3, 2)), 4.0)
    (body,) = join_pieces([piece, BALL])
    assert body.track_id == 1
    np.testing.assert_array_equal(body.positions, BALL.positions)


def test_pieces_that_move_rigidly_and_touch_are_one_body() -> None:
    path = line((40, 60), (4, 1), N)
    bodies = join_pieces([track_of(1, noisy(path), 10.0), track_of(2, noisy(np.add(path, (16, 0))), 5.0)])
    assert [body.track_id for body in bodies] == [1]


def test_two_bodies_side_by_side_at_different_speeds_stay_two() -> None:
    other = track_of(2, noisy(line((44, 82), (4.3, 1), N)), 10.0)
    assert sorted(body.track_id for body in join_pieces([BALL, other])) == [1, 2]


def test_two_bodies_that_meet_and_stay_together_are_two() -> None:
    # for most of the time they are as far from each other as parts of one body, side by side, and both have come from afar
    left, right = line((10, 60), (4, 0), N), line((134, 60), (-2, 0), N)
    left[18:], right[18:] = (82, 60), (98, 60)
    bodies = join_pieces([track_of(1, noisy(left), 8.0), track_of(2, noisy(right), 8.0)])
    assert sorted(body.track_id for body in bodies) == [1, 2]


def test_two_bodies_that_cross_stay_two() -> None:
    other = track_of(2, noisy(line((236, 109), (-4, -1), N)), 10.0)
    assert sorted(body.track_id for body in join_pieces([BALL, other])) == [1, 2]


def test_the_same_thing_again_lengthens_the_track() -> None:
    path = line((40, 60), (4, 1), N)
    first = track_of(1, noisy(path[:35]), 10.0)
    again = track_of(2, np.add(noisy(path[20:]), (0.5, 0.0)), 9.5, frames=range(20, N))
    (body,) = join_pieces([first, again])
    assert body.frames.tolist() == list(range(N))
    assert np.hypot(*(body.positions - path).T).max() < 1.0
    assert len(body.masks) == len(body.shapes) == len(body.scores) == N


def test_join_pieces_of_nothing() -> None:
    assert join_pieces([]) == []
    assert [body.track_id for body in join_pieces([BALL])] == [1]
