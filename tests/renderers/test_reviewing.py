"""A table held against its video: nothing to say of a right one, and every fault that is put into it is found and named."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from drawn_scenes import DISC_R, ROD, H, W, covered, disc, eight_bit, ground, laid, rod, table

import kinescribe as ks
from kinescribe.errors import InputError, NothingFoundError, UsageError
from kinescribe.renderers.poses import Pose
from kinescribe.renderers.reviewing import rows_to_look_at
from kinescribe.renderers.reviewing.drawn import draw, full_area
from kinescribe.states import Metadata, States, TimeMeta, VideoMeta
from kinescribe.video import open_video

FRAMES = 30
SIZES = {1: (2 * DISC_R, 2 * DISC_R), 2: ROD, 3: (2 * DISC_R, 2 * DISC_R)}
SHAPES = {1: "disc", 2: "rod", 3: "disc"}
COLORS = {1: (40, 210, 230), 2: (200, 60, 20), 3: (60, 40, 200)}


def places() -> dict[int, list[tuple[float, float, float]]]:
    """A yellow disc that swings, a blue rod that turns and slides, a red disc that crosses below."""
    k = np.arange(FRAMES)
    return {
        1: [(80.3 + 52.0 * np.sin(0.19 * t), 22.2, np.nan) for t in k],
        2: [(40.4 + 2.1 * t, 62.2, 0.3 + 0.09 * t) for t in k],
        3: [(18.7 + 3.9 * t, 103.1, np.nan) for t in k],
    }


def shape_of(i: int, row: tuple[float, float, float]):
    return rod(*row) if i == 2 else disc(*row[:2])


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    rng, wall, rows = np.random.default_rng(3), ground(), places()
    out = []
    for k in range(FRAMES):
        picture = wall
        for i in rows:
            picture = laid(picture, covered(shape_of(i, rows[i][k])), COLORS[i])
        out.append(eight_bit(picture + rng.normal(0, 2.0, picture.shape).astype(np.float32)))
    return np.stack(out)


@pytest.fixture(scope="module")
def video(images):
    return open_video(images, times=np.arange(FRAMES) / 25.0)


@pytest.fixture(scope="module")
def right() -> States:
    return table([1, 2, 3], places(), SIZES, SHAPES)


@pytest.fixture(scope="module")
def of_right(video, right):
    return ks.review(video, right)


def changed(states: States, **columns: np.ndarray) -> States:
    return States.from_columns({**states.columns, **columns}, states.meta)


def moved(states: States, object_id: int, by: np.ndarray) -> States:
    """By (FRAMES, 2) px."""
    columns = {}
    for k, names in enumerate((("x", "x_px"), ("y", "y_px"))):
        for name in names:
            columns[name] = states[name].copy()
            columns[name][states["object_id"] == object_id] += by[:, k]
    return changed(states, **columns)


def without(states: States, drop: np.ndarray) -> States:
    return States.from_columns({name: values[~drop] for name, values in states.columns.items()}, states.meta)


def about(found: ks.Review, object_id: int) -> np.ndarray:
    """Verdicts of an object's rows."""
    return found.verdict[found.states["object_id"] == object_id].astype(str)


def test_right_states_explain_the_video(of_right, right):
    assert of_right.summary() == "the states explain the video: 90 rows, nothing to look at"
    assert not of_right.flagged.any()
    assert not of_right.missed
    assert len(of_right.states) == len(right)
    assert (of_right.states["review"] == "").all()
    judged = of_right.verdict == "ok"
    assert judged.mean() > 0.95
    assert np.nanmedian(of_right.explained[judged]) > 0.97
    # as large as the noise that was drawn, and the registration as good as that allows
    assert np.median(of_right.noise[judged]) == pytest.approx(2.0, abs=0.4)
    assert np.nanmax(np.hypot(*of_right.drift[judged].T)) < 0.4


