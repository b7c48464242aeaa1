from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
from videofiles import noise, plain, write_audio, write_file

from kinescribe.errors import InputError, UsageError
from kinescribe.video import Limits, Video, VideoWriter, open_video, sha256_of_file

STAMPS = [0, 3003, 6006, 9100, 9101, 40_000, 41_234, 500_000]


def levels(video: Video) -> list[int]:
    return [round((float(frame.image.mean()) - 20) / 18) for frame in video]


@pytest.mark.parametrize("suffix", ["mp4", "mov", "ts"])
def test_variable_time_stamps_come_back_exactly(tmp_path, suffix):
    video = open_video(write_file(tmp_path / f"a.{suffix}", STAMPS))
    assert [frame.time_s for frame in video] == [s / 90_000 for s in STAMPS]
    assert [frame.index for frame in video] == list(range(len(STAMPS)))
    assert levels(video) == list(range(len(STAMPS)))
    assert video.partial is None
    assert video.warnings == []


def test_times_count_from_the_first_frame(tmp_path):
    video = open_video(write_file(tmp_path / "late.mp4", [s + 123_457 for s in STAMPS]))
    assert [frame.time_s for frame in video] == [s / 90_000 for s in STAMPS]


def test_every_iteration_starts_from_frame_0(tmp_path):
    video = open_video(write_file(tmp_path / "a.mp4", STAMPS))
    assert next(iter(video)).index == 0
    assert next(iter(video)).index == 0
    assert len(list(video)) == len(list(video)) == 8


def test_info_describes_the_file(tmp_path):
    path = write_file(tmp_path / "a.mp4", range(0, 30_000, 3000), size=(66, 48))
    info = open_video(str(path)).info
    assert (info.path, info.name, info.kind, info.codec) == (path, "a.mp4", "file", "h264")
    assert (info.width, info.height, info.frame_count) == (66, 48, 10)
    assert info.duration_s == pytest.approx(10 / 30)
    assert info.sha256 == sha256_of_file(path)
    assert isinstance(open_video(path), Video)


def test_images_are_bgr_uint8(tmp_path):
    def blue(index, size):
        image = np.zeros((size[1], size[0], 3), np.uint8)
        image[:] = (200, 60, 30)
        return image

    image = next(iter(open_video(write_file(tmp_path / "a.mp4", [0], draw=blue)))).image
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert np.abs(image.astype(int) - (200, 60, 30)).max() <= 4


