"""Repeated frames and cuts are told, and nothing that a sound recording shows is taken for either."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from videofiles import write_file

from kinescribe.video import open_video
from kinescribe.video.selection import SelectedVideo, Selection

SIZE = (160, 120)


def scene(place: float, *, seed: int = 0, noise: float = 0.0, moment: int = 0, light: float = 1.0) -> np.ndarray:
    """A disc on a textured ground; another seed is another scene, another moment other grain."""
    ground = cv2.resize(np.random.default_rng(seed).uniform(20, 160, (12, 16)).astype(np.float32), SIZE, interpolation=cv2.INTER_CUBIC)
    image = np.repeat(ground[:, :, None], 3, axis=2)
    cv2.circle(image, (round((20 + place) * 16), 60 * 16), 8 * 16, (230.0, 230.0, 230.0), -1, cv2.LINE_AA, 4)
    image = image * light + noise * np.random.default_rng(1000 + moment).normal(size=image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def warnings_of(path, images, *, ticks=1500, **options) -> list[str]:
    video = open_video(write_file(path, range(0, ticks * len(images), ticks), draw=lambda k, _: images[k], size=SIZE, **options))
    assert sum(1 for _ in video) == len(images)
    first = list(video.warnings)
    assert sum(1 for _ in video) == len(images)
    assert video.warnings == first  # they don't pile up
    return first


@pytest.mark.parametrize("noise", [0.0, 4.0])
@pytest.mark.parametrize("times", [2, 3])
def test_a_recording_stored_at_a_higher_rate_is_told(tmp_path, noise, times):
    images = [scene(2.5 * (k // times), noise=noise, moment=k // times) for k in range(48)]
    (said,) = warnings_of(tmp_path / "a.mp4", images)
    assert f"{48 - 48 // times} of 48 frames repeat the one before" in said
    assert f"{1 / times:.2g} times the frame rate" in said


@pytest.mark.parametrize("options", [{}, {"codec": "mjpeg", "pix_fmt": "yuvj420p"}, {"codec": "ffv1", "pix_fmt": "yuv420p10le"}])
def test_frames_lost_and_filled_with_the_one_before_are_named(tmp_path, options):
    kept = [k - (k in (13, 29, 30 + 11)) for k in range(60)]  # the clock goes on meanwhile
    (said,) = warnings_of(tmp_path / "a.mkv", [scene(1.5 * k) for k in kept], **options)
    assert "frames 13, 29, 41 repeat the one before while things move" in said


def test_the_count_of_repeats_is_known_after_the_first_pass(tmp_path):
    path = write_file(tmp_path / "a.mp4", range(0, 60_000, 1500), draw=lambda k, _: scene(2.5 * (k // 2)), size=SIZE)
    video = open_video(path)
    assert video.repeated is None
    next(iter(video))
    assert video.repeated is None
    list(video)
    assert video.repeated == 20


@pytest.mark.parametrize(
    "place",
    [
        lambda k: 40.0,  # nothing moves
        lambda k: 2.0 * k,
        lambda k: 60 + 50 * np.sin(k / 9),  # turns round, now and then just between two frames
        lambda k: 1.5 * abs(32.5 - k),  # bounces back half-way between two frames
        lambda k: 1.5 * abs((k + 0.5) % 24 - 12),  # does so again and again
        lambda k: 2.0 * min(k, 20),  # comes to rest
        lambda k: 2.0 * (k - min(max(k - 20, 0), 12)),  # rests for a while
        lambda k: 0.0015 * k**3,
        lambda k: 110 - 0.11 * (k - 30.5) ** 2,  # thrown, with its highest point between two frames
    ],
)
@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_what_rests_turns_or_bounces_is_no_repeat_and_no_cut(tmp_path, place, noise):
    assert warnings_of(tmp_path / "a.mp4", [scene(float(place(k)) % 120, noise=noise, moment=k) for k in range(64)]) == []


@pytest.mark.parametrize("noise", [0.0, 6.0])
@pytest.mark.parametrize("at", [1, 2, 20, 38, 39])
def test_a_cut_is_told_with_its_frame(tmp_path, at, noise):
    images = [scene(2.0 * k, seed=int(k >= at), noise=noise, moment=k) for k in range(40)]
    (said,) = warnings_of(tmp_path / "a.mp4", images)
    assert f"begins at frame {at};" in said
    assert "extract the parts one by one" in said


def test_two_cuts_are_told(tmp_path):
    (said,) = warnings_of(tmp_path / "a.mp4", [scene(2.0 * k, seed=k // 12) for k in range(36)])
    assert "begins at frames 12, 24;" in said


def test_light_is_no_cut(tmp_path):
    drifting = [scene(2.0 * k, light=1 - 0.012 * k) for k in range(40)]
    flickering = [scene(2.0 * k, light=1 - 0.15 * (k % 2)) for k in range(40)]
    flash = [scene(2.0 * k, light=1.6 if k in (17, 18) else 1.0) for k in range(40)]
    switched = [scene(2.0 * k, light=0.6 if k < 20 else 1.0) for k in range(40)]
    for name, images in {"drift": drifting, "flicker": flickering, "flash": flash, "switch": switched}.items():
        assert warnings_of(tmp_path / f"{name}.mp4", images) == [], name


@pytest.mark.parametrize("share", [0.08, 0.15, 0.3])
@pytest.mark.parametrize("pace", [0.5, 1.3, 2.0])  # radians a frame
@pytest.mark.parametrize("moves", [2.0, 0.0])
def test_light_that_turns_is_no_repeat(tmp_path, share, pace, moves):
    images = [scene(moves * k, light=0.75 * (1 + share * np.sin(pace * k)), noise=1.0, moment=k) for k in range(48)]
    assert warnings_of(tmp_path / "a.mp4", images) == []


def test_repeats_are_told_in_light_that_wavers(tmp_path):
    images = [scene(2.5 * (k // 2), light=1 - 0.15 * np.sin(1.3 * (k // 2))) for k in range(48)]
    (said,) = warnings_of(tmp_path / "a.mp4", images)
    repeats = int(said.split(" of 48 frames repeat the one before")[0].split()[-1])
    assert 20 <= repeats <= 24  # coding changes some a little


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("renumbered", [False, True])
def test_frames_that_are_not_looked_at_are_not_told_of(tmp_path, folder, renumbered):
    images = [scene(2.5 * (k // 2) % 100, seed=int(k >= 40)) for k in range(64)]
    if folder:
        for k, image in enumerate(images):
            cv2.imwrite(str(tmp_path / f"{k:03d}.png"), image)
        video = open_video(tmp_path, frame_interval=1 / 60)
    else:
        video = open_video(write_file(tmp_path / "a.mp4", range(0, 64 * 1500, 1500), draw=lambda k, _: images[k], size=SIZE))

    def told(*selection) -> str:
        assert list(SelectedVideo(video, Selection.of(*selection), renumbered=renumbered))
        return " ".join(video.warnings)

    for _ in range(2):
        assert "32 of 64 frames repeat" in " ".join(video.warnings if list(video) else [])
        assert video.repeated == 32
        after = told(1, "40f")
        assert "12 of 24 frames repeat the one before (frames 41, 43," in after
        assert "begins" not in after
        assert "begins" not in told(1, None, "40f")
        assert told(2, None, "40f") == ""
        assert video.repeated == 0
        every_other = told(2)
        assert "repeat" not in every_other
        assert "begins at frame 40;" in every_other


def test_a_camera_that_swings_is_no_cut(tmp_path):
    wide = cv2.resize(np.random.default_rng(5).uniform(0, 255, (12, 160)).astype(np.float32), (1600, 120), interpolation=cv2.INTER_CUBIC)
    images = [np.repeat(np.clip(wide[:, 30 * k : 30 * k + 160, None], 0, 255), 3, axis=2).astype(np.uint8) for k in range(40)]
    assert warnings_of(tmp_path / "a.mp4", images) == []


def test_black_and_tiny_pictures_say_nothing(tmp_path):
    for size in ((1, 1), (2, 2), (16, 16)):
        draws = {
            "black": lambda k, s: np.zeros((s[1], s[0], 3), np.uint8),
            "blinks": lambda k, s: np.full((s[1], s[0], 3), 255 * (k >= 20), np.uint8),
        }
        for name, draw in draws.items():
            path = write_file(tmp_path / f"{name}{size[0]}.mkv", range(0, 60_000, 1500), draw=draw, size=size, codec="ffv1", pix_fmt="gray")
            video = open_video(path)
            assert [frame.image.shape for frame in video] == [(size[1], size[0], 3)] * 40
            assert video.warnings == []


def test_a_folder_is_looked_at_too(tmp_path):
    for k in range(48):
        cv2.imwrite(str(tmp_path / f"{k:03d}.png"), scene(2.5 * (k // 2), seed=int(k >= 30)))
    video = open_video(tmp_path, frame_interval=1 / 60)
    for _ in range(2):
        for frame in video:
            frame.image[:] = 0  # what is done with the pictures is the caller's business
    assert [line.split(": ")[0] for line in video.warnings] == [f"'{tmp_path.name}'"] * 2
    assert "24 of 48 frames repeat the one before" in video.warnings[0]
    assert "begins at frame 30;" in video.warnings[1]
    assert video.repeated == 24