def test_a_track_that_slips(video, right):
    slip = np.zeros((FRAMES, 2))
    slip[18:, 0] = 3.0
    found = ks.review(video, moved(right, 3, slip))
    assert (about(found, 3)[18:] == "drift").all()
    assert (about(found, 3)[:17] == "ok").all()
    assert (about(found, 1) == "ok").all()
    mine = found.states["object_id"] == 3
    assert found.drift[mine][20:, 0] == pytest.approx(-3.0, abs=0.15)
    assert found.reason[mine][20] == "its pixels are 3.0 px to the left"
    assert found.states["review"][mine][20] == found.reason[mine][20]
    assert found.summary().splitlines()[1] == "3 thing 3, frames 18 to 29: its pixels are 3.0 px to the left"


def test_a_track_that_drifts_away(video, right):
    found = ks.review(video, moved(right, 3, np.arange(FRAMES)[:, None] * np.array([0.0, 0.12])))
    marked = found.flagged[found.states["object_id"] == 3]
    assert marked.sum() > FRAMES / 3
    assert "px more a frame" in " ".join(found.reason[found.flagged])
    assert (about(found, 1) == "ok").all()


def test_a_track_that_is_late(video, right):
    rows = places()
    late = {**rows, 1: [rows[1][0], *rows[1][:-1]]}
    found = ks.review(video, table([1, 2, 3], late, SIZES, SHAPES))
    assert (about(found, 1) == "drift").mean() > 0.5
    assert "1.0 frames late" in set(found.reason[found.flagged])
    assert (about(found, 3) == "ok").all()


def test_an_angle_that_is_wrong(video, right):
    angle = right["angle"].copy()
    mine = np.flatnonzero(right["object_id"] == 2)
    angle[mine[18:]] += 0.15
    found = ks.review(video, changed(right, angle=angle))
    assert (about(found, 2)[19:-1] == "drift").all()
    assert "its angle is off by" in found.reason[mine[22]]


def test_an_invented_id(video, right):
    rows = {**places(), 4: [(140.0 - 3.0 * k, 45.0 - 0.9 * k, np.nan) for k in range(FRAMES)]}
    found = ks.review(video, table([1, 2, 3, 4], rows, {**SIZES, 4: SIZES[1]}, {**SHAPES, 4: "disc"}))
    assert (about(found, 4) == "invented").mean() > 0.5
    assert "just the background is here" in " ".join(found.reason[found.flagged])
    assert len(found.states) == 4 * FRAMES


def test_an_id_that_is_gone(video, right):
    found = ks.review(video, without(right, right["object_id"] == 3))
    (region,) = found.missed
    assert len(region.frames) > 0.8 * FRAMES
    assert region.reason == "something moves here that has no id"
    for frame, (x0, y0, x1, y1) in zip(region.frames, region.boxes, strict=True):
        x, y, _ = places()[3][frame]
        assert x0 < x < x1
        assert y0 < y < y1
    assert "no id, frames" in found.summary()
    assert not found.flagged.any()
    assert found.notes[0].startswith("no row accounts for a region of the picture, frames ")


def test_rows_that_stop(video, right):
    found = ks.review(video, without(right, (right["object_id"] == 3) & (right["frame"] > 14)))
    (region,) = found.missed
    assert region.object_id == 3
    assert region.reason == "the rows of object 3 stop in frame 14, its pixels go on"
    last = (found.states["object_id"] == 3) & (found.states["frame"] == 14)
    assert found.states["review"][last][0] == region.reason
    assert found.flagged.sum() == 1


def test_swapped_ids(video, right):
    rows = places()
    swapped = {1: rows[1][:15] + rows[3][15:], 2: rows[2], 3: rows[3][:15] + rows[1][15:]}
    found = ks.review(video, table([1, 2, 3], swapped, SIZES, SHAPES))
    for i, other in ((1, 3), (3, 1)):
        mine = found.states["object_id"] == i
        assert found.flagged[mine][15:].mean() > 0.9
        assert not found.flagged[mine][:14].any()
        assert f"looks like {other} thing {other}" in set(found.reason[mine])
    assert (about(found, 2) == "ok").all()


