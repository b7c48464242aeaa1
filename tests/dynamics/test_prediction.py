from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from predicted import BOUNCE, SEEN, TIMES, bouncing, bouncing_fit, bouncing_table, pair, pair_fit, pair_table, table, truth

from kinescribe.dynamics import Bodies, Clip, Inputs
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Fit, fit_law
from kinescribe.dynamics.prediction import Predictor, predict
from kinescribe.dynamics.saving import load, save
from kinescribe.errors import UsageError
from kinescribe.states import Calibration, States, validate


@pytest.fixture(scope="module")
def states() -> States:
    return bouncing_table()


@pytest.fixture(scope="module")
def fit(states: States) -> Fit:
    return bouncing_fit(states)


def at(times: Any) -> Any:
    return np.searchsorted(TIMES, np.asarray(times) - 1e-6)


def test_rows_go_on_after_the_last_sighting_and_are_right(states: States, fit: Fit):
    future = predict(states, fit, until=4.0)
    assert future["frame"].tolist() == list(range(SEEN, 121))
    np.testing.assert_allclose(future["time_s"], TIMES[SEEN:], atol=1e-9)
    assert set(future["status"]) == {"predicted"}
    true = bouncing().data[:, 0, SEEN:, 0]
    assert np.abs(future["x"] - true[0]).max() < 0.01
    assert np.abs(future["y"] - true[1]).max() < 0.02
    np.testing.assert_allclose(future["ay"], -9.8, atol=0.1)
    np.testing.assert_allclose(future["ax"], 0.0, atol=1e-9)
    assert (future["sigma_x"][-1] > 1.5 * future["sigma_x"][0]).all()


def test_everything_that_stays_is_carried_over(states: States, fit: Fit):
    future = predict(states, fit, until=3.0)
    assert validate(future) == []
    assert set(future["label"]) == {"ball"}
    assert set(future["shape"]) == {"disc"}
    assert set(future["label_score"]) == {0.9}
    assert set(future["object_id"]) == {1}
    for name in ("width", "height", "area", "bbox_w", "bbox_h"):
        np.testing.assert_allclose(future[name], np.median(states[name]))
    pixels = states.meta.calibration.to_pixels(np.stack([future["x"], future["y"]], axis=1))
    np.testing.assert_allclose(np.stack([future["x_px"], future["y_px"]], axis=1), pixels)
    np.testing.assert_allclose(future["bbox_x"], future["x_px"] - 20.0)
    assert future.meta.calibration == states.meta.calibration
    assert np.isnan(future["angle"]).all()  # the law says nothing of it


def test_contacts_are_foretold_with_their_place(states: States, fit: Fit):
    events = predict(states, fit, until=4.0).meta.events
    true = [hit for hit in bouncing().impacts_of(0) if hit.time > TIMES[SEEN - 1]]
    assert len(events) == len(true) == 2
    for event, hit in zip(events, true, strict=True):
        assert event.time_s == pytest.approx(hit.time, abs=0.005)
        assert event.partners == [1]
        assert event.position == pytest.approx((hit.time, 0.0), abs=0.01)
        assert TIMES[event.frame] == pytest.approx(hit.time, abs=0.5 / 30 + 1e-6)


def test_the_whole_course_and_other_intervals(states: States, fit: Fit):
    whole = predict(states, fit, until=4.0, from_start=True)
    assert whole["frame"].tolist() == list(range(121))
    assert np.abs(whole["y"] - bouncing().data[1, 0, :, 0]).max() < 0.02
    coarse = predict(states, fit, until=4.0, every=0.5)
    np.testing.assert_allclose(coarse["time_s"], [2.5, 3.0, 3.5, 4.0])
    assert (np.diff(coarse["frame"]) == 1).all()
    np.testing.assert_allclose(coarse["y"], whole["y"][at(coarse["time_s"])], atol=1e-5)
    later = predict(states, fit, until=4.0, at=1.0)
    assert later["time_s"][0] == pytest.approx(1.0)
    np.testing.assert_allclose(later["y"], whole["y"][30:], atol=1e-9)


