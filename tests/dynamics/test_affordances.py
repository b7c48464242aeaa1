"""Affordance rules: read, refused, applied to clips and laws, and held against what was seen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinescribe.dynamics import Bodies, Clip, Contacts, Discs, Impact, Inputs, Law, Parameter, Schedule, State, Values, Wall, simulate
from kinescribe.dynamics.affordances import Affordances, Constrained, apply, candidates_allowed, check, narrow, resolve, with_static
from kinescribe.errors import InputError, UsageError

TIMES = np.arange(20) * 0.1
SIGMA = 0.01


class Free(Law):
    name = "free"

    def acceleration(self, t, state, parameters, inputs):
        return 0.0, 0.0


class Bouncing(Free):
    name = "bouncing"
    restitution = Parameter(1.0, (0, 1))

    def contacts(self, bodies, parameters):
        return Contacts((), Discs(parameters.restitution))


class Walled(Free):
    name = "walled"

    def contacts(self, bodies, parameters):
        return Contacts([Wall("floor", 0.0, 1.0, 0.0)])


class Hanging(Free):
    name = "hanging"

    def constrained(self, bodies):
        return 2


class Box(Law):
    name = "box"

    def rollout(self, initial, times, parameters, inputs):
        return np.repeat(initial.data[:, :, None], times.shape[1], axis=2)


def bodies_of(*names: str, labels: tuple[str, ...] = ()) -> Bodies:
    made = Bodies.make(len(names), radius=0.5, names=names)
    return Bodies(
        names, labels or names, made.object_ids, made.shapes, made.radius, made.width, made.height, made.static
    )  # fmt: skip


def clip_of(bodies: Bodies, x: Any, y: Any, *, impacts: tuple[Impact, ...] = (), noise: float = SIGMA) -> Clip:
    rng = np.random.default_rng(0)
    shape = (len(TIMES), len(bodies))
    some = np.full(shape, SIGMA)
    zero = np.zeros(shape)
    return Clip(
        "clip", TIMES, bodies, np.broadcast_to(x, shape) + rng.normal(size=shape) * noise,
        np.broadcast_to(y, shape) + rng.normal(size=shape) * noise, np.full(shape, np.nan), zero, zero, zero, some, some, some, impacts,
    )  # fmt: skip


TWO = bodies_of("ball", "block")
BALLS = bodies_of("ball 1", "ball 2", "block", labels=("ball", "ball", "block"))


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"static": ["a"], "dynamic": ["a"]}, "'a' can't be both static and dynamic"),
        ({"kinematic": ["a"], "static": ["a"]}, "'a' can't be both static and kinematic"),
        ({"static": ["a", "b"], "joints": [{"kind": "weld", "between": ["a", "b"]}]}, "joins what never moves"),
        ({"static": ["a"], "joints": [{"kind": "weld", "between": ["world", "a"]}]}, "joins what never moves"),
        ({"touch": [["a", "b"]], "joints": [{"kind": "weld", "between": ["b", "a"]}]}, "are welded"),
        ({"touch": [["a", "b"]], "apart": [["b", "a"]]}, "can't both touch and stay apart"),
        ({"joints": [{"kind": "hinge", "between": ["a", "b"]}]}, "joints.0.kind"),
        ({"joints": [{"kind": "revolute", "between": ["world", "a"]}]}, "needs its anchor"),
        ({"joints": [{"kind": "revolute", "between": ["a", "world"], "anchor": [0, 0]}]}, "name the world first"),
        ({"joints": [{"kind": "prismatic", "between": ["a", "b"], "axis": [0, 0]}]}, "no direction"),
        ({"joints": [{"kind": "distance", "between": ["a", "b"], "length": -1}]}, "joints.0.length"),
        ({"walls": [{"name": "w", "normal": [0, 0], "offset": 0}]}, "no direction"),
        ({"walls": [{"name": "w", "normal": [0, 1], "offset": 0}] * 2}, "two walls are named 'w'"),
        ({"walls": [{"name": "w", "normal": [0, float("nan")], "offset": 0}]}, "walls.0.normal.1"),
        ({"sttic": ["a"]}, "sttic is no rule; did you mean 'static'?"),
        ({"foo": 1}, "foo is no rule; there are: static, dynamic"),
        ({"static": "a"}, "static must be a list in brackets"),
        ({"joints": ["a"]}, "joints.0 must be names with values in braces"),
    ],
)
def test_contradictions_are_said_in_one_line(rules: dict[str, Any], said: str):
    with pytest.raises(UsageError) as caught:
        Affordances.of(rules)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"static": ["bal"]}, "did you mean 'ball'"),
        ({"apart": [["ball", "cube"]]}, "'cube'"),
        ({"static": ["ball 1"], "dynamic": ["ball"]}, "'ball 1' can't be both static and dynamic"),
        ({"joints": [{"kind": "weld", "between": ["ball", "block"]}]}, "which stands for ball 1, ball 2"),
        ({"joints": [{"kind": "weld", "between": ["block", "block"]}]}, "to itself"),
    ],
)
def test_rules_that_do_not_fit_the_objects(rules: dict[str, Any], said: str):
    with pytest.raises(UsageError) as caught:
        resolve(Affordances.of(rules), BALLS)
    assert said in str(caught.value)


def test_rules_go_through_json(tmp_path: Path):
    rules = Affordances.of(
        {
            "static": ["block"],
            "touch": [["ball", "ball"]],
            "joints": [{"kind": "distance", "between": ["world", "ball 1"], "anchor": [1, 2]}],
            "walls": [],
        }
    )
    rules.write(tmp_path / "rules.json")
    assert Affordances.read(tmp_path / "rules.json") == rules
    assert set(json.loads((tmp_path / "rules.json").read_text())) == {"static", "touch", "joints", "walls"}


def test_file_of_rules_that_is_wrong(tmp_path: Path):
    path = tmp_path / "rules.json"
    for text, said in (
        ('{"static": [}', "line 1: not JSON"),
        ('{"static": ["a"], "dynamic": ["a"]}', "both"),
        ("[1]", "rules.json: the whole must be names with values in braces"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=said):
            Affordances.read(path)
    with pytest.raises(InputError, match="No such file"):
        Affordances.read(tmp_path / "none.json")


def test_labels_stand_for_all_and_pairs_are_symmetric():
    resolved = resolve(Affordances.of({"dynamic": ["ball"], "static": ["block"], "touch": [["ball", "ball"]]}), BALLS)
    assert resolved.kinds == ("dynamic", "dynamic", "static")
    assert resolved.pairs.tolist() == [[False, True, False], [True, False, False], [False, False, False]]
    assert resolve(Affordances.of({"apart": [["ball", "block"]]}), BALLS).pairs.sum() == 2


def test_what_is_joined_does_not_touch():
    joined = {"joints": [{"kind": "revolute", "between": ["ball 1", "block"]}]}
    assert not resolve(Affordances.of(joined), BALLS).pairs[0, 2]
    assert resolve(Affordances.of({**joined, "touch": [["ball 1", "block"]]}), BALLS).pairs[2, 0]


def test_apply_marks_static_objects():
    clip = clip_of(TWO, [0.0, 3.0], 0.0)
    made = apply(Affordances.of({"static": ["block"]}), clip)
    assert made.bodies.static.tolist() == [False, True]
    assert not clip.bodies.static.any()
    assert with_static(Affordances.of({"static": ["block"]}), clip.bodies).static.tolist() == [False, True]


def test_apply_hands_on_the_path_of_kinematic_objects():
    clip = clip_of(TWO, np.column_stack([np.sin(TIMES), np.zeros(20)]), 0.0, noise=0.0)
    clip.x[5:8, 0] = np.nan
    made = apply(Affordances.of({"kinematic": ["ball"]}), clip)
    rates = made.inputs.at(TIMES)["ball.vx"]
    walked = clip.x[0, 0] + np.cumsum(rates[:-1] * np.diff(TIMES))
    seen = np.isfinite(clip.x[1:, 0])
    assert walked[seen] == pytest.approx(np.sin(TIMES[1:])[seen])
    assert set(made.inputs.columns) == {"ball.vx", "ball.vy", "ball.angular_velocity"}


def test_kinematic_objects_beside_other_inputs():
    clip = clip_of(TWO, 0.0, 0.0)
    pushed = replace(clip, inputs=Inputs.of([0.0, 0.5], push=[1.0, 2.0]))
    made = apply(Affordances.of({"kinematic": ["ball"]}), pushed)
    assert made.inputs.at([0.4, 0.5])["push"].tolist() == [1.0, 2.0]
    between = replace(clip, inputs=Inputs.of([0.0, 0.55], push=[1.0, 2.0]))
    with pytest.raises(UsageError, match="times of frames"):
        apply(Affordances.of({"kinematic": ["ball"]}), between)


def run(law: Law, bodies: Bodies, **state: Any) -> np.ndarray:
    values = Values({name: np.full((1, 1), one.start) for name, one in law.parameters.items()})
    return simulate(law, values, State.of(bodies, **state), Schedule.of([TIMES])).component("x")[0]


def test_constrained_law_lets_only_those_touch_that_may():
    start = {"x": [[0.0, 1.5]], "vx": [[2.0, 0.0]]}
    assert run(Constrained(Bouncing(), Affordances.of({})), TWO, **start)[-1] == pytest.approx([0.5, 1.5 + 2.0 * 1.65])
    apart = Constrained(Bouncing(), Affordances.of({"apart": [["ball", "block"]]}))
    assert run(apart, TWO, **start)[-1] == pytest.approx([3.8, 1.5])


def test_constrained_law_has_the_walls_of_the_rules():
    rules = Affordances.of({"walls": [{"name": "right", "normal": [-2, 0], "offset": -2.0, "restitution": 0.5}]})
    # the disc of radius 0.5 strikes x = 2 with its rim after 0.75 s
    assert run(Constrained(Free(), rules), bodies_of("ball"), vx=[[2.0]])[-1] == pytest.approx([1.5 - 1.15])
    own = Affordances.of({"walls": [{"name": "floor", "normal": [0, 1], "offset": 0.0}]})
    with pytest.raises(UsageError, match="'floor' of its own"):
        Constrained(Walled(), own).contacts(TWO, Values({}))


def test_constrained_law_refuses_what_it_can_not_keep():
    with pytest.raises(UsageError, match="use the law rigid"):
        Constrained(Free(), Affordances.of({"joints": [{"kind": "weld", "between": ["ball", "block"]}]}))
    with pytest.raises(UsageError, match="defines rollout"):
        Constrained(Box(), Affordances.of({}))


LAWS = {law.name: law for law in (Free, Bouncing, Walled, Hanging, Box)}


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ({}, ["free", "bouncing", "walled", "hanging", "box"]),
        ({"touch": []}, ["free", "walled", "hanging", "box"]),
        ({"walls": []}, ["free", "bouncing", "hanging", "box"]),
        ({"joints": []}, ["free", "bouncing", "walled", "box"]),
        ({"joints": [{"kind": "distance", "between": ["ball", "block"]}]}, ["hanging", "box"]),
        ({"kinematic": ["ball"]}, ["box"]),
        ({"static": ["ball", "block"]}, []),
    ],
)
def test_rules_narrow_the_search(rules: dict[str, Any], left: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("kinescribe.dynamics.affordances.narrowing.find_law", lambda name: LAWS[name]())
    clip = clip_of(TWO, [0.0, 3.0], 0.0)
    assert candidates_allowed(Affordances.of(rules), list(LAWS), clip) == left
    assert [name for name, reason in narrow(Affordances.of(rules), list(LAWS), clip).items() if not reason] == left


FALLING = np.column_stack([5.0 - 2.0 * TIMES**2, np.zeros(20)])


def test_nothing_is_said_where_rules_and_clip_agree():
    circling = np.column_stack([np.cos(TIMES), np.full(20, 3.0)])
    rules = {
        "dynamic": ["ball"],
        "static": ["block"],
        "apart": [["ball", "block"]],
        "walls": [{"name": "floor", "normal": [0, 1], "offset": -3.0}],
        "joints": [{"kind": "distance", "between": ["world", "ball"], "anchor": [0, 4]}],
    }
    clip = clip_of(TWO, circling, np.column_stack([4.0 + np.sin(TIMES), np.zeros(20)]))
    assert check(Affordances.of(rules), clip) == []


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"static": ["ball"]}, "'ball' is static by the rules, but moves by"),
        ({"apart": [["ball", "block"]]}, "'ball' and 'block' may not touch, but overlap by"),
        ({"walls": [{"name": "floor", "normal": [0, 1], "offset": 0.0}]}, "'ball' is 2."),
        ({"joints": [{"kind": "weld", "between": ["ball", "block"]}]}, "weld joint of 'ball' and 'block' keeps the distance"),
        ({"joints": [{"kind": "prismatic", "between": ["world", "ball"]}]}, "its distance from the axis"),
    ],
)
def test_rules_that_the_clip_contradicts(rules: dict[str, Any], said: str):
    clip = clip_of(TWO, [0.0, 0.3], FALLING)
    found = [str(finding) for finding in check(Affordances.of({**rules, "dynamic": []}), clip)]
    assert [said in one for one in found].count(True) == 1
    assert all("\n" not in one for one in found)


def test_prismatic_joint_along_the_motion_is_kept():
    clip = clip_of(TWO, [0.0, 0.3], FALLING)
    assert check(Affordances.of({"joints": [{"kind": "prismatic", "between": ["world", "ball"], "axis": [0, 1]}]}), clip) == []


def test_impact_between_what_may_not_touch():
    clip = clip_of(TWO, [0.0, 3.0], 0.0, impacts=(Impact(0.73, (0, 1)),))
    (found,) = check(Affordances.of({"touch": []}), clip)
    assert "strike each other at 0.73 s" in str(found)


@pytest.mark.parametrize("rules", [{"touch": [["block", "block"]]}, {"apart": [["ball 1", "ball 1"]]}])
def test_a_pair_of_one_object_is_refused_by_name(rules):
    clip = clip_of(BALLS, [0.0, 3.0, 6.0], 0.0)
    with pytest.raises(UsageError, match=r"'(block|ball 1)': that is one object, \1"):
        check(Affordances.of(rules), clip)
    assert check(Affordances.of({"touch": [["ball", "ball"], ["ball", "block"]]}), clip) == []