def test_a_scene_of_ones_own_tells_what_is_the_same_in_every_row(video, right, of_right):
    everywhere = moved(right, 3, np.tile([2.0, 0.0], (FRAMES, 1)))
    assert not ks.review(video, everywhere).flagged.any()
    found = ks.review(video, everywhere, of_right.scene)
    assert (about(found, 3) == "drift").mean() > 0.9
    assert np.nanmedian(found.drift[found.states["object_id"] == 3][:, 0]) == pytest.approx(-2.0, abs=0.1)


def test_what_hides_it_is_no_reason_to_flag(images, right):
    """A rod in front of a disc: the disc's rows are no invention."""
    rows = places()
    k = np.arange(FRAMES)
    rows[3] = [(40.0, 20.0 + 3.0 * t, np.nan) for t in k]
    rows[2] = [(40.0, 62.0, 0.0)] * FRAMES
    rng, wall, out = np.random.default_rng(5), ground(), []
    for t in k:
        picture = laid(wall, covered(disc(*rows[3][t][:2])), COLORS[3])
        picture = laid(picture, covered(rod(40.0, 62.0, 0.0)), COLORS[2])
        out.append(eight_bit(picture + rng.normal(0, 2.0, picture.shape).astype(np.float32)))
    status = np.array(["observed"] * (2 * FRAMES), object)
    states = table([2, 3], rows, SIZES, SHAPES)
    status[(states["object_id"] == 3) & (np.abs(states["y_px"] - 62.0) < 12.0)] = "occluded"
    found = ks.review(open_video(np.stack(out), times=k / 25.0), changed(states, status=status))
    assert not found.flagged.any()
    assert (about(found, 3) == "ok").sum() > 15


def test_what_stood_in_the_column_stays(video, right):
    notes = np.array([""] * len(right), object)
    notes[-1] = "off its smoothed path"
    slip = np.zeros((FRAMES, 2))
    slip[20:, 1] = -3.0
    found = ks.review(video, moved(changed(right, review=notes), 3, slip))
    assert found.states["review"][-1] == "off its smoothed path; its pixels are 3.0 px below"
    assert rows_to_look_at(found.states)[0].startswith("3 thing 3, frames 20 to 29: ")


def test_rows_without_a_place_and_frames_that_are_not_there(video, right, of_right):
    columns = {name: right[name].copy() for name in ("x", "y", "x_px", "y_px")}
    lost = np.flatnonzero(right["object_id"] == 3)[5]
    for name, values in columns.items():
        values[lost] = np.nan if name != "x" else values[lost]
    away = np.flatnonzero(right["object_id"] == 1)[9]
    columns["x"][away] = columns["x_px"][away] = 5000.0
    frame = right["frame"].copy()
    times = right["time_s"].copy()
    late = np.flatnonzero(right["object_id"] == 2)[-1]
    frame[late], times[late] = 99, 3.96
    columns["x"][lost] = columns["y"][lost] = np.nan
    found = ks.review(video, changed(right, frame=frame, time_s=times, **columns), of_right.scene)
    verdicts = {(int(f), int(i)): str(v) for f, i, v in zip(found.states["frame"], found.states["object_id"], found.verdict, strict=True)}
    assert verdicts[5, 3] == "no position"
    assert verdicts[9, 1] == "outside"
    assert verdicts[99, 2] == "no frame"
    assert len(found.states) == len(right)


def test_an_id_without_a_sprite_is_told(video, right, of_right):
    objects = {i: one for i, one in of_right.scene.objects.items() if i != 3}
    found = ks.review(video, right, replace(of_right.scene, objects=objects))
    assert set(about(found, 3)) == {"no sprite"}
    assert found.warnings == ("object 3 has no sprite: it was never seen whole and by itself",)
    assert not found.missed  # it has rows there


