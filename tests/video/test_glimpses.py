"""What a long video is like, from a part of its frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from kinescribe.perception.sampling import sample_frames
from kinescribe.video import Frame, open_video
from kinescribe.video.glimpses import LEAST_RUNS, WORTH, runs_of_glimpses
from kinescribe.video.reader import FileVideo

COUNT = 480


def written(path: Path, gop: int = 40, params: str = "bframes=3", codec: str = "libx264") -> Path:
    """Each frame is as bright as its number tells; a quarter of each picture has noise."""
    rng = np.random.default_rng(3)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"x264-params": params, "crf": "10"} if codec == "libx264" else {})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.gop_size = gop
        for k in range(COUNT):
            image = np.full((64, 96, 3), 20 + k // 3, np.uint8)
            image[:32, :48] = rng.integers(60, 160, (32, 48, 3))
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = k, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


class TestRuns:
    def test_each_part_of_the_video_gives_its_share(self) -> None:
        keys = list(range(0, 1800, 250))
        runs = runs_of_glimpses(keys, 1800, 56)
        assert runs is not None
        assert [key for key, _ in runs] == keys
        assert all(7 <= len(frames) <= 9 for key, frames in runs if key < 1750)
        for key, frames in runs:
            assert frames == sorted(set(frames))
            assert key <= frames[0] <= frames[-1] < key + 65
        assert sum(frames[-1] + 2 - key for key, frames in runs) < 0.3 * 1800

    def test_of_many_key_frames_one_frame_each(self) -> None:
        runs = runs_of_glimpses(list(range(0, 3000, 30)), 3000, 50)
        assert runs is not None
        assert len(runs) == 50
        assert all(len(frames) == 1 for _, frames in runs)

    @pytest.mark.parametrize(
        ("keys", "count", "wanted"),
        [([], 1000, 50), ([0, 250, 500, 750], 1000, 50), ([5, 100, 200, 300, 400, 500, 600, 700, 800], 900, 50), (list(range(90)), 90, 50)],
        ids=["no index", "few key frames", "no key frame at the start", "too short"],
    )
    def test_none_where_they_would_not_stand_for_the_whole(self, keys: list[int], count: int, wanted: int) -> None:
        assert runs_of_glimpses(keys, count, wanted) is None

    def test_a_key_frame_without_a_successor_is_left_out(self) -> None:
        runs = runs_of_glimpses(list(range(500)), 500, 20)
        assert runs is None  # every frame is a key frame: none has a successor that leans on it

    def test_never_more_than_it_is_worth(self) -> None:
        rng = np.random.default_rng(0)
        for _ in range(200):
            count = int(rng.integers(10, 3000))
            keys = [0, *sorted(set(rng.integers(1, count, int(rng.integers(1, 200))).tolist()))]
            runs = runs_of_glimpses(keys, count, int(rng.integers(1, 80)))
            if runs is not None:
                assert len(runs) >= LEAST_RUNS
                assert sum(frames[-1] + 2 - key for key, frames in runs) <= WORTH * count
                assert all(frame + 1 < count for _, frames in runs for frame in frames)


@pytest.mark.parametrize("params", ["bframes=0", "bframes=3"])
def test_glimpses_are_the_frames_of_a_whole_pass(tmp_path: Path, params: str) -> None:
    video = FileVideo(written(tmp_path / "video.mp4", params=params))
    whole = list(video)
    pairs = video.glimpses(40)
    assert pairs is not None
    found = list(pairs)
    assert len(found) == 40
    for frame, successor in found:
        assert successor.index == frame.index + 1
        np.testing.assert_array_equal(frame.image, whole[frame.index].image)
        np.testing.assert_array_equal(successor.image, whole[successor.index].image)
        assert frame.time_s == pytest.approx(whole[frame.index].time_s, abs=0.1)


def test_what_leans_on_pictures_before_the_key_frame_is_never_shown(tmp_path: Path) -> None:
    video = FileVideo(written(tmp_path / "video.mp4", params="open-gop=1:bframes=3:b-pyramid=normal"))
    whole = list(video)
    pairs = video.glimpses(40)
    assert pairs is not None
    for frame, successor in pairs:  # they may end early, and their numbers be off by the pictures that were left out
        place = next(k for k in range(max(frame.index - 4, 0), COUNT) if np.array_equal(whole[k].image, frame.image))
        assert place <= frame.index + 4
        np.testing.assert_array_equal(successor.image, whole[place + 1].image)


def test_the_sample_of_a_long_file_spans_all_of_it(tmp_path: Path) -> None:
    video = open_video(written(tmp_path / "video.mp4"))
    sample = sample_frames(video)
    levels = sample.images[:, 48, 72, 0].astype(int) - 20
    assert sample.frame_count == COUNT
    assert levels.min() < 8
    assert levels.max() > COUNT / 3 - 15
    assert len(sample.images) >= 40
    # motion is told to the successor, from whose noise this one's differs
    assert sample.moving[:, 4:28, 4:44].any(axis=(1, 2)).mean() > 0.8
    assert not sample.moving[:, 56:, 80:].any()


class Cut:
    """A video whose glimpses end before their time."""

    def __init__(self, video: FileVideo, after: int) -> None:
        self._video, self._after, self.info, self.passes = video, after, video.info, 0

    def glimpses(self, count: int):
        pairs = self._video.glimpses(count)
        assert pairs is not None
        yield from (pair for _, pair in zip(range(self._after), pairs, strict=False))

    def __iter__(self):
        self.passes += 1
        return iter(self._video)


def test_glimpses_that_end_early_are_made_up_for_by_a_whole_pass(tmp_path: Path) -> None:
    video = Cut(FileVideo(written(tmp_path / "video.mp4")), 12)
    sample = sample_frames(video)  # type: ignore[arg-type]
    levels = sample.images[:, 48, 72, 0].astype(int) - 20
    assert video.passes == 1
    assert levels.max() > COUNT / 3 - 15


@pytest.mark.parametrize("name", ["video.mkv", "video.avi"])
def test_files_without_an_index_of_their_frames_give_none(tmp_path: Path, name: str) -> None:
    assert FileVideo(written(tmp_path / name, codec="libx264" if name.endswith("mkv") else "mpeg4")).glimpses(40) is None


def test_damage_is_a_whole_pass_matter(tmp_path: Path) -> None:
    path = written(tmp_path / "video.mp4")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(data)
    video = FileVideo(path)
    pairs = video.glimpses(40)
    got = [] if pairs is None else list(pairs)
    assert len(got) < 40
    assert all(isinstance(frame, Frame) for pair in got for frame in pair)
    list(video)
    assert video.partial
