from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from kinescribe.dynamics import Bodies, Clip, Impact, Law, Parameter, Schedule, State, Values, simulate
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Fit, fit_law
from kinescribe.dynamics.report import record, text
from kinescribe.dynamics.report.equation import equations
from kinescribe.dynamics.report.numbers import interval, measured, plain, sigmas
from kinescribe.dynamics.selection import NOT_SCORED, Candidate, Selection
from kinescribe.errors import UsageError
from kinescribe.states import States

TIMES = np.arange(24) * 0.05
SIGMA = 0.003


def clip(law: Law, start: State, values: dict[str, object], seed: int = 0, name: str = "a.csv") -> Clip:
    """What a camera with an error of 3 mm sees of a law's motion, contacts and all."""
    given = Values({key: np.atleast_2d(np.asarray(value, float)) for key, value in values.items()})
    rollout = simulate(law, given, start, Schedule.of([TIMES], substeps=4))
    rng = np.random.default_rng(seed)
    x, y = (rollout.component(axis)[0] + SIGMA * rng.normal(size=(len(TIMES), len(start.bodies))) for axis in ("x", "y"))
    none, sigma = np.full_like(x, np.nan), np.full_like(x, SIGMA)
    impacts = tuple(Impact(hit.time, hit.objects) for hit in rollout.impacts_of(0))
    return Clip(name, TIMES, start.bodies, x, y, none, none, none, none, sigma, sigma, none, impacts, unit="m")


def throw(seed: int = 0, name: str = "a.csv", speed: float = 2.0) -> Clip:
    start = State.of(Bodies.make(1, names=("red ball",)), y=5.0, vx=speed)
    return clip(find_law("free-fall"), start, {"gravity": 9.81}, seed, name)


def collision(seed: int = 0, name: str = "a.csv") -> Clip:
    start = State.of(Bodies.make(2, radius=0.2, names=("red puck", "blue puck")), x=[0.0, 1.4], y=[0.0, 0.05 * seed], vx=[2.0, -1.0])
    return clip(find_law("uniform-motion + discs"), start, {"restitution": 0.6, "friction": 0.0, "mass": [1.0, 2.0]}, seed, name)


@pytest.fixture(scope="module")
def thrown() -> tuple[Fit, Clip]:
    seen = throw()
    return fit_law(find_law("free-fall"), [seen]), seen


@pytest.fixture(scope="module")
def collided() -> tuple[Fit, list[Clip]]:
    seen = [collision(seed, f"{seed}.csv") for seed in range(8)]
    return fit_law(find_law("uniform-motion + discs"), seen), seen


@pytest.mark.parametrize(
    ("value", "sigma", "words"),
    [
        (9.80712, 0.0213, "9.807 ± 0.021"),
        (9.80712, 0.0362, "9.81 ± 0.04"),
        (9.80712, 0.096, "9.81 ± 0.10"),
        (-1.5, 12.0, "−2 ± 12"),
        (98066.0, 1234.0, "98100 ± 1200"),
        (3.4e-5, 1.01e-4, "(0.3 ± 1.0)·10⁻⁴"),
        (2.5e7, 4e5, "(2.50 ± 0.04)·10⁷"),
        (2.0, 0.0, "2"),
        (2.0, math.inf, "2"),
        (2.0, math.nan, "2"),
        (0.0, 0.7, "0.0 ± 0.7"),
    ],
)
def test_digits_follow_the_error(value: float, sigma: float, words: str):
    assert measured(value, sigma) == words


def test_intervals_have_the_values_digits():
    assert interval(9.7654, 9.8488, 0.0213) == "9.765 to 9.849"
    assert interval(0.0, math.inf, 0.02) == "0.000 to ∞"
    assert interval(-math.inf, math.inf, math.inf) == "−∞ to ∞"
    assert interval(-math.inf, math.inf, math.nan) == "error unknown"
    assert interval(0.0, 2.3e-4, 1e-4) == "(0.0 to 2.3)·10⁻⁴"


def test_numbers_without_an_error():
    assert (plain(0.25), plain(-3.0), plain(1.5e-7), plain(math.nan), plain(math.inf)) == ("0.25", "−3", "1.5·10⁻⁷", "unknown", "∞")
    assert (sigmas(1.234), sigmas(22711.9), sigmas(math.inf)) == ("1.23 σ", "22,712 σ", "no number of σ")


