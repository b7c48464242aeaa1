"""Which instants are shown, and what the camera saw then."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.foretelling.timeline import Moment, Plan, moments
from kinescribe.video import open_video

TIMES = np.array([0.0, 0.1, 0.2, 0.32, 0.4])  # the fourth comes late
VIDEO = np.stack([np.full((8, 8, 3), 10 * k, np.uint8) for k in range(5)])


def shown(**options: object) -> list[Moment]:
    plan = {"shown_from_s": 0.0, "begins_s": 0.15, "until_s": 0.4, "interval_s": 0.1, **options}
    return list(moments(open_video(VIDEO, times=TIMES), Plan(**plan)))  # type: ignore[arg-type]


def values(found: list[Moment]) -> list[int]:
    return [int(one.real[0, 0, 0]) // 10 for one in found]


def test_time_stamps_are_the_video_s_own():
    found = shown()
    assert [one.time_s for one in found] == TIMES.tolist()
    assert [one.foretold for one in found] == [False, False, True, True, True]
    assert all(one.filmed and not one.over for one in found)
    assert values(found) == [0, 1, 2, 3, 4]


def test_the_future_goes_on_after_the_end():
    found = shown(until_s=0.71)
    assert [one.time_s for one in found[5:]] == pytest.approx([0.5, 0.6, 0.7])
    assert all(one.over and one.foretold and not one.filmed for one in found[5:])
    assert values(found[5:]) == [4, 4, 4]


def test_an_early_end_and_no_past():
    found = shown(shown_from_s=0.15, until_s=0.33)
    assert [one.time_s for one in found] == [0.2, 0.32]


def test_a_part_of_the_past():
    assert [one.time_s for one in shown(shown_from_s=0.15 - 0.06)] == TIMES[1:].tolist()


def test_another_frame_rate_shows_the_frame_that_was_last_filmed():
    told = [0.15 + k / 20 for k in range(8)]
    found = shown(foretold=told, until_s=0.5)
    assert [one.time_s for one in found] == [0.0, 0.1, *told]
    assert values(found) == [0, 1, 1, 2, 2, 2, 3, 4, 4, 4]
    assert [one.filmed for one in found[2:]] == pytest.approx([False, True, False, False, False, True, False, False])
    assert [one.over for one in found] == [False] * 9 + [False]


def test_after_the_end_another_frame_rate_is_told_to_be_over():
    found = shown(foretold=[0.2, 0.3, 0.4, 0.45, 0.55, 0.8], until_s=0.8)
    assert [one.over for one in found[2:]] == [False, False, False, False, True, True]


@pytest.mark.parametrize("told", [None, [0.4, 0.5, 0.6]])
def test_a_gap_is_not_the_end(told):
    """The camera skips from 0.3 to 0.8 s: what lies between is not filmed, but the video isn't over."""
    video = open_video(np.stack([np.full((8, 8, 3), 10 * k, np.uint8) for k in range(6)]), times=np.array([0.0, 0.1, 0.2, 0.3, 0.8, 0.9]))
    found = list(moments(video, Plan(0.0, 0.35, 0.6, 0.1, told)))[4:]
    assert [one.time_s for one in found] == pytest.approx([0.4, 0.5, 0.6])
    assert [(one.over, one.filmed) for one in found] == [(False, False)] * 3
    assert values(found) == [3, 3, 3]


@pytest.mark.parametrize("past", [0.0, 0.06, 9.0])
@pytest.mark.parametrize("told", [None, [0.2, 0.3, 0.4]])
def test_the_last_picture_before_is_the_same_however_much_of_the_past_is_shown(past, told):
    found = [one for one in shown(shown_from_s=0.15 - past, foretold=told) if one.foretold]
    assert [int(one.last_seen[0, 0, 0]) // 10 for one in found] == [1, 1, 1]


def test_nothing_was_seen_before_what_begins_at_once():
    assert [one.last_seen for one in shown(begins_s=0.0)] == [None] * 5


@pytest.mark.parametrize("told", [None, [0.2, 0.3, 0.4]])
def test_moments_need_no_whole_video_in_memory(told):
    """They stream: of the source no more frames are drawn than the moment takes, and the one after it where times are one's own."""

    class Counted:
        drawn = 0

        def __iter__(self):
            for frame in open_video(VIDEO, times=TIMES):
                self.drawn += 1
                yield frame

    video = Counted()
    found = moments(video, Plan(0.0, 0.15, 0.4, 0.1, told))
    for count in (1, 2):
        assert next(found).filmed
        assert video.drawn == count
    assert next(found).time_s == 0.2
    assert video.drawn == (3 if told is None else 4)
    found.close()
