"""A law's parameters as one vector."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_clips import Bounce, Fall, Pucks

from kinescribe.dynamics import Bodies, Parameter
from kinescribe.dynamics.affordances import Affordances, Constrained
from kinescribe.dynamics.fitting.slots import Slots
from kinescribe.errors import UsageError

TWO = Bodies.make(2, names=("ball", "cart"))


def test_every_object_has_its_own_number_and_fixed_ones_are_left_out():
    slots = Slots.of(Pucks(), TWO)
    assert [slot.name for slot in slots.all] == ["restitution", "friction", "ball.mass", "cart.mass"]
    assert slots.names == ["restitution", "ball.mass", "cart.mass"]
    low, high = slots.bounds
    np.testing.assert_array_equal(low, [0, 1e-3, 1e-3])
    np.testing.assert_array_equal(high, [1, 1e3, 1e3])


def test_fixing_and_freeing_go_by_parameter_or_by_object():
    assert Slots.of(Pucks(), TWO, fixed={"mass": 2.0}).names == ["restitution"]
    one = Slots.of(Pucks(), TWO, fixed={"cart.mass": 2.0}, free=["friction"])
    assert one.names == ["restitution", "friction", "ball.mass"]
    assert one.complete(np.array([[0.5, 0.1, 3.0]])).tolist() == [[0.5, 0.1, 3.0, 2.0]]
    everything = Slots.of(Bounce(), TWO, fixed={"gravity": 1.0, "restitution": 0.5})
    assert everything.names == []
    assert everything.complete(np.zeros((3, 0))).shape == (3, 3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"fixed": {"gravty": 1}}, "unknown parameter of pucks 'gravty'"),
        ({"free": ["bounciness"]}, "unknown parameter of pucks 'bounciness'"),
        ({"fixed": {"restitution": 1.5}}, r"restitution = 1.5 is outside its bounds \(0, 1\)"),
        ({"fixed": {"mass": -1.0}}, "ball.mass = -1 is outside"),
        ({"fixed": {"restitution": float("nan")}}, "restitution = nan"),
    ],
)
def test_what_is_unknown_or_out_of_bounds_is_refused(arguments, says):
    with pytest.raises(UsageError, match=says):
        Slots.of(Pucks(), TWO, **arguments)


def test_starts_are_medians_of_what_the_clips_say_within_bounds():
    slots = Slots.of(Pucks(), TWO)
    found = [{"restitution": 0.2, "mass": [1.0, np.nan]}, {"restitution": 5.0, "mass": np.array([3.0, np.nan])}, {"restitution": np.nan}]
    np.testing.assert_array_equal(slots.starts(found), [1.0, 2.0, 1.0])
    np.testing.assert_array_equal(slots.starts(found, {"cart.mass": 7.0, "restitution": 0.4}), [0.4, 2.0, 7.0])
    np.testing.assert_array_equal(slots.starts([]), [0.9, 1.0, 1.0])


def test_values_have_a_column_for_every_object():
    values = Slots.of(Pucks(), TWO).values(np.array([[0.5, 1.0, 2.0], [0.6, 3.0, 4.0]]))
    np.testing.assert_array_equal(values.mass, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(values.restitution, [[0.5], [0.6]])
    np.testing.assert_array_equal(values.friction, [[0], [0]])


def test_natural_sizes_follow_the_dimensions():
    class Mixed(Bounce):
        drag = Parameter(0.1, unit="1/time")

    np.testing.assert_allclose(Slots.of(Mixed(), TWO).scales(10.0, 2.0), [2.5, 1.0, 0.5])


def test_objects_that_a_restricted_law_is_not_about_have_no_number():
    bodies = Bodies.make(4, names=("ball", "cart", "kite", "post"))
    law = Fall().on("kite") + Pucks().on("cart", "post")
    for whole in (law, Constrained(law, Affordances())):
        slots = Slots.of(whole, bodies, fixed={"post.mass": 5.0})
        assert [slot.name for slot in slots.all] == ["gravity", "restitution", "friction", "cart.mass", "post.mass"]
        assert slots.names == ["gravity", "restitution", "cart.mass"]
        # the law itself still finds a column for every object
        np.testing.assert_array_equal(slots.values(np.array([[9.0, 0.5, 3.0]])).mass, [[1, 3, 1, 5]])
    found = [{"mass": [np.nan, 2.0, np.nan, 7.0]}]
    np.testing.assert_array_equal(Slots.of(law, bodies).starts(found), [9.0, 0.9, 2.0, 7.0])
    with pytest.raises(UsageError, match=r"unknown parameter of .* 'ball\.mass'"):
        Slots.of(law, bodies, fixed={"ball.mass": 1.0})


def test_terms_about_different_objects_have_numbers_for_all_of_theirs():
    bodies = Bodies.make(4)
    law = Pucks().on("object 3", "object 4") + Pucks().on("object 1", "object 3")
    assert [slot.name for slot in Slots.of(law, bodies).all if slot.key == "mass"] == ["object 1.mass", "object 3.mass", "object 4.mass"]
