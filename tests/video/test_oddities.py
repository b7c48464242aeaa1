"""Videos as they come: depths, fields, sizes, stamps; through the reader, and through `extract-states` where something is to be said."""

from __future__ import annotations

import json
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from videofiles import write_file

from kinescribe.cli.extract import main
from kinescribe.errors import InputError
from kinescribe.video import open_video
from kinescribe.video.decoding import Decoding
from kinescribe.video.structure import Damage

EVERY = range(0, 90_000, 3000)


def falling(index, size=(160, 120)):
    """A disc that falls past a ground with a slope of grey."""
    image = np.repeat(np.linspace(40, 90, size[0], dtype=np.uint8)[None, :, None], size[1], 0).repeat(3, 2)
    scale = size[1] / 120
    centre = ((20 + 3 * index) * scale, (15 + 0.08 * index**2) * scale)
    cv2.circle(image, (round(centre[0] * 16), round(centre[1] * 16)), round(7 * scale * 16), (230, 230, 230), -1, cv2.LINE_AA, 4)
    return image


def write(path, ticks=EVERY, **options):
    return write_file(path, ticks, draw=falling, **{"size": (160, 120)} | options)


def extracted(path, *options):
    """Exit code and sidecar (None without one) of the command line."""
    table = path.with_name("out.csv")
    code = main([str(path), "-o", str(table), "-q", "--overwrite", *options])
    sidecar = table.with_suffix(".meta.json")
    return code, json.loads(sidecar.read_text()) if sidecar.exists() else None


@pytest.mark.parametrize(
    ("codec", "pix_fmt"),
    [
        ("ffv1", "gray"),
        ("ffv1", "gray10le"),
        ("ffv1", "gray16le"),
        ("ffv1", "yuv420p10le"),
        ("ffv1", "yuv444p12le"),
        ("ffv1", "gbrp16le"),
        ("ffv1", "bgra"),
        ("libx264", "yuv420p10le"),
        ("rawvideo", "nv12"),
        ("rawvideo", "yuyv422"),
    ],
)
def test_depths_and_layouts_of_pixels_come_to_the_same_picture(tmp_path, codec, pix_fmt):
    video = open_video(write(tmp_path / "a.mkv", codec=codec, pix_fmt=pix_fmt))
    frames = list(video)
    assert [frame.image.dtype for frame in frames] == [np.uint8] * 30
    for index in (0, 29):
        assert np.abs(frames[index].image.astype(int) - falling(index)).mean() < 2
    assert (video.partial, video.warnings) == (None, [])


def test_interlaced_video_is_told(tmp_path):
    path = write_file(tmp_path / "a.avi", range(3), draw=falling, size=(720, 576), codec="dvvideo", time_base=Fraction(1, 25))
    video = open_video(path)
    assert len(list(video)) == 3
    assert any("interlaced" in line for line in video.warnings)


def test_a_change_of_size_ends_the_frames_and_the_table_is_partial(tmp_path):
    first, second = (
        write(tmp_path / f"{k}.ts", ticks, size=size)
        for k, (ticks, size) in enumerate([(EVERY, (160, 120)), (range(90_000, 120_000, 3000), (128, 96))])
    )
    path = tmp_path / "both.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    video = open_video(path)
    frames = list(video)
    assert 20 < len(frames) <= 30
    assert {frame.image.shape for frame in frames} == {(120, 160, 3)}
    assert "breaks off" in video.partial
    code, meta = extracted(path)
    assert code == 5
    assert "breaks off" in meta["partial"]


