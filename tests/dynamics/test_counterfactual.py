from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from predicted import BOUNCE, SEEN, TIMES, bouncing, bouncing_fit, bouncing_table, pair, pair_fit, pair_table, table, truth

from kinescribe.dynamics import Clip
from kinescribe.dynamics.composition import Restricted, Sum
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Fit, fit_law
from kinescribe.dynamics.library import FreeFall
from kinescribe.dynamics.prediction import Change, counterfactual, predict
from kinescribe.errors import UsageError
from kinescribe.states import Calibration, States


@pytest.fixture(scope="module")
def states() -> States:
    return bouncing_table()


@pytest.fixture(scope="module")
def fit(states: States) -> Fit:
    return bouncing_fit(states)


@pytest.fixture(scope="module")
def both() -> tuple[States, Fit]:
    seen = pair_table()
    return seen, pair_fit(seen)


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("gravity=1.62", Change("gravity", "=", 1.62)),
        (" ball 1.mass *= 2 ", Change("ball 1.mass", "*=", 2.0)),
        ("restitution-=0.1", Change("restitution", "-=", 0.1)),
        ("linear-drag.drag/=3e-1", Change("linear-drag.drag", "/=", 0.3)),
        ("floor+=-1", Change("floor", "+=", -1.0)),
        ("ball.vx=-2", Change("ball.vx", "=", -2.0)),
    ],
)
def test_changes_are_read(text: str, change: Change):
    assert Change.parse(text) == change


@pytest.mark.parametrize("text", ["", "gravity", "=3", "gravity=", "gravity=x", "gravity=nan", "gravity==3", "gravity/=0"])
def test_what_is_no_change_is_one_line(text: str):
    with pytest.raises(UsageError) as caught:
        Change.parse(text)
    assert "\n" not in str(caught.value)


def test_counterfactual_is_the_simulation_with_the_changed_parameter(states: States, fit: Fit):
    moon = predict(states, fit, until=4.0, do={"gravity": 1.62})
    assert moon["frame"].tolist() == list(range(121))
    true = bouncing(gravity=1.62).data[:, 0, :, 0]
    assert np.abs(moon["y"] - true[1]).max() < 0.03
    assert np.abs(moon["x"] - true[0]).max() < 0.01
    np.testing.assert_allclose(moon["ay"], -1.62, atol=1e-9)
    assert moon.meta.configuration["changes"] == ["gravity=1.62"]


