"""From a video to its states: every body of every drawn scene by one id, at its place, with its velocity; and bad input said so."""

from __future__ import annotations

import functools
import gzip
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kinescribe import extract_states
from kinescribe.errors import InputError, NothingFoundError, UsageError
from kinescribe.evaluation import ClipScore, read_truth, scenes, score_states
from kinescribe.evaluation import Truth as Marks
from kinescribe.evaluation.scenes import Scene
from kinescribe.evaluation.scenes.drawing import disc_coverage
from kinescribe.perception.looking import COMPILING
from kinescribe.perception.rle import decode_counts
from kinescribe.states import Calibration, States

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "real"

# builder, its options, median position error (px) and median velocity error (px/s) that are allowed
CASES: dict[str, tuple[Callable[..., Scene], dict[str, Any], float, float]] = {
    "falling ball": (scenes.falling_ball, {}, 0.1, 1.0),
    "falling ball, filmed": (scenes.falling_ball, {"texture": 4.0, "exposure": 0.3, "jitter": 0.05, "flicker": 0.01}, 0.2, 2.0),
    "thrown small ball": (scenes.thrown_small_ball, {}, 0.2, 3.0),
    "bouncing ball": (scenes.bouncing_ball, {}, 0.2, 2.0),
    "bouncing ball, filmed": (scenes.bouncing_ball, {"texture": 4.0, "exposure": 0.3}, 0.2, 2.0),
    "two pucks": (scenes.two_pucks_collision, {}, 0.2, 2.0),
    "two pucks, filmed": (scenes.two_pucks_collision, {"texture": 4.0}, 0.2, 2.0),
    "crossing discs": (scenes.crossing_discs, {}, 0.2, 2.0),
    "crossing discs alike": (scenes.crossing_discs, {"alike": True}, 0.2, 2.0),
    "ball behind a post": (scenes.ball_behind_occluder, {"texture": 4.0}, 0.3, 3.0),
    "slow cart": (scenes.slow_cart, {}, 0.5, 3.0),
    "slow cart that clears its place": (scenes.slow_cart, {"travel": 150.0, "length": 70.0, "exposure": 0.3}, 0.5, 3.0),
    "resting box": (scenes.resting_object, {}, 0.3, 5.0),
    "resting box, filmed": (scenes.resting_object, {"texture": 4.0, "rests": "start"}, 0.3, 5.0),
    "pendulum": (scenes.pendulum_with_string, {"texture": 3.0}, 0.3, 3.0),
    # near its pivot a rod is always in the way, so that its background was never seen and its centre is drawn off that end
    "swinging rod": (scenes.swinging_rod, {"texture": 3.0}, 2.5, 20.0),
    "low contrast ball": (scenes.low_contrast_ball, {}, 0.5, 3.0),
    "eight discs": (scenes.many_discs, {"n": 8, "width": 320, "height": 240, "frame_count": 45}, 0.2, 2.0),
    "uniform motion": (scenes.phyworld_like, {}, 0.05, 0.3),
    "parabola": (scenes.phyworld_like, {"kind": "parabola"}, 0.05, 0.5),
    "collision": (scenes.phyworld_like, {"kind": "collision"}, 0.1, 1.0),
    "demo": (scenes.demo_scene, {}, 0.5, 5.0),
}

NEVER_BARE = "a plain body that never clears its place for long stays in the background"


def cases(*names: str, known: dict[str, str] | None = None) -> list[Any]:
    """Parameters, those of which it is known why they fail marked as such."""
    marks = {name: [pytest.mark.xfail(strict=True, reason=reason)] for name, reason in (known or {}).items()}
    return [pytest.param(name, marks=marks.get(name, [])) for name in names]


@functools.cache
def run(case: str) -> tuple[Scene, States]:
    builder, options, _, _ = CASES[case]
    scene = builder(**options)
    return scene, extract_states(scene.images(), times=scene.times)


def bodies_only(states: States) -> np.ndarray:
    """Rows of bodies, not of the ends of long ones."""
    return np.array([" end of " not in str(label) for label in states.columns["label"]])


