"""Damage of any kind, anywhere: all frames, or a word on where they end, or one line of error. Never fewer frames that look like all."""

from __future__ import annotations

import shutil
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from videofiles import write_file

from kinescribe.errors import InputError
from kinescribe.video import Limits, open_video

FRAMES = 16
MS = Fraction(1, 1000)
KINDS = {
    "h264.mp4": {},
    "front.mp4": {"movflags": "faststart"},
    "fragments.mp4": {"movflags": "frag_every_frame+empty_moov"},
    "mpeg4.mov": {"codec": "mpeg4", "time_base": Fraction(1, 30)},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p", "time_base": Fraction(1, 30)},
    "ffv1.mkv": {"codec": "ffv1", "time_base": MS},
    "vp9.mkv": {"codec": "libvpx-vp9", "time_base": MS},
    "vp8.webm": {"codec": "libvpx", "time_base": MS},
    "h264.flv": {"time_base": MS},
    "a.gif": {"codec": "gif", "pix_fmt": "gray", "time_base": Fraction(1, 100)},
    "png": {},
    "jpg": {},
}


def ball(index, size):
    """A ball on grain, so that a picture has some hundreds of bytes."""
    image = np.random.default_rng(index).normal(80, 4, (size[1], size[0], 3)).clip(0, 255).astype(np.uint8)
    cv2.circle(image, (8 + 3 * index, 24), 6, (60, 200, 240), -1)
    return image


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Whole videos, by name: (the file or folder, its bytes or those of each picture)."""
    folder = tmp_path_factory.mktemp("sound")
    out = {}
    for name, options in KINDS.items():
        path = folder / name
        if "." in name:
            base = options.get("time_base", Fraction(1, 90_000))
            write_file(path, [round(Fraction(k, 10) / base) for k in range(FRAMES)], draw=ball, **options)
        else:
            path.mkdir()
            for k in range(FRAMES):
                cv2.imwrite(str(path / f"{k:02d}.{name}"), ball(k, (64, 48)))
        out[name] = path
    return out


def opened(path):
    return open_video(path, frame_interval=0.1 if path.is_dir() else None, limits=Limits(max_frames=10_000, max_wait_s=20))


@pytest.mark.parametrize("name", KINDS)
def test_the_sound_ones_are_whole(sound, name):
    video = opened(sound[name])
    assert len(list(video)) == FRAMES
    assert (video.partial, video.warnings) == (None, [])


def damaged(content: bytearray, data) -> None:
    """One to three damages."""
    for _ in range(data.draw(st.integers(1, 3))):
        size = max(1, len(content))
        place = st.integers(0, size - 1) | st.integers(0, min(400, size - 1)) | st.integers(max(0, size - 1000), size - 1)
        at, length = data.draw(place), data.draw(st.sampled_from([1, 2, 4, 8, 40, 300]))
        match data.draw(st.sampled_from(["cut", "flip", "zero", "fill", "left out", "doubled", "moved"])):
            case "cut":
                del content[at:]
            case "flip":
                if content:
                    content[at] ^= 1 << data.draw(st.integers(0, 7))
            case "zero":
                content[at : at + length] = bytes(len(content[at : at + length]))
            case "fill":
                content[at : at + length] = b"\xff" * len(content[at : at + length])
            case "left out":
                del content[at : at + length]
            case "doubled":
                content[at:at] = content[at : at + length]
            case "moved":
                piece = content[at : at + length]
                del content[at : at + length]
                to = data.draw(st.integers(0, len(content)))
                content[to:to] = piece


@settings(max_examples=250, derandomize=True)
@given(data=st.data())
def test_damage_never_takes_frames_away_unsaid(sound, tmp_path_factory, data):
    name = data.draw(st.sampled_from(sorted(KINDS)))
    folder = tmp_path_factory.getbasetemp() / "damaged"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / name
    victim = path
    if sound[name].is_dir():
        shutil.copytree(sound[name], path)
        victim = path / f"{data.draw(st.integers(0, FRAMES - 1)):02d}.{name}"
    source = sound[name] if victim == path else victim
    content = bytearray(source.read_bytes())
    damaged(content, data)
    victim.write_bytes(content)
    try:
        video = opened(path)
        frames = list(video)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    assert frames
    assert np.diff([frame.time_s for frame in frames]).min(initial=1.0) > 0
    assert video.partial is None or "\n" not in video.partial
    hidden = any("edit list leaves out" in line for line in video.warnings)
    assert len(frames) >= FRAMES or video.partial or hidden