def test_nothing_of_the_noise_is_in_a_known_fit():
    """With the parameters known and hardly any noise both agree to rounding, through contacts."""
    made = bouncing()
    seen = table(made, TIMES, SEEN, sigma=1e-9)
    fit = fit_law(find_law("free-fall + floor"), [Clip.from_states(seen)], fixed=BOUNCE)
    for do, changed in [({"gravity": 1.62}, {"gravity": 1.62}), ({"restitution": "*=0.5"}, {"restitution": 0.4})]:
        result = predict(seen, fit, until=2.0, do=do)
        np.testing.assert_allclose(result["y"], bouncing(**changed).data[1, 0, :61, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("do", "value"),
    [("restitution=0.5", 0.5), ("restitution*=0.5", 0.4), ("restitution/=2", 0.4), ("restitution-=0.3", 0.5), ("restitution+=0.1", 0.9)],
)
def test_every_operator(states: States, fit: Fit, do: str, value: float):
    made = predict(states, fit, until=2.0, do=[do])
    assert np.abs(made["y"] - bouncing(restitution=value).data[1, 0, :61, 0]).max() < 0.02


def test_several_at_once_in_the_order_of_writing(states: States, fit: Fit):
    made = predict(states, fit, until=2.0, do=["gravity=4", "gravity*=2", "restitution=0.5"])
    assert np.abs(made["y"] - bouncing(gravity=8.0, restitution=0.5).data[1, 0, :61, 0]).max() < 0.02


def test_factual_until_the_change_happens(states: States, fit: Fit):
    result = counterfactual(states, fit, until=3.0, do="gravity=1.62", at=1.01, from_start=True)
    before = result.changed["time_s"] < 1.0
    for name in ("x", "y", "vy", "sigma_y"):
        np.testing.assert_allclose(result.changed[name][before], result.factual[name][before], atol=1e-6)
    true = bouncing()
    y, vy = true.data[1, 0, 30, 0], true.data[4, 0, 30, 0]
    y, vy = y + 0.01 * vy - 4.9e-4, vy - 0.098
    after = truth("free-fall + floor", {**BOUNCE, "gravity": 1.62}, np.r_[0.0, TIMES[31:61] - 1.01], x=0.0, y=y, vx=1.0, vy=vy)
    assert np.abs(result.changed["y"][31:61] - after.data[1, 0, 1:, 0]).max() < 0.02
    assert predict(states, fit, until=3.0, do="gravity=1.62", at=1.0)["time_s"][0] == pytest.approx(1.0)
    assert predict(states, fit, until=3.0, do="gravity=1.62", at=2.5)["frame"][0] == SEEN


def test_initial_states_can_be_changed(states: States, fit: Fit):
    made = predict(states, fit, until=2.0, do=["ball.vx=3", "ball.y+=0.5"])
    true = truth("free-fall + floor", BOUNCE, TIMES, x=0.0, y=3.5, vx=3.0).data[:, 0, :61, 0]
    assert np.abs(made["x"] - true[0]).max() < 0.02
    assert np.abs(made["y"] - true[1]).max() < 0.05
    assert made["sigma_vx"][0] == 0.0


def test_states_are_changed_as_a_table_in_pixels_has_them():
    values = {"gravity": 980.0, "floor": -400.0, "restitution": 0.8, "friction": 0.0}
    made = truth("free-fall + floor", values, TIMES, radius=20.0, x=1000.0, y=-100.0, vx=100.0)
    seen = table(made, TIMES, SEEN, sigma=0.5, calibration=Calibration.pixels())
    fit = bouncing_fit(seen)
    moved = predict(seen, fit, until=2.0, do=["ball.y+=50", "ball.vy=-100"])
    assert moved["y"][0] == pytest.approx(150.0, abs=1.0)
    assert moved["vy"][0] == pytest.approx(-100.0)
    assert moved["y"][1] < moved["y"][0]
    lines = predict(seen, fit, until=2.0, do="gravity=1.62").meta.warnings
    line = next(line for line in lines if "no scale" in line)
    assert "gravity=1.62 means 1.62 px/s²" in line
    assert "gravity*=0.165" in line
    for relative in ("gravity*=0.165", "floor+=-20"):
        assert not any("no scale" in line for line in predict(seen, fit, until=2.0, do=relative).meta.warnings)


def test_a_wall_is_taken_away(states: States, fit: Fit):
    made = predict(states, fit, until=2.0, remove=["floor"])
    free = truth("free-fall", {"gravity": 9.8}, TIMES, x=0.0, y=3.0, vx=1.0)
    assert np.abs(made["y"] - free.data[1, 0, :61, 0]).max() < 0.05
    assert made.meta.events == []
    late = counterfactual(states, fit, until=2.0, remove=["floor"], at=1.0, from_start=True)
    assert [hit.time for hit in late.forecasts[1].told] == pytest.approx([bouncing().impacts_of(0)[0].time], abs=0.005)


def test_an_object_is_taken_away(both: tuple[States, Fit]):
    seen, fit = both
    made = predict(seen, fit, until=2.0, remove=["blue"])
    assert made.object_ids == [1]
    alone = truth("free-fall + floor", BOUNCE, TIMES, x=0.0, y=2.0, vx=1.0)
    assert np.abs(made["x"] - alone.data[0, 0, :61, 0]).max() < 0.02
    assert np.abs(made["y"] - alone.data[1, 0, :61, 0]).max() < 0.03
    late = predict(seen, fit, until=2.0, remove=["blue"], at=1.5)
    assert late.object_ids == [1]
    assert np.abs(late["x"] - pair().data[0, 0, 45:61, 0]).max() < 0.02
    assert predict(seen, fit, until=2.0, remove=["2"], do="1.vx=2").object_ids == [1]
    with pytest.raises(UsageError, match="no object"):
        predict(seen, fit, until=2.0, remove=["red", "blue"])


def test_terms_about_who_is_gone_go_too(both: tuple[States, Fit]):
    seen, _ = both
    law = Sum(Restricted(FreeFall(), ["red"]), Restricted(FreeFall(), ["blue"]))
    fit = fit_law(law, [Clip.from_states(seen).first(15)])
    made = predict(seen, fit, until=2.5, remove=["blue"], do=[f"{fit.slots.all[0].name}=2"])
    assert made.object_ids == [1]
    np.testing.assert_allclose(made["ay"], -2.0, atol=1e-9)


def test_a_mass_of_one_object_and_of_all(both: tuple[States, Fit]):
    seen, fit = both
    made = predict(seen, fit, until=2.0, do={"red.mass": "*=4"})
    true = pair(mass=[4.0, 2.0]).data[:, 0, :61]
    for i in range(2):
        assert np.abs(made.of(i + 1)["x"] - true[0, :, i]).max() < 0.05
    assert not any("never known" in line for line in made.meta.warnings)  # the ratio is known, and so is twice it
    everyone = predict(seen, fit, until=2.0, do={"mass": "*=4"})
    np.testing.assert_allclose(everyone["x"], predict(seen, fit, until=2.0, from_start=True)["x"], atol=1e-6)
    assert any("applies to all of red, blue" in line for line in everyone.meta.warnings)


def test_what_was_never_known_is_warned_of(both: tuple[States, Fit]):
    seen, fit = both
    lines = predict(seen, fit, until=2.0, do="red.mass=1").meta.warnings
    assert any("red.mass is changed, and its value was never known" in line and "only their ratios" in line for line in lines)


@pytest.mark.parametrize(("do", "far"), [("gravity*=3", False), ("gravity*=3.1", True), ("gravity/=4", True), ("gravity=9", False)])
def test_far_values_are_warned_of(states: States, fit: Fit, do: str, far: bool):
    assert any("extrapolation" in line for line in predict(states, fit, until=2.0, do=do).meta.warnings) == far


def test_far_motion_is_warned_of(states: States, fit: Fit):
    assert any("speeds reach 100 m/s" in line for line in predict(states, fit, until=2.0, do="ball.vx=100").meta.warnings)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"do": "gravty=2"}, "'gravty'; did you mean 'gravity'.*there are: gravity, floor, restitution, friction, ball.x"),
        ({"do": "bal.vx=2"}, "did you mean 'ball.vx'"),
        ({"do": "ball.mass=2"}, "there are"),
        ({"do": "restitution=1.2"}, r"outside its bounds \(0, 1\)"),
        ({"do": ["restitution=0.9", "restitution*=2"]}, r"restitution = 1.8 is outside its bounds"),
        ({"do": "gravity-=20"}, "outside its bounds"),
        ({"remove": ["flor"]}, "'flor'; did you mean 'floor'.*there are: floor, ball"),
        ({"remove": ["ball"]}, "no object"),
    ],
)
def test_what_cant_be_changed_is_one_line(states: States, fit: Fit, options: dict[str, Any], words: str):
    with pytest.raises(UsageError, match=words) as caught:
        predict(states, fit, until=3.0, **options)
    assert "\n" not in str(caught.value)