def score(scene: Scene, states: States) -> ClipScore:
    """Coverage and error over the frames in which at least half of a body is in sight."""
    truth = {
        name: Marks(np.flatnonzero(t.visible), t.positions[t.visible], np.full(int(t.visible.sum()), np.nan))
        for name, t in scene.truth.items()
        if t.visible.any()
    }
    rows, c = bodies_only(states), states.columns
    return score_states(c["frame"][rows], c["object_id"][rows], c["x_px"][rows], c["y_px"][rows], truth, scene.frame_count)


def against_truth(scene: Scene, states: States, name: str) -> dict[str, np.ndarray]:
    """Differences from the truth, (n, 2) each, of the id that serves a body best, where at least half of it is in sight."""
    object_id = score(scene, states).objects[name].object_id
    assert object_id is not None, f"{name} not found"
    c, t = states.of(object_id).columns, scene.truth[name]
    f = c["frame"][t.visible[c["frame"]]]
    rows = np.isin(c["frame"], f)
    return {
        "frame": f,
        "position": np.column_stack([c["x_px"], c["y_px"]])[rows] - t.positions[f],
        "velocity": np.column_stack([c["vx"], c["vy"]])[rows] - t.velocities[f],
        "sigma": np.column_stack([c["sigma_x"], c["sigma_y"]])[rows],
        "sigma_v": np.column_stack([c["sigma_vx"], c["sigma_vy"]])[rows],
    }


@pytest.mark.parametrize(
    "case",
    cases(
        *CASES,
        known={
            "slow cart": NEVER_BARE,
        },
    ),
)
def test_every_body_is_one_id(case: str) -> None:
    scene, states = run(case)
    found = score(scene, states)
    assert {name: round(o.coverage, 2) for name, o in found.objects.items() if o.coverage < 0.95} == {}
    assert len({o.object_id for o in found.objects.values()}) == len(found.objects)
    assert len(found.spurious) == 0
    ids = len(set(states.columns["object_id"][bodies_only(states)].tolist()))
    assert ids <= len(found.objects) + 2


@pytest.mark.parametrize("case", cases(*CASES, known={"slow cart": NEVER_BARE}))
def test_positions(case: str) -> None:
    scene, states = run(case)
    for name in scene.truth:
        off = np.hypot(*against_truth(scene, states, name)["position"].T)
        bound = max(CASES[case][2], 2.5 if scene.truth[name].shape == "rod" else 0.0)
        assert np.median(off) < bound, name
        assert np.mean(off < 5) > 0.9, name


@pytest.mark.parametrize("case", cases(*CASES, known={"slow cart": NEVER_BARE}))
def test_velocities(case: str) -> None:
    scene, states = run(case)
    for name, truth in scene.truth.items():
        off = np.hypot(*against_truth(scene, states, name)["velocity"].T)
        bound = max(CASES[case][3], 20.0 if truth.shape == "rod" else 0.0)
        assert np.nanmedian(off) < bound, name


@pytest.mark.parametrize("case", ["falling ball", "falling ball, filmed", "bouncing ball, filmed", "crossing discs", "uniform motion"])
def test_sigmas_are_honest(case: str) -> None:
    scene, states = run(case)
    for name in scene.truth:
        found = against_truth(scene, states, name)
        # the median of |z| is 0.67 where σ tells the error; three times that, and σ is no statement
        assert np.median(np.abs(found["position"]) / found["sigma"]) < 2.0, name
        assert np.nanmedian(np.abs(found["velocity"]) / found["sigma_v"]) < 2.0, name


@pytest.mark.parametrize(
    "case",
    cases(
        "bouncing ball",
        "bouncing ball, filmed",
        "two pucks",
        "two pucks, filmed",
        "collision",
    ),
)
def test_contacts_are_found(case: str) -> None:
    scene, states = run(case)
    # what happens in the last frames leaves no path to tell it by
    truth = [time for time, _ in scene.contacts if time < scene.times[-4]]
    found = [event.time_s for event in states.meta.events]
    assert len(found) == len(truth)
    np.testing.assert_allclose(found, truth, atol=0.3 * (scene.times[1] - scene.times[0]))
    for event in states.meta.events:
        assert len(event.partners) == len(scene.truth)


