"""From video to the video of what happens next, in Python."""

from __future__ import annotations

import json

import numpy as np
import pytest

import kinescribe as ks
from kinescribe.errors import InputError, UsageError
from kinescribe.states import Calibration, ObjectMeta, read
from kinescribe.video import VideoWriter, open_video

STEP = 1 / 30
LAST = 23 * STEP


def frames_of(path):
    return list(open_video(path))


def center_of_red(image: np.ndarray) -> tuple[float, float]:
    """Centroid of what is red, pixels."""
    red = np.clip(image[..., 2].astype(float) - image[..., :2].max(axis=2) - 40, 0, None)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return float((red * x).sum() / red.sum()), float((red * y).sum() / red.sum())


def test_the_whole_chain_from_a_video_alone(ball, tmp_path):
    """The ball is foretold from half of the video to within half a pixel of where it really went."""
    path, told = tmp_path / "future.mp4", set()
    scale = Calibration.from_scale(100.0, "m")
    made = ks.predict_video(
        ball.video, path, law="free-fall", seen="14f", calibration=scale, captions=False, keep=tmp_path / "steps",
        progress=lambda stage, done, total: told.add(stage),
    )  # fmt: skip
    frames, truth = frames_of(path), ball.drawn.truth["red ball"].positions
    assert [frame.time_s for frame in frames] == pytest.approx(ball.drawn.times, abs=1e-4)
    for k in range(14, 24):
        assert center_of_red(frames[k].image) == pytest.approx(tuple(truth[k]), abs=0.6)
    assert (made.filmed.frames, made.filmed.foretold, made.partial) == (24, 10, None)
    assert made.filmed.begins_s == pytest.approx(14 * STEP)
    assert made.filmed.measures.frames == 10
    assert made.filmed.measures.psnr > made.filmed.measures.psnr_of_last_frame + 8
    assert made.filmed.measures.ssim > 0.9
    assert {"fit", "render"} < told
    # every step can be done again by hand
    steps = tmp_path / "steps"
    assert {one.name for one in steps.iterdir()} == {
        "states.csv", "states.meta.json", "law.json", "future.csv", "future.meta.json", "scene",
    }  # fmt: skip
    assert set(read(steps / "states.csv")["frame"]) == set(range(14))
    again = ks.predict(steps / "states.csv", steps / "law.json", until=LAST)
    assert again["y"] == pytest.approx(read(steps / "future.csv")["y"], rel=1e-6)
    assert ks.Scene.read(steps / "scene").objects.keys() == made.scene.objects.keys()
    assert json.loads((steps / "law.json").read_text())["parameters"]["gravity"]["value"] == pytest.approx(2.0, rel=0.05)


def test_the_future_goes_on_after_the_video(foretell, ball):
    made, path = foretell(until=1.0)
    frames = frames_of(path)
    assert [frame.time_s for frame in frames] == pytest.approx([k * STEP for k in range(31)], abs=1e-4)
    assert center_of_red(frames[27].image)[1] == pytest.approx(19 + 100 * (27 * STEP) ** 2, abs=0.6)
    assert made.filmed.measures is None
    assert made.filmed.foretold == 7


def test_half_as_long_again_where_nothing_says_when_to_end(foretell):
    made, _ = foretell()
    assert made.filmed.ends_s == pytest.approx(LAST * 1.5, abs=STEP)


def test_with_part_of_the_past_or_none(foretell):
    _, path = foretell(seen=0.5, past=0)
    assert len(frames_of(path)) == 8
    _, path = foretell(seen=0.5, past=0.1)
    assert len(frames_of(path)) == 11


def test_the_baseline_is_the_same_whatever_of_the_past_is_shown(foretell):
    found = [foretell(seen=0.5, past=past)[0].filmed.measures for past in (None, 0)]
    assert found[0] == found[1]


def test_any_frame_rate_is_the_law_s_own_motion(foretell):
    """At 120 Hz the way between the video's frames is curved, not straight."""
    made, path = foretell(seen=0.5, until=0.7, frame_rate=120.0, past=0)
    frames = frames_of(path)
    assert np.diff([frame.time_s for frame in frames]) == pytest.approx(1 / 120, abs=1e-4)
    assert made.filmed.ends_s == pytest.approx(0.7, abs=1e-6)
    y = made.future["y"]
    assert np.diff(y, 2) == pytest.approx(-2.0 / 120**2, rel=0.05)


