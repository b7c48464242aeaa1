"""Few frames are told of as the likely reason, with the way to have more; where there are enough, or nobody chose, nothing is said."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.video import open_video
from kinescribe.video.scarcity import few_frames, few_rows
from kinescribe.video.selection import SelectedVideo, Selection


def video(frames=100, partial=None, **chosen):
    """A plain grey video of which some frames are chosen, and read."""
    whole = open_video(np.full((frames, 8, 8, 3), 99, np.uint8), times=np.arange(frames) / 10)
    whole.partial = partial
    some = SelectedVideo(whole, Selection.of(**chosen)) if chosen else whole
    return some, len(list(some))


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"stride": 40}, "only 3 frames were looked at (--stride 40), likely too few: give a smaller --stride"),
        ({"start": 9.7}, "only 3 frames were looked at (--start 9.7), likely too few: give an earlier --start"),
        ({"end": "3f"}, "only 3 frames were looked at (--end 3f), likely too few: give a later --end"),
        (
            {"stride": 2, "start": "10f", "end": "0:01.3"},
            "only 2 frames were looked at (--stride 2 --start 10f --end 0:01.3), likely too few: "
            "give a smaller --stride or --start and --end farther apart",
        ),
    ],
)
def test_options_that_leave_few_frames_are_named(chosen, told):
    assert few_frames(*video(**chosen)) == told


def test_damage_that_leaves_few_frames_is_named():
    told = few_frames(*video(5, partial="'v.mp4' breaks off after frame 4"))
    assert told == "only 5 frames were looked at, likely too few, for 'v.mp4' breaks off after frame 4: give a whole copy of it"


def test_a_short_video_is_called_short_and_enough_frames_are_no_reason():
    assert few_frames(*video(3)) == "only 3 frames were looked at, likely too few: give a longer video"
    assert few_frames(*video(20)) is None
    assert few_frames(*video(stride=2)) is None
    assert few_frames(*video(100, partial="breaks off")) is None


def test_objects_of_one_or_two_rows_are_told_of_where_frames_are_few():
    seen = video(stride=40)
    assert few_rows(*seen, {1: 3, 2: 2}) == (
        "object 2 has 2 rows, too few to tell how it moves: with --stride 40 3 frames were looked at; give a smaller --stride"
    )
    assert few_rows(*seen, {1: 1, 2: 1, 3: 3}).startswith("objects 1, 2 have 1 row each, too few to tell how they move: ")
    assert few_rows(*seen, dict.fromkeys(range(1, 9), 2)).startswith("objects 1, 2, 3, 4, 5 and 3 more have 2 rows at most, ")
    assert few_rows(*seen, {1: 3, 2: 3}) is None
    assert few_rows(*video(100), {1: 2, 2: 100}) is None  # a thing that comes and goes
    assert few_rows(*video(2), {1: 2}).endswith("2 frames were looked at; give a longer video")
