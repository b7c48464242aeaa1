import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.errors import UsageError
from kinescribe.evaluation import contact_step, line_velocity, per_frame_velocity_error, scored_frames, velocity_error

TIMES = np.arange(32) * 0.1
SOME = st.floats(-5, 5)


def uniform(vx, vy=0.0, x=1.5, y=5.0):
    return np.stack([x + vx * TIMES, y + vy * TIMES], axis=1)


def collision():
    """Equal balls that swap velocities between frames 15 and 16."""
    before = np.arange(32) <= 15
    one = np.where(before, 2.0 + TIMES, 3.5 + -1.0 * (TIMES - 1.5))
    two = np.where(before, 7.0 - TIMES, 5.5 + 1.0 * (TIMES - 1.5))
    return np.stack([np.stack([one, np.full(32, 5.0)], 1), np.stack([two, np.full(32, 5.0)], 1)], axis=1)


def test_scored_frames_start_at_three_and_end_where_the_ball_leaves():
    scored = scored_frames(uniform(4.0), 1.0)
    inside = [i for i in range(32) if i >= 3 and 1.5 + 0.4 * i + 1.0 <= 10.0]
    assert np.flatnonzero(scored).tolist() == inside


def test_a_ball_that_falls_out_is_not_scored():
    assert np.flatnonzero(scored_frames(uniform(0.0, vy=-4.0), 0.95)).max() == 10


def test_a_collision_is_scored_by_the_outer_edges():
    positions = collision()
    positions[30:, 0, 0] = 0.4
    positions[29:, 1, 0] = 9.6
    assert np.flatnonzero(scored_frames(positions, [0.5, 0.4])).tolist() == list(range(3, 30))
    assert np.flatnonzero(scored_frames(positions, [0.3, 0.5])).tolist() == list(range(3, 29))


@given(SOME, SOME, SOME, SOME)
def test_errors_of_straight_lines_are_the_differences_of_their_slopes(vx, vy, wx, wy):
    true, predicted, scored = uniform(vx, vy), uniform(wx, wy), np.arange(32) >= 3
    assert velocity_error(predicted, true, scored) == pytest.approx(abs(wx - vx), abs=1e-9)
    assert per_frame_velocity_error(predicted, true, scored) == pytest.approx((abs(wx - vx) + abs(wy - vy)) / 2, abs=1e-9)


def test_mean_velocities_cancel_what_frames_do_not():
    true, scored = uniform(1.0), np.arange(32) >= 3
    shaken = true + np.where(np.arange(32) % 2 == 0, 0.1, 0.0)[:, None] * [1.0, 0.0]
    assert velocity_error(shaken, true, scored) == pytest.approx(0.0, abs=0.05)
    assert per_frame_velocity_error(shaken, true, scored) == pytest.approx(0.5)


def test_velocities_across_an_unscored_gap_do_not_count():
    true = uniform(1.0)
    predicted = true.copy()
    predicted[10:] += 7.0  # only the step from 9 to 10 is wrong
    scored = np.arange(32) >= 3
    assert velocity_error(predicted, true, scored) > 1.0
    scored[10] = False
    assert velocity_error(predicted, true, scored) == pytest.approx(0.0, abs=1e-12)


def test_collisions_count_after_the_contact_as_mean_of_both_balls():
    true = collision()
    assert contact_step(true) == 15
    predicted = true.copy()
    predicted[:15] += 3.0  # wrong before the contact: not scored
    predicted[15:, 1, 0] += 0.4 * (TIMES[15:] - 1.5)
    scored = scored_frames(true, [0.5, 0.5])
    assert velocity_error(predicted, true, scored, after_contact=True) == pytest.approx(0.2)
    assert velocity_error(predicted, true, scored) > 0.3


def test_without_a_contact_all_velocities_count():
    assert contact_step(uniform(2.0)) == 0


def test_nothing_scored_gives_nan():
    assert np.isnan(velocity_error(uniform(1.0), uniform(1.0), np.zeros(32, bool)))


def test_refuses_shapes_that_do_not_match_and_holes():
    scored = np.arange(32) >= 3
    with pytest.raises(UsageError, match="don't belong together"):
        velocity_error(uniform(1.0)[:20], uniform(1.0), scored)
    with pytest.raises(UsageError, match="have shape"):
        scored_frames(np.zeros((32, 3, 2)), 1.0)
    holed = uniform(1.0)
    holed[20] = np.nan
    with pytest.raises(UsageError, match="no position in a scored frame"):
        velocity_error(holed, uniform(1.0), scored)


@given(SOME, SOME, st.integers(2, 6))
def test_line_velocity_is_exact_on_lines(v, x, count):
    times = np.cumsum(np.linspace(0.1, 0.3, count))
    assert line_velocity(times, x + v * times) == pytest.approx(v, abs=1e-9)


def test_line_velocity_needs_two_positions():
    with pytest.raises(UsageError, match="needs two positions, not 1"):
        line_velocity([0.0], [[1.0, 2.0]])