def test_states_of_another_video_are_refused_in_one_line(images, right, of_right):
    rng = np.random.default_rng(0)
    other = np.clip(images.astype(float)[:, ::-1, ::-1] * 0.4 + rng.normal(60, 3, images.shape), 0, 255).astype(np.uint8)
    with pytest.raises(InputError, match=r"the plate does not explain 'array'.*another video, or its camera moves") as told:
        ks.review(open_video(other, times=np.arange(FRAMES) / 25.0), right, of_right.scene)
    assert "\n" not in str(told.value)
    shaking = np.stack([np.roll(image, (9 * k % 41, 14 * k % 53), (0, 1)) for k, image in enumerate(images)])
    with pytest.raises(InputError, match="the plate does not explain"):
        ks.review(shaking, right, of_right.scene)
    with pytest.raises(UsageError, match=r"is 30×20, the table's video drawn 160×120"):
        ks.review(np.zeros((3, 20, 30, 3), np.uint8), right)
    bare = States.from_columns(right.columns, Metadata(calibration=right.meta.calibration))
    with pytest.raises(UsageError, match="is 30×20, the scene 160×120"):
        ks.review(np.zeros((3, 20, 30, 3), np.uint8), bare, of_right.scene)


def test_arguments_that_make_no_sense(video, right):
    with pytest.raises(UsageError, match=r"must be a kinescribe\.States"):
        ks.review(video, "states.csv")
    with pytest.raises(UsageError, match=r"must be a kinescribe\.Scene"):
        ks.review(video, right, "scene/")
    nowhere = changed(right, **{name: np.full(len(right), np.nan) for name in ("x", "y", "x_px", "y_px")})
    with pytest.raises(NothingFoundError, match="nothing to review"):
        ks.review(video, nowhere)
    late = changed(right, frame=right["frame"] + 500)
    late = States.from_columns(late.columns, Metadata(video=VideoMeta(name="v", width=W, height=H, frame_count=600)))
    scene = ks.Scene.from_video(video, right)
    with pytest.raises(InputError, match=r"frames start at 500"):
        ks.review(video, late, scene)


def test_a_frame_that_differs_as_a_whole(images, right):
    wrong = images.copy()
    wrong[12] = 255 - wrong[12]
    found = ks.review(open_video(wrong, times=np.arange(FRAMES) / 25.0), right)
    assert found.changed.tolist() == [12]
    assert "frame 12: the picture differs as a whole" in found.summary()


@pytest.fixture(scope="module")
def of_wrong(video, right):
    slip = np.zeros((FRAMES, 2))
    slip[20:, 0] = 4.0
    return ks.review(video, without(moved(right, 3, slip), right["object_id"] == 1))


