"""Clips from states tables: which rows count, which way is up, what σ is where none is given."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_clips import table

from kinescribe.dynamics import Clip
from kinescribe.dynamics.fitting import fit_law
from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.states import Calibration, ContactEvent, Metadata, ObjectMeta, States, VideoMeta

TIMES = np.arange(12) * 0.1
STRAIGHT = (TIMES, 2 * TIMES)


def test_a_table_in_pixels_is_turned_over():
    made = table([(100 + 10 * TIMES, 50 + 20 * TIMES)], TIMES, calibration=Calibration.pixels(), vy=20.0, vx=10.0, angle=0.5 + TIMES,
                 angular_velocity=1.0)  # fmt: skip
    clip = Clip.from_states(made)
    assert clip.y_down
    assert clip.unit == "px"
    np.testing.assert_allclose(clip.y[:, 0], -(50 + 20 * TIMES))
    np.testing.assert_allclose(clip.x[:, 0], 100 + 10 * TIMES)
    np.testing.assert_allclose(clip.vy, -20.0)
    np.testing.assert_allclose(np.diff(clip.angle[:, 0]), -0.1)
    np.testing.assert_allclose(clip.angular_velocity, -1.0)
    assert (clip.sigma_y > 0).all()


def test_a_table_with_y_up_stays():
    clip = Clip.from_states(table([STRAIGHT], TIMES))
    assert not clip.y_down
    assert clip.unit == "m"
    np.testing.assert_array_equal(clip.y[:, 0], 2 * TIMES)


def test_what_was_not_observed_is_no_evidence():
    status = np.full((1, 12), "observed", dtype=object)
    status[0, 3:5] = "interpolated"
    status[0, 5] = "occluded"
    status[0, 6] = ""
    x = TIMES.copy()
    x[8] = np.nan
    clip = Clip.from_states(table([(x, 2 * TIMES)], TIMES, status=status))
    np.testing.assert_allclose(clip.times, TIMES[[0, 1, 2, 6, 7, 9, 10, 11]])
    assert clip.seen.all()


def test_gaps_of_one_object_are_nan_where_another_was_seen():
    status = np.full((2, 12), "observed", dtype=object)
    status[1, 2:6] = "occluded"
    clip = Clip.from_states(table([STRAIGHT, (5 + TIMES, TIMES)], TIMES, status=status))
    assert len(clip.times) == 12
    np.testing.assert_array_equal(np.flatnonzero(~clip.seen[:, 1]), [2, 3, 4, 5])
    assert np.isnan(clip.y[2:6, 1]).all()
    assert clip.seen[:, 0].all()
    # σ is a number even there
    assert np.isfinite(clip.sigma_x).all()


def test_objects_that_enter_later_or_have_high_ids_keep_their_columns():
    made = table([STRAIGHT, (5 + TIMES, TIMES)], TIMES, labels=["ball", "cart"])
    columns = {name: values.copy() for name, values in made.columns.items()}
    columns["object_id"] = np.where(columns["object_id"] == 1, 40, 7)
    keep = (columns["object_id"] == 40) | (columns["frame"] >= 6)
    clip = Clip.from_states(States.from_columns({name: values[keep] for name, values in columns.items()}, made.meta))
    assert clip.bodies.object_ids == (7, 40)
    assert clip.bodies.names == ("cart", "ball")
    np.testing.assert_allclose(clip.x[:, 1], TIMES)
    assert np.isnan(clip.x[:6, 0]).all()
    assert np.allclose(clip.x[6:, 0], 5 + TIMES[6:])


def test_ends_of_bodies_are_left_out():
    made = table([STRAIGHT, STRAIGHT, (5 + TIMES, TIMES)], TIMES, labels=["stick", "stick end", "ball"],
                 meta={"objects": {2: ObjectMeta(part_of=1)}})  # fmt: skip
    assert Clip.from_states(made).bodies.names == ("stick", "ball")


def test_sightings_that_the_edge_cuts_off_are_left_out_with_what_struck_there():
    x = 40.0 * np.arange(12)  # leaves a picture of 320 by 240 at frame 8
    left = np.clip(x - 20, 0, 320)
    width = np.clip(x + 20, 0, 320) - left
    box = {"bbox_x": left, "bbox_y": 100.0, "bbox_w": width, "bbox_h": 40.0}
    events = [
        ContactEvent(time_s=0.4, frame=4, partners=[1], position=(0.0, 0.0)),
        ContactEvent(time_s=0.8, frame=8, partners=[1], position=(0, 0)),
    ]
    video = VideoMeta(name="v.mp4", width=320, height=240, frame_count=12)
    made = table([(x, 120.0)], TIMES, calibration=Calibration.pixels(), events=events, meta={"video": video}, **box)
    clip = Clip.from_states(made)
    np.testing.assert_allclose(clip.x[:, 0], 40.0 * np.arange(1, 8))
    assert [hit.time for hit in clip.impacts] == [0.4]


def test_a_disc_whose_soft_rim_alone_touches_the_edge_is_whole():
    x = 19.8 + 10.0 * np.arange(12)  # its box begins at the picture's edge, its rim half a pixel inside
    box = {"bbox_x": np.maximum(np.floor(x - 20), 0), "bbox_y": 100.0, "bbox_w": 41.0, "bbox_h": 41.0, "x_px": x, "y_px": 120.0}
    video = VideoMeta(name="v.mp4", width=320, height=240, frame_count=12)

    def clip(**more: object) -> Clip:
        return Clip.from_states(table([(x, 120.0)], TIMES, calibration=Calibration.pixels(), meta={"video": video}, **box, **more))

    assert len(clip(shape="disc", width=40.0, height=40.0).times) == 12
    assert len(clip(shape="disc", width=44.0, height=44.0).times) == 11  # two pixels of it lie beyond
    assert len(clip(shape="blob", width=40.0, height=40.0).times) == 11  # who knows how it goes on


def test_what_touches_the_edge_all_the_time_is_like_that():
    video = VideoMeta(name="v.mp4", width=320, height=240, frame_count=12)
    made = table([(40.0 * TIMES, 220.0)], TIMES, calibration=Calibration.pixels(), meta={"video": video}, bbox_x=100.0, bbox_y=200.0,
                 bbox_w=40.0, bbox_h=40.0)  # fmt: skip
    assert len(Clip.from_states(made).times) == 12


def test_names_are_unique():
    made = table([STRAIGHT] * 4, TIMES, labels=["ball", "cart", "ball", ""])
    assert Clip.from_states(made).bodies.names == ("ball 1", "cart", "ball 2", "object 4")


def test_objects_are_chosen_by_name_label_or_id():
    made = table([STRAIGHT, STRAIGHT, STRAIGHT], TIMES, labels=["ball", "ball", "cart"])
    assert Clip.from_states(made, objects=["ball 2"]).bodies.object_ids == (2,)
    assert Clip.from_states(made, objects=["ball"]).bodies.object_ids == (1, 2)
    assert Clip.from_states(made, objects=[3, "1"]).bodies.object_ids == (1, 3)
    # the name stays what it is in the whole table
    assert Clip.from_states(made, objects=[2]).bodies.names == ("ball 2",)
    with pytest.raises(UsageError, match=r"no object 'moon' in the states table; it has: ball 1 \(id 1\), ball 2 \(id 2\), cart \(id 3\)"):
        Clip.from_states(made, objects=["moon"])


def test_one_row_is_not_enough():
    with pytest.raises(NothingFoundError, match=r"drop\.csv: no object was seen at 2 times"):
        Clip.from_states(table([(1.0, 2.0)], TIMES[:1]), name="drop.csv")
    with pytest.raises(NothingFoundError, match="nothing to fit"):
        Clip.from_states(table([STRAIGHT], TIMES, status="occluded"))


@pytest.mark.parametrize("missing", [np.nan, 0.0])
def test_sigma_that_is_missing_or_0_is_that_of_the_others(missing):
    sigma = np.full((2, 12), 0.02)
    sigma[1] = 0.05
    sigma[0, 4] = missing
    clip = Clip.from_states(table([STRAIGHT, STRAIGHT], TIMES, sigma_x=sigma))
    assert clip.sigma_x[4, 0] == pytest.approx(0.02)
    assert clip.sigma_x[4, 1] == pytest.approx(0.05)
    sigma[0] = missing
    clip = Clip.from_states(table([STRAIGHT, STRAIGHT], TIMES, sigma_x=sigma))
    # rather its own across than another's along
    np.testing.assert_allclose(clip.sigma_x[:, 0], 0.01)


@pytest.mark.parametrize("missing", [np.nan, 0.0])
def test_without_any_sigma_both_axes_count_alike(missing):
    clip = Clip.from_states(table([(1.0 + 0.01 * np.sin(50 * TIMES), 5 - 4.9 * TIMES**2)], TIMES, sigma=missing))
    np.testing.assert_allclose(clip.sigma_x, clip.sigma_y)
    assert np.ptp(clip.sigma_y) == 0
    assert clip.sigma_y[0, 0] > 0


def test_one_axis_without_sigma_takes_the_other_axis():
    clip = Clip.from_states(table([STRAIGHT], TIMES, sigma_x=np.nan, sigma_y=0.02))
    np.testing.assert_allclose(clip.sigma_x, 0.02)


def test_a_table_without_sigma_gives_the_interval_that_its_noise_deserves():
    from drawn_clips import Fall

    rng = np.random.default_rng(3)
    times = np.arange(40) * 0.05
    x, y = 1.0 + 0.01 * rng.normal(size=40), 5 - 4.5 * times**2 + 0.01 * rng.normal(size=40)
    told = fit_law(Fall(), [Clip.from_states(table([(x, y)], times))]).estimates["gravity"]
    untold = fit_law(Fall(), [Clip.from_states(table([(x, y)], times, sigma=np.nan))]).estimates["gravity"]
    assert untold.value == pytest.approx(told.value, abs=1e-4)
    assert untold.sigma == pytest.approx(told.sigma, rel=0.05)


def test_angles_are_unwrapped_over_gaps():
    angle = np.mod(1.5 * np.arange(12) + np.pi, 2 * np.pi) - np.pi
    angle[5] = np.nan
    clip = Clip.from_states(table([STRAIGHT], TIMES, angle=angle))
    known = np.isfinite(clip.angle[:, 0])
    assert known.sum() == 11
    np.testing.assert_allclose(clip.angle[known, 0][:5], 1.5 * np.arange(5))


def test_contacts_are_those_of_the_objects_that_are_kept():
    events = [
        ContactEvent(time_s=0.2, frame=2, partners=[3, 1], position=(0.0, 0.0)),
        ContactEvent(time_s=0.5, frame=5, partners=[2], position=(0.0, 0.0)),
        ContactEvent(time_s=0.7, frame=7, partners=[2, 3], position=(0.0, 0.0)),
    ]
    made = table([STRAIGHT] * 3, TIMES, events=events)
    clip = Clip.from_states(made)
    assert [hit.objects for hit in clip.impacts] == [(0, 2), (1,), (1, 2)]
    kept = Clip.from_states(made, objects=[1, 3])
    assert [hit.objects for hit in kept.impacts] == [(0, 1), (1,)]
    assert [hit.objects for hit in clip.keeping([0, 2]).impacts] == [(0, 1), (1,)]
    assert [hit.time for hit in clip.until(0.6).impacts] == [0.2, 0.5]
    assert len(clip.first(4).times) == 4
    assert [hit.time for hit in clip.first(4).impacts] == [0.2]


def test_keeping_objects_reorders_everything():
    made = table([(TIMES, 1.0), (TIMES, 2.0), (TIMES, 3.0)], TIMES, labels=["a", "b", "c"])
    kept = Clip.from_states(made).keeping([2, 0])
    assert kept.bodies.names == ("c", "a")
    np.testing.assert_array_equal(kept.y[0], [3.0, 1.0])


def test_sizes_and_shapes_are_what_most_rows_say():
    width = np.full((1, 12), 2.0)
    width[0, :3] = [9.0, np.nan, 0.1]
    shape = np.full((1, 12), "disc", dtype=object)
    shape[0, :4] = "box"
    bodies = Clip.from_states(table([STRAIGHT], TIMES, width=width, height=2.0, shape=shape)).bodies
    assert bodies.radius[0] == 1.0
    assert bodies.shapes == ("disc",)


def test_a_table_without_metadata_is_read_as_it_is():
    made = table([STRAIGHT], TIMES)
    clip = Clip.from_states(States.from_columns(made.columns, Metadata()))
    assert clip.unit == ""
    assert not clip.y_down
    np.testing.assert_array_equal(clip.y[:, 0], 2 * TIMES)