def test_frame_interval_and_times_replace_the_stamps(tmp_path):
    path = write_file(tmp_path / "a.mp4", STAMPS)
    slow = open_video(path, frame_interval=0.00417)
    assert [f.time_s for f in slow] == [k * 0.00417 for k in range(8)]
    assert slow.info.duration_s == pytest.approx(8 * 0.00417)
    own = [0.5, 1, 2, 4, 8, 16, 32, 64]
    assert [f.time_s for f in open_video(path, times=own)] == own
    with pytest.raises(UsageError, match="7 times"):
        list(open_video(path, times=own[:7]))
    with pytest.raises(UsageError, match="9 times for the 8 frames"):
        list(open_video(path, times=[*own, 128]))
    with pytest.raises(UsageError, match="both"):
        open_video(path, times=own, frame_interval=1.0)
    for bad in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="positive"):
            open_video(path, frame_interval=bad)


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
@pytest.mark.parametrize("mirror", [False, True])
def test_rotation_and_mirroring_are_applied(tmp_path, rotation, mirror):
    def marked(index, size):  # another level in every corner
        image = np.full((size[1], size[0], 3), 128, np.uint8)
        image[:16, :16], image[:16, -16:], image[-16:, :16], image[-16:, -16:] = 20, 90, 170, 240
        return image

    video = open_video(write_file(tmp_path / "a.mp4", [0, 3000], draw=marked, rotation=rotation, mirror=mirror))
    # The test file turns counter-clockwise first, and mirrors left to right after that.
    expected = np.rot90(marked(0, (64, 48)), rotation // 90)
    expected = expected[:, ::-1] if mirror else expected
    for frame in video:
        assert frame.image.shape == expected.shape == (video.info.height, video.info.width, 3)
        assert np.abs(frame.image.astype(int) - expected).mean() < 4
        assert frame.image.flags.c_contiguous


def test_a_rotation_by_no_quarter_turn_is_left_and_said(tmp_path):
    video = open_video(write_file(tmp_path / "a.mp4", [0], rotation=30))
    assert (video.info.width, video.info.height) == (64, 48)
    assert "multiple of 90" in video.warnings[0]


def test_pixels_that_are_not_square_are_left_and_said(tmp_path):
    video = open_video(write_file(tmp_path / "a.mp4", [0, 3000], pixel_aspect=Fraction(4, 3)))
    assert next(iter(video)).image.shape == (48, 64, 3)
    assert video.info.pixel_aspect == pytest.approx(4 / 3)
    assert "1.333 times as wide" in video.warnings[0]


def test_sample_hands_out_exactly_the_frames_asked_for(tmp_path):
    path = write_file(tmp_path / "a.mp4", range(0, 60_000, 3000))
    video = open_video(path)
    whole = list(video)
    chosen = list(video.sample([17, 3, 3, 0]))
    assert [f.index for f in chosen] == [0, 3, 17]
    for frame in chosen:
        assert frame.time_s == whole[frame.index].time_s
        assert np.array_equal(frame.image, whole[frame.index].image)
    assert list(video.sample([])) == []
    with pytest.raises(UsageError, match="its last one is 19"):
        list(video.sample([2, 20]))
    with pytest.raises(UsageError, match="from 0"):
        video.sample([-1])


def test_a_stream_without_time_stamps_is_spaced_by_its_rate_and_says_so(tmp_path):
    path = write_file(tmp_path / "raw.h264", range(0, 60_000, 3000), container_format="h264")
    video = open_video(path)
    steps = np.diff([frame.time_s for frame in video])
    assert len(steps) == 19
    assert steps.min() > 0
    assert np.ptp(steps) < 1e-9
    assert len(video.warnings) == 1
    assert "no time stamp on frames 0, 1, 2, 3, 4 and 15 more" in video.warnings[0]
    assert "--frame-interval" in video.warnings[0]
    list(video)
    assert len(video.warnings) == 1
    given = open_video(path, frame_interval=0.5)
    assert [frame.time_s for frame in given] == [0.5 * k for k in range(20)]
    assert given.warnings == []


def test_other_containers_and_codecs(tmp_path):
    base = Fraction(1, 30)
    for name, options in {
        "a.mkv": {},
        "a.webm": {"codec": "libvpx-vp9"},
        "a.avi": {"codec": "mpeg4", "time_base": base},
        "b.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p", "time_base": base},
        "a.gif": {"codec": "gif", "pix_fmt": "gray", "time_base": Fraction(1, 100)},
        "frag.mp4": {"movflags": "frag_keyframe+empty_moov"},
    }.items():
        tick = options.get("time_base", Fraction(1, 90_000))
        stamps = [round(Fraction(k, 10) / tick) for k in range(12)]
        video = open_video(write_file(tmp_path / name, stamps, **options))
        times = [frame.time_s for frame in video]
        assert times == pytest.approx([k / 10 for k in range(12)], abs=6e-4), name
        assert video.partial is None, name
        assert levels(video) == list(range(12)), name


def test_a_name_like_a_protocol_or_a_pattern_is_a_name(tmp_path):
    for name in ("take:1.mp4", "100%d.mp4", "a b é.mp4", "#1?.mp4"):
        path = write_file(tmp_path / "a.mp4", [0, 3000]).rename(tmp_path / name)
        assert len(list(open_video(path))) == 2


@pytest.mark.parametrize(
    "url",
    [
        "http://a.org/b.mp4",
        "rtsp://cam/1",
        "file:///etc/passwd",
        "file:x.mp4",
        "concat:a.mp4|b.mp4",
        "pipe:0",
        "HTTPS://a/b",
        "lavfi:testsrc",
    ],
)
def test_urls_are_refused(url):
    with pytest.raises(InputError, match="local files only"):
        open_video(url)


def test_a_missing_file_names_the_nearest(tmp_path):
    write_file(tmp_path / "pendulum.mp4", [0])
    with pytest.raises(InputError, match=r"did you mean '.*pendulum\.mp4'"):
        open_video(tmp_path / "pendulun.mp4")
    with pytest.raises(InputError, match="nothing of a similar name"):
        open_video(tmp_path / "xyz.avi")
    with pytest.raises(InputError, match="there is no folder"):
        open_video(tmp_path / "none" / "a.mp4")
    with pytest.raises(InputError, match="no usable path"):
        open_video("a\0b.mp4")
    with pytest.raises(InputError, match="no usable path"):
        open_video("a" * 300 + ".mp4")
    with pytest.raises(InputError, match="standard input"):
        open_video("-")


