"""Frames kept for following backwards."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.perception.classical import recent
from kinescribe.perception.classical.recent import RecentFrames
from kinescribe.video import Frame


def frame(index: int) -> Frame:
    return Frame(index, index / 10, np.full((4, 6, 3), index, np.uint8))


def kept(frames: RecentFrames) -> list[int]:
    out = []
    for one, offset in frames.newest_first():
        assert (one.image == one.index).all()
        assert one.time_s == one.index / 10
        assert offset[0] == one.index
        out.append(one.index)
    return out


def test_the_frames_before_one_that_was_named_are_there_newest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "MOST_FRAMES", 5)
    frames = RecentFrames([0, 12, 14, 30])
    for k in range(40):
        if k in (12, 14, 30):
            assert kept(frames) == list(range(k - 1, k - 6, -1))
        if k in (5, 20, 36):
            assert kept(frames) == []
        one = frame(k)
        frames.add(one, np.full(3, k, np.float32))
        one.image[:] = 255  # a copy is kept


def test_no_more_bytes_are_held_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "MOST_BYTES", 3 * frame(0).image.nbytes + 1)
    frames = RecentFrames([9])
    for k in range(9):
        frames.add(frame(k), np.full(3, k, np.float32))
    assert kept(frames) == [8, 7, 6]