def test_a_sums_equations_have_the_sums_names():
    both = find_law("linear-drag + quadratic-drag")
    assert dict(equations(both)) == {"linear-drag": "a = -linear-drag.drag·v", "quadratic-drag": "a = -quadratic-drag.drag·|v|·v"}
    assert equations(find_law("free-fall").on("ball")) == [("free-fall on ball", "a = (0, -gravity)")]


def test_it_tells_the_law_with_values_errors_and_units(thrown):
    fit, seen = thrown
    told = text(fit, [seen])
    gravity = fit.estimates["gravity"]
    assert "free-fall, fitted to 1 clip of 1 object\n  a = (0, -gravity)\n" in told
    assert f"gravity = {measured(gravity.value, gravity.sigma)} m/s²  {interval(gravity.low, gravity.high, gravity.sigma)}" in told
    assert abs(gravity.value - 9.81) < 4 * gravity.sigma
    assert f"{len(TIMES) * 2} coordinates seen, 5 numbers fitted" in told
    assert f"{plain(float(fit.clips[0].rms[0]), 2)} m (red ball)" in told
    assert f"optimizer lm, seed 0, {fit.substeps} step" in told


def test_no_line_is_too_long(thrown, collided):
    fit, seen = collided
    crowded = replace(fit, objects=tuple(f"an object with a long name {k}" for k in range(2)), advice="word " * 80)
    for told in (text(thrown[0], [thrown[1]]), text(fit, seen), text(crowded, seen)):
        assert max(map(len, told.splitlines())) <= 100


def test_what_cannot_be_told_is_told_with_what_can(collided):
    fit, seen = collided
    told = " ".join(text(fit, seen).split())
    assert "red puck.mass = not determined" in told
    assert "blue puck.mass / red puck.mass = " in told
    assert "To find out: give one of them" in told
    (known,) = record(fit, seen)["unidentified"][0]["determined"]
    assert abs(known["value"] - 2.0) < 4 * known["sigma"] < 0.1
    assert known["unit"] == ""


def test_a_known_value_is_no_estimate():
    seen = [collision(seed, f"{seed}.csv") for seed in range(3)]
    fit = fit_law(find_law("uniform-motion + discs"), seen, fixed={"red puck.mass": 1.0})
    told = " ".join(text(fit, seen).split())
    assert "red puck.mass = 1 kg known, not fitted" in told
    assert "Not identifiable" not in told


def test_a_parameter_at_its_bound_is_told():
    seen = clip(find_law("uniform-motion"), State.of(Bodies.make(1), vy=1.0), {})
    fit = fit_law(find_law("free-fall"), [seen])
    told = text(replace(fit, at_bound=("gravity",)), [seen])
    assert "AT ITS BOUND" in told


def test_contacts_seen_and_predicted(collided):
    fit, seen = collided
    told = text(fit, seen)
    assert "0.csv: 1 seen, 1 predicted, in the order seen; times differ by " in told
    assert "2 more clips, 0 of them not in the order seen" in told
    astray = replace(seen[0], impacts=(*seen[0].impacts, *seen[0].impacts))
    one = fit_law(find_law("uniform-motion + discs"), [astray])
    assert "2 seen, 1 predicted, NOT in the order seen" in text(one, [astray])


def test_conservation_is_counted_over_clips(collided):
    fit, seen = collided
    lines = text(fit, seen).split("Conservation, in what was seen\n")[1].splitlines()
    assert "  * momentum across contacts of objects: conserved in 8 of 8 clips" in lines
    assert any(line.startswith("  * energy across contacts of objects: not conserved in 8") for line in lines)


def test_a_table_that_is_upside_down_is_told(thrown):
    fit, seen = thrown
    assert "points down" not in text(fit, [seen])
    assert "The table's y points down" in text(fit, [replace(seen, y_down=True)])


def test_a_failed_fit_says_what_to_try(thrown):
    fit, seen = thrown
    told = text(replace(fit, status="failed", advice="it explains nothing: try another law"), [seen])
    assert told.startswith("FAILED: free-fall")
    assert "  Try: it explains nothing: try another law" in told


