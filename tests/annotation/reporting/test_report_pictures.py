"""Pictures of a report: which frames, drawn how, and in one pass over the video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from report_tables import FRAMES, HEIGHT, WIDTH, calm, film, meta, row, table, troubled

from kinescribe.annotation.reporting import write_thumbnail, write_video_page
from kinescribe.annotation.reporting.moments import fullest_frame, moments
from kinescribe.annotation.reporting.pictures import take_shots
from kinescribe.errors import InputError, UsageError
from kinescribe.states.metadata import VideoMeta
from kinescribe.video import Frame, Video, VideoInfo


class Counting:
    """A video that counts how often it is gone through, and breaks off where it is told to."""

    def __init__(self, breaks_at: int | None = None, kind: str = "file") -> None:
        self._inner = film()
        self._breaks_at = breaks_at
        self.passes = 0
        self.partial: str | None = None
        self.warnings: list[str] = []
        self.info = VideoInfo(None, "film.mp4", WIDTH, HEIGHT, FRAMES, 1.0, kind)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Frame]:
        raise AssertionError("all frames are converted where a few are wanted")

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        self.passes += 1
        for frame in self._inner:
            if self._breaks_at is not None and frame.index >= self._breaks_at:
                self.partial = f"breaks off after frame {frame.index - 1}"
                return
            if frame.index in indices:
                yield frame
        if max(indices) >= FRAMES:
            raise UsageError(f"frame {max(indices)} was asked for, but the last one is {FRAMES - 1}")


def read(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture


def test_the_fullest_frame_and_of_equals_the_middle_one():
    assert fullest_frame(troubled()) == 10  # both are seen in 4 to 6, 10 to 12, 14 to 17
    assert fullest_frame(calm()) == 9
    assert fullest_frame(calm(), last=4) == 2
    assert fullest_frame(table([])) is None


def test_moments_spread_over_the_table_and_show_the_flags():
    chosen = moments(troubled(), 3, 4)
    assert [one.frame for one in chosen] == [1, 4, 10, 12, 14, 16]  # 1: the end's flag, 12 and 14: the cart's
    assert chosen[3].flags == ("2: its pixels are 3.2 px to the left",)
    assert [one.seen for one in chosen] == [1, 2, 2, 2, 2, 2]
    assert len(moments(calm(), 6, 6)) == 6
    assert [one.frame for one in moments(calm(), 6, 6, last=2)] == [0, 1, 2]


def test_every_kind_of_flag_is_shown_before_one_is_shown_twice():
    rows = [row(frame, i, review="late" if i < 4 else "early" if frame == 6 else "") for i in range(1, 5) for frame in range(FRAMES)]
    flagged = {one.frame for one in moments(table(rows), 1, 2)} - {one.frame for one in moments(table(rows), 1, 0)}
    assert 6 in flagged


def test_a_thumbnail_is_a_small_jpeg_with_the_overlay(tmp_path: Path):
    write_thumbnail(calm(), film(), tmp_path / "t.jpg", width=192)
    picture = read(tmp_path / "t.jpg")
    assert picture.shape == (128, 192, 3)
    assert (tmp_path / "t.jpg").read_bytes()[:2] == b"\xff\xd8"
    colourful = np.ptp(picture.astype(int), axis=2) > 60
    y, x = np.nonzero(colourful)  # the film is grey: colours are marks
    assert x.size > 40
    assert abs(np.median(y) - 20) < 12
    assert (y < 14).any(), "an outline about it"
    assert x.min() < 40, "a trail leads back to where it came from, far left of where it is"
    write_thumbnail(calm(), film(), tmp_path / "again.jpg", width=192)
    assert (tmp_path / "again.jpg").read_bytes() == (tmp_path / "t.jpg").read_bytes()


def test_small_videos_are_enlarged_no_more_than_four_times(tmp_path: Path):
    write_thumbnail(calm(), film(), tmp_path / "t.jpg", width=1000)
    assert read(tmp_path / "t.jpg").shape[1] == 4 * WIDTH


def test_an_empty_table_has_a_thumbnail_too(tmp_path: Path):
    write_thumbnail(table([]), film(), tmp_path / "t.jpg")
    assert np.ptp(read(tmp_path / "t.jpg").astype(int), axis=2).max() < 40


def test_what_the_page_shows_is_decoded_in_one_pass(tmp_path: Path):
    video = Counting()
    write_video_page(troubled(), video, tmp_path / "p.html")
    assert video.passes == 1
    assert (tmp_path / "p.html").read_text(encoding="utf-8").count(
        "<figure>"
    ) == 7  # six parts of the table, and frame 14, which is flagged


def test_a_video_that_breaks_off_or_ends_early_is_shown_as_far_as_it_goes():
    broken = take_shots(Counting(breaks_at=8), calm(), [2, 5, 15], 96)
    assert (sorted(broken.by_frame), broken.notes) == ([2, 5], ["breaks off after frame 7"])
    long = table([row(frame) for frame in range(30)], meta(video=None))
    short = take_shots(Counting(), long, [2, 25], 96)
    assert sorted(short.by_frame) == [2]
    assert "frame 25" in short.notes[0]


def test_a_thumbnail_falls_back_to_the_first_frame_and_says_when_there_is_none(tmp_path: Path):
    late = table([row(frame) for frame in range(10, 20)])
    write_thumbnail(late, Counting(breaks_at=5), tmp_path / "t.jpg")
    assert read(tmp_path / "t.jpg").shape[1] == 320
    with pytest.raises(InputError, match="no frame of it can be shown"):
        write_thumbnail(late, Counting(breaks_at=0), tmp_path / "none.jpg")
    assert not (tmp_path / "none.jpg").exists()


def test_a_video_of_another_size_and_odd_arguments_are_refused(tmp_path: Path):
    other = table([row(0)], meta(video=VideoMeta(name="film.mp4", width=10, height=10)))
    with pytest.raises(UsageError, match=r"96×64.*10×10"):
        write_thumbnail(other, film(), tmp_path / "t.jpg")
    for width in (0, -3, 10**6, 3.5, True):
        with pytest.raises(UsageError, match="width="):
            write_thumbnail(calm(), film(), tmp_path / "t.jpg", width=width)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="cannot write"):
        write_thumbnail(calm(), film(), tmp_path / "nowhere" / "t.jpg")
    assert isinstance(film(), Video)
    assert list(tmp_path.iterdir()) == []