def test_what_is_no_video_is_refused_in_one_line(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("Dear diary,\n" * 100)
    (tmp_path / "garbage.mp4").write_bytes(np.random.default_rng(0).bytes(20_000))
    write_audio(tmp_path / "sound.mp4")
    for ending in ("png", "jpg"):
        cv2.imwrite(str(tmp_path / f"photo.{ending}"), np.zeros((30, 40, 3), np.uint8))
    for name, said in {
        "empty.mp4": "empty",
        "text.mp4": "plain text",
        "garbage.mp4": "no video",
        "sound.mp4": "no video stream.*audio",
        "photo.png": "is a single picture, not a video",
        "photo.jpg": "is a single picture, not a video",
    }.items():
        with pytest.raises(InputError, match=said) as caught:
            open_video(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 3


def test_a_playlist_cannot_make_the_decoder_open_other_files(tmp_path):
    secret = write_file(tmp_path / "secret.ts", range(0, 30_000, 3000))
    lists = {
        "hls.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n",
        "concat.mp4": f"ffconcat version 1.0\nfile '{secret}'\n",
        "frames.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match="no video"):
            open_video(tmp_path / name)


def test_a_frame_too_large_is_refused(tmp_path):
    path = write_file(tmp_path / "a.mp4", [0, 3000])
    assert len(list(open_video(path, limits=Limits(max_pixels=64 * 48)))) == 2
    with pytest.raises(InputError, match=r"claims frames of 64 x 48 pixels; at most 3071 .*KINESCRIBE_MAX_PIXELS=3072"):
        open_video(path, limits=Limits(max_pixels=64 * 48 - 1))


def cut(path, share, name=None):
    data = path.read_bytes()
    out = path.with_name(name or f"cut-{path.name}")
    out.write_bytes(data[: int(len(data) * share)])
    return out


@pytest.mark.parametrize("share", [0.5, 0.97])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("front.mp4", {"movflags": "faststart"}),
        ("frag.mp4", {"movflags": "frag_keyframe+empty_moov"}),
        ("a.mkv", {}),
        ("a.webm", {"codec": "libvpx-vp9"}),
        ("a.ts", {}),
        ("a.avi", {"codec": "mpeg4", "time_base": Fraction(1, 30)}),
    ],
)
def test_a_cut_file_yields_what_is_whole_and_says_where_it_ends(tmp_path, name, options, share):
    step = 1 if "time_base" in options else 3000
    path = write_file(tmp_path / name, range(0, 60 * step, step), draw=noise, **options)
    whole = list(open_video(path))
    assert len(whole) == 60
    video = open_video(cut(path, share))
    frames = list(video)
    assert 1 <= len(frames) < 60
    assert len(frames) > 60 * share * 0.3
    for frame, true in zip(frames, whole, strict=False):  # nothing concealed is handed out
        assert frame.time_s == true.time_s
        assert np.array_equal(frame.image, true.image)
    assert video.partial is not None
    assert f"breaks off after frame {len(frames) - 1} ({frames[-1].time_s:.3f} s): " in video.partial
    assert "\n" not in video.partial


def test_damage_in_the_middle_ends_the_frames_there(tmp_path):
    path = write_file(tmp_path / "a.mp4", range(0, 180_000, 3000), draw=noise)
    whole = list(open_video(path))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    path.write_bytes(data)
    video = open_video(path)
    frames = list(video)
    assert 10 < len(frames) < 40
    assert "breaks off after frame" in (video.partial or "")
    for frame, true in zip(frames, whole, strict=False):
        assert np.array_equal(frame.image, true.image)
    assert len(list(video.sample([0, 5]))) == 2
    assert video.partial is None
    assert [f.index for f in video.sample([0, 59])] == [0]
    assert video.partial is not None


def test_a_recording_that_starts_between_key_frames_begins_at_the_first_whole_frame(tmp_path):
    path = write_file(tmp_path / "a.ts", range(0, 1_200_000, 3000), draw=noise)
    whole = [frame.image for frame in open_video(path)]
    path.write_bytes(path.read_bytes()[188 * 500 :])
    video = open_video(path)
    frames = list(video)
    assert 50 < len(frames) < len(whole)
    assert video.partial is None
    assert frames[0].time_s == 0
    for frame, true in zip(frames, whole[-len(frames) :], strict=True):
        assert np.array_equal(frame.image, true)
    assert "at its start are left out" in video.warnings[0]


def test_a_file_cut_before_its_index_is_refused(tmp_path):
    path = write_file(tmp_path / "a.mp4", range(0, 180_000, 3000), draw=noise)
    with pytest.raises(InputError, match="cut off before its index"):
        open_video(cut(path, 0.5))


def test_no_frame_that_decodes_is_an_error(tmp_path):
    path = write_file(tmp_path / "a.mp4", range(0, 30_000, 3000), draw=noise)
    data = bytearray(path.read_bytes())
    at = data.index(b"mdat")
    end = data.index(b"moov")
    data[at + 4 : end - 4] = bytes(end - at - 8)
    path.write_bytes(data)
    with pytest.raises(InputError, match="no frame of it can be decoded"):
        open_video(path)


def test_one_frame_is_a_video(tmp_path):
    video = open_video(write_file(tmp_path / "a.mp4", [777]))
    assert [frame.time_s for frame in video] == [0.0]
    assert video.partial is None


def test_what_the_writer_wrote_comes_back(tmp_path):
    times = [0.0, 0.04, 0.0417, 1.5, 2.0]
    with VideoWriter(tmp_path / "a.mp4") as writer:
        for index, time in enumerate(times):
            writer.write(plain(index), time)
    assert [f.time_s for f in open_video(tmp_path / "a.mp4")] == pytest.approx(times, abs=0.5 / 90_000)