def test_holes_in_the_table_get_rows(states: States, fit: Fit):
    keep = (states["frame"] % 3 != 1) | (states["frame"] == 0)
    holed = States.from_columns({name: values[keep] for name, values in states.columns.items()}, states.meta)
    whole = predict(holed, fit, until=4.0, from_start=True)
    assert whole["frame"].tolist() == list(range(121))
    np.testing.assert_allclose(whole["time_s"], TIMES, atol=1e-6)


def test_a_table_in_pixels_is_turned_back():
    # 100 px are 1 m, y down
    made = truth("free-fall + floor", {"gravity": 980.0, "floor": -400.0, "restitution": 0.8, "friction": 0.0}, TIMES, radius=20.0,
                 x=1000.0, y=-100.0, vx=100.0)  # fmt: skip
    seen = table(made, TIMES, SEEN, sigma=0.5, calibration=Calibration.pixels())
    fit = bouncing_fit(seen)
    future = predict(seen, fit, until=3.0)
    true = made.data[:, 0, at(future["time_s"]), 0]
    assert np.abs(future["y"] + true[1]).max() < 3.0
    assert np.median(np.abs(future["vy"] + true[4])) < 5.0
    np.testing.assert_allclose(future["ay"], 980.0, rtol=0.02)
    np.testing.assert_allclose(future["y_px"], future["y"])
    assert all(event.position is not None and event.position[1] == pytest.approx(400.0, abs=3.0) for event in future.meta.events)
    assert future.meta.events


def test_angles_and_boxes_of_what_turns():
    times = np.arange(61) / 30
    law = find_law("rolling")
    values = {name: parameter.start for name, parameter in law.parameters.items()}
    made = truth(law, values, times, x=0.0, y=5.0, vx=3.0, angular_velocity=-15.0)
    made = replace(made, bodies=replace(made.bodies, shapes=("box",)))
    calibration = Calibration.from_scale(100.0, "m", (20_000.0, 50_000.0))
    seen = table(made, times, 31, calibration=calibration)
    columns = {**seen.columns, "width": np.full(31, 0.8), "height": np.full(31, 0.2)}
    seen = States.from_columns(columns, seen.meta)
    fixed = {name: value for name, value in values.items() if name != "gravity"}
    future = predict(seen, fit_law(law, [Clip.from_states(seen)], fixed=fixed), until=2.0)
    assert np.isfinite(future["angle"]).all()
    assert (future["sigma_angle"] > 0).all()
    c, s = np.abs(np.cos(future["angle"])), np.abs(np.sin(future["angle"]))
    np.testing.assert_allclose(future["bbox_w"], 80 * c + 20 * s, rtol=1e-6)
    np.testing.assert_allclose(future["bbox_h"], 80 * s + 20 * c, rtol=1e-6)


def test_sigma_covers_the_truth():
    """2σ must hold 95 % of what happens, over many noises: five balls in the air a time, whose gravity is fitted with them."""
    names = ("a", "b", "c", "d", "e")
    made = truth("free-fall", {"gravity": 9.8}, TIMES, names=names, x=np.arange(5.0), y=np.arange(5.0), vx=0.5, vy=3.0)
    scores = []
    for seed in range(25):
        seen = table(made, TIMES, 16, sigma=0.01, seed=seed)
        future = predict(seen, fit_law(find_law("free-fall"), [Clip.from_states(seen)]), until=2.0)
        for i in range(5):
            mine, true = future.of(i + 1), made.data[:, 0, 16:61, i]
            scores += [
                (mine[name][k] - true[row, k]) / mine[f"sigma_{name}"][k]
                for k in (4, 44)
                for row, name in ((0, "x"), (1, "y"), (3, "vx"), (4, "vy"))
            ]
    assert 0.92 <= (np.abs(scores) < 2).mean() <= 0.98
    assert np.std(scores) == pytest.approx(1.0, abs=0.12)


def test_sigma_covers_the_truth_beyond_contacts():
    made = bouncing()
    scores = []
    for seed in range(12):
        seen = table(made, TIMES, 31, sigma=0.01, seed=seed)
        future = predict(seen, bouncing_fit(seen), until=3.0, every=0.5)
        true = made.data[:, 0, at(future["time_s"]), 0]
        scores += [*((future["x"] - true[0]) / future["sigma_x"]), *((future["y"] - true[1]) / future["sigma_y"])]
    assert (np.abs(scores) < 2).mean() >= 0.85
    assert 0.6 < np.std(scores) < 1.5


