from __future__ import annotations

import os
import stat

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from videofiles import plain

from kinescribe.errors import UsageError
from kinescribe.video import VideoWriter, open_video


def write(path, times, size=(64, 48), **options):
    with VideoWriter(path, **options) as writer:
        for index, time in enumerate(times):
            writer.write(plain(index, size), time)
    return path


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.floats(-1e4, 1e4),
    steps=st.lists(st.one_of(st.sampled_from([1 / 30, 1001 / 30000, 1 / 240, 1e-3]), st.floats(1e-4, 20)), max_size=12),
)
def test_times_survive_to_the_tick(tmp_path, start, steps):
    times = np.concatenate([[start], start + np.cumsum(steps)]) if steps else np.array([start])
    video = open_video(write(tmp_path / "a.mp4", times))
    assert [f.time_s for f in video] == pytest.approx(list(times - times[0]), abs=0.51 / 90_000)
    assert video.partial is None


def test_the_format_is_what_players_open(tmp_path):
    path = write(tmp_path / "a.mp4", [0, 0.1, 0.3], frame_rate_hint=10)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (container.format.name.split(",")[1], stream.codec_context.name, stream.pix_fmt) == ("mp4", "h264", "yuv420p")
        frame = next(container.decode(stream))
        assert (frame.colorspace, frame.color_range) == (6, 1)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # plays while it downloads


def test_the_last_frame_is_as_long_as_the_one_before(tmp_path):
    assert open_video(write(tmp_path / "a.mp4", [0, 0.1, 0.35])).info.duration_s == pytest.approx(0.6, abs=1e-4)
    assert open_video(write(tmp_path / "b.mp4", [0], frame_rate_hint=20)).info.duration_s == pytest.approx(0.05, abs=1e-4)


def test_pictures_survive(tmp_path):
    y, x = np.mgrid[:48, :64]
    image = np.stack([4 * x, 5 * y, 128 + x - y], axis=2).astype(np.uint8)
    with VideoWriter(tmp_path / "a.mp4") as writer:
        writer.write(image, 0)
    assert np.abs(next(iter(open_video(tmp_path / "a.mp4"))).image.astype(int) - image).mean() < 3


@pytest.mark.parametrize("size", [(63, 48), (64, 47), (63, 47), (1, 1)])
def test_odd_sizes_are_padded_by_their_edge(tmp_path, size):
    video = open_video(write(tmp_path / "a.mp4", [0, 1], size=size))
    assert (video.info.width, video.info.height) == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    assert np.ptp(next(iter(video)).image) <= 2  # a plain picture stays plain up to its rim


def test_grey_pictures_are_taken(tmp_path):
    with VideoWriter(tmp_path / "a.mp4") as writer:
        writer.write(np.full((48, 64), 90, np.uint8), 0)
    assert np.abs(next(iter(open_video(tmp_path / "a.mp4"))).image.astype(int) - 90).max() <= 2


def test_an_error_leaves_nothing_and_spares_what_was_there(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")

    def fail():
        with VideoWriter(path) as writer:
            writer.write(plain(0), 0)
            writer.write(plain(1), 1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    assert path.read_bytes() == b"old"
    with pytest.raises(UsageError, match="no frame was written"), VideoWriter(path):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    write(path, [0, 1])
    assert len(list(open_video(path))) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_the_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "plain").touch()
    path = write(tmp_path / "a.mp4", [0])
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_a_place_that_cannot_be_written_is_said_before_any_work(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"), VideoWriter(tmp_path / "none" / "a.mp4"):
        pass
    with pytest.raises(UsageError, match="is a folder"), VideoWriter(tmp_path):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="can't be written"), VideoWriter(tmp_path / "a.mp4"):
        pass


def test_a_name_too_long_to_write(tmp_path):
    with pytest.raises(UsageError, match="can't be written"), VideoWriter(tmp_path / ("a" * 300 + ".mp4")) as writer:
        writer.write(plain(0), 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("image", "time", "said"),
    [
        (plain(1), 0.0, "after the one before"),
        (plain(1), -1.0, "after the one before"),
        (plain(1), 1e-6, "after the one before"),
        (plain(1), float("nan"), "finite"),
        (plain(1, (32, 48)), 1.0, "one size"),
        (plain(1).astype(float), 1.0, "uint8"),
        (np.zeros((48, 64, 4), np.uint8), 1.0, "4 channels"),
        (np.zeros((0, 64, 3), np.uint8), 1.0, "uint8"),
    ],
)
def test_frames_that_make_no_sense_are_refused(tmp_path, image, time, said):
    def attempt():
        with VideoWriter(tmp_path / "a.mp4") as writer:
            writer.write(plain(0), 0.0)
            writer.write(image, time)

    with pytest.raises(UsageError, match=said):
        attempt()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rate", [0.005, 1 / 3600, 1e-300])
def test_a_time_lapse(tmp_path, rate):
    """A hint below what encoders take is no reason to refuse frames that have their times."""
    video = open_video(write(tmp_path / "a.mp4", [0, 200, 400], frame_rate_hint=rate))
    assert [frame.time_s for frame in video] == pytest.approx([0, 200, 400])
    assert video.info.duration_s == pytest.approx(600)
    # of a single frame the hint tells how long it is shown, as far as the container can
    alone = open_video(write(tmp_path / "b.mp4", [0], frame_rate_hint=rate))
    assert alone.info.duration_s == pytest.approx(min(1 / rate, (2**31 - 1) / 90_000))


def test_options_out_of_range(tmp_path):
    for rate in (0, -1, float("nan"), float("inf"), 1e9):
        with pytest.raises(UsageError, match="frame rate"):
            VideoWriter(tmp_path / "a.mp4", frame_rate_hint=rate)
    with pytest.raises(UsageError, match="crf 52"):
        VideoWriter(tmp_path / "a.mp4", crf=52)
    with pytest.raises(UsageError, match="with block"):
        VideoWriter(tmp_path / "a.mp4").write(plain(0), 0)
