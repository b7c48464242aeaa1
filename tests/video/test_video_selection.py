"""Every n-th frame, from one moment to another: which frames these are, and what is said where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from videofiles import write_file

from kinescribe.errors import InputError, UsageError
from kinescribe.video import Frame, open_video
from kinescribe.video.arrays import ArrayVideo
from kinescribe.video.selection import Moment, SelectedVideo, Selection, only_read


def pictures(count: int) -> ArrayVideo:
    """Whose level is the frame's number; ten a second."""
    levels = np.arange(count, dtype=np.uint8)[:, None, None, None]
    return ArrayVideo(np.broadcast_to(levels, (count, 4, 6, 3)).copy(), frame_interval=0.1)


def taken(video: SelectedVideo) -> list[tuple[int, float, int]]:
    return [(frame.index, round(frame.time_s, 9), int(frame.image[0, 0, 0])) for frame in video]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"stride": 3}, range(0, 20, 3)),
        ({"start": 0.5}, range(5, 20)),
        ({"start": "5f", "end": "9f"}, range(5, 9)),
        ({"start": 0.5, "end": 0.9}, range(5, 9)),  # the end itself no longer counts
        ({"start": "0.55", "end": "15f", "stride": 4}, range(6, 15, 4)),  # strides are counted from the first frame that counts
        ({"end": "0:01"}, range(10)),
        ({"end": "0:00:01.25s"}, range(13)),
        ({"start": "19 frames"}, [19]),
        ({"end": 99}, range(20)),
    ],
)
def test_the_frames_are_those_between_the_moments_by_their_stride(asked, numbers):
    video = SelectedVideo(pictures(20), Selection.of(**asked))
    for _ in range(2):  # a second pass knows them already
        assert taken(video) == [(k, round(0.1 * k, 9), k) for k in numbers]
    counted = SelectedVideo(pictures(20), Selection.of(**asked), renumbered=True)
    for _ in range(2):
        assert taken(counted) == [(n, round(0.1 * k, 9), k) for n, k in enumerate(numbers)]
    assert counted.numbers == list(numbers)
    assert counted.info.frame_count == len(numbers)
    assert taken(counted.with_own_numbers()) == taken(video)


@given(st.integers(1, 7), st.integers(0, 11), st.integers(1, 15))
def test_moments_by_number_and_by_time_mean_the_same_frames(stride, first, more):
    by_number = SelectedVideo(pictures(12), Selection.of(stride, f"{first}f", f"{first + more}f"))
    by_time = SelectedVideo(pictures(12), Selection.of(stride, first / 10, (first + more) / 10))
    assert taken(by_number) == taken(by_time) == [(k, round(0.1 * k, 9), k) for k in range(first, min(first + more, 12), stride)]
    assert only_read(pictures(12), by_number.read).info.width == 6
    assert taken(only_read(pictures(12), by_number.read)) == taken(by_number)


@pytest.mark.parametrize(
    ("words", "time_s"),
    [
        (90, 90),
        (0.25, 0.25),
        ("90", 90),
        ("1:30", 90),
        ("01:02:03.5", 3723.5),
        (" 7.5 s", 7.5),
        (".5", 0.5),
        ("90:00", 5400),
        ("500ms", 0.5),
        ("1:02.5", 62.5),
        (".5 ms", 0.0005),
    ],
)
def test_times_are_seconds_or_as_a_player_shows_them(words, time_s):
    assert Moment.of(words, "start").time_s == time_s
    assert Moment.of(words, "start").frame is None