def test_another_clip_starts_where_it_is(fit: Fit):
    other = truth("free-fall + floor", BOUNCE, TIMES, x=2.0, y=1.5, vx=-0.5, vy=2.0)
    seen = table(other, TIMES, 31, seed=5)
    future = predict(seen, fit, until=3.0)
    true = other.data[:, 0, at(future["time_s"]), 0]
    assert np.abs(future["x"] - true[0]).max() < 0.02
    assert np.abs(future["y"] - true[1]).max() < 0.05


def test_start_of_a_clip_of_the_fit_is_the_fits_own(states: States, fit: Fit):
    start = Predictor.of(states, fit).start
    mine = fit.clips[0]
    np.testing.assert_allclose(start.q, mine.initial[mine.components[:, 0], mine.components[:, 1]], atol=1e-5)
    np.testing.assert_allclose(np.sqrt(np.diag(start.joint)), np.sqrt(np.diag(mine.covariance)), rtol=0.1)


def test_clips_work_as_tables_do(states: States, fit: Fit):
    clip = Clip.from_states(states)
    np.testing.assert_allclose(predict(clip, fit, until=3.0)["y"], predict(states, fit, until=3.0)["y"], atol=1e-9)


def test_a_saved_fit_foretells_the_same(states: States, fit: Fit, tmp_path: Any):
    save(fit, tmp_path / "law.json")
    again = predict(states, load(tmp_path / "law.json"), until=3.0)
    for name, values in predict(states, fit, until=3.0).columns.items():
        np.testing.assert_array_equal(values, again[name])


def test_two_objects_in_any_order_and_among_others():
    seen = pair_table()
    fit = pair_fit(seen)
    future = predict(seen, fit, until=3.0)
    swapped = {name: values.copy() for name, values in seen.columns.items()}
    swapped["object_id"] = 3 - swapped["object_id"]
    events = [event.model_copy(update={"partners": [3 - i for i in event.partners]}) for event in seen.meta.events]
    other = predict(States.from_columns(swapped, seen.meta.model_copy(update={"events": events})), fit, until=3.0)
    for name in ("x", "y"):
        np.testing.assert_allclose(other.of(2)[name], future.of(1)[name], atol=1e-5)
    true = pair().data[:, 0, at(future.of(2)["time_s"]), 1]
    assert np.abs(future.of(2)["x"] - true[0]).max() < 0.05


def test_a_moving_body_at_rest_on_the_floor_has_no_acceleration(fit: Fit):
    made = truth("free-fall + floor", {**BOUNCE, "restitution": 0.3}, TIMES, x=0.0, y=1.0, vx=0.0)
    seen = table(made, TIMES, SEEN)
    settled = predict(seen, bouncing_fit(seen), until=4.0)
    assert np.abs(settled["y"] - 0.2).max() < 0.01
    assert np.abs(settled["ay"][-20:]).max() < 0.5


def test_a_law_of_steps_with_inputs():
    times = np.arange(41) * 0.02
    push = Inputs.of(times, **{name: 10.0 * np.sign(np.sin(9 * times + 0.1)) for name in find_law("cart-pole").inputs})
    law = find_law("cart-pole")
    values = {name: parameter.start for name, parameter in law.parameters.items()}
    made = truth(law, values, times, names=("cart", "pole"), inputs=push, x=[0.0, 0.0], y=[0.0, 0.25], angle=[0.0, 1.6])
    seen = table(made, times, 21, sigma=0.001)
    clip = Clip.from_states(seen, inputs=push)
    fit = fit_law(law, [clip], fixed=values)
    future = predict(seen, fit, until=0.8, inputs=push)
    true = made.data[:, 0, 21:, 0]
    assert np.abs(future.of(1)["x"] - true[0]).max() < 0.02
    assert np.isfinite(future["ax"]).all()
    with pytest.raises(UsageError, match="the inputs end at"):
        predict(seen, fit, until=0.8, inputs=Inputs.of(times[:21], **{name: push.columns[name][:21] for name in law.inputs}))
    with pytest.raises(UsageError, match="needs the input"):
        predict(seen, fit, until=0.8)


