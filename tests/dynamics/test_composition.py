"""Laws made of laws."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_clips import Bounce, Drag, Fall, Free, Pucks, clip_of, moved, values_of

from kinescribe.dynamics import Bodies, Law, Parameter, State, Values
from kinescribe.errors import UsageError

TIMES = np.linspace(0.0, 1.0, 11)


class Wind(Law):
    name = "wind"
    inputs = ("wind",)
    drag = Parameter(0.5, (0, 10))

    def acceleration(self, t, state, parameters, inputs):
        return parameters.drag * inputs.wind, 0.0, 1.0


class Stepped(Law):
    def step(self, state, parameters, inputs, dt):
        return state


class Bob(Fall):
    name = "bob"
    objects = 1


def test_forces_add_up():
    law = Fall(gravity=9.0) + Drag(drag=0.5)
    bodies = Bodies.make(1)
    state = State.of(bodies, vx=2.0, vy=-1.0)
    parts = law.acceleration(0.0, state, values_of(law, bodies), Values({}))
    np.testing.assert_allclose(np.broadcast_arrays(*parts)[:2], [[[-1.0]], [[-8.5]]])
    assert law.title == "fall + drag"


def test_equal_names_are_told_apart_by_their_terms_and_masses_are_shared():
    law = Drag() + Wind() + Drag(drag=3.0)
    assert {name: one.start for name, one in law.parameters.items()} == {"drag.drag": 0.1, "wind.drag": 0.5, "drag 2.drag": 3.0}
    assert law.inputs == ("wind",)
    assert list((Pucks() + Pucks()).parameters).count("mass") == 1


def test_starts_that_were_set_on_a_sum_go_with_it_into_a_larger_one():
    law = (Fall() + Drag()).starting(gravity=3.0) + Free()
    assert law.parameters["gravity"].start == 3.0
    twice = (Drag() + Drag()).starting(**{"drag 2.drag": 7.0}) + Fall()
    assert twice.parameters["drag 2.drag"].start == 7.0
    assert twice.parameters["drag.drag"].start == 0.1
    assert Drag().parameters["drag"].start == 0.1


def test_what_cannot_be_added_is_refused():
    class Tensor(Free):
        array_library = "torch"

    class Three(Free):
        objects = 3

    with pytest.raises(UsageError, match="Stepped can't be added to others: it defines step"):
        Fall() + Stepped()
    with pytest.raises(UsageError, match="torch and in numpy"):
        Fall() + Tensor()
    with pytest.raises(UsageError, match="laws for 1 and for 3 objects"):
        Bob() + Three()


def test_a_law_on_some_objects_leaves_the_others_alone():
    bodies = Bodies.make(3, radius=0.1, names=("ball 1", "kite", "ball 2"))
    path = moved(Fall(gravity=2.0).on("kite") + Wind().on("ball 1"), TIMES, bodies, vx=1.0, x=[0.0, 10.0, 20.0],
                 parameters={"drag": 1.0}, inputs=_wind(3.0))  # fmt: skip
    np.testing.assert_allclose(path.component("y")[0, -1], [0.0, -1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(path.component("x")[0, -1], [2.5, 11.0, 21.0])
    np.testing.assert_allclose(path.component("angle")[0, -1], [0.5, 0.0, 0.0])


def _wind(value):
    from kinescribe.dynamics import Inputs

    return Inputs.of([0.0], wind=[value])


def test_discs_and_walls_of_a_restricted_law_hold_its_objects_alone():
    bodies = Bodies.make(3, radius=0.5)
    law = Bounce(gravity=0.0).on("object 1") + Pucks(restitution=1.0).on("object 1", "object 3")
    path = moved(law, TIMES, bodies, x=[0.0, 2.0, 4.0], y=2.0, vx=[8.0, 0.0, 0.0])
    np.testing.assert_allclose(path.component("vx")[0, -1], [0.0, 0.0, 8.0], atol=1e-12)
    down = moved(law, TIMES, bodies, x=[0.0, 4.0, 8.0], y=1.0, vy=-2.0)
    np.testing.assert_allclose(down.component("vy")[0, -1], [1.6, -2.0, -2.0])


def test_a_restricted_law_knows_no_names_that_are_not_there():
    bodies = Bodies.make(2)
    with pytest.raises(UsageError, match="no such object; there are object 1, object 2"):
        moved(Fall().on("moon"), TIMES, bodies, x=0.0)
    with pytest.raises(UsageError, match="bob is about 1 objects; object 1, object 2 are 2"):
        moved(Bob().on("object 1", "object 2"), TIMES, bodies, x=0.0)
    with pytest.raises(UsageError, match="name the objects"):
        Fall().on()


def test_starts_come_from_the_terms_own_objects():
    class Heavy(Pucks):
        def starts(self, clip):
            return {"mass": np.full(len(clip.bodies), float(len(clip.bodies))), "restitution": 0.5}

    bodies = Bodies.make(5)
    clip = clip_of(moved(Free(), TIMES, bodies, x=np.arange(5.0)), TIMES, np.random.default_rng(0), 0.01)
    law = Heavy().on("object 1", "object 2", "object 3") + Heavy().on("object 4", "object 5")
    np.testing.assert_array_equal(law.starts(clip)["mass"], [3, 3, 3, 2, 2])


def test_a_term_that_returns_nonsense_is_named():
    class Nothing(Free):
        name = "nothing"

        def acceleration(self, t, state, parameters, inputs):
            return None

    class Four(Free):
        name = "four"

        def acceleration(self, t, state, parameters, inputs):
            return 0.0, 0.0, 0.0, 0.0

    for law in (Fall() + Nothing(), Fall() + Four(), Four().on("object 1"), Nothing().on("object 1")):
        with pytest.raises(UsageError, match=r"law (nothing|four): acceleration must return"):
            moved(law, TIMES, Bodies.make(1), x=0.0)
