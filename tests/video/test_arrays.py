from __future__ import annotations

import numpy as np
import pytest

from kinescribe.errors import UsageError
from kinescribe.video import Frame, Video, open_video

COLOUR = np.random.default_rng(0).integers(0, 256, (5, 6, 8, 3), dtype=np.uint8)
TIMES = [1.0, 1.5, 3.0, 3.1, 9.0]


def test_colour_frames_pass_through(tmp_path):
    video = open_video(COLOUR, times=TIMES)
    assert isinstance(video, Video)
    frames = list(video)
    assert [f.time_s for f in frames] == TIMES
    assert [f.index for f in frames] == list(range(5))
    assert all(np.array_equal(f.image, COLOUR[f.index]) for f in frames)
    info = video.info
    assert (info.path, info.kind, info.width, info.height, info.frame_count) == (None, "array", 8, 6, 5)
    assert video.partial is None


def test_grey_frames_get_three_channels():
    grey = COLOUR[..., 0]
    for source in (grey, grey[..., None], list(grey)):
        frames = list(open_video(source, frame_interval=0.25))
        assert [f.time_s for f in frames] == [0, 0.25, 0.5, 0.75, 1]
        assert all(np.array_equal(f.image, np.stack([grey[f.index]] * 3, axis=2)) for f in frames)


def test_views_come_out_contiguous():
    frame = next(iter(open_video(COLOUR[:, ::-1, ::2], frame_interval=1)))
    assert frame.image.flags.c_contiguous
    assert np.array_equal(frame.image, COLOUR[0, ::-1, ::2])


def test_frames_bring_their_own_times():
    source = [Frame(k, t, COLOUR[k]) for k, t in enumerate(TIMES)]
    assert [f.time_s for f in open_video(source)] == TIMES
    assert [f.time_s for f in open_video(source, frame_interval=2)] == [0, 2, 4, 6, 8]


def test_sample():
    video = open_video(COLOUR, times=TIMES)
    assert [(f.index, f.time_s) for f in video.sample([4, 1])] == [(1, 1.5), (4, 9.0)]
    with pytest.raises(UsageError, match="last one is 4"):
        video.sample([5])


def test_an_open_video_is_handed_back():
    video = open_video(COLOUR, times=TIMES)
    assert open_video(video) is video
    with pytest.raises(UsageError, match="open already"):
        open_video(video, frame_interval=1)


def test_the_hash_tells_contents_apart():
    other = COLOUR.copy()
    other[4, 5, 7, 2] ^= 1
    hashes = [open_video(a, times=TIMES).info.sha256 for a in (COLOUR, COLOUR.copy(), other)]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (COLOUR / 255, r"\* 255"),
        (COLOUR.astype(np.uint16), ">> 8"),
        (COLOUR[0], "one picture"),
        (COLOUR[..., :2], "shape"),
        (COLOUR[0, 0], "one picture"),
        (COLOUR[:0], "without frames"),
        (np.zeros((5, 0, 8, 3), np.uint8), "shape"),
        (iter(COLOUR), "no video"),
        (42, "no video"),
    ],
)
def test_arrays_of_another_kind_are_refused_with_a_way_out(frames, said):
    with pytest.raises(UsageError, match=said):
        open_video(frames, frame_interval=1)


def test_pictures_of_different_sizes():
    with pytest.raises(UsageError, match="frame 1 has shape"):
        list(open_video([COLOUR[0], COLOUR[1, :4]], frame_interval=1))


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (None, "no time stamps"),
        ([0, 1, 2, 3], "4 times for 5"),
        ([0, 1, 1, 2, 3], "frame 2 is not later"),
        ([0, 1, 2, 3, 2.5], "frame 4 is not later"),
        ([0, 1, float("nan"), 3, 4], "frame 2 is not finite"),
        ([[0, 1, 2, 3, 4]], "shape"),
    ],
)
def test_times_that_make_no_sense(times, said):
    with pytest.raises(UsageError, match=said):
        open_video(COLOUR, times=times)