@pytest.mark.parametrize("case", cases("two pucks", "two pucks, filmed"))
def test_the_impulse_of_a_collision_is_mutual(case: str) -> None:
    scene, states = run(case)
    (event,) = states.meta.events
    assert event.impulse is not None
    one, other = np.array(event.impulse)
    np.testing.assert_allclose(one, -other, atol=3.0)  # equal masses
    assert np.hypot(*one) > 50
    where = np.mean([t.positions[event.frame] for t in scene.truth.values()], axis=0)
    assert np.hypot(*(np.array(event.position) - where)) < 5


@pytest.mark.parametrize(
    "case",
    cases(
        "falling ball",
        "falling ball, filmed",
        "crossing discs",
        "pendulum",
        "thrown small ball",
        "uniform motion",
        "parabola",
    ),
)
def test_no_contact_is_made_up(case: str) -> None:
    assert run(case)[1].meta.events == []


def test_passing_behind_a_post_is_no_contact() -> None:
    assert run("ball behind a post")[1].meta.events == []


def test_hidden_frames_are_bridged_and_flagged() -> None:
    scene, states = run("ball behind a post")
    (truth,) = scene.truth.values()
    hidden = np.flatnonzero(truth.visible_fraction < 0.02)
    best = score(scene, states).objects["red ball"].object_id
    c = states.of(best or 0).columns
    rows = np.isin(c["frame"], hidden)
    assert rows.sum() == len(hidden)
    assert set(c["status"][rows].tolist()) <= {"occluded", "interpolated"}
    assert np.hypot(c["x_px"][rows] - truth.positions[hidden, 0], c["y_px"][rows] - truth.positions[hidden, 1]).max() < 5


def test_gravity_of_a_fall() -> None:
    _, states = run("falling ball")
    assert np.nanmedian(states.columns["ay"]) == pytest.approx(420, rel=0.02)
    assert np.abs(np.nanmedian(states.columns["ax"])) < 8


def test_the_ends_of_a_long_body() -> None:
    scene, states = run("slow cart that clears its place")
    (truth,) = scene.truth.values()
    ends = {meta.label.split(" of ")[0]: i for i, meta in states.meta.objects.items() if meta.part_of is not None}
    assert set(ends) == {"left end", "right end"}
    for name, side in (("left end", -35.0), ("right end", 35.0)):
        c = states.of(ends[name]).columns
        off = np.column_stack([c["x_px"], c["y_px"]]) - truth.positions[c["frame"]] - [side, 0.0]
        assert np.median(np.hypot(*off.T)) < 1.5
        assert np.nanmedian(np.abs(c["vx"] - truth.velocities[c["frame"], 0])) < 5
    without = extract_states(scene.images(), times=scene.times, ends=False)
    assert all(meta.part_of is None for meta in without.meta.objects.values())
    assert len(without.object_ids) == len(states.object_ids) - 2


def test_a_swinging_rod_s_angle() -> None:
    scene, states = run("swinging rod")
    (truth,) = scene.truth.values()
    assert truth.angles is not None
    c = states.of(score(scene, states).objects["brown rod"].object_id or 0).columns
    # image angles count clockwise in pixels, y down
    off = (c["angle"] - truth.angles[c["frame"]] + math.pi / 2) % math.pi - math.pi / 2
    assert np.nanmedian(np.abs(off)) < 0.02
    # y down: rates count the same way
    assert (
        np.nanmedian(np.abs(c["angular_velocity"] - (truth.angular_velocities if truth.angular_velocities is not None else 0)[c["frame"]]))
        < 0.3
    )