def test_rivals_and_ties(thrown):
    fit, seen = thrown
    other = fit_law(find_law("constant-acceleration"), [seen])
    failed = replace(fit_law(find_law("rest"), [seen]), status="failed", advice="explains nothing")
    candidates = (
        Candidate("free-fall", fit, 5.0, 0.0, 0.0021),
        Candidate("constant-acceleration", other, 4.9, 0.2, 0.0022, "tied: foretells 1.05 times the winner's error"),
        Candidate("rest", failed, reason="explains nothing"),
    )
    chosen = replace(fit, selection=Selection(candidates, ("free-fall", "constant-acceleration"), "the ends of the clip", 900))
    told = " ".join(text(chosen, [seen]).split())
    assert "TIE: these clips can't tell free-fall from constant-acceleration; free-fall is given, for its BIC is the lowest" in told
    assert "* constant-acceleration: tied: foretells 1.05 times the winner's error (score 4.90 ± 0.20, held-out error 0.0022 m)" in told
    assert "* rest: explains nothing" in told
    assert "held out: error 0.0021 m, over the ends of the clip" in told
    made = record(chosen, [seen])["selection"]
    assert (made["winner"], [one["law"] for one in made["candidates"]]) == ("free-fall", [one.title for one in candidates])
    assert made["candidates"][2]["score"] is None
    assert "TIE" not in text(replace(fit, selection=Selection(candidates[:1], (), "nothing", 9)), [seen])


def test_a_search_that_was_cut_short_has_no_scores(thrown):
    fit, seen = thrown
    candidates = tuple(Candidate(title, fit, reason=NOT_SCORED) for title in ("free-fall", "constant-acceleration"))
    cut = replace(fit, selection=Selection(candidates, (), "the ends of the clip", 9))
    told = " ".join(text(cut, [seen]).split())
    assert "No law was scored, for the cap ended the search: free-fall is given, for its BIC is the lowest." in told
    assert "* constant-acceleration: not scored, for the cap ended the search" in told
    assert not [word for word in ("inf", "TIE", "nan", "held out: error", "foretells") if word in told]
    assert [one["held_out_error"] for one in record(cut, [seen])["selection"]["candidates"]] == [None, None]


def test_contacts_that_the_table_does_not_list_are_taken_from_the_law(collided):
    _, seen = collided
    mute = replace(seen[0], impacts=())
    one = fit_law(find_law("uniform-motion + discs"), [mute])
    told = text(one, [mute])
    assert "0.csv: the table lists no contacts; 1 predicted\n" in told
    assert "* momentum: conserved across contacts of objects, within" in told
    assert "the table lists no contacts: those that the law predicts stand in" in " ".join(told.split())
    assert "between contacts" in text(one, [mute]).split("Conservation")[1]
    failed = text(replace(one, status="failed", advice="x"), [mute]).split("Conservation, in what was seen\n")[1]
    assert failed.startswith("  * can't be told: the table lists no contacts")
    assert "stand in" not in text(one, [seen[0]])


def test_ties_are_told_by_object(thrown):
    fit, seen = thrown
    ties = ("rest on cart", "uniform-motion on cart", "free-fall on ball", "linear-drag on ball")
    told = " ".join(text(replace(fit, selection=Selection((Candidate("free-fall", fit),), ties, "", 0)), [seen]).split())
    assert "TIE of cart: these clips can't tell rest from uniform-motion;" in told
    assert "TIE of ball: these clips can't tell free-fall from linear-drag;" in told


def test_the_record_is_json_and_says_the_same(collided):
    fit, seen = collided
    made = json.loads(json.dumps(record(fit, seen), allow_nan=False))
    assert [one["name"] for one in made["parameters"]] == list(fit.estimates)
    mass = next(one for one in made["parameters"] if one["name"] == "red puck.mass")
    assert (mass["sigma"], mass["identified"], mass["unit"]) == (None, False, "kg")
    assert made["clips"][3]["rms"] == dict(zip(fit.objects, fit.clips[3].rms.tolist(), strict=True))
    assert [one["seen"] for one in made["contacts"]] == [1] * 8
    assert {fact["quantity"] for fact in made["conservation"][0]["facts"]} >= {"energy", "momentum"}
    assert made["selection"] is None


def test_without_clips_nothing_is_said_of_what_was_seen(thrown):
    fit, _ = thrown
    assert "Conservation" not in text(fit)
    assert (record(fit)["contacts"], record(fit)["conservation"]) == (None, None)


def test_other_clips_than_the_fits_are_refused(thrown, collided):
    with pytest.raises(UsageError, match="the very clips"):
        text(thrown[0], [thrown[1], thrown[1]])
    with pytest.raises(UsageError, match="the very clips"):
        record(thrown[0], collided[1][:1])


