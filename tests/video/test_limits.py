"""What a video may ask for, and how that is raised."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from videofiles import plain, write_file

from kinescribe.cli.extract import main
from kinescribe.errors import InputError, UsageError
from kinescribe.video import Limits, open_video
from kinescribe.video.pictures import damage_of_picture, size_of_picture


@pytest.fixture
def video(tmp_path):
    return write_file(tmp_path / "a.mp4", range(0, 60_000, 3000))


def test_as_many_frames_as_the_limit_and_no_more(video):
    assert len(list(open_video(video, limits=Limits(max_frames=20)))) == 20
    with pytest.raises(InputError, match=r"over 19 frames.*KINESCRIBE_MAX_FRAMES"):
        list(open_video(video, limits=Limits(max_frames=19)))


def test_frames_are_counted_where_no_index_tells(tmp_path):
    path = write_file(tmp_path / "a.ts", range(0, 60_000, 3000))
    frames = iter(open_video(path, limits=Limits(max_frames=12)))
    assert [next(frames).index for _ in range(12)] == list(range(12))
    with pytest.raises(InputError, match="over 12 frames"):
        next(frames)


def test_a_decoder_that_gives_nothing_for_too_long_is_given_up(video, monkeypatch):
    now = iter(range(0, 100_000, 7))
    monkeypatch.setattr("kinescribe.video.decoding.time.monotonic", lambda: next(now))  # seven seconds pass at each look
    assert len(list(open_video(video, limits=Limits(max_wait_s=1000)))) == 20
    with pytest.raises(InputError, match=r"no frame came for 5 s.*KINESCRIBE_MAX_WAIT_S"):
        list(open_video(video, limits=Limits(max_wait_s=5)))


def test_little_memory_means_fewer_threads_and_then_none():
    picture = 100 * 100 * 12 // 8
    assert Limits().threads("v", 100, 100, 12, 8) == 8
    assert Limits(max_memory=picture * 22).threads("v", 100, 100, 12, 8) == 4
    with pytest.raises(InputError, match=rf"KINESCRIBE_MAX_MEMORY={picture * 19} "):
        Limits(max_memory=picture * 18).threads("v", 100, 100, 12, 8)


def test_what_the_message_names_is_enough(video, monkeypatch):
    monkeypatch.setenv("KINESCRIBE_MAX_MEMORY", "1000")
    with pytest.raises(InputError, match="KINESCRIBE_MAX_MEMORY") as caught:
        open_video(video)
    monkeypatch.setenv("KINESCRIBE_MAX_MEMORY", str(caught.value).split("KINESCRIBE_MAX_MEMORY=")[1].split()[0])
    assert len(list(open_video(video))) == 20


def test_the_environment_sets_them_for_the_command_line(video, monkeypatch, capsys, tmp_path):
    argv = [str(video), "-o", str(tmp_path / "out.csv"), "-q"]
    for name, value, said in (
        ("KINESCRIBE_MAX_PIXELS", "100", "64 x 48 pixels"),
        ("KINESCRIBE_MAX_FRAMES", "5", "over 5 frames"),
        ("KINESCRIBE_MAX_MEMORY", "1e3", "at most 1000 are used"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert main(argv) == 3
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
        assert name in line
    monkeypatch.setenv("KINESCRIBE_MAX_FRAMES", "lots")
    assert main(argv) == 2
    assert "KINESCRIBE_MAX_FRAMES='lots' must be a number above 0" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), "many", True, None])
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(UsageError, match="max_frames"):
        Limits(max_frames=wrong)


def test_there_may_be_none(video, monkeypatch):
    infinite = float("inf")
    assert len(list(open_video(video, limits=Limits(infinite, infinite, infinite, infinite)))) == 20
    for name in ("PIXELS", "FRAMES", "WAIT_S", "MEMORY"):
        monkeypatch.setenv(f"KINESCRIBE_MAX_{name}", "inf")
    assert len(list(open_video(video))) == 20


def test_a_picture_that_claims_too_much_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "1.png"), plain(0))
    data = bytearray((tmp_path / "1.png").read_bytes())
    data[16:24] = struct.pack(">II", 30_000, 30_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    (tmp_path / "1.png").write_bytes(data)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(InputError, match="claims frames of 30000 x 30000 pixels"):
        open_video(tmp_path, frame_interval=1)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif", "webp"])
def test_sizes_are_told_by_headers(suffix):
    data = cv2.imencode(f".{suffix}", np.zeros((48, 65, 3), np.uint8))[1].tobytes()
    assert size_of_picture(data) == (65, 48)
    assert damage_of_picture(data) is None
    for length in range(0, len(data), 7):
        size_of_picture(data[:length])
        damage_of_picture(data[:length])


def test_a_flipped_bit_of_a_png_is_seen_wherever_it_is():
    data = cv2.imencode(".png", np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8))[1].tobytes()
    for at in range(8, len(data), 11):
        flipped = bytearray(data)
        flipped[at] ^= 4
        assert damage_of_picture(bytes(flipped)) is not None
