import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.errors import UsageError
from kinescribe.evaluation.video.matching import Matching, checked_span
from kinescribe.video import Frame

IMAGE = np.zeros((1, 1, 3), np.uint8)


def frames(times):
    return [Frame(index, float(time), IMAGE) for index, time in enumerate(times)]


def matched(real, predicted, **options):
    matching = Matching(frames(real), frames(predicted), **options)
    return [(pair.real.index, pair.predicted.index) for pair in matching], matching


def test_equal_times_match_one_to_one():
    found, matching = matched(np.arange(5) / 30, np.arange(5) / 30)
    assert found == [(k, k) for k in range(5)]
    assert (matching.real_frames, matching.predicted_frames, matching.pairs) == (5, 5, 5)


@pytest.mark.parametrize("swapped", [False, True])
def test_of_twice_the_rate_every_other_frame_is_left(swapped):
    fast, slow = np.arange(9) / 60, np.arange(5) / 30
    found, matching = matched(slow, fast) if swapped else matched(fast, slow)
    assert found == [(k, 2 * k) if swapped else (2 * k, k) for k in range(5)]
    assert {matching.real_frames, matching.predicted_frames} == {9, 5}


def test_a_lost_frame_does_not_shift_those_behind_it():
    found, _ = matched(np.arange(6) / 30, np.delete(np.arange(6), 2) / 30)
    assert found == [(0, 0), (1, 1), (3, 2), (4, 3), (5, 4)]


def test_of_uneven_rates_the_nearest_are_taken_and_none_twice():
    real, predicted = np.arange(24) / 24, np.arange(30) / 30
    found, matching = matched(real, predicted)
    assert [r for r, _ in found] == list(range(24))
    gaps = [abs(predicted[p] - real[r]) for r, p in found]
    assert gaps == pytest.approx([np.abs(predicted - t).min() for t in real])
    assert len({p for _, p in found}) == 24
    assert matching.predicted_frames == 30


def test_an_offset_moves_the_predicted_video():
    found, matching = matched(np.arange(10) * 0.1, np.arange(4) * 0.1, offset_s=0.5)
    assert found == [(5, 0), (6, 1), (7, 2), (8, 3)]
    assert (matching.real_frames, matching.predicted_frames) == (10, 4)


def test_the_lag_is_told_with_its_sign():
    pairs = list(Matching(frames([0, 0.1, 0.2]), frames([0, 0.1, 0.2]), offset_s=0.02))
    assert [pair.lag_s for pair in pairs] == pytest.approx([0.02] * 3)
    assert [pair.interval_s for pair in pairs] == pytest.approx([0.1] * 3)


def test_over_half_an_interval_apart_is_no_pair():
    found, matching = matched([0, 1, 2.6], [0, 1, 2])
    assert found == [(0, 0), (1, 1)]
    assert matching.pairs == 2
    assert matched([0, 1, 2.5], [0, 1, 2])[0] == [(0, 0), (1, 1), (2, 2)]


def test_a_span_counts_what_lies_within_it_alone():
    found, matching = matched(np.arange(20) * 0.1, np.arange(20) * 0.1, span=(3, 7))
    assert found == [(k, k) for k in range(3, 7)]
    assert (matching.real_frames, matching.predicted_frames) == (4, 4)
    found, matching = matched(np.arange(20) * 0.1, np.arange(12) * 0.1, span=(3, None))
    assert (matching.real_frames, matching.predicted_frames) == (17, 9)
    found, matching = matched(np.arange(20) * 0.1, np.arange(40) * 0.05, span=(2, 4))
    assert found == [(2, 4), (3, 6)]
    assert (matching.real_frames, matching.predicted_frames) == (2, 3)


def test_single_frames_match_where_they_are_at_one_time():
    assert matched([0], [0])[0] == [(0, 0)]
    assert matched([0], [0], offset_s=0.1)[0] == []
    assert matched([0], [0, 0.1, 0.2], offset_s=-0.14)[0] == [(0, 1)]


STEPS = st.lists(st.floats(0.02, 0.2), min_size=1, max_size=12)


@given(STEPS, STEPS, st.floats(-0.3, 0.3))
def test_pairs_are_in_order_near_and_never_share_a_frame(one, other, offset):
    real, predicted = np.cumsum([0, *one]), np.cumsum([0, *other])
    matching = Matching(frames(real), frames(predicted), offset_s=offset)
    pairs = list(matching)
    indices = np.array([(pair.real.index, pair.predicted.index) for pair in pairs]).reshape(-1, 2)
    assert (np.diff(indices, axis=0) > 0).all()
    assert (matching.real_frames, matching.predicted_frames) == (len(real), len(predicted))
    for pair in pairs:
        assert pair.lag_s == pytest.approx(predicted[pair.predicted.index] + offset - real[pair.real.index])
        assert abs(pair.lag_s) <= pair.interval_s / 2 + 2e-6


def test_only_a_frame_ahead_is_held():
    read = []

    def counted(times, name):
        for frame in frames(times):
            read.append(name)
            yield frame

    pairs = iter(Matching(counted(np.arange(50) * 0.1, "r"), counted(np.arange(50) * 0.1, "p")))
    for _ in range(10):
        next(pairs)
    assert (read.count("r"), read.count("p")) == (11, 11)


def test_spans():
    assert checked_span(None) == (0, None)
    assert checked_span((None, 5)) == (0, 5)
    assert checked_span((3, None)) == (3, None)
    for wrong in ((3, 3), (5, 2), (-1, 4)):
        with pytest.raises(UsageError, match=f"frames {wrong[0]}:{wrong[1]} hold none"):
            checked_span(wrong)