def test_a_fit_without_anything_left_to_test_it_says_so(thrown):
    seen = thrown[1].first(2)
    told = text(fit_law(find_law("free-fall"), [seen]), [seen])
    assert "NOTHING IS TESTED" in told
    assert "NOTHING IS TESTED" not in text(thrown[0], [thrown[1]])


def test_a_potential_that_raises_costs_its_line_alone():
    class Careless(type(find_law("free-fall"))):
        def potential(self, state, parameters):
            raise KeyError("height")

    seen = throw()
    told = " ".join(text(fit_law(Careless(), [seen]), [seen]).split())
    assert "the potential of free-fall raises KeyError: 'height'; it is left out" in told
    assert "momentum x: conserved" in told


def test_a_law_that_says_no_equation():
    class Silent(Law):
        push = Parameter(1.0, (-10, 10), "length/time^2")

        def acceleration(self, t, state, parameters, inputs):
            return parameters.push, 0.0

    seen = throw()
    told = text(fit_law(Silent(), [seen]), [seen])
    assert "(says no equation)" in told
    assert "push = " in told


def test_each_of_several_objects_has_its_own_misfit(collided: tuple[Fit, list[Clip]]):
    fit, seen = collided
    off = [replace(one, sigma_x=one.sigma_x * [1.0, 0.1], sigma_y=one.sigma_y * [1.0, 0.1]) for one in seen]
    own = [one["residuals_sigma_of"] for one in record(fit, off)["clips"]]
    assert all(one["blue puck"] > 5 * one["red puck"] for one in own)
    assert own[0]["red puck"] == pytest.approx(record(fit, seen)["clips"][0]["residuals_sigma_of"]["red puck"])
    told = " ".join(text(fit, off).split())
    assert f"0.csv: {sigmas(fit.clips[0].chi)}; red puck {sigmas(own[0]['red puck'])}, rms " in told
    assert f"; blue puck {sigmas(own[0]['blue puck'])}, rms " in told
    assert record(fit)["clips"][0]["residuals_sigma_of"] is None


def test_the_misfit_of_one_object_is_that_of_its_clip(thrown: tuple[Fit, Clip]):
    fit, seen = thrown
    assert record(fit, [seen])["clips"][0]["residuals_sigma_of"] == {"red ball": pytest.approx(fit.clips[0].chi, rel=0.05)}


def test_a_table_without_sigma_says_where_its_errors_come_from(thrown: tuple[Fit, Clip]):
    fit, seen = thrown
    columns = {
        "frame": np.arange(len(TIMES)), "time_s": TIMES, "object_id": np.ones(len(TIMES), int), "x": seen.x[:, 0], "y": seen.y[:, 0],
    }  # fmt: skip
    bare = Clip.from_states(States.from_columns(columns), name="bare.csv")
    said = "no σ: 1/1000 of what the motion spans stands in for it; errors come from the residuals' scatter"
    own = fit_law(find_law("free-fall"), [bare])
    assert f"the table gives {said}" in " ".join(text(own, [bare]).split())
    assert record(own, [bare])["clips"][0]["sigma_given"] is False
    both = fit_law(find_law("free-fall"), [bare, replace(bare, name="seen.csv", sigma_x=seen.sigma_x, sigma_y=seen.sigma_y)])
    assert f"bare.csv gives {said}" in " ".join(text(both, [bare, replace(seen, unit="")]).split())
    assert said not in " ".join(text(fit, [seen]).split())


def test_of_a_damped_law_the_energy_that_is_lost_is_told():
    values = {"gravity": 9.8, "length": 1.0, "pivot_x": 0.0, "pivot_y": 0.0, "damping": 1.5}
    start = State.of(Bodies.make(1, names=("bob",)), x=np.sin(1.0), y=-np.cos(1.0))
    swung = clip(find_law("pendulum"), start, values)
    fit = fit_law(find_law("pendulum"), [swung], fixed={"gravity": 9.8})
    assert fit.estimates["damping"].value == pytest.approx(1.5, rel=0.1)
    told = " ".join(text(fit, [swung]).split())
    assert "energy: not conserved over the whole time: loses" in told
    assert "kinetic energy" not in told
    assert "energy is that of pendulum without its damping, which takes what is lost" in told
