"""What the first look keeps for the second: with it fewer frames are decoded again, and nothing else is different."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinescribe.evaluation import scenes
from kinescribe.perception.classical import panes as kept
from kinescribe.perception.classical import rereading, second_look
from kinescribe.perception.classical.detector import ClassicalDetector
from kinescribe.perception.classical.panes import OutOfSightError, Panes
from kinescribe.perception.detections import Detections
from kinescribe.pipeline import extract_states
from kinescribe.video.frame import Frame

NONE = np.zeros(3, np.float32)


def noise(index: int = 0, height: int = 90, width: int = 120) -> Frame:
    return Frame(index, index / 30, np.random.default_rng(index).integers(0, 256, (height, width, 3)).astype(np.uint8))


def test_what_was_kept_is_there_and_the_rest_is_not() -> None:
    panes, frame = Panes(), noise(3)
    panes.keep(frame, np.array([1.0, -2.0, 0.5], np.float32), [np.s_[40:50, 60:75], np.s_[0:4, 0:6]])
    seen, offset = panes.frame(3)
    assert (panes.indices, seen.index, seen.time_s, offset.tolist()) == ([3], 3, 0.1, [1.0, -2.0, 0.5])
    assert seen.image.shape == frame.image.shape
    for window in (np.s_[40:50, 60:75], np.s_[36:52, 55:80], np.s_[0:9, 0:3], np.s_[44:44, 60:70]):
        assert np.array_equal(seen.image[window], frame.image[window])
    assert panes.hold(3, (60, 40, 75, 50))
    assert panes.hold(3, (-5, -5, 6, 4))  # beyond the picture there is nothing to be held
    for window in (np.s_[0:90, 0:120], np.s_[20:22, 20:22], np.s_[40:50, 0:75]):
        with pytest.raises(OutOfSightError):
            seen.image[window]
    assert not panes.hold(3, (0, 40, 75, 50))


def test_windows_within_others_and_what_is_most_of_a_picture_are_not_kept() -> None:
    panes = Panes()
    panes.keep(noise(0), NONE, [np.s_[40:50, 60:75], np.s_[42:45, 65:70], np.s_[40:50, 60:75]])
    assert len(panes._kept[0].panes) == 1
    panes.keep(noise(1), NONE, [np.s_[10:80, 10:100]])
    assert (panes.indices, panes._kept[1].panes) == ([0, 1], ())


@pytest.mark.parametrize("trouble", ["budget", "disk"])
def test_no_room_is_no_trouble(trouble: str, monkeypatch: pytest.MonkeyPatch) -> None:
    panes = Panes()
    panes.keep(noise(0), NONE, [np.s_[40:50, 60:75]])
    if trouble == "budget":
        monkeypatch.setattr(kept, "MOST_BYTES", panes._size + 10)
    else:
        assert panes._file is not None

        class Full:
            def __getattr__(self, name: str, inner: Any = panes._file) -> Any:
                return getattr(inner, name)

            def write(self, data: bytes) -> int:
                raise OSError(28, "No space left on device")

        panes._file = Full()  # type: ignore[assignment]
    panes.keep(noise(1), NONE, [np.s_[40:50, 60:75]])
    panes.keep(noise(2), NONE, [np.s_[40:41, 60:61]])
    assert panes.hold(0, (60, 40, 75, 50))
    assert not panes.hold(1, (60, 40, 75, 50))
    assert panes.indices == [0, 1, 2]
    panes.close()


class Counts:
    """How many frames second looks read in whole, and of how many more was needed than was thought."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.whole = self.missed = 0
        levelled, whole = rereading.Rereading._levelled, rereading.Rereading.whole

        def counted(one: Any, frame: Frame) -> Any:
            self.whole += 1
            return levelled(one, frame)

        def missed(one: Any) -> Any:
            self.missed += 1
            return whole(one)

        monkeypatch.setattr(rereading.Rereading, "_levelled", counted)
        monkeypatch.setattr(rereading.Rereading, "whole", missed)


def written(video: Path, into: Path) -> bytes:
    extract_states(video).to_csv(into)
    return into.read_bytes()


@pytest.mark.parametrize("how", ["as kept", "too little kept", "nothing kept"])
@pytest.mark.parametrize(
    ("scene", "fewer"),
    [
        (scenes.falling_ball(frame_count=40), True),
        (scenes.crossing_discs(frame_count=50, noise=4.0), True),
        (scenes.ball_behind_occluder(frame_count=50), False),
        (scenes.swinging_rod(frame_count=30), False),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_table_is_the_same_whatever_was_kept(
    scene: scenes.Scene, fewer: bool, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = tmp_path / "video.mp4"
    scene.write(video)
    counts = Counts(monkeypatch)
    with monkeypatch.context() as patched:
        patched.setattr(kept, "MOST_BYTES", -1)
        expected = written(video, tmp_path / "whole.csv")
    assert counts.whole == scene.frame_count
    counts.whole = 0
    if how == "too little kept":  # and nobody knows beforehand
        monkeypatch.setattr(kept, "GROWN_PX", 0)
        monkeypatch.setattr(kept, "GROWN_SHARE", 0.0)
        monkeypatch.setattr(second_look, "AWRY_PX", -1000)
    elif how == "nothing kept":
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert written(video, tmp_path / "kept.csv") == expected
    if how == "as kept":
        assert (counts.whole < scene.frame_count) is fewer
        assert counts.missed <= 1
    elif how == "too little kept" and fewer:
        assert counts.missed >= 1
    elif how == "nothing kept":
        assert counts.whole == scene.frame_count


class EverySecond(ClassicalDetector):
    """Sees every second frame alone, and that without its left half."""

    def detect(self, frame: Frame) -> Detections:
        if frame.index % 2:
            return Detections(frame.index, frame.time_s)
        image = frame.image.copy()
        image[:, : image.shape[1] // 2] = image[0, 0]
        return super().detect(Frame(frame.index, frame.time_s, image))


def test_a_detector_with_a_look_of_its_own_is_followed_in_the_video_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = scenes.falling_ball(frame_count=40)
    counts = Counts(monkeypatch)
    scene.write(tmp_path / "video.mp4")
    extract_states(tmp_path / "video.mp4", detector=EverySecond())
    assert counts.whole == scene.frame_count
