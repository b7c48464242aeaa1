from __future__ import annotations

import cv2
import numpy as np
import pytest
from videofiles import plain

from kinescribe.errors import InputError, UsageError
from kinescribe.video import Video, open_video


def folder(path, names, size=(64, 48)):
    path.mkdir(exist_ok=True)
    for index, name in enumerate(names):
        assert cv2.imwrite(str(path / name), plain(index, size))
    return path


def levels(frames):
    return [round((float(frame.image.mean()) - 20) / 18) for frame in frames]


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "webp", "PNG"])
def test_pictures_come_in_the_order_of_their_numbers(tmp_path, suffix):
    video = open_video(folder(tmp_path / "f", [f"img{k}.{suffix}" for k in range(12)]), frame_interval=0.5)
    frames = list(video)
    assert levels(frames) == list(range(12))
    assert [f.index for f in frames] == list(range(12))
    assert [f.time_s for f in frames] == [0.5 * k for k in range(12)]
    assert video.warnings == []
    assert video.partial is None


def test_info_describes_the_folder(tmp_path):
    path = folder(tmp_path / "f", ["00001.png", "00002.png"])
    video = open_video(path, frame_interval=0.5)
    info = video.info
    assert isinstance(video, Video)
    assert (info.path, info.name, info.kind, info.codec) == (path, "f", "images", "png")
    assert (info.width, info.height, info.frame_count, info.duration_s) == (64, 48, 2, 1.0)
    copy = folder(tmp_path / "g", ["00001.png", "00002.png"])
    assert open_video(copy, frame_interval=1).info.sha256 == info.sha256
    (copy / "00002.png").write_bytes((copy / "00001.png").read_bytes())
    assert open_video(copy, frame_interval=1).info.sha256 != info.sha256


def test_time_has_to_be_given(tmp_path):
    path = folder(tmp_path / "f", ["1.png", "2.png"])
    with pytest.raises(UsageError, match="--frame-interval SECONDS"):
        open_video(path)
    with pytest.raises(UsageError, match="both"):
        open_video(path, times=[0, 1], frame_interval=1)
    with pytest.raises(UsageError, match="3 times for 2 frames"):
        open_video(path, times=[0, 1, 2])
    assert [f.time_s for f in open_video(path, times=[5, 6.5])] == [5, 6.5]


def test_sample_reads_only_what_is_asked_for(tmp_path):
    path = folder(tmp_path / "f", [f"{k}.png" for k in range(10)])
    video = open_video(path, frame_interval=1)
    (path / "4.png").unlink()
    assert levels(video.sample([9, 2])) == [2, 9]
    with pytest.raises(UsageError, match="its last one is 9"):
        video.sample([10])


def test_a_missing_number_leaves_its_time_free(tmp_path):
    video = open_video(folder(tmp_path / "f", ["00.png", "10.png", "20.png", "40.png"]), frame_interval=0.1)
    assert [f.time_s for f in video] == pytest.approx([0, 0.1, 0.2, 0.4])
    assert "missing after 20.png" in video.warnings[0]


def test_numbers_that_do_not_count_are_refused_without_times(tmp_path):
    path = folder(tmp_path / "f", ["1000.png", "1033.png", "1067.png"])
    with pytest.raises(InputError, match=r"don't count frames"):
        open_video(path, frame_interval=0.033)
    assert len(list(open_video(path, times=[0, 0.033, 0.067]))) == 3


def test_numbers_of_any_length_and_names_with_several(tmp_path):
    big = 10**25
    video = open_video(folder(tmp_path / "f", [f"{big + k}.png" for k in range(3)]), frame_interval=1)
    assert [f.time_s for f in video] == [0, 1, 2]
    dated = open_video(folder(tmp_path / "g", ["2024_1_9.png", "2024_1_10.png", "2024_2_1.png"]), frame_interval=1)
    assert levels(dated) == [0, 1, 2]


def test_folders_that_hold_no_series_are_refused(tmp_path):
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "notes.txt").write_text("1")
    with pytest.raises(InputError, match="no pictures"):
        open_video(tmp_path / "none", frame_interval=1)
    with pytest.raises(InputError, match="none of its 1 pictures has a number"):
        open_video(folder(tmp_path / "a", ["first.png"]), frame_interval=1)
    with pytest.raises(InputError, match="several series"):
        open_video(folder(tmp_path / "b", ["left1.png", "right1.png"]), frame_interval=1)
    with pytest.raises(InputError, match="same number"):
        open_video(folder(tmp_path / "c", ["1.png", "01.png"]), frame_interval=1)


def test_unnumbered_pictures_are_left_out_and_named(tmp_path):
    path = folder(tmp_path / "f", ["1.png", "2.png", "cover.png"])
    (path / "._1.png").write_bytes(b"not a picture")
    video = open_video(path, frame_interval=1)
    assert levels(video) == [0, 1]
    assert video.warnings == ["'f': left out, for want of a number in the name: cover.png"]


def test_a_picture_of_another_size_is_named(tmp_path):
    path = folder(tmp_path / "f", ["1.png", "2.png"])
    cv2.imwrite(str(path / "3.png"), plain(2, (32, 48)))
    with pytest.raises(InputError, match=r"3\.png' is 32 x 48 pixels"):
        list(open_video(path, frame_interval=1))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_cut_picture_ends_the_frames(tmp_path, suffix):
    path = folder(tmp_path / "f", [f"{k}.{suffix}" for k in range(4)])
    cv2.imwrite(str(path / f"2.{suffix}"), np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8))
    data = (path / f"2.{suffix}").read_bytes()
    (path / f"2.{suffix}").write_bytes(data[: len(data) // 2])
    video = open_video(path, frame_interval=0.5)
    assert levels(video) == [0, 1]
    assert "breaks off before frame 2 (1.000 s)" in (video.partial or "")
    (path / f"0.{suffix}").write_bytes(b"")
    with pytest.raises(InputError, match=r"empty \(0 bytes\)"):
        open_video(path, frame_interval=1)


def test_depths_other_than_8_bits(tmp_path):
    path = tmp_path / "f"
    path.mkdir()
    cv2.imwrite(str(path / "1.png"), np.full((48, 64), 300, np.uint16))
    video = open_video(path, frame_interval=1)
    assert next(iter(video)).image.max() == 1
    assert "top is 300" in video.warnings[0]
    cv2.imwrite(str(path / "1.tif"), np.full((48, 64), 0.5, np.float32))
    (path / "1.png").unlink()
    with pytest.raises(InputError, match="float32"):
        open_video(path, frame_interval=1)


def test_a_stack_in_one_file_is_refused(tmp_path):
    (tmp_path / "f").mkdir()
    assert cv2.imwritemulti(str(tmp_path / "f" / "1.tif"), [plain(0), plain(1)])
    with pytest.raises(InputError, match="stack of 2"):
        open_video(tmp_path / "f", frame_interval=1)
