"""From tables to a fitted law in one call."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from drawn_clips import Drag, Fall, Pucks, moved, table

from kinescribe.dynamics import Bodies, Inputs, Law, Parameter
from kinescribe.dynamics.api import clips_of, fit
from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.selection import Candidate, Selection, candidates
from kinescribe.errors import InputError, NothingFoundError, UsageError
from kinescribe.states import Calibration, ContactEvent

CANDIDATES = sys.modules[candidates.__module__]
TIMES = np.linspace(0.0, 1.5, 26)


def falling(rng, *, x=0.0, vx=1.0, vy=5.0, gravity=9.0, sigma=0.01, times=TIMES):
    return (
        x + vx * times + sigma * rng.normal(size=len(times)),
        vy * times - gravity / 2 * times**2 + sigma * rng.normal(size=len(times)),
    )


def test_a_table_in_pixels_has_gravity_downwards():
    rng = np.random.default_rng(1)
    x, y = falling(rng)
    made = table([(100 + 50 * x, 200 - 50 * y)], TIMES, calibration=Calibration.pixels(), sigma=0.5)
    found = fit(made, "free-fall").estimates["gravity"]
    assert found.value == pytest.approx(450.0, abs=4 * found.sigma)
    assert found.unit == "px/s²"
    assert found.sigma < 5


def test_several_tables_share_the_law_by_file_table_or_clip(tmp_path):
    rng = np.random.default_rng(2)
    tables = [table([falling(rng, vx=k)], TIMES) for k in range(3)]
    tables[0].to_csv(tmp_path / "first.csv")
    both = fit([tmp_path / "first.csv", tables[1], Clip.from_states(tables[2])], "free-fall")
    assert [clip.name for clip in both.clips] == ["first.csv", "table 2", "states"]
    assert both.estimates["gravity"].value == pytest.approx(fit(tables, "free-fall").estimates["gravity"].value, rel=1e-6)
    assert both.selection is None
    assert fit(str(tmp_path / "first.csv"), Fall()).ok
    assert fit(tables[0], Fall).ok


def test_what_does_not_go_together_is_one_line():
    rng = np.random.default_rng(3)
    metres = table([falling(rng)], TIMES)
    pixels = table([falling(rng)], TIMES, calibration=Calibration.pixels())
    two = table([falling(rng), falling(rng, x=9.0)], TIMES)
    cases = [
        (lambda: fit([metres, pixels], "free-fall"), "same unit of length; these have m, px"),
        (lambda: fit([metres, two], "free-fall"), "number of objects; these have 1, 2"),
        (lambda: fit([metres, two]), "need the same objects; these have 1, 2"),
        (lambda: fit(metres, "free-fal"), "did you mean 'free-fall'"),
        (lambda: fit(metres, "free-fall + "), "lacks a name"),
        (lambda: fit(metres, "discs", fixed={"gravity": 1}), "unknown parameter of discs 'gravity'"),
        (lambda: fit(metres, "inverse-square", objects=["moon"]), "no object 'moon'"),
        (lambda: fit([], "free-fall"), "at least one states table"),
        (lambda: fit(3, "free-fall"), "states tables, their files or clips, not int"),
        (lambda: fit([metres] * 3, "free-fall", inputs=[Inputs.none()] * 2), "2 files of inputs for 3 tables"),
        (lambda: fit(metres, optimizer="cma"), "belong to one law: name it"),
        (lambda: fit(metres, free=["friction"]), "belong to one law: name it"),
        (lambda: fit(metres, "cart-pole"), "cart-pole"),
        (lambda: fit(metres, "free-fall", max_rollouts=0), "max_rollouts 0 leaves nothing to fit with"),
    ]
    for call, says in cases:
        with pytest.raises(UsageError, match=says) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_files_that_are_not_there_are_told(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv"):
        fit(tmp_path / "none.csv", "free-fall")
    with pytest.raises(InputError, match=r"push\.csv"):
        fit(table([falling(np.random.default_rng(1))], TIMES), "free-fall", inputs=tmp_path / "push.csv")


def test_inputs_are_read_and_handed_on(tmp_path):
    class Pushed(Law):
        name = "pushed"
        inputs = ("push",)
        gain = Parameter(1.0, (0, 10))

        def acceleration(self, t, state, parameters, inputs):
            return parameters.gain * inputs.push, 0.0

    path = tmp_path / "push.csv"
    path.write_text("time_s,push\n" + "".join(f"{t:.2f},{np.sin(4 * t):.6f}\n" for t in np.arange(0, 1.6, 0.05)))
    push = Inputs.read(path)
    made = moved(Pushed(), TIMES, Bodies.make(1), inputs=push, parameters={"gain": 3.0})
    rng = np.random.default_rng(4)
    seen = table([(made.component("x")[0, :, 0] + 0.005 * rng.normal(size=26), 0.005 * rng.normal(size=26))], TIMES, sigma=0.005)
    for given in (path, str(path), push, [push]):
        found = fit(seen, Pushed(), inputs=given).estimates["gain"]
        assert abs(found.value - 3.0) < 4 * found.sigma < 0.5


def test_objects_are_chosen_and_brief_ones_left_out_for_auto_alone():
    rng = np.random.default_rng(5)
    status = np.full((2, 26), "observed", dtype=object)
    status[1, 4:] = "occluded"
    made = table([falling(rng), falling(rng, x=9.0)], TIMES, status=status)
    assert [len(clip.bodies) for clip in clips_of(made, brief=True)] == [1]
    assert [len(clip.bodies) for clip in clips_of(made)] == [2]
    assert [len(clip.bodies) for clip in clips_of(made, brief=True, objects=["ball"])] == [2]
    assert fit(made, "free-fall", objects=["ball 1"]).objects == ("ball 1",)
    with pytest.raises(NothingFoundError, match="nothing to fit"):
        fit(table([falling(rng)], TIMES, status="occluded"))


def test_rules_make_walls_and_static_objects():
    rng = np.random.default_rng(6)
    path = moved(
        Pucks(), TIMES, Bodies.make(2, radius=0.5), x=[0.0, 2.0], vx=[3.0, 0.0], parameters={"restitution": 0.5, "mass": [1.0, 1e3]}
    )
    paths = [(path.component("x")[0, :, i] + 0.002 * rng.normal(size=26), 0.002 * rng.normal(size=26)) for i in (0, 1)]
    made = table(paths, TIMES, labels=["puck", "post"], sigma=0.002)
    found = fit(made, "uniform-motion + discs", fixed={"mass": 1.0}, rules={"static": ["post"]})
    assert found.estimates["restitution"].value == pytest.approx(0.5, abs=0.02)
    assert found.clips[0].initial[3, 1] == 0.0
    with pytest.raises(UsageError, match="pst"):
        fit(made, "uniform-motion + discs", rules={"static": ["pst"]})


# the choice of a law, with few candidates, so that it is quick


@pytest.fixture
def few(monkeypatch):
    def only(*names: str) -> None:
        monkeypatch.setattr(CANDIDATES, "ALONE", names)

    return only


def test_a_search_hands_on_what_was_tried(few):
    few("uniform-motion", "free-fall", "linear-drag")
    found = fit(table([falling(np.random.default_rng(7))], TIMES))
    assert isinstance(found, Fit)
    assert isinstance(found.selection, Selection)
    assert isinstance(found.selection.winner, Candidate)
    assert found.law.title == found.selection.winner.title == "free-fall"
    assert found.rollouts >= sum(one.fit.rollouts for one in found.selection.candidates)


def slowing(rng, x, drag=1.5):
    return (x + 3 * (1 - np.exp(-drag * TIMES)) / drag + 0.01 * rng.normal(size=26), 20 + 0.01 * rng.normal(size=26))


def test_objects_that_have_nothing_to_do_with_each_other_follow_each_its_own_law(few):
    few("uniform-motion", "free-fall", "linear-drag")
    rng = np.random.default_rng(8)
    found = fit(table([falling(rng), slowing(rng, 50.0)], TIMES, labels=["stone", "puck"]))
    assert found.law.title == "free-fall on stone + linear-drag on puck"
    assert found.estimates["gravity"].value == pytest.approx(9.0, abs=0.1)
    assert found.estimates["drag"].value == pytest.approx(1.5, abs=0.1)
    assert found.scale == pytest.approx(1.0, abs=0.25)


def test_tables_that_name_their_objects_differently_share_laws_in_the_order_of_their_ids(few):
    few("uniform-motion", "free-fall", "linear-drag")
    rng = np.random.default_rng(14)
    tables = [table([falling(rng), slowing(rng, 50.0)], TIMES, labels=labels) for labels in (["stone", "puck"], ["ball", "disc"])]
    found = fit(tables)
    assert found.law.title == "free-fall on stone + linear-drag on puck"
    for clip in range(2):
        path = found.rollout(TIMES, clip=clip)
        np.testing.assert_allclose(path.component("y")[0, -1], [5 * 1.5 - 4.5 * 1.5**2, 20.0], atol=0.1)


def test_objects_that_follow_the_same_law_share_its_parameters(few):
    few("uniform-motion", "free-fall")
    rng = np.random.default_rng(9)
    found = fit(table([falling(rng), falling(rng, x=50.0)], TIMES))
    assert found.law.title == "free-fall"
    other = fit(table([falling(rng), falling(rng, x=50.0, gravity=4.0)], TIMES))
    assert other.law.title == "free-fall on ball 1 + free-fall on ball 2"
    values = sorted(one.value for name, one in other.estimates.items() if name.endswith("gravity"))
    assert values == pytest.approx([4.0, 9.0], abs=0.1)


def test_known_values_hold_in_every_group(few):
    few("free-fall", "linear-drag")
    rng = np.random.default_rng(10)
    found = fit(table([falling(rng), slowing(rng, 50.0)], TIMES, labels=["stone", "puck"]), fixed={"gravity": 9.1})
    gravity = found.estimates["gravity"]
    assert (gravity.value, gravity.fixed) == (9.1, True)
    assert not found.estimates["drag"].fixed


def test_two_pairs_of_discs_that_never_meet_are_fitted_together(monkeypatch):
    monkeypatch.setattr(CANDIDATES, "TOGETHER", ("uniform-motion",))
    monkeypatch.setattr(CANDIDATES, "STRIKING", ("discs-of-one-material",))
    monkeypatch.setattr(CANDIDATES, "PAIRED", ())
    rng = np.random.default_rng(11)
    path = moved(Pucks(), TIMES, Bodies.make(4, radius=0.5), x=[0.0, 3.0, 0.0, 4.0], y=[0.0, 0.1, 9.0, 9.2], vx=[2.0, -2.0, 3.0, -3.0],
                 parameters={"restitution": 0.9})  # fmt: skip
    paths = [tuple(path.component(name)[0, :, i] + 0.005 * rng.normal(size=26) for name in "xy") for i in range(4)]
    events = [
        ContactEvent(time_s=hit.time, frame=round(hit.time / 0.06), partners=[i + 1 for i in hit.objects], position=(0.0, 0.0))
        for hit in path.impacts_of(0)
    ]
    assert len(events) == 2
    found = fit(table(paths, TIMES, events=events, sigma=0.005))
    assert found.law.title == "uniform-motion + discs-of-one-material"
    assert found.estimates["restitution"].value == pytest.approx(0.9, abs=0.03)


def test_rules_narrow_the_choice(few):
    few("uniform-motion", "free-fall", "linear-drag")
    rng = np.random.default_rng(12)
    made = table([falling(rng), (5.0 + 0.01 * rng.normal(size=26), 7.0 + 0.01 * rng.normal(size=26))], TIMES, labels=["stone", "post"])
    found = fit(made, rules={"static": ["post"]})
    assert found.ok
    assert found.estimates["gravity"].value == pytest.approx(9.0, abs=0.15)


def test_a_law_of_ones_own_goes_by_its_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from kinescribe.dynamics import Law, Parameter\n\n\nclass Mine(Law):\n    name = 'mine'\n    pull = Parameter(5.0, (0, 100))\n\n"
        "    def acceleration(self, t, state, parameters, inputs):\n        return 0.0, -parameters.pull\n"
    )
    found = fit(table([falling(np.random.default_rng(13))], TIMES), path)
    assert found.estimates["pull"].value == pytest.approx(9.0, abs=0.1)
    assert fit(table([falling(np.random.default_rng(13))], TIMES), Fall() + Drag()).law.title == "fall + drag"


def apart(law, parameters, seed, **start):
    """A table of bodies that never touch."""
    path = moved(find_law(law), TIMES, Bodies.make(len(start["x"]), radius=0.05), substeps=32, parameters=parameters, **start)
    rng = np.random.default_rng(seed)
    paths = [tuple(path.component(name)[0, :, i] + 0.002 * rng.normal(size=26) for name in "xy") for i in range(len(start["x"]))]
    return table(paths, TIMES, sigma=0.002, size=0.1)


def test_forces_at_a_distance_are_tried_where_each_object_by_itself_is_not_explained(few):
    few("uniform-motion", "free-fall")
    start = {"x": [0.0, 3.0, 1.5], "y": [0.0, 0.0, 2.5], "vx": [0.2, 0.3, -1.0], "vy": [-0.8, 0.9, 0.1]}
    found = fit(apart("inverse-square", {"attraction": 1.5, "mass": [1.0, 1.0, 1.0]}, 15, **start))
    assert found.law.title == "inverse-square"
    assert found.scale == pytest.approx(1.0, abs=0.25)
    titles = [one.title for one in found.selection.candidates]
    assert "pair-spring" in titles
    assert any("uniform-motion on" in title for title in titles)
    assert all(one.reason for one in found.selection.candidates[1:])


def test_what_each_object_does_by_itself_needs_no_forces_between_them(few):
    few("uniform-motion", "free-fall")
    rng = np.random.default_rng(16)
    found = fit(table([falling(rng), falling(rng, x=50.0, gravity=4.0)], TIMES))
    assert "inverse-square" not in [one.title for one in found.selection.candidates]


def test_rules_may_leave_no_forces_at_a_distance(few):
    few("uniform-motion")
    start = {"x": [0.0, 2.0], "vy": [0.6, -0.6]}
    made = apart("inverse-square", {"attraction": 1.5}, 17, **start)
    assert fit(made).law.title == "inverse-square"
    monkey = fit(made, rules={"apart": [["ball 1", "ball 2"]]})
    assert monkey.selection is not None


def test_rigid_worlds_keep_to_rules():
    pytest.importorskip("Box2D")
    rng = np.random.default_rng(18)
    path = moved(find_law("free-fall + floor"), TIMES, Bodies.make(1, radius=0.5), y=2.0, vx=1.0,
                 parameters={"gravity": 9.0, "floor": 0.0, "restitution": 0.7})  # fmt: skip
    met = path.impacts_of(0)[0].time
    made = table([tuple(path.component(name)[0, :, 0] + 0.005 * rng.normal(size=26) for name in "xy")], TIMES, sigma=0.005,
                 events=[ContactEvent(time_s=met, frame=round(met / 0.06), partners=[1], position=(0.0, 0.0))])  # fmt: skip
    floor = {"walls": [{"name": "floor", "normal": [0, 1], "offset": 0.0}]}
    found = fit(made, "rigid", rules=floor, fixed={"friction": 0.0})
    assert found.estimates["restitution"].value == pytest.approx(0.7, abs=0.05)
    assert found.estimates["gravity"].value == pytest.approx(9.0, abs=0.25)  # in steps of 0.01 s
    # without the floor it falls on
    assert fit(made, "rigid", fixed={"friction": 0.0}).scale > 5 * found.scale