def test_what_would_have_happened(foretell, ball):
    made, path = foretell(do={"gravity": 0.0}, ghost=True)
    frames = frames_of(path)
    assert made.filmed.frames == made.filmed.foretold == 24
    assert made.changes == ("gravity=0",)
    assert made.difference.ends[0].distance == pytest.approx(LAST**2, rel=0.05)
    x, y = ball.drawn.truth["red ball"].positions[-1]
    last, plate = frames[-1].image.astype(int), ball.scene.plate
    ghost, full = last[round(y), round(x)] - plate[round(y), round(x)], last[19, round(x)] - plate[19, round(x)]
    assert np.abs(full).max() > 100
    assert np.abs(ghost).max() == pytest.approx(0.35 * np.abs(full).max(), rel=0.25)
    assert made.filmed.measures is None


def test_a_change_that_comes_later_leaves_what_was_seen(foretell):
    made, path = foretell(do=["gravity=9"], at=0.4)
    assert made.filmed.foretold == 12
    assert made.filmed.begins_s == pytest.approx(0.4)
    assert center_of_red(frames_of(path)[11].image)[1] == pytest.approx(19 + 100 * (11 * STEP) ** 2, abs=0.6)


def test_truth_stands_beside(foretell, ball):
    _, path = foretell(seen=0.5, compare="side", until=0.9)
    frames = frames_of(path)
    assert frames[0].image.shape[1] > 2 * 160
    for frame, real in zip(frames, open_video(ball.video), strict=False):
        assert np.abs(frame.image[:120, :160].astype(int) - real.image).mean() < 3
    dark = frames[-1].image[:, :160].mean() / frames[20].image[:, :160].mean()
    assert dark == pytest.approx(0.45, abs=0.03)  # the video is over


def test_a_wipe_has_truth_on_its_left(foretell, ball):
    """The truth is made unlike the prediction by foretelling under no gravity."""
    _, path = foretell(do={"gravity": 0.0}, compare="wipe:0.3")
    last = frames_of(path)[-1].image
    real = [frame.image for frame in open_video(ball.video)][-1]
    assert np.abs(last[:, :44].astype(int) - real[:, :44]).mean() < 3
    assert center_of_red(last)[1] == pytest.approx(19, abs=1.0)
    assert last[:, 48].min() > 200  # the line


def test_trails_are_solid_then_dashed(foretell, ball):
    _, path = foretell(seen=0.4, trails=True, until=0.75)
    last = frames_of(path)[-1].image.astype(int)
    unlike = np.abs(last - ball.scene.plate).max(axis=2)
    x = np.round(ball.drawn.truth["red ball"].positions[:, 0]).astype(int)
    rows = np.arange(20, 60)
    at = np.interp(rows, ball.drawn.truth["red ball"].positions[:, 1], x).round().astype(int)
    along = unlike[rows, at] > 30
    assert along[: 33 - 20].all()  # to where it was seen
    assert not along[36 - 20 :].all()
    assert along[36 - 20 :].any()


def test_paths_run_on_both_sides_of_a_wipe(foretell, ball):
    """The ball's path lies at x = 80 to 90: left of the line at 144, where the real video is."""
    _, path = foretell(seen=0.4, trails=True, compare="wipe:0.9")
    last = frames_of(path)[-1].image.astype(int)
    real = [frame.image for frame in open_video(ball.video)][-1].astype(int)
    assert (np.abs(last - real)[22:33, 78:86].max(axis=(1, 2)) > 30).all()
    assert np.abs(last - real)[100:, :140].max() < 30


def test_captions_cover_a_corner_and_nothing_else(foretell):
    _, path = foretell(seen=0.5, crf=0)
    plain = frames_of(path)
    _, path = foretell(seen=0.5, captions=True, crf=0)
    for one, other in zip(plain, frames_of(path), strict=True):
        unlike = np.abs(one.image.astype(int) - other.image).max(axis=2) > 30
        assert unlike[:20, :90].any()
        assert not unlike[24:].any()