@pytest.mark.parametrize(("words", "instead"), [("0,5", "0.5"), ("1:02,25", "1:02.25")])
def test_a_decimal_comma_is_told_with_what_to_write(words, instead):
    with pytest.raises(UsageError) as caught:
        Moment.of(words, "end")
    assert str(caught.value) == f"end='{words}' has a comma where a decimal point belongs; write {instead}"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "x",
        "1:60",
        "1:90:00",
        "-1",
        -1,
        "1:-2",
        True,
        float("nan"),
        float("inf"),
        "1e3",
        "f",
        "1.5f",
        [1],
        "1:2:3:4",
        "ms",
        "1:500ms",
        "1,2,3",
    ],
)
def test_what_is_no_moment_is_told_with_examples(words):
    with pytest.raises(UsageError, match=r"^start=.*1:30.*450f$"):
        Moment.of(words, "start")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"stride": 0}, "stride=0"),
        ({"stride": -2}, "stride=-2"),
        ({"stride": True}, "stride=True"),
        ({"stride": 1.5}, "stride=1.5"),
        ({"start": 2, "end": 2}, "end=2 is not after start=2"),
        ({"start": "1:00", "end": 30}, "end=30 is not after start=1:00"),
        ({"start": "9f", "end": "8f"}, "end=8f is not after start=9f"),
        ({"end": 0}, "end=0 is not after the video's first frame"),
        ({"end": "0f"}, "end=0f is not after the video's first frame"),
    ],
)
def test_selections_that_leave_nothing_are_refused_without_a_video(asked, message):
    with pytest.raises(UsageError, match=message):
        Selection.of(**asked)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"start": 5}, "start=5 is beyond the end of 'array': its last frame is 19 .1.900 s."),
        ({"start": "20f"}, "start=20f is beyond the end"),
        ({"start": "10f", "end": 0.5}, "'array' has no frame with start=10f, end=0.5"),
        ({"start": 0.51, "end": 0.59}, "no frame with start=0.51, end=0.59; the frame before is 5"),
    ],
)
def test_selections_without_a_frame_in_this_video_are_told_of(asked, message):
    with pytest.raises(UsageError, match=message):
        taken(SelectedVideo(pictures(20), Selection.of(**asked)))


def test_frames_after_the_end_are_not_read_and_unwanted_ones_not_converted_where_the_video_can_do_without():
    class Choosing(ArrayVideo):
        """One that converts what is wanted alone."""

        def __init__(self, *given, **options):
            super().__init__(*given, **options)
            self.looked, self.converted = [], []

        def choose(self, wanted):
            for frame in super().__iter__():
                self.looked.append(frame.index)
                answer = wanted(frame.index, frame.time_s)
                if answer is None:
                    return
                if answer:
                    self.converted.append(frame.index)
                    yield frame

    video = Choosing(np.zeros((30, 4, 6, 3), np.uint8), frame_interval=0.1)
    assert len(list(SelectedVideo(video, Selection.of(4, "8f", "17f")))) == 3
    assert video.converted == [8, 12, 16]
    assert video.looked == list(range(18))


def test_frames_are_asked_for_as_they_are_counted():
    own = SelectedVideo(pictures(20), Selection.of(5, "2f"))
    assert [(f.index, int(f.image[0, 0, 0])) for f in own.sample([12, 2])] == [(2, 2), (12, 12)]
    counted = SelectedVideo(pictures(20), Selection.of(5, "2f"), renumbered=True)
    assert [(f.index, int(f.image[0, 0, 0])) for f in counted.sample([2, 0])] == [(0, 2), (2, 12)]
    with pytest.raises(UsageError, match=r"frame 3 .* 4 frames are looked at .stride=5, start=2f."):
        list(own.sample([3]))
    with pytest.raises(UsageError, match="frame 4 "):
        list(counted.sample([4]))


def test_a_video_that_breaks_off_is_partial_unless_the_selection_ends_before(tmp_path):
    path = write_file(tmp_path / "a.mkv", range(0, 60 * 3000, 3000), g="1")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    whole = open_video(path)
    count = sum(1 for _ in whole)
    assert whole.partial
    assert 12 < count < 60
    reaching = SelectedVideo(open_video(path), Selection.of(3))
    for _ in range(2):
        assert len(taken(reaching)) == -(-count // 3)
        assert reaching.partial == whole.partial
    before = SelectedVideo(open_video(path), Selection.of(3, None, "12f"))
    for _ in range(2):
        assert [index for index, _, _ in taken(before)] == [0, 3, 6, 9]
        assert before.partial is None
    with pytest.raises(InputError, match=r"breaks off.*nothing of it is left with start=59f"):
        taken(SelectedVideo(open_video(path), Selection.of(1, "59f")))


def test_times_of_a_file_stay_those_of_the_whole(tmp_path):
    path = write_file(tmp_path / "a.mp4", [7000, 10_000, 13_000, 19_000, 22_000, 25_000])
    every = [frame.time_s for frame in open_video(path)]
    video = SelectedVideo(open_video(path), Selection.of(2, "1f"))
    assert [(frame.index, frame.time_s) for frame in video] == [(k, every[k]) for k in (1, 3, 5)]
    assert video.info.sha256 == open_video(path).info.sha256
    assert video.frames_in_all == 6


def test_how_many_frames_the_video_has_is_told_where_it_is_known():
    ended = SelectedVideo(pictures(20), Selection.of(1, None, "5f"))
    taken(ended)
    assert ended.frames_in_all == 20  # an array says so
    assert isinstance(next(iter(ended)), Frame)
    with pytest.raises(UsageError, match="no frame"):
        _ = SelectedVideo(pictures(20), Selection.of(2)).read
