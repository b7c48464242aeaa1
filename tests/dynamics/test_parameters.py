"""Declarations of parameters, and their values while a law runs."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
from drawn_clips import Fall

from kinescribe.dynamics import Law, Parameter, Values
from kinescribe.errors import UsageError


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"start": 2, "bounds": (0, 1)}, "start 2 must lie within its bounds"),
        ({"start": math.nan}, "start nan"),
        ({"start": math.inf}, "start inf"),
        ({"start": 1, "bounds": (1, 1)}, "leave no room"),
        ({"start": 1, "bounds": (2, 0)}, "leave no room"),
        ({"start": 1, "bounds": (math.nan, 2)}, "leave no room"),
        ({"start": "much"}, "'much'"),
        ({"start": 1, "bounds": (0, 1, 2)}, "two bounds"),
        ({"start": 1, "bounds": 3}, "two bounds"),
        ({"start": 1, "per": "clip"}, "'clip'"),
        ({"start": 1, "unit": "m/s"}, "unit 'm/s'"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(arguments, says):
    with pytest.raises(UsageError, match=says):
        Parameter(**arguments)


def test_another_start_keeps_the_rest_and_the_bounds():
    made = Parameter(1.0, (0, 5), "length", "height", revealed_by="a fall").starting(3)
    assert (made.start, made.bounds, made.unit, made.meaning, made.revealed_by) == (3.0, (0.0, 5.0), "length", "height", "a fall")
    with pytest.raises(UsageError, match="start 6"):
        made.starting(6)


def test_a_law_takes_starts_or_whole_declarations_by_name():
    assert Fall(gravity=2).parameters["gravity"].start == 2.0
    assert Fall(gravity=Parameter(500.0)).parameters["gravity"].bounds == (-math.inf, math.inf)
    assert Fall().parameters["gravity"].start == 9.0, "another law's starts are its own"
    with pytest.raises(UsageError, match=r"gravity of fall: .*start 200"):
        Fall(gravity=200)
    with pytest.raises(UsageError, match="did you mean 'gravity'"):
        Fall(gravty=2)


def test_a_subclass_keeps_and_renews_declarations():
    class Moon(Fall):
        gravity = Parameter(1.6, (0, 3))
        dust = Parameter(0.0)

    assert [(name, p.start) for name, p in Moon().parameters.items()] == [("gravity", 1.6), ("dust", 0.0)]


def test_a_law_defines_one_of_three_methods():
    class Nothing(Law):
        pass

    class Both(Fall):
        def step(self, state, parameters, inputs, dt):
            return state

    with pytest.raises(UsageError, match="Nothing must define one of acceleration, step and rollout; it defines none"):
        Nothing()
    with pytest.raises(UsageError, match="acceleration and step"):
        Both()


def test_values_are_read_by_name_and_as_attributes():
    values = Values({"gravity": 9.8, "drag": 0.1})
    assert values.gravity == values["gravity"] == 9.8
    assert dict(values) == {"gravity": 9.8, "drag": 0.1}
    assert len(values) == 2
    with pytest.raises(AttributeError, match="no value named 'gravty'; there are: drag, gravity"):
        _ = values.gravty


def test_values_survive_copies():
    values = Values({"gravity": 9.8})
    assert copy.deepcopy(values).gravity == pickle.loads(pickle.dumps(values)).gravity == 9.8
