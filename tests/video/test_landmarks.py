"""Frames had by a jump to their key frame are those that a pass from the start gives."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from kinescribe.video import open_video
from kinescribe.video.landmarks import Landmarks
from kinescribe.video.reader import FileVideo

COUNT = 120


def written(path: Path, codec: str = "libx264", options: dict[str, str] | None = None, gop: int = 20, count: int = COUNT) -> Path:
    rng = np.random.default_rng(3)
    ground = rng.integers(60, 160, (64, 96, 3))
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p" if codec != "mjpeg" else "yuvj420p"
        stream.codec_context.gop_size = gop
        for k in range(count):
            image = ground + rng.integers(-6, 7, ground.shape)
            image[20:36, (k * 2) % 80 : (k * 2) % 80 + 16] = (40, 60, 220)
            frame = av.VideoFrame.from_ndarray(np.clip(image, 0, 255).astype(np.uint8), format="bgr24")
            frame.pts, frame.time_base = k, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


KINDS = [
    ("closed.mp4", "libx264", {"x264-params": "open-gop=0:bframes=3"}),
    ("open.mp4", "libx264", {"x264-params": "open-gop=1:bframes=3:b-pyramid=normal"}),
    ("refreshed.mp4", "libx264", {"x264-params": "intra-refresh=1:bframes=0"}),
    ("open.mkv", "libx265", {"x265-params": "open-gop=1:log-level=error"}),
    ("old.avi", "mpeg4", {}),
    ("each.avi", "mjpeg", {}),
    ("web.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
]


@pytest.mark.parametrize(("name", "codec", "options"), KINDS, ids=[kind[0] for kind in KINDS])
def test_a_jump_gives_the_frames_that_a_pass_from_the_start_gives(tmp_path: Path, name: str, codec: str, options: dict[str, str]) -> None:
    path = written(tmp_path / name, codec, options)
    video = FileVideo(path)
    whole = list(video)
    for wanted in ([118], [45, 46, 47, 99], [3, 70, 71, 119], list(range(80, 90))):
        found = list(video.sample(wanted))
        assert [frame.index for frame in found] == wanted
        for frame in found:
            assert frame.time_s == whole[frame.index].time_s
            np.testing.assert_array_equal(frame.image, whole[frame.index].image)
    assert video.partial is None


def test_a_jump_decodes_no_more_than_it_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = FileVideo(written(tmp_path / "closed.mp4", options={"x264-params": "open-gop=0:keyint=20:min-keyint=20:scenecut=0"}))
    list(video)
    followed = Landmarks.follow
    decoded = 0

    def counting(self: Landmarks, pictures: object, key: int) -> object:
        nonlocal decoded
        for each in followed(self, pictures, key):  # type: ignore[arg-type]
            decoded += 1
            yield each

    monkeypatch.setattr(Landmarks, "follow", counting)
    monkeypatch.setattr(FileVideo, "_read", lambda *_: pytest.fail("read from the start"))
    assert [frame.index for frame in video.sample([42, 101, 103])] == [42, 101, 103]
    assert decoded == 3 + 4


def test_a_landing_on_another_picture_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = FileVideo(written(tmp_path / "closed.mp4"))
    whole = list(video)
    monkeypatch.setattr("kinescribe.video.landmarks.fingerprint", lambda _: -1)
    found = list(video.sample([50, 110]))
    assert [frame.index for frame in found] == [50, 110]
    for frame in found:
        np.testing.assert_array_equal(frame.image, whole[frame.index].image)


def test_there_is_no_jumping_before_a_whole_pass_nor_where_stamps_repeat(tmp_path: Path) -> None:
    video = FileVideo(written(tmp_path / "closed.mp4"))
    assert video._landmarks.plan([100]) is None
    for frame in video:
        if frame.index == 60:
            break
    assert video._landmarks.plan([100]) is None
    list(video)
    assert video._landmarks.plan([100]) == [(100, [100])]
    assert video._landmarks.plan([5, 40, 70, 100]) is not None
    assert video._landmarks.plan(list(range(0, 120, 2))) is None  # all are decoded anyway

    class Picture:
        pts, key_frame, planes = 0, True, (b"",)

    marks = Landmarks()
    for _ in range(2):
        marks.note(Picture(), 0.0)  # type: ignore[arg-type]
    marks.close()
    assert not marks.whole


def test_a_video_that_breaks_off_is_read_from_the_start(tmp_path: Path) -> None:
    path = written(tmp_path / "cut.mkv")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.6)])
    video = open_video(path)
    count = sum(1 for _ in video)
    assert video.partial is not None
    assert [frame.index for frame in video.sample([count - 1])] == [count - 1]


def test_chosen_frames_alone_are_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = FileVideo(written(tmp_path / "closed.mp4"))
    converted = FileVideo._pixels
    count = 0

    def counting(*arguments: object) -> object:
        nonlocal count
        count += 1
        return converted(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(FileVideo, "_pixels", counting)
    found = list(video.choose(lambda index, time_s: None if time_s >= 2 else index >= 20 and index % 10 == 0))
    assert [frame.index for frame in found] == [20, 30, 40]
    assert count == 3