def test_the_table_is_whole() -> None:
    scene, states = run("crossing discs")
    c = states.columns
    np.testing.assert_allclose(c["time_s"], scene.times[c["frame"]])
    np.testing.assert_allclose(c["x"], c["x_px"])  # no calibration: pixels, y down
    for object_id in states.object_ids:
        assert (np.diff(states.of(object_id).columns["frame"]) == 1).all()
    assert {meta.label for meta in states.meta.objects.values()} == {"red disc 1", "green disc 1"} or len(states.meta.objects) == 2
    assert states.meta.calibration.unit == "px"
    assert states.meta.video.frame_count == scene.frame_count
    assert states.meta.time.regular
    assert states.meta.partial is None
    assert states.meta.configuration["backend"] == "classical"
    assert "numpy" in states.meta.versions


# --- few frames ---


@pytest.mark.parametrize("count", [2, 3, 4])
def test_still_things_on_plain_ground_in_a_few_frames(count: int) -> None:
    scene = scenes.static_objects_on_plain(frame_count=count)
    states = extract_states(scene.images(), times=scene.times)
    assert len(set(states.columns["object_id"][bodies_only(states)].tolist())) == 3
    for name in scene.truth:
        assert np.hypot(*against_truth(scene, states, name)["position"].T).max() < 0.2
    assert score(scene, states).objects["red disc"].coverage == 1.0


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("kind", ["uniform_motion", "collision"])
def test_velocity_from_a_few_frames(count: int, kind: str) -> None:
    scene = scenes.phyworld_like(kind, frame_count=count, radius=0.9, velocity=2.3)
    scale = scene.pixels_per_unit or 0.0
    world = Calibration.from_scale(scale, "world", origin=(0.0, 255.0))
    states = extract_states(scene.images(), times=scene.times, calibration=world)
    for name, truth in scene.truth.items():
        best = score(scene, states).objects[name].object_id
        c = states.of(best or 0).columns
        assert len(c["frame"]) == count
        np.testing.assert_allclose(c["vx"], truth.velocities[:, 0] / scale, atol=0.02)
        np.testing.assert_allclose(c["vy"], 0, atol=0.02)
        # pixel i of a row shows 10 i / 255
        np.testing.assert_allclose(c["x"], truth.positions[:, 0] / scale, atol=0.01)
        np.testing.assert_allclose(c["y"], (255 - truth.positions[:, 1]) / scale, atol=0.01)


def test_no_acceleration_from_two_frames() -> None:
    scene = scenes.phyworld_like(frame_count=2)
    states = extract_states(scene.images(), times=scene.times)
    assert np.isnan(states.columns["ax"]).all()
    assert np.isnan(states.columns["ay"]).all()


# --- what was asked for ---


def labels(states: States) -> list[str]:
    return sorted({meta.label for meta in states.meta.objects.values() if meta.part_of is None})


def crossing(objects: str) -> States:
    scene = scenes.crossing_discs(texture=4.0, frame_count=40)
    return extract_states(scene.images(), times=scene.times, objects=objects)


def test_phrases_pick_and_name() -> None:
    states = crossing("red ball")
    assert labels(states) == ["red ball"]
    assert np.nanmedian(states.columns["vx"]) == pytest.approx(110, abs=2)
    assert (states.columns["label_score"] > 0.3).all()
    assert states.meta.warnings == []
    assert labels(crossing("red ball, green ball")) == ["green ball", "red ball"]


def test_a_phrase_that_matches_nothing_names_what_was_seen() -> None:
    with pytest.raises(NothingFoundError) as caught:
        crossing("purple rod")
    message = str(caught.value)
    assert '"purple rod"' in message
    assert "red disc" in message
    assert "green disc" in message
    assert "\n" not in message


def test_phrases_of_which_some_match_nothing_warn() -> None:
    states = crossing("red ball, purple rod")
    assert labels(states) == ["red ball"]
    (warning,) = states.meta.warnings
    assert '"purple rod"' in warning
    assert "green disc" in warning
    assert '"red ball"' not in warning


def test_words_without_a_look_are_refused() -> None:
    with pytest.raises(UsageError, match="flurb"):
        crossing("flurb")


