from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.errors import InputError, UsageError
from kinescribe.video import time_stats
from kinescribe.video.timing import StampRepair, checked_times

finite = st.floats(-1e6, 1e6)


def repaired(stamps, nominal=0.04):
    repair = StampRepair("v", nominal)
    out = list(repair.run(enumerate(stamps)))
    assert [k for k, _ in out] == list(range(len(stamps)))
    return [t for _, t in out], repair.warnings


@given(st.sets(finite, max_size=60))
def test_stamps_that_increase_are_untouched(stamps):
    ordered = sorted(stamps)
    assert repaired(ordered) == (ordered, [])


@given(st.lists(st.one_of(st.none(), finite, st.integers(0, 5).map(float)), max_size=80))
def test_times_always_increase_and_none_is_lost(stamps):
    times, warnings = repaired(stamps)
    assert np.all(np.diff(times) > 0)
    known = [s for s in stamps if s is not None]
    if len(known) < len(stamps) or any(b <= a for a, b in pairwise(known)):
        assert warnings


def test_a_stamp_that_repeats_goes_between_its_neighbours():
    times, warnings = repaired([0, 1, 1, 2, 3])
    assert times == [0, 1, 1.5, 2, 3]
    assert warnings == ["'v': time stamp repeats or goes back on frame 2; derived from the frames around"]


def test_missing_stamps_are_interpolated_and_named():
    times, warnings = repaired([0, 1, None, None, 4, 5])
    assert times == [0, 1, 2, 3, 4, 5]
    assert "frames 2, 3;" in warnings[0]


def test_missing_at_the_start_and_at_the_end():
    assert repaired([None, None, 0, 0.04])[0] == pytest.approx([0, 0.04, 0.08, 0.12])
    assert repaired([0, 1, 2, None, None])[0] == [0, 1, 2, 3, 4]


def test_a_clock_set_back_goes_on_at_the_usual_interval():
    stamps = [0.1 * k for k in range(30)] + [0.1 * k for k in range(60)]
    times, warnings = repaired(stamps)
    assert times == pytest.approx([0.1 * k for k in range(90)])
    assert any("clock is set back at frame 30" in line for line in warnings)


def test_no_stamps_and_no_rate_is_an_error():
    with pytest.raises(InputError, match="--frame-interval SECONDS"):
        repaired([None, None], nominal=None)


def test_stats_of_regular_and_irregular_times():
    stats = time_stats(np.arange(100) / 30)
    assert stats.interval_s == pytest.approx(1 / 30)
    assert stats.jitter_s == pytest.approx(0, abs=1e-12)
    assert stats.regular
    assert time_stats(np.round(np.arange(100) / 30, 3)).regular  # rounded to milliseconds by the container
    dropped = time_stats(np.delete(np.arange(100) / 30, 50))
    assert not dropped.regular
    assert dropped.interval_s == pytest.approx(1 / 30)
    assert dropped.jitter_s == pytest.approx(1 / 30 / np.sqrt(98))
    assert (dropped.irregular_steps, dropped.gaps, dropped.longest_step_s) == (1, 1, pytest.approx(2 / 30))
    assert (stats.irregular_steps, stats.gaps) == (0, 0)
    late = time_stats([0, 1, 2.2, 3, 4, 5, 6])
    assert (late.irregular_steps, late.gaps, late.longest_step_s) == (2, 0, pytest.approx(1.2))


def test_stats_of_too_few_times():
    for times in ([], [3.0]):
        stats = time_stats(times)
        assert (stats.interval_s, stats.jitter_s, stats.regular) == (None, None, False)


@given(st.lists(st.floats(1e-3, 10), min_size=1, max_size=50), finite)
def test_stats_do_not_depend_on_the_start(steps, start):
    times = np.concatenate([[0.0], np.cumsum(steps)])
    here, there = time_stats(times), time_stats(times + start)
    assert there.interval_s == pytest.approx(here.interval_s, abs=1e-8)
    assert there.jitter_s == pytest.approx(here.jitter_s, abs=1e-8)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=10))
def test_checked_times_takes_just_the_increasing_ones(times):
    good = bool(np.all(np.isfinite(times))) and all(b > a for a, b in pairwise(times))
    if good:
        assert list(checked_times(times)) == times
    else:
        with pytest.raises(UsageError):
            checked_times(times)
