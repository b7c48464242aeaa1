"""Tables to videos: times kept, any frame rate, ghosts, nothing half written."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_scenes import DISC_R, ROD, N, scene_video, table

from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.renderers import Scene, render
from kinescribe.states import Calibration, Metadata, States
from kinescribe.video import open_video


@pytest.fixture(scope="module")
def made():
    video, states, _ = scene_video()
    return video, states, Scene.from_video(video, states)


def test_the_video_comes_back(made, tmp_path):
    video, states, scene = made
    path = tmp_path / "again.mp4"
    told: list[tuple[str, int, int | None]] = []
    assert render(states, scene, path, progress=lambda *words: told.append(words)) == 2 * N
    frames = list(open_video(path))
    assert [frame.time_s for frame in frames] == pytest.approx([frame.time_s for frame in video])
    errors = [np.abs(one.image.astype(float) - other.image).mean() for one, other in zip(frames, video, strict=True)]
    assert max(errors) < 3.0
    assert told[-1] == ("render", N, N)


def test_any_frame_rate(made, tmp_path):
    _, states, scene = made
    path = tmp_path / "slow.mp4"
    render(states, scene, path, frame_rate=100.0)
    frames = list(open_video(path))
    assert len(frames) == 4 * (N - 1) + 1
    assert frames[1].time_s == pytest.approx(0.01, abs=1e-4)


def test_a_ghost_lies_beneath(made, tmp_path):
    _, states, scene = made
    only = {1: [(130.0, 100.0, np.nan)] * N}
    other = table([1], only, {1: (2 * DISC_R, 2 * DISC_R)}, {1: "disc"})
    path = tmp_path / "ghost.mp4"
    render(states, scene, path, ghost=other)
    first = next(iter(open_video(path))).image[100, 130].astype(float)
    plate, full = scene.plate[100, 130], np.array([40, 210, 230])
    share = (first - plate) @ (full - plate) / ((full - plate) @ (full - plate))
    assert share == pytest.approx(0.35, abs=0.08)


def test_rows_without_a_place_are_left_out(made, tmp_path):
    _, _, scene = made
    rows = {1: [(40.0, 40.0, np.nan), (np.nan, np.nan, np.nan)], 2: [(70.0, 80.0, 0.3)] * 2}
    states = table([1, 2], rows, {1: (18.0, 18.0), 2: ROD}, {1: "disc", 2: "rod"})
    assert render(states, scene, tmp_path / "a.mp4") == 3


def test_wrong_arguments_leave_nothing_behind(made, tmp_path):
    _, states, scene = made
    path = tmp_path / "never.mp4"
    stranger = table([7], {7: [(1.0, 1.0, 0.0)]}, {7: (1.0, 1.0)}, {7: "disc"})
    nowhere = States.from_columns(
        {"frame": [0], "time_s": [0.0], "object_id": [1], "x": [np.nan], "y": [np.nan]}, Metadata(calibration=Calibration.pixels())
    )
    for call, error, said in (
        (lambda: render("states.csv", scene, path), UsageError, "must be a kinescribe.States"),
        (lambda: render(states, "scene/", path), UsageError, "must be a kinescribe.Scene"),
        (lambda: render(states, scene, 3), UsageError, "the video can't be written to 3"),
        (lambda: render(states, scene, path, frame_rate=0), UsageError, "frame rate 0: it must be from 0.01 to 1000"),
        (lambda: render(states, scene, path, frame_rate="fast"), UsageError, "frame rate 'fast'"),
        (lambda: render(states, scene, path, crf=99), UsageError, "crf 99"),
        (lambda: render(states, scene, path, ghost=3), UsageError, "must be a kinescribe.States"),
        (lambda: render(stranger, scene, path), UsageError, "the scene has objects 1, 2, the table 7"),
        (lambda: render(nowhere, scene, path), NothingFoundError, "nothing to draw"),
        (lambda: render(states, scene, tmp_path / "no" / "where.mp4"), UsageError, "there is no folder"),
    ):
        with pytest.raises(error, match=said):
            call()
    assert list(tmp_path.iterdir()) == []


def test_a_progress_that_fails_leaves_no_video(made, tmp_path):
    _, states, scene = made

    def broken(*_: object) -> None:
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        render(states, scene, tmp_path / "half.mp4", progress=broken)
    assert list(tmp_path.iterdir()) == []
