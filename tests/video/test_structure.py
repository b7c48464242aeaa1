"""Sound files of many muxers have no damage; what demuxers step over is found where it is; and no bytes end the search badly."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from videofiles import noise, plain, write_file

from kinescribe.video import open_video
from kinescribe.video.structure import announces_key, first_damage, units_of_pictures

MP4, MKV = "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"
MS = Fraction(1, 1000)
KINDS = {
    "plain.mp4": (MP4, {}),
    "front.mp4": (MP4, {"movflags": "faststart"}),
    "fragments.mp4": (MP4, {"movflags": "frag_keyframe+empty_moov"}),
    "each.mp4": (MP4, {"movflags": "frag_every_frame+default_base_moof"}),
    "dash.mp4": (MP4, {"movflags": "dash"}),
    "hybrid.mp4": (MP4, {"movflags": "hybrid_fragmented+frag_keyframe"}),
    "a.mov": (MP4, {"codec": "mpeg4", "time_base": Fraction(1, 30)}),
    "raw.mov": (MP4, {"codec": "rawvideo", "pix_fmt": "yuyv422"}),
    "a.mkv": (MKV, {"codec": "mpeg4", "time_base": MS}),
    "live.mkv": (MKV, {"live": "1"}),
    "cues.mkv": (MKV, {"reserve_index_space": "2000"}),
    "small.mkv": (MKV, {"cluster_size_limit": "3000"}),
    "a.webm": (MKV, {"codec": "libvpx", "time_base": MS}),
    "a.flv": ("flv", {"time_base": MS}),
    "a.gif": ("gif", {"codec": "gif", "pix_fmt": "gray", "time_base": Fraction(1, 100)}),
    "colour.gif": ("gif", {"codec": "gif", "pix_fmt": "rgb8", "time_base": Fraction(1, 100)}),
    "a.ts": ("mpegts", {}),
    "a.m2ts": ("mpegts", {"mpegts_m2ts_mode": "1"}),
    "a.avi": ("avi", {"codec": "mjpeg", "pix_fmt": "yuvj420p", "time_base": Fraction(1, 30)}),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    out = {}
    for name, (form, options) in KINDS.items():
        base = options.get("time_base", Fraction(1, 90_000))
        ticks = [round(Fraction(k, 10) / base) for k in range(24)]
        out[name] = write_file(folder / name, ticks, draw=noise, **options), form
    return out


def with_sound(path: Path, codec: str = "aac") -> Path:
    """Pictures and sound in turns."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=30)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        tones = container.add_stream(codec, rate=44_100)
        for index in range(24):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(plain(index), format="bgr24")))
            for part in range(2):
                frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 44_100, 1024 * (2 * index + part)
                container.mux(tones.encode(frame))
        container.mux(pictures.encode(None))
        container.mux(tones.encode(None))
    return path


@pytest.mark.parametrize("name", KINDS)
def test_a_sound_file_has_none_and_is_read_whole(sound, name):
    path, form = sound[name]
    assert first_damage(path, form) is None
    video = open_video(path)
    assert len(list(video)) == 24
    assert video.partial is None


@pytest.mark.parametrize(("ending", "form"), [("mp4", MP4), ("mkv", MKV), ("flv", "flv"), ("ts", "mpegts")])
def test_a_file_with_sound_has_none(tmp_path, ending, form):
    path = with_sound(tmp_path / f"a.{ending}")
    assert first_damage(path, form) is None
    video = open_video(path)
    assert len(list(video)) == 24
    assert video.partial is None


@pytest.mark.parametrize("name", ["a.mkv", "live.mkv", "small.mkv", "a.webm", "a.flv", "a.gif", "a.ts", "a.m2ts", "each.mp4"])
def test_a_run_of_zeros_in_the_middle_takes_away_no_frame_unsaid(sound, tmp_path, name):
    path, _ = sound[name]
    data = bytearray(path.read_bytes())
    whole = [frame.image for frame in open_video(path)]
    for share in (0.3, 0.55, 0.8):
        at = int(share * len(data))
        mine = tmp_path / name
        mine.write_bytes(data[:at] + bytes(600) + data[at + 600 :])
        video = open_video(mine)
        frames = [frame.image for frame in video]
        assert len(frames) == 24 or "breaks off after frame" in video.partial
        # no picture that lies behind the damage stands in the place of another; VP8 makes a picture of any bytes
        assert name == "a.webm" or len(frames) == 24 or all(np.array_equal(one, true) for one, true in zip(frames, whole, strict=False))


def test_tables_that_contradict_each_other_are_told(sound, tmp_path):
    data = bytearray(sound["plain.mp4"][0].read_bytes())
    count = data.index(b"stsz") + 12
    assert int.from_bytes(data[count : count + 4], "big") == 24
    data[count : count + 4] = (20).to_bytes(4, "big")
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    found = first_damage(path, MP4)
    assert found is not None
    assert "sizes of 20, times of 24" in found.reason
    video = open_video(path)
    list(video)
    assert "breaks off" in video.partial


def test_a_lost_fragment_is_missed(sound, tmp_path):
    data = sound["each.mp4"][0].read_bytes()
    places = [at for at in range(len(data)) if data[at : at + 4] == b"moof"]
    path = tmp_path / "a.mp4"
    path.write_bytes(data[: places[9] - 4] + data[places[10] - 4 :])
    found = first_damage(path, MP4)
    assert found is not None
    assert found.offset == places[9] - 4
    video = open_video(path)
    assert len(list(video)) == 10  # the first one needs no fragment
    assert "the one before it" in video.partial


def test_transport_streams_tell_how_they_begin_and_how_many_pictures_they_hold(sound):
    assert announces_key(sound["a.ts"][0])
    assert units_of_pictures(sound["a.ts"][0]) == units_of_pictures(sound["a.m2ts"][0]) == 24
    assert not announces_key(sound["a.flv"][0])


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_file_that_ends_at_any_byte_gets_an_answer(sound, tmp_path, name):
    path, form = sound[name]
    content = path.read_bytes()
    mine = tmp_path / "cut.bin"
    mine.write_bytes(content)
    with mine.open("r+b") as file:
        for length in [*range(len(content) - 1, max(len(content) - 1500, 2000), -1), *range(min(2000, len(content) - 1), -1, -1)]:
            file.truncate(length)
            found = first_damage(mine, form)
            assert found is None or "\n" not in found.reason


@given(data=st.data())
def test_any_damage_gets_an_answer(sound, tmp_path_factory, data):
    name = data.draw(st.sampled_from(sorted(KINDS)))
    path, form = sound[name]
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 300) | st.integers(len(content) - 800, len(content) - 1))
        content[at : at + 4] = data.draw(st.binary(min_size=1, max_size=8) | st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"]))
    mine = tmp_path_factory.getbasetemp() / "damaged.bin"
    mine.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    found = first_damage(mine, form)
    if found is not None:
        assert found.reason
        assert "\n" not in found.reason
        assert found.offset is None or 0 <= found.offset <= mine.stat().st_size


@given(st.binary(max_size=400), st.sampled_from([MP4, MKV, "flv", "gif", "mpegts", "avi"]))
@example(b"", MP4)
@example(b"G" * 1000, "mpegts")
def test_any_bytes_get_an_answer(tmp_path_factory, content, form):
    path = tmp_path_factory.getbasetemp() / "any-structure.bin"
    path.write_bytes(content)
    found = first_damage(path, form)
    assert found is None or found.reason