def test_objects_that_the_law_is_not_about_are_told(table_of, tmp_path):
    from kinescribe.evaluation.scenes import two_pucks_collision

    scene = two_pucks_collision(frame_count=14)
    scene.write(tmp_path / "pucks.mp4")
    made = ks.predict_video(
        tmp_path / "pucks.mp4", tmp_path / "out.mp4", law="uniform-motion", states=table_of(scene), law_objects=["red puck"]
    )
    assert made.bystanders.resting == ("blue puck",)
    assert [line for line in made.warnings if "blue puck" in line and "at rest" in line]


def test_a_table_of_the_beginning_tells_how_much_was_seen(foretell, ball):
    """What a run with `seen` kept goes on from there without it."""
    _, path = foretell(seen="14f", past=0, keep=ball.video.parent / "kept", overwrite=True)
    kept = ball.video.parent / "kept" / "states.csv"
    meta = read(kept).meta.model_copy(deep=True)
    meta.video = meta.video.model_copy(update={"frame_count": 14})  # as extraction writes it
    made, path = foretell(states=ks.States.from_columns(read(kept).columns, meta), compare="wipe", past=0)
    assert made.filmed.begins_s == pytest.approx(14 * STEP)
    assert len(frames_of(path)) == 10
    assert made.filmed.measures.frames == 10


