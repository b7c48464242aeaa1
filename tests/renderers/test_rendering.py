"""Tables to videos: times kept, any frame rate, ghosts, nothing half written."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_scenes import DISC_R, ROD, N, scene_video, table

from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.renderers import Renderer, Rendering, Scene, render
from kinescribe.renderers.poses import PoseTable
from kinescribe.states import Calibration, Metadata, States, VideoMeta
from kinescribe.video import open_video


@pytest.fixture(scope="module")
def made():
    video, states, _ = scene_video()
    return video, states, Scene.from_video(video, states)


def test_the_video_comes_back(made, tmp_path):
    video, states, scene = made
    path = tmp_path / "again.mp4"
    told: list[tuple[str, int, int | None]] = []
    assert render(states, scene, path, progress=lambda *words: told.append(words)).rows == 2 * N
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
    assert render(states, scene, tmp_path / "a.mp4").rows == 3


def test_wrong_arguments_leave_nothing_behind(made, tmp_path):
    _, states, scene = made
    path = tmp_path / "never.mp4"
    stranger = table([7], {7: [(1.0, 1.0, 0.0)]}, {7: (1.0, 1.0)}, {7: "blob"})
    nowhere = States.from_columns(
        {"frame": [0], "time_s": [0.0], "object_id": [1], "x": [np.nan], "y": [np.nan]}, Metadata(calibration=Calibration.pixels())
    )
    for call, error, said in (
        (lambda: render("states.csv", scene, path), UsageError, "must be a kinescribe.States"),
        (lambda: render(states, "scene/", path), UsageError, "must be a kinescribe.Scene"),
        (lambda: render(states, scene, 3), UsageError, "the video can't be written to 3"),
        (lambda: render(states, scene, path, frame_rate=0), UsageError, "frame rate 0: it must be from 1e-06 to 1000"),
        (lambda: render(states, scene, path, frame_rate="fast"), UsageError, "frame rate 'fast'"),
        (lambda: render(states, scene, path, crf=99), UsageError, "crf 99"),
        (lambda: render(states, scene, path, ghost=3), UsageError, "must be a kinescribe.States"),
        (lambda: render(stranger, scene, path), UsageError, "the scene has objects 1, 2, the table 7 without shape and size"),
        (lambda: render(states, scene, path, renderer="etcher"), UsageError, "renderer 'etcher'"),
        (lambda: render(states, scene, path, renderer=3), UsageError, "renderer=3 must be a name"),
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


def test_what_the_scene_lacks_is_drawn_from_shape_and_label(made, tmp_path):
    _, _, scene = made
    rows = {1: [(40.0, 40.0, np.nan)] * 2, 7: [(120.0, 40.0, np.nan)] * 2, 8: [(120.0, 90.0, np.nan)] * 2, 9: [(900.0, 90.0, np.nan)] * 2}
    sizes, shapes = {1: (18.0, 18.0), 7: (20.0, 20.0), 8: (9.0, 9.0), 9: (9.0, 9.0)}, {1: "disc", 7: "disc", 8: "blob", 9: "box"}
    states = table([1, 7, 8, 9], rows, sizes, shapes)
    label = np.where(states["object_id"] == 7, "red ball", "thing")
    made_ = render(States.from_columns({**states.columns, "label": label}, states.meta), scene, tmp_path / "a.mp4", crf=0)
    assert made_ == Rendering(rows=4, outside=2, from_shape=(7, 9), left_out=(8,))
    first = next(iter(open_video(tmp_path / "a.mp4"))).image
    b, g, r = first[40, 120].astype(int)
    assert r > 150 > 90 > max(b, g)
    lines = made_.warnings()
    assert len(lines) == 3
    assert "no sprite of object 7, 9" in lines[0]
    assert "no sprite of object 8 in the scene, and no shape and size" in lines[1]
    assert "2 of 6 rows lie outside" in lines[2]


def test_shapes_alone(made, tmp_path):
    """No pixel of the video's objects: each is of one colour."""
    _, states, scene = made
    render(states, scene, tmp_path / "shapes.mp4", renderer="shapes", crf=0)
    frames = list(open_video(tmp_path / "shapes.mp4"))
    pose = PoseTable.of(states).poses[12][0]
    x, y = round(pose.x), round(pose.y)
    patch = frames[12].image[y - 4 : y + 5, x - 4 : x + 5].reshape(-1, 3).astype(float)
    assert np.ptp(patch, axis=0).max() <= 3
    assert np.abs(np.median(patch, axis=0) - [40, 210, 230]).max() < 8


def test_a_renderer_of_ones_own(made, tmp_path):
    _, states, scene = made
    drawn = []

    class Blank:
        def __init__(self, scene):
            self.scene = scene

        def draw(self, poses, *, onto=None, opacity=1.0):
            drawn.append((len(poses), opacity))
            return self.scene.picture if onto is None else onto

    assert isinstance(Blank(scene), Renderer)
    render(states, scene, tmp_path / "a.mp4", renderer=Blank, ghost=states)
    assert drawn[:2] == [(2, 0.35), (2, 1.0)]


def test_ghosts_tell_what_they_lack(made, tmp_path):
    """A ghost is there in its own time only; ids that the scene lacks are said so."""
    _, states, scene = made
    late = table([8], {8: [(80.0, 60.0, np.nan)] * 2}, {8: (9.0, 9.0)}, {8: "blob"}, times=np.array([5.0, 5.04]))
    told = render(states, scene, tmp_path / "a.mp4", ghost=late)
    assert told.left_out == (8,)
    seen = table([1], {1: [(130.0, 100.0, np.nan)] * 2}, {1: (18.0, 18.0)}, {1: "disc"}, times=np.array([5.0, 5.04]))
    render(states, scene, tmp_path / "b.mp4", ghost=seen, crf=0)
    first = next(iter(open_video(tmp_path / "b.mp4"))).image[100, 130].astype(float)
    assert np.abs(first - scene.plate[100, 130]).max() < 8


def test_states_of_another_video_are_refused(made, tmp_path):
    _, states, scene = made
    larger = States.from_columns(states.columns, states.meta.model_copy(update={"video": VideoMeta(name="big", width=1920, height=1080)}))
    with pytest.raises(UsageError, match="the scene is 160×120, the table's video big 1920×1080"):
        render(larger, scene, tmp_path / "a.mp4")


def test_a_scene_of_another_file_is_told(made, tmp_path):
    video, states, scene = made
    assert scene.source == (video.info.name, video.info.sha256)
    other = states.meta.model_copy(update={"video": states.meta.video.model_copy(update={"name": "other.mp4", "sha256": "ab" * 32})})
    told = render(States.from_columns(states.columns, other), scene, tmp_path / "a.mp4")
    assert told.warnings() == [f"the table was made from 'other.mp4', the scene from '{video.info.name}': these are different files"]
    scene.write(tmp_path / "scene")
    assert Scene.read(tmp_path / "scene").source == scene.source