def test_a_still_object_is_found_when_it_is_named() -> None:
    scene = scenes.falling_ball(texture=1.5)
    scene.scenery.append(scenes.resting_object(texture=1.5).bodies[0])
    states = extract_states(scene.images(), times=scene.times, objects="red ball, green box")
    assert labels(states) == ["green box", "red ball"]
    (box,) = [i for i, meta in states.meta.objects.items() if meta.label == "green box"]
    c = states.of(box).columns
    place = scene.scenery[0].path(np.zeros(1)).positions[0]
    assert len(c["frame"]) >= 0.95 * scene.frame_count
    assert np.hypot(c["x_px"] - place[0], c["y_px"] - place[1]).max() < 0.3
    assert np.abs(c["vx"]).max() < 1.0
    assert labels(extract_states(scene.images(), times=scene.times)) == ["red disc 1"]


# --- calibration, time, masks, files ---


def test_metres_with_y_up() -> None:
    scene = scenes.falling_ball()
    world = Calibration.from_scale(100.0, "m", origin=(20.0, 230.0))
    states = extract_states(scene.images(), times=scene.times, calibration=world)
    pixels = run("falling ball")[1]
    assert states.meta.calibration.unit == "m"
    assert np.nanmedian(states.columns["ay"]) == pytest.approx(-4.2, rel=0.02)
    np.testing.assert_allclose(states.columns["x"], (pixels.columns["x_px"] - 20) / 100, atol=1e-6)
    np.testing.assert_allclose(states.columns["y"], (230 - pixels.columns["y_px"]) / 100, atol=1e-6)
    np.testing.assert_allclose(states.columns["x_px"], pixels.columns["x_px"], atol=1e-6)
    np.testing.assert_allclose(states.columns["sigma_x"], pixels.columns["sigma_x"] / 100, rtol=1e-5)
    np.testing.assert_allclose(states.columns["width"], pixels.columns["width"] / 100, rtol=1e-5)


def test_a_frame_interval_overrides_time() -> None:
    scene = scenes.falling_ball(frame_count=20)
    states = extract_states(scene.images(), frame_interval=1 / 300)
    assert states.meta.time.overridden
    assert np.nanmedian(states.columns["ay"]) == pytest.approx(42_000, rel=0.03)


def test_uneven_time_stamps() -> None:
    scene = scenes.falling_ball(jitter=0.15)
    states = extract_states(scene.images(), times=scene.times)
    assert not states.meta.time.regular
    assert np.nanmedian(states.columns["ay"]) == pytest.approx(420, rel=0.02)


def test_masks_file(tmp_path: Path) -> None:
    scene = scenes.crossing_discs(texture=4.0, frame_count=24)
    path = tmp_path / "clip.masks.jsonl.gz"
    states = extract_states(scene.images(), times=scene.times, masks=path)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    assert [(row["frame"], row["object_id"]) for row in rows] == sorted((row["frame"], row["object_id"]) for row in rows)
    assert {row["object_id"] for row in rows} == set(states.object_ids)
    best = {o.object_id: name for name, o in score(scene, states).objects.items()}
    assert len(rows) >= 46
    for row in rows[::5]:
        assert row["rle"]["size"] == [scene.height, scene.width]
        mask = decode_counts((scene.height, scene.width), row["rle"]["counts"])
        drawn = np.zeros(mask.shape, bool)
        place = scene.truth[best[row["object_id"]]].positions[row["frame"]]
        rs, cs, alpha = disc_coverage((place[0], place[1]), 13.0, scene.height, scene.width)
        drawn[rs, cs] = alpha > 0.5
        assert (mask & drawn).sum() / (mask | drawn).sum() > 0.85


def test_a_video_file(tmp_path: Path) -> None:
    scene = scenes.falling_ball(texture=4.0)
    scene.write(tmp_path / "fall.mp4")
    states = extract_states(tmp_path / "fall.mp4")
    assert score(scene, states).objects["red ball"].coverage >= 0.95
    assert np.median(np.hypot(*against_truth(scene, states, "red ball")["position"].T)) < 0.5
    assert np.nanmedian(states.columns["ay"]) == pytest.approx(420, rel=0.03)
    assert states.meta.video.name == "fall.mp4"
    assert states.meta.video.sha256