def test_what_the_data_cant_tell_is_warned_of_where_it_matters():
    made = bouncing()
    seen = table(made, TIMES, 20)  # before it strikes the floor
    clip = Clip.from_states(seen)
    law = find_law("free-fall + floor").starting(floor=0.0)
    fit = fit_law(law, [clip], fixed={"floor": 0.0, "friction": 0.0})
    assert any("restitution" in one.names for one in fit.unidentified)
    lines = predict(seen, fit, until=1.5).meta.warnings
    assert any("depends on what the data can't tell: restitution" in line for line in lines)
    assert any("the data hold none" in line for line in lines)
    assert not any("can't tell" in line for line in predict(seen, fit, until=0.7).meta.warnings)


def test_a_failed_fit_and_an_odd_clip_are_warned_of(fit: Fit, states: States):
    failed = replace(fit, status="failed", advice="try another law")
    assert "the fit failed: try another law" in predict(states, failed, until=3.0).meta.warnings
    odd = States.from_columns({**states.columns, "y": states["y"] + 0.5 * np.sin(9 * states["time_s"])}, states.meta)
    assert any("does not explain this clip" in line for line in predict(odd, fit, until=3.0).meta.warnings)


def test_far_ends_are_warned_of(fit: Fit, states: States):
    assert any("9 s are told from data of 2 s" in line for line in predict(states, fit, until=9.0).meta.warnings)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"until": 1.0}, "must lie after the last sighting at 2 s"),
        ({"until": float("nan")}, "until must be a finite number, not nan"),
        ({"until": 1e9}, "rows an object"),
        ({"until": 2.01}, "less than a frame's interval"),
        ({"until": 3.0, "every": 0.0}, "above 0"),
        ({"until": 3.0, "at": -1.0}, "at -1 must lie"),
        ({"until": 3.0, "at": 5.0}, "at 5 must lie"),
        ({"until": 3.0, "objects": ["car"]}, "no object 'car'"),
    ],
)
def test_times_and_objects_that_make_no_sense(states: States, fit: Fit, options: dict[str, Any], words: str):
    with pytest.raises(UsageError, match=words):
        predict(states, fit, **options)


def test_units_and_objects_must_be_the_fits(states: States, fit: Fit):
    cm = States.from_columns(states.columns, states.meta.model_copy(update={"calibration": Calibration.from_scale(1.0, "cm")}))
    with pytest.raises(UsageError, match="the table is in cm and the fit in m"):
        predict(cm, fit, until=3.0)
    with pytest.raises(UsageError, match="fitted to red, blue, and the table has ball"):
        predict(states, pair_fit(), until=3.0)


def test_a_law_for_any_number_takes_more_objects(fit: Fit):
    seen = table(truth("free-fall + floor", BOUNCE, TIMES, names=("a", "b"), x=[0.0, 4.0], y=[2.0, 3.0], vx=[0.5, 0.2]), TIMES, 31)
    assert predict(seen, fit, until=2.0).object_ids == [1, 2]


def test_bodies_of_a_prediction_are_those_of_the_clip(states: States, fit: Fit):
    clip = replace(Clip.from_states(states), bodies=Bodies.make(1, radius=0.2, names=("ball",)))
    assert Predictor.of(clip, fit).start.clip.bodies.names == ("ball",)


def test_objects_that_the_fit_does_not_name_are_left_out_aloud_or_chosen():
    two = truth("free-fall + floor", BOUNCE, TIMES, names=("ball", "box"), x=[0.0, 4.0], y=[2.0, 3.0], vx=[0.5, 0.2])
    seen = table(two, TIMES, 31)
    law = fit_law(find_law("free-fall"), [Clip.from_states(table(truth("free-fall", {"gravity": 9.8}, TIMES, y=9.0), TIMES, 20))])
    future = predict(seen, law, until=1.5)
    assert future.object_ids == [1]
    assert any("left out box: the law was fitted to ball; choose others by name (objects)" in line for line in future.meta.warnings)
    chosen = predict(seen, law, until=1.5, objects=["ball", "box"])
    assert chosen.object_ids == [1, 2]
    assert not any("left out" in line for line in chosen.meta.warnings)