def test_the_table_of_the_review(of_wrong, tmp_path):
    of_wrong.to_csv(tmp_path / "review.csv")
    with (tmp_path / "review.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    of_objects = [row for row in rows if row["verdict"] != "missed"]
    assert len(of_objects) == len(of_wrong.states)
    missed = [row for row in rows if row["verdict"] == "missed"]
    assert len(missed) == sum(len(one.frames) for one in of_wrong.missed) > 20
    assert all(row["object_id"] == "" and float(row["bbox_w"]) > 5 for row in missed)
    assert [int(row["frame"]) for row in rows] == sorted(int(row["frame"]) for row in rows)
    slipped = [row for row in of_objects if row["object_id"] == "3" and int(row["frame"]) >= 21]
    assert all(float(row["drift_x_px"]) == pytest.approx(-4.0, abs=0.2) for row in slipped)


def test_the_summary_for_programs(of_wrong):
    told = json.loads(json.dumps(of_wrong.as_dict(), allow_nan=False))
    third = next(one for one in told["objects"] if one["id"] == 3)
    assert third["flagged"] == 10
    assert third["spans"][0] == {"first_frame": 20, "last_frame": 29, "verdict": "drift", "reason": "its pixels are 4.0 px to the left"}
    assert told["missed"][0]["object_id"] is None


def test_pictures_of_the_review(of_wrong, video, tmp_path):
    of_wrong.plot(tmp_path / "review.png")
    assert (tmp_path / "review.png").read_bytes()[1:4] == b"PNG"
    with pytest.raises(UsageError, match=r"must end in \.png"):
        of_wrong.plot(tmp_path / "review.docx")
    of_wrong.overlay(video, tmp_path / "review.mp4")
    frames = list(ks.open_video(tmp_path / "review.mp4"))
    assert len(frames) == FRAMES
    # the disc without an id is bright, the wall beside it is not
    x, y, _ = places()[1][8]
    assert frames[8].image[round(y), round(x)].min() > 200
    assert frames[8].image[round(y) + 25, round(x) - 25].max() < 200


def test_memory_does_not_hold_the_video(right, images):
    """Frames are handed out one at a time, and none is kept: a weak reference to each of the earlier ones is dead."""
    import weakref

    class Watched:
        def __init__(self) -> None:
            self.inner = open_video(images, times=np.arange(FRAMES) / 25.0)
            self.info, self.partial, self.warnings = self.inner.info, None, []
            self.alive = 0

        def __iter__(self):
            refs: list[weakref.ref] = []
            for frame in self.inner:
                copy = frame.image.copy()
                refs.append(weakref.ref(copy))
                yield replace(frame, image=copy)
                del copy
                self.alive = sum(ref() is not None for ref in refs[:-2])

        def sample(self, indices):
            return self.inner.sample(indices)

    watched = Watched()
    scene = ks.Scene.from_video(open_video(images, times=np.arange(FRAMES) / 25.0), right)
    assert not ks.review(watched, right, scene).flagged.any()
    assert watched.alive == 0


def numbered_from_zero(states: States) -> States:
    return changed(states, object_id=states["object_id"] - 1)


def test_an_id_that_is_zero_is_an_id_like_any_other(video, right):
    # where a row fits badly and nothing else explains it, it is not said to look like 0
    poor = moved(right, 1, np.where((np.arange(FRAMES) == 12)[:, None], [0.0, 7.0], 0.0))
    found, usual = ks.review(video, numbered_from_zero(poor)), ks.review(video, poor)
    assert found.verdict.tolist() == usual.verdict.tolist()
    assert found.reason.tolist() == usual.reason.tolist()
    rows = places()
    swapped = {1: rows[1][:15] + rows[3][15:], 2: rows[2], 3: rows[3][:15] + rows[1][15:]}
    found = ks.review(video, numbered_from_zero(table([1, 2, 3], swapped, SIZES, SHAPES)))
    assert "looks like 0 thing 1" in set(found.reason[found.states["object_id"] == 2])


def test_rows_of_id_zero_that_stop(video, right):
    states = without(right, (right["object_id"] == 1) & (right["frame"] > 14))
    found = ks.review(video, numbered_from_zero(states))
    (region,) = found.missed
    assert region.object_id == 0
    assert found.as_dict()["missed"][0]["object_id"] == 0
    last = (found.states["object_id"] == 0) & (found.states["frame"] == 14)
    assert found.states["review"][last][0] == "the rows of object 0 stop in frame 14, its pixels go on"
    assert found.notes == []


def test_a_row_that_slips_in_a_blurred_video():
    """The exposure of the scene is kept where rows are doubted, so that blurred rows that are right stay explained."""
    wall, images, rows, speeds = ground(6), [], {1: []}, []
    for k in range(30):
        x, speed = 20.0 + 0.14 * k**2, 0.28 * k  # px, px a frame
        speeds.append(speed * 25)
        rows[1].append((x, 60.3, np.nan))
        alpha = np.mean([covered(disc(x + 0.5 * speed * (t / 14 - 0.5), 60.3)) for t in range(15)], axis=0)
        images.append(eight_bit(laid(wall, alpha, (40, 210, 230))))
    rows[1][20] = (rows[1][20][0], 66.3, np.nan)
    states = table([1], rows, {1: (18.0, 18.0)}, {1: "disc"}, vx=np.array(speeds), vy=np.zeros(30))
    found = ks.review(open_video(np.stack(images), times=np.arange(30) / 25.0), states)
    assert found.scene.exposure == pytest.approx(0.5 / 25)
    assert found.explained[10:19].min() > 0.95
    assert found.explained[20] < 0.9


@pytest.mark.parametrize(
    ("column", "value", "verdict"),
    [("width", 20_000.0, "unexplained"), ("width", 1e300, "unexplained"), ("x", 1e39, "outside"), ("x", -1e300, "outside")],
)
@pytest.mark.parametrize("object_id", [1, 2])
def test_a_number_that_no_picture_could_hold(video, right, of_right, column, value, verdict, object_id):
    row = np.flatnonzero(right["object_id"] == object_id)[9]
    wrong = right[column].copy()
    wrong[row] = value
    columns = dict.fromkeys([column, "x_px"] if column == "x" else [column], wrong)
    found = ks.review(video, changed(right, **columns), of_right.scene)
    assert found.verdict[row] == verdict
    assert np.flatnonzero(found.flagged).tolist() == [row]
    if column == "width":
        assert found.states["review"][row] == "its size is more than the whole picture could hold"


def test_a_number_that_no_picture_could_hold_in_a_table_that_the_scene_is_made_of(video, right):
    row = np.flatnonzero(right["object_id"] == 2)[9]
    wrong = right["width"].copy()
    wrong[row] = 20_000.0
    found = ks.review(video, changed(right, width=wrong))
    assert np.flatnonzero(found.flagged).tolist() == [row]


def test_how_much_of_a_view_is_in_the_picture_is_told_of_that_view(of_right):
    """A disc whose views, large and small, follow one another across the picture, half of it outside."""
    thing = of_right.scene.objects[3]
    large = thing.sprites[0]
    small = replace(large, alpha=large.alpha * 0.25, color=large.color * 0.25)
    seen = replace(thing, sprites=(replace(large, at=0.0), replace(small, at=float(W))), views_by="x", plain=False)
    scene = replace(of_right.scene, objects={3: seen})
    for x, share in ((0.0, 1.0), (W - 1.0, 0.25)):
        pose = Pose(3, x, 60.0, np.nan, *SIZES[3], True)
        drawn = draw(of_right.ground.plate, scene, of_right.ground, {3: pose})
        assert full_area(drawn, seen, pose) == pytest.approx(share * np.pi * DISC_R**2, rel=0.05)
    drawn_only = replace(thing, sprites=(), color=(1.0, 2.0, 3.0), views_by="angle")
    for side, area in ((18.0, np.pi * 9.0**2), (400.0, np.pi * 200.0**2)):
        assert full_area(drawn, drawn_only, Pose(3, 0.0, 60.0, np.nan, side, side, True)) == pytest.approx(area, rel=0.05)
    assert full_area(drawn, drawn_only, Pose(3, 0.0, 60.0, np.nan, 19_000.0, 19_000.0, True)) > 4 * W * H


def test_a_missed_region_has_the_time_of_the_video_where_no_row_does(video, right, tmp_path):
    gone = (right["object_id"] == 3) | np.isin(right["frame"], [10, 11, 12])
    ks.review(video, without(right, gone)).to_csv(tmp_path / "review.csv")
    with (tmp_path / "review.csv").open(encoding="utf-8", newline="") as stream:
        missed = [row for row in csv.DictReader(stream) if row["verdict"] == "missed"]
    assert {"10", "11", "12"} <= {row["frame"] for row in missed}
    assert [float(row["time_s"]) for row in missed] == pytest.approx([int(row["frame"]) / 25.0 for row in missed])


def test_a_time_lapse_has_its_overlay(images, right, of_right, tmp_path):
    lapse = changed(right, time_s=right["frame"] * 200.0)
    lapse.meta.time = TimeMeta(regular=True, interval_s=200.0, jitter_s=0.0)
    few = replace(of_right, states=lapse)
    few.overlay(open_video(images, times=np.arange(FRAMES) * 200.0), tmp_path / "lapse.mp4")
    assert [frame.time_s for frame in open_video(tmp_path / "lapse.mp4")] == pytest.approx(np.arange(FRAMES) * 200.0)