def test_progress_tells_stage_and_frames() -> None:
    scene = scenes.falling_ball(frame_count=12, texture=4.0)
    calls: list[tuple[str, int, int | None]] = []
    extract_states(scene.images(), times=scene.times, progress=lambda *call: calls.append(call))
    stages = list(dict.fromkeys(stage for stage, _, _ in calls if stage != COMPILING))  # which is there or not
    assert stages[0] == "background"
    assert "detect" in stages
    for stage in stages:
        done = [k for name, k, _ in calls if name == stage]
        assert done[-1] == 12
        assert all(total == 12 for _, _, total in calls)


def test_the_same_video_gives_the_same_table() -> None:
    scene = scenes.crossing_discs(texture=4.0, frame_count=24)
    one, two = (extract_states(scene.images(), times=scene.times) for _ in range(2))
    for name, values in one.columns.items():
        np.testing.assert_array_equal(values, two.columns[name])


# --- bad input ---


@pytest.mark.parametrize(("objects", "told"), [(None, "name them: --objects"), ("red disc", 'nothing at rest looks like "red disc"')])
def test_nothing_that_moves_is_told_as_what_was_asked_for(objects: str | None, told: str) -> None:
    scene = scenes.low_contrast_ball(contrast=0.0, frame_count=16, texture=8.0)
    with pytest.raises(NothingFoundError, match=told) as raised:
        extract_states(scene.images(), times=scene.times, objects=objects)
    assert ("name them" in str(raised.value)) == (objects is None)


def test_a_single_frame() -> None:
    with pytest.raises(InputError, match="single frame"):
        extract_states(scenes.falling_ball(frame_count=1, texture=4.0).images(), frame_interval=0.1)


def test_a_single_frame_that_damage_left_names_the_damage(tmp_path: Path) -> None:
    for k in range(3):
        cv2.imwrite(str(tmp_path / f"{k}.png"), np.full((40, 60, 3), 90, np.uint8))
    (tmp_path / "1.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"breaks off before frame 1 .*1\.png.*two frames at least"):
        extract_states(tmp_path, frame_interval=0.1)


@pytest.mark.parametrize("count", [6, 20])
def test_all_frames_equal(count: int) -> None:
    image = scenes.falling_ball(texture=30.0, frame_count=1).background.astype(np.uint8)
    with pytest.raises(NothingFoundError, match=f"all {count} frames of array are equal"):
        extract_states(np.stack([image] * count), frame_interval=0.1)


def test_nothing_moves_in_noise() -> None:
    scene = scenes.falling_ball(texture=6.0, noise=3.0, frame_count=20)
    scene.bodies.clear()
    with pytest.raises(NothingFoundError, match="nothing moves in array"):
        extract_states(scene.images(), times=scene.times)


def test_an_empty_plain_picture() -> None:
    with pytest.raises(NothingFoundError):
        extract_states(np.full((3, 60, 80, 3), 255, np.uint8), frame_interval=0.1)


def test_an_unknown_backend_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'classical'"):
        extract_states(np.zeros((3, 40, 40, 3), np.uint8), frame_interval=0.1, backend="clasical")


def test_an_array_without_times() -> None:
    with pytest.raises(UsageError, match="times"):
        extract_states(np.zeros((3, 40, 40, 3), np.uint8))


def test_a_missing_file() -> None:
    with pytest.raises(InputError, match=r"no_such\.mp4"):
        extract_states("no_such.mp4")


# --- filmed clips ---


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason=f"the filmed clips are not at {DATA}")
@pytest.mark.parametrize("clip", ["badminton", "balltoss", "pendulum_scale", "pucks_collide"])
def test_filmed_clips(clip: str) -> None:
    about = json.loads((DATA / clip / "clip.json").read_text(encoding="utf-8"))
    states = extract_states(DATA / clip / "video.mp4", frame_interval=about["frame_interval_s"])
    c = states.columns
    found = score_states(
        c["frame"], c["object_id"], c["x_px"], c["y_px"], read_truth(DATA / clip / "truth.csv"), states.meta.video.frame_count
    )
    for name, result in found.objects.items():
        assert result.coverage >= 0.95, name
        assert result.median_px <= 1.5, name
    assert len(found.spurious) <= 2
