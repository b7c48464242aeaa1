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