def test_objects_more_than_a_law_about_each_can_take_are_refused():
    three = truth("uniform-motion", {}, TIMES, names=("red", "blue", "box"), x=[0.0, 4.0, 8.0], y=[2.0, 3.0, 3.0], vx=[0.5, 0.2, 0.1])
    with pytest.raises(UsageError, match=r"fitted to red, blue, and the table has red, blue, box: choose as many \(objects\)"):
        predict(table(three, TIMES, 31), pair_fit(), until=2.0, objects=["red", "blue", "box"])


def test_a_law_that_misses_something_is_warned_of(fit: Fit, states: States):
    poor = predict(states, replace(fit, scale=8.3), until=3.0).meta.warnings
    assert any("misses something of what it was fitted to: residuals are 8.3 σ" in line for line in poor)
    assert not any("misses something" in line for line in predict(states, fit, until=3.0).meta.warnings)


def test_a_table_and_a_fit_may_be_files(fit: Fit, states: States, tmp_path: Path):
    states.to_csv(tmp_path / "ball.csv")
    save(fit, tmp_path / "law.json")
    made = predict(str(tmp_path / "ball.csv"), tmp_path / "law.json", until=3.0)
    np.testing.assert_allclose(made["y"], predict(states, fit, until=3.0)["y"], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"until": "1.5"}, r"until must be a number, not a str \('1.5'\)"),
        ({"until": None}, "until must be a number, not nothing"),
        ({"every": "1"}, "every must be a number"),
        ({"at": [1]}, "at must be a number, not a list"),
        ({"do": 3}, r"a change \(do\) is an int: write NAME=VALUE"),
        ({"do": ["gravity=1", 3]}, r"a change \(do\) is an int"),
        ({"do": {"gravity": None}}, "the value of gravity must be a number, not nothing"),
        ({"remove": 3}, "what to remove must be names, not an int"),
        ({"objects": 3.5}, "objects must be names, labels or ids, not a float"),
        ({"inputs": 3}, "inputs must be known inputs or the path of a CSV, not an int"),
        ({"fit": None}, r"a prediction needs a fit, or the file of one, not nothing \(None\)"),
        ({"states": 3}, "takes a states table, its file or a clip, not an int"),
    ],
)
def test_what_is_no_argument_is_one_line(states: States, fit: Fit, options: dict[str, Any], says: str):
    with pytest.raises(UsageError, match=says) as caught:
        predict(**{"states": states, "fit": fit, "until": 3.0, **options})
    assert "\n" not in str(caught.value)
    assert "--" not in str(caught.value)


def test_one_name_is_enough(states: States, fit: Fit):
    assert predict(states, fit, until=3.0, objects="ball", remove="floor")["y"][-1] < 0


def test_where_errors_are_unknown_sigma_is_empty(fit: Fit, states: States):
    unknown = replace(
        fit,
        covariance=np.full_like(fit.covariance, np.nan),
        clips=tuple(replace(clip, covariance=np.full_like(clip.covariance, np.nan)) for clip in fit.clips),
    )
    future = predict(states, unknown, until=2.5)
    assert np.isnan(future["sigma_x"]).all()
    np.testing.assert_allclose(future["x"], predict(states, fit, until=2.5)["x"])


def test_contacts_that_the_table_does_not_list_were_seen_all_the_same(states: States, tmp_path: Path):
    mute = States.from_columns(states.columns, states.meta.model_copy(update={"events": []}))
    clip = Clip.from_states(mute)
    save(bouncing_fit(mute), tmp_path / "law.json", clips=[clip])
    fit = load(tmp_path / "law.json")
    assert predict(mute, fit, until=4.0).meta.events
    thrown = clip.until(0.6)
    for seen in (mute, thrown):  # of the other the fit's own clip has them
        assert not any("the data hold none" in line for line in predict(seen, fit, until=4.0).meta.warnings)


def test_contacts_that_get_no_row_are_not_doubted(states: States):
    short = Clip.from_states(states).until(0.6)
    fit = fit_law(find_law("free-fall + floor"), [short], fixed={"friction": 0.0, "floor": 0.0, "restitution": 0.8})
    assert not any("the data hold none" in line for line in predict(short, fit, until=0.7).meta.warnings)
    assert any("the data hold none" in line for line in predict(short, fit, until=1.2).meta.warnings)
