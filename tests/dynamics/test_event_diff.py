from __future__ import annotations

import json

import pytest
from predicted import bouncing, bouncing_fit, bouncing_table, pair_fit, pair_table

from kinescribe.dynamics.prediction import Predictor, counterfactual


@pytest.fixture(scope="module")
def ball() -> Predictor:
    states = bouncing_table()
    return Predictor.of(states, bouncing_fit(states))


def test_contacts_move_by_what_the_simulations_say(ball: Predictor):
    difference = counterfactual(ball, until=4.0, do="gravity=5").difference
    before = [hit.time for hit in bouncing().impacts_of(0)]
    after = [hit.time for hit in bouncing(gravity=5.0).impacts_of(0)]
    assert [one.factual for one in difference.moved] == pytest.approx(before[: len(after)], abs=0.01)
    assert [one.counterfactual for one in difference.moved] == pytest.approx(after, abs=0.01)
    assert [one.shift for one in difference.moved] == pytest.approx([b - a for a, b in zip(before, after, strict=False)], abs=0.01)
    assert [one.time for one in difference.vanish] == pytest.approx(before[len(after) :], abs=0.01)
    assert all(one.partners == ("ball", "floor") for one in difference.vanish)
    assert (difference.appear, difference.kept, difference.gone) == ((), 0, ())


def test_contacts_appear_and_ends_are_told_in_the_tables_frame(ball: Predictor):
    result = counterfactual(ball, until=4.0, do="gravity=14")
    assert len(result.difference.appear) == len(bouncing(gravity=14.0).impacts_of(0)) - len(bouncing().impacts_of(0))
    (end,) = result.difference.ends
    assert (end.name, end.time) == ("ball", pytest.approx(4.0))
    assert end.dx == pytest.approx(0.0, abs=1e-9)
    assert end.dy == pytest.approx(result.changed["y"][-1] - result.factual["y"][-1])
    assert end.distance == pytest.approx(abs(end.dy))


def test_what_happens_before_the_change_is_kept(ball: Predictor):
    difference = counterfactual(ball, until=4.0, remove=["floor"], at=1.0, from_start=True).difference
    assert difference.kept == 1
    assert len(difference.vanish) == len(bouncing().impacts_of(0)) - 1
    assert difference.moved == ()


def test_a_change_of_nothing_changes_nothing(ball: Predictor):
    difference = counterfactual(ball, until=4.0, do="gravity*=1").difference
    assert difference.nothing
    assert difference.kept == 4


def test_contacts_with_who_is_gone_vanish():
    states = pair_table()
    difference = counterfactual(states, pair_fit(states), until=2.0, remove=["blue"]).difference
    assert difference.gone == ("blue",)
    assert ("red", "blue") in [one.partners for one in difference.vanish]
    assert [end.name for end in difference.ends] == ["red"]
    text = difference.text()
    assert "- red and blue, which was at 1.25" in text
    assert "blue is not there" in text


def test_text_and_json_say_the_same(ball: Predictor):
    difference = counterfactual(ball, until=4.0, do="gravity=5").difference
    text = difference.text()
    assert text.count("\n") + 1 == len(difference.moved) + len(difference.vanish) + len(difference.ends)
    assert "ball and floor later by 0.3 s: 0.75" in text
    data = json.loads(json.dumps(difference.as_dict()))
    assert data["moved"][0]["shift"] == difference.moved[0].shift
    assert data["ends"][0]["name"] == "ball"
    assert data["unit"] == "m"