def test_stamps_that_repeat_in_a_file_are_mended_and_told(tmp_path):
    stamps = [0, 33, 67, 100, 100, 133, 167, 200, 200, 233, 267]  # two pictures in a millisecond
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuvj420p"
        stream.codec_context.time_base = Fraction(1, 90_000)
        for index, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(falling(index), format="bgr24")
            frame.pts, frame.time_base = 90 * stamp + 20 * (stamps[index - 1] == stamp), Fraction(1, 90_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    video = open_video(path)
    times = [frame.time_s for frame in video]
    assert len(times) == 11
    assert np.diff(times).min() > 0
    assert "time stamp repeats or goes back on frames 4, 8" in video.warnings[0]


def test_the_sidecar_tells_how_regular_the_stamps_are(tmp_path):
    ticks = [0, 3000, 6000, 9000, 15_000, 18_000, 21_300, 24_000, *range(27_000, 90_000, 3000)]  # one lost, one late
    code, meta = extracted(write(tmp_path / "a.mp4", [900_000 + tick for tick in ticks]))
    assert code == 0
    time = meta["time"]
    assert (time["regular"], time["irregular_steps"], time["gaps"], time["repeated_frames"]) == (False, 3, 1, 0)
    assert time["interval_s"] == pytest.approx(1 / 30)
    assert time["longest_step_s"] == pytest.approx(2 / 30)


def test_doubled_frames_and_cuts_are_warnings_of_the_table(tmp_path):
    doubled = write_file(tmp_path / "a.mp4", range(0, 90_000, 1500), draw=lambda k, size: falling(k // 2, size), size=(160, 120))
    code, meta = extracted(doubled)
    assert (code, meta["time"]["repeated_frames"]) == (0, 30)
    assert "30 of 60 frames repeat the one before" in " ".join(meta["warnings"])
    assert extracted(doubled, "--strict")[0] == 5
    cut = write_file(
        tmp_path / "b.mp4", EVERY, draw=lambda k, size: falling(k, size) if k < 15 else 255 - falling(k, size)[::-1], size=(160, 120)
    )
    code, meta = extracted(cut)
    assert code in (0, 4)  # what can be made of it
    if meta is not None:
        assert any("begins at frame 15" in line for line in meta["warnings"])


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (16, 16)])
@pytest.mark.parametrize("black", [False, True])
def test_tiny_and_black_videos_end_with_one_line(tmp_path, capsys, size, black):
    def draw(index, size):
        image = np.full((size[1], size[0], 3), 0 if black else 60, np.uint8)
        if not black and index % 3 == 1:
            image[size[1] // 2, size[0] // 2] = 200
        return image

    path = write_file(tmp_path / "a.mkv", EVERY, draw=draw, size=size, codec="ffv1", pix_fmt="bgra")
    assert [frame.image.shape for frame in open_video(path)] == [(size[1], size[0], 3)] * 30
    code, meta = extracted(path)
    lines = capsys.readouterr().err.splitlines()
    if black:
        assert (code, meta) == (4, None)
    assert code in (0, 4)
    if code == 4:
        assert len(lines) == 1
        assert lines[0].startswith("kinescribe: error: ")


def test_pictures_of_4k_are_read(tmp_path):
    video = open_video(
        write_file(tmp_path / "a.mp4", range(0, 6000, 3000), draw=falling, size=(3840, 2160), codec="mjpeg", pix_fmt="yuvj420p")
    )
    frames = list(video)
    assert [frame.image.shape for frame in frames] == [(2160, 3840, 3)] * 2
    assert video.warnings == []


def test_a_folder_with_gaps_keeps_the_times_of_its_numbers(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(30):
        if index not in (7, 8, 19):
            cv2.imwrite(str(folder / f"{index}.png"), falling(index))
    code, meta = extracted(folder, "--frame-interval", "0.1")
    assert code == 0
    assert (meta["time"]["regular"], meta["time"]["gaps"], meta["time"]["longest_step_s"]) == (False, 2, pytest.approx(0.3))
    assert any("pictures are missing after 6.png, 18.png" in line for line in meta["warnings"])


def test_bare_pictures_in_a_file_whose_header_is_lost_are_no_whole_video(tmp_path):
    bare = write(tmp_path / "a.h264", container_format="h264")
    assert len(list(open_video(bare, frame_interval=1 / 30))) == 30
    path = bare.rename(tmp_path / "a.mp4")
    video = open_video(path, frame_interval=1 / 30)
    list(video)
    assert "only bare pictures are left" in video.partial


def test_a_lost_start_makes_a_table_partial(tmp_path):
    path = write(tmp_path / "a.mkv", codec="mpeg4", time_base=Fraction(1, 1000), ticks=range(0, 1000, 33))
    whole = len(list(open_video(path)))
    data = bytearray(path.read_bytes())
    at = data.index(b"\x00\x00\x01\xb6")  # the first picture
    data[at : at + 40] = b"\xff" * 40
    path.write_bytes(data)
    video = open_video(path)
    assert 0 < len(list(video)) < whole
    assert "lacks its start" in video.partial
    assert extracted(path)[0] == 5


def first_key_damaged(path, ticks, **options):
    """A film of H.264 of which the first picture's code is broken; the pictures that it would have."""
    write_file(path, ticks, draw=falling, size=(160, 120), **options)
    pictures = [frame.image for frame in open_video(path)]
    with av.open(str(path)) as container:
        first = next(container.demux(container.streams.video[0]))
    data = bytearray(path.read_bytes())
    at = first.pos + first.size * 7 // 8  # the encoder's own words come first
    data[at : at + 40] = b"\xa7" * 40
    path.write_bytes(data)
    return pictures


def test_what_leans_on_a_damaged_first_key_frame_is_no_picture(tmp_path):
    path = tmp_path / "a.mp4"
    pictures = first_key_damaged(path, EVERY, group=10)
    for _ in range(3):  # what is painted over differs from run to run
        video = open_video(path)
        seen = [frame.image for frame in video]
        np.testing.assert_array_equal(seen, pictures[10:])
        assert "lacks its start: 10 frames before frame 0" in video.partial


def test_a_film_that_leans_on_one_damaged_key_frame_has_no_picture(tmp_path):
    path = tmp_path / "a.mp4"
    first_key_damaged(path, EVERY)
    with pytest.raises(InputError, match="no frame of it can be decoded \\(the key frame that all others lean on is damaged\\)"):
        open_video(path)


def test_a_file_that_is_known_to_be_damaged_is_decoded_by_one_thread(tmp_path):
    path = write(tmp_path / "a.ts", container_format="mpegts")
    decoding = Decoding(path, None, Damage(1880, "there is no packet at byte 1880"))
    assert decoding.stream.codec_context.thread_count == 1
    decoding.close()