def test_a_law_for_two_keeps_both():
    times = np.arange(31) * 0.02
    law = find_law("cart-pole-continuous")
    values = {name: parameter.start for name, parameter in law.parameters.items()}
    from kinescribe.dynamics import Inputs

    push = Inputs.of(times, **{name: np.ones(31) for name in law.inputs})
    seen = table(truth(law, values, times, names=("cart", "pole"), inputs=push, y=[0.0, 0.25], angle=[0.0, 1.6]), times, 21)
    fit = fit_law(law, [Clip.from_states(seen, inputs=push)], fixed=values)
    with pytest.raises(UsageError, match="about 2 objects"):
        predict(seen, fit, until=0.6, inputs=push, remove=["pole"])


def test_constraints_have_the_last_word():
    law = find_law("pendulum")
    values = {"gravity": 9.8, "length": 1.0, "pivot_x": 0.0, "pivot_y": 2.0, "damping": 0.0}
    times = np.arange(61) / 30
    seen = table(truth(law, values, times, names=("bob",), radius=0.1, x=0.5, y=2 - np.sqrt(0.75)), times, 61)
    fit = fit_law(law, [Clip.from_states(seen)], fixed=values)
    made = predict(seen, fit, until=2.0, do="bob.x=3")
    np.testing.assert_allclose(np.hypot(made["x"], made["y"] - 2.0), 1.0, atol=1e-6)
    assert any("constraints leave" in line for line in made.meta.warnings)


def test_sigma_of_what_is_set_is_nothing_and_of_the_rest_remains(states: States, fit: Fit):
    made = predict(states, fit, until=3.0, do={"gravity": 1.62})
    assert (made["sigma_ay"] < 1e-12).all()
    assert made["sigma_x"][-1] > 0.0
    scaled = predict(states, fit, until=0.5, do={"gravity": "*=2"})
    assert scaled["sigma_ay"][0] == pytest.approx(2 * fit.estimates["gravity"].sigma, rel=0.01)


@pytest.mark.parametrize(
    ("do", "at", "who"),
    [
        ("ball.y=-1", None, "at 0 s ball reaches 1.2 m into floor: "),
        ("floor=4", None, "at 0 s ball reaches 1.2 m into floor: "),
        ("ball.y=-0.3", 1.0, "at 1 s ball reaches 0.50"),
    ],
)
def test_who_begins_inside_a_wall_is_warned_of(states: States, fit: Fit, do: str, at: float | None, who: str):
    lines = predict(states, fit, until=2.0, do=do, at=at).meta.warnings
    assert any(line.startswith(who) for line in lines), lines


def test_objects_that_begin_in_each_other_are_warned_of(both: tuple[States, Fit]):
    lines = predict(*both, until=2.0, do=["red.x=2.9", "red.y=2", "blue.x=3", "blue.y=2"]).meta.warnings
    assert any(line.startswith("at 0 s red and blue overlap by 0.4 m: ") for line in lines), lines


def test_what_touches_or_is_taken_away_overlaps_nothing(states: States, fit: Fit, both: tuple[States, Fit]):
    made = [
        predict(states, fit, until=2.0, do="ball.y=0.199"),
        predict(states, fit, until=2.0, do="ball.y=-1", remove=["floor"]),
        predict(*both, until=2.0, do=["red.x=2.9", "red.y=2.1"], remove=["blue"]),
        predict(*both, until=2.5),
    ]
    assert not any("no law says" in line for one in made for line in one.meta.warnings)