def test_a_saved_law_and_a_second_video(foretell, ball, tmp_path):
    fit = ks.fit(ball.states, "free-fall")
    made, _ = foretell(law=fit, seen=0.5)
    assert made.fit is fit
    both = ks.predict_video([ball.video, ball.video], tmp_path / "b.mp4", law="free-fall", states=[ball.states] * 2, scene=ball.scene)
    assert len(both.fit.clips) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"until": 0.3}, "within what was seen"),
        ({"compare": "side"}, "call less of it seen"),
        ({"compare": "side", "seen": 5.0}, "nothing to compare"),
        ({"compare": "both", "seen": 0.5}, "give side, wipe"),
        ({"compare": "wipe:2", "seen": 0.5}, "between 0"),
        ({"ghost": True}, "--do"),
        ({"at": 0.2}, "--do"),
        ({"past": -1.0}, "past"),
        ({"crf": 52}, "crf"),
        ({"frame_rate": float("nan")}, "frame rate"),
        ({"until": float("inf")}, "until"),
        ({"seen": 0.5, "until": 0.5}, "--seen"),
        ({"do": {"gravity": 1.0}, "at": 0.5, "until": 0.4}, "--at"),
        ({"do": {"mass": 1.0}}, "mass"),
        ({"states": []}, "0 states tables for 1 video"),
        ({"states": 7}, "no table"),
        ({"law": "gravitation"}, "gravitation"),
        ({"inputs": ["a.csv", "b.csv"]}, "2 files of inputs for 1 video"),
        ({"inputs": 5}, "inputs"),
        ({"law_objects": ["zebra"]}, "zebra"),
        ({"until": 5000.0}, "149,977 frames to foretell, and at most 36,000"),
        ({"do": {"gravity": 1.0}, "until": 5000.0}, "150,000 frames"),
        ({"until": 100.0, "frame_rate": 1000.0}, "99,233 frames"),
        ({"renderer": 5}, "renderer"),
        ({"renderer": "sprite"}, "sprites"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_no_video(foretell, tmp_path, options, words):
    with pytest.raises(UsageError) as caught:
        foretell(**options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_tables_and_scenes_of_other_pictures_are_refused(foretell, ball, table_of, tmp_path):
    from dataclasses import replace

    from kinescribe.evaluation.scenes import falling_ball

    with pytest.raises(UsageError, match=r"160×120.*320×240"):
        foretell(states=table_of(falling_ball(frame_count=24)))
    small = replace(ball.scene, plate=ball.scene.plate[:-2], confidence=ball.scene.confidence[:-2])
    with pytest.raises(UsageError, match=r"the scene 160×118"):
        foretell(scene=small)
    with pytest.raises(InputError):
        ks.predict_video(tmp_path / "no.mp4", tmp_path / "future.mp4", states=ball.states)
    with pytest.raises(UsageError, match=r"\.mp4"):
        ks.predict_video(ball.video, tmp_path / "future.gif")
    assert list(tmp_path.iterdir()) == []


def test_another_file_of_that_size_is_told(foretell, ball):
    meta = ball.states.meta.model_copy(deep=True)
    meta.video = meta.video.model_copy(update={"sha256": "0" * 64, "name": "other.mp4"})
    made, _ = foretell(states=ks.States.from_columns(ball.states.columns, meta), seen=0.5)
    assert [line for line in made.warnings if "other.mp4" in line]


def test_an_encoder_that_fails_midway_leaves_nothing(foretell, monkeypatch, tmp_path):
    encode, count = VideoWriter._encode, 0

    def failing(self, frame):
        nonlocal count
        count += 1
        if count > 10:
            raise self._failed(OSError(28, "No space left on device"))
        encode(self, frame)

    monkeypatch.setattr(VideoWriter, "_encode", failing)
    with pytest.raises(UsageError, match="No space left"):
        foretell(seen=0.5)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_nothing_and_keeps_an_older_video(foretell, tmp_path):
    older = tmp_path / "future.mp4"
    older.write_bytes(b"older")

    def interrupted(stage, done, total):
        if stage == "render" and done == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        foretell(seen=0.5, progress=interrupted)
    assert [one.name for one in tmp_path.iterdir()] == ["future.mp4"]
    assert older.read_bytes() == b"older"


def test_a_folder_that_holds_something_is_not_written_into(foretell, tmp_path):
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds something already"):
        foretell(keep=tmp_path / "steps", seen=0.5)
    foretell(keep=tmp_path / "steps", seen=0.5, overwrite=True, do={"gravity": 1.0})
    assert {"mine.txt", "factual.csv"} <= {one.name for one in (tmp_path / "steps").iterdir()}


def test_what_an_earlier_run_kept_and_this_one_does_not_make_goes(foretell, ball, tmp_path):
    steps = tmp_path / "steps"
    ks.predict_video(
        [ball.video] * 2, tmp_path / "two.mp4", law="free-fall", states=[ball.states] * 2, scene=ball.scene, seen=0.5, do={"gravity": 1.0},
        keep=steps,
    )  # fmt: skip
    (steps / "states.old.csv").write_text("mine")
    assert {"states.2.csv", "states.2.meta.json", "factual.csv", "factual.meta.json"} <= {one.name for one in steps.iterdir()}
    foretell(keep=steps, seen=0.5, overwrite=True)
    assert {one.name for one in steps.iterdir()} == {
        "states.csv", "states.meta.json", "law.json", "future.csv", "future.meta.json", "scene", "states.old.csv",
    }  # fmt: skip


@pytest.mark.parametrize("renderer", [5, "sprite"])
def test_a_renderer_that_is_none_is_told_before_the_fit(foretell, renderer):
    told = []
    with pytest.raises(UsageError, match="renderer"):
        foretell(renderer=renderer, seen=0.5, progress=lambda stage, done, total: told.append(stage))
    assert told == []


@pytest.mark.parametrize("options", [{}, {"frame_rate": 0.005}])
def test_a_time_lapse_with_minutes_between_its_frames(ball, tmp_path, options):
    """Growing crystals, drifting clouds: the ball falls as it did, 6000 times more slowly."""
    meta = ball.states.meta.model_copy(deep=True)
    meta.configuration["frame_interval"] = 200.0
    meta.time = meta.time.model_copy(update={"interval_s": 200.0})
    slow = ks.States.from_columns({**ball.states.columns, "time_s": ball.states["frame"] * 200.0}, meta)
    path = tmp_path / "slow.mp4"
    made = ks.predict_video(ball.video, path, law="free-fall", states=slow, scene=ball.scene, seen="12f", past=400.0, until=3600, **options)
    times = np.arange(10, 19) * 200.0
    assert [frame.time_s + 2000.0 for frame in open_video(path)] == pytest.approx(times)
    assert made.filmed.begins_s == pytest.approx(2400.0)


def test_a_law_that_explains_nothing_is_told_once_and_drawn_all_the_same(foretell):
    made, path = foretell(law="rest", seen=0.5)
    assert len(frames_of(path)) == 24
    assert made.filmed.foretold == 8
    assert not made.fit.ok
    assert "not to be trusted" in made.partial
    assert not [line for line in made.warnings if "failed" in line]


def test_frames_of_a_slowed_down_video_keep_the_table_s_interval(ball, tmp_path):
    states = ball.states
    meta = states.meta.model_copy(deep=True)
    meta.configuration["frame_interval"] = 0.01
    columns = {**states.columns, "time_s": states["frame"] * 0.01}
    meta.time = meta.time.model_copy(update={"interval_s": 0.01})
    slow = ks.States.from_columns(columns, meta)
    made = ks.predict_video(ball.video, tmp_path / "slow.mp4", law="free-fall", states=slow, scene=ball.scene, seen="12f", past=0)
    assert made.filmed.begins_s == pytest.approx(0.12)
    assert len(frames_of(tmp_path / "slow.mp4")) == 12


def with_a_mark(states: ks.States) -> ks.States:
    """The ball's table with a small disc on the ball, a fifth of its diameter above its centre."""
    twice = {name: np.concatenate([values, values]) for name, values in states.columns.items()}
    mark = np.arange(len(states) * 2) >= len(states)
    twice["object_id"] = np.where(mark, 2, 1)
    twice["label"] = np.where(mark, "white mark", "red ball")
    twice["shape"] = np.full(mark.shape, "disc")
    for side in ("width", "height"):
        twice[side] = np.where(mark, 0.06, 0.22)
    twice["y"] = twice["y"] + 0.04 * mark
    twice["y_px"] = twice["y_px"] - 4.0 * mark
    return ks.States.from_columns(twice, states.meta)


def test_what_goes_along_with_a_body_does_not_stay_behind(foretell, ball):
    made, path = foretell(states=with_a_mark(ball.states), law_objects=["red ball"], seen=0.5, until=0.75, crf=0)
    assert made.bystanders.resting == ()
    assert set(made.future.object_ids) == {1, 2}
    last = frames_of(path)[-1].image
    x, y = ball.drawn.truth["red ball"].positions[22]
    assert last[round(y) - 4, round(x)].min() > 150  # the mark, drawn from its shape: the scene was made without it
    assert made.bystanders.shapes == ("white mark",)


def test_points_of_bodies_are_no_things_to_draw(foretell, ball):
    marked = with_a_mark(ball.states)
    meta = marked.meta.model_copy(deep=True)
    meta.objects = {1: ObjectMeta(label="red ball"), 2: ObjectMeta(label="top of red ball", part_of=1)}
    columns = {**marked.columns, "label": np.where(marked["object_id"] == 2, "top of red ball", "red ball")}
    made, _ = foretell(states=ks.States.from_columns(columns, meta), law_objects=["red ball"], seen=0.5)
    assert made.bystanders.lines() == []


def test_a_thing_that_can_not_be_drawn_is_told(foretell, ball):
    marked = with_a_mark(ball.states)
    plain = ks.States.from_columns({**marked.columns, "shape": np.where(marked["object_id"] == 2, "blob", "disc")}, marked.meta)
    made, _ = foretell(states=plain, law_objects=["red ball"], seen=0.5)
    assert made.bystanders.unseen == ("white mark",)
    assert [line for line in made.warnings if "white mark can't be drawn" in line]


def test_another_renderer_draws(foretell, ball):
    class Blank:
        def __init__(self, scene: ks.Scene) -> None:
            self.scene = scene

        def draw(self, poses, *, onto=None, opacity=1.0):
            return np.full_like(self.scene.picture, 77)

    _, path = foretell(renderer=Blank, seen=0.5, past=0)
    assert np.abs(frames_of(path)[0].image.astype(int) - 77).max() <= 2
    with pytest.raises(UsageError, match="sprites"):
        foretell(renderer="sprite", seen=0.5)


@pytest.mark.parametrize("options", [{"do": {"mass": 1.0}}, {"law_objects": ["zebra"]}, {"law_objects": ["zebra"], "law": "free-fall"}])
def test_wrong_names_are_told_before_the_scene_is_cut(ball, tmp_path, monkeypatch, options):
    def cut(*_: object) -> ks.Scene:
        raise AssertionError("the scene is cut")

    monkeypatch.setattr(ks.Scene, "from_video", cut)
    with pytest.raises(UsageError, match=r"mass|zebra"):
        ks.predict_video(ball.video, tmp_path / "out.mp4", states=ball.states, **{"law": ks.fit(ball.states, "free-fall"), **options})
