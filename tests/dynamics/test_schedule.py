"""The instants that a simulation passes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.dynamics import Inputs, Schedule


@given(st.lists(st.floats(0.01, 2.0), min_size=1, max_size=8), st.integers(1, 4), st.lists(st.floats(-1.0, 12.0), max_size=5))
def test_frames_stay_where_they_are_whatever_lies_between(gaps, substeps, changes):
    times = np.cumsum(gaps)
    moments = np.unique([0.0, *changes])
    made = Schedule.of([times], [Inputs.of(moments, force=np.arange(len(moments)))], names=["force"], substeps=substeps)
    np.testing.assert_array_equal(made.frame_times[0], times)
    assert (np.diff(made.instants) > 0).all()
    held = made.inputs["force"][0]
    middles = (made.instants[0, 1:] + made.instants[0, :-1]) / 2
    inside = (np.abs(middles[:, None] - moments) > 1e-6).all(axis=1)
    expected = np.searchsorted(moments, middles[inside], side="right") - 1
    np.testing.assert_array_equal(held[: len(middles)][inside], np.maximum(expected, 0))


def test_clips_of_unequal_length_are_filled_with_their_last_instant():
    made = Schedule.of([np.array([0.0, 0.1, 0.5]), np.array([1.0])], substeps=2)
    np.testing.assert_allclose(made.instants, [[0, 0.05, 0.1, 0.3, 0.5], [1, 1, 1, 1, 1]])
    np.testing.assert_array_equal(made.frame_times[1], [1, 1, 1])
    np.testing.assert_array_equal(made.take(np.array([1, 1])).instants, np.ones((2, 5)))


def test_an_input_that_changes_on_a_frame_adds_no_instant():
    made = Schedule.of([np.array([0.0, 0.1, 0.2])], [Inputs.of([0.0, 0.1 + 1e-12], force=[1, 2])], names=["force"])
    np.testing.assert_array_equal(made.instants, [[0.0, 0.1, 0.2]])
    np.testing.assert_array_equal(made.inputs["force"][0, :2], [1, 2])


def test_fixed_steps_run_from_the_first_frame_and_frames_may_fall_between():
    times = np.array([2.0, 2.1, 2.25, 2.3000000001])
    made = Schedule.of([times], time_step=0.1)
    np.testing.assert_allclose(made.instants, [[2.0, 2.1, 2.2, 2.3]])
    np.testing.assert_array_equal(made.frames, [[0, 1, 2, 3]])
    np.testing.assert_allclose(made.rests, [[0, 0, 0.05, 0]], atol=1e-12)
    np.testing.assert_allclose(made.frame_times, [times])


def test_frames_closer_than_a_step_share_it():
    made = Schedule.of([np.array([0.0, 0.04, 0.08, 0.12])], time_step=0.1)
    np.testing.assert_array_equal(made.frames, [[0, 0, 0, 1]])
    assert made.rests[0] == pytest.approx([0, 0.04, 0.08, 0.02])


def test_the_first_frames_alone_are_those_of_the_whole():
    times, inputs = np.array([0.0, 0.1, 0.3, 0.4, 0.8]), Inputs.of([0.0, 0.25], push=[1.0, 2.0])
    whole = Schedule.of([times, times + 1.0], [inputs] * 2, names=["push"], substeps=3)
    part = whole.until(3)
    np.testing.assert_array_equal(part.frame_times, whole.frame_times[:, :3])
    count = part.instants.shape[1]
    assert part.instants[0, -1] == 0.3
    np.testing.assert_array_equal(part.instants, whole.instants[:, :count])
    np.testing.assert_array_equal(part.inputs["push"], whole.inputs["push"][:, :count])
    assert whole.until(None) is whole
    assert whole.until(9) is whole
