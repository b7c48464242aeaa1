"""What a worker says is looked at before it is believed."""

from __future__ import annotations

import math
from typing import Any

import escapes
import law_sources
import numpy as np
import pytest

from kinescribe.dynamics import Bodies, Inputs, Schedule, State, Values, simulate
from kinescribe.dynamics.sandbox import Limits, SandboxedLaw, SandboxError, replies
from kinescribe.dynamics.sandbox.declaring import Declaration
from kinescribe.dynamics.sandbox.frames import Frame
from kinescribe.dynamics.sandbox.syscalls import machine

pytestmark = pytest.mark.skipif(machine() is None, reason="the sandbox needs 64-bit Linux")
GOOD: dict[str, Any] = {
    "class_name": "Law", "name": "law", "equation": "", "kind": "acceleration", "inputs": ["push"], "objects": None,
    "time_step": None, "turns": False,
    "steady": False, "array_library": "numpy", "difference_step": 1e-7, "methods": ["acceleration", "contacts"],
    "parameters": [["gravity", "length/time^2", "pull", "law", False, ""]],
}  # fmt: skip
NUMBERS = np.array([[9.8, 0.0, math.inf]])


def test_an_honest_declaration_is_believed():
    told = Declaration.of(Frame(1, GOOD, (NUMBERS,)))
    assert told.parameters["gravity"].bounds == (0.0, math.inf)
    assert told.methods == {"contacts"}
    assert told.inputs == ("push",)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a\x1b[2J"}, {"name": "x" * 65}, {"name": 3}, {"name": None}, {"equation": "a\nb"}, {"equation": "x" * 301},
        {"kind": "evil"},
        {"kind": ["step"]}, {"inputs": "push"}, {"inputs": ["a", "a"]}, {"inputs": ["__class__"]}, {"inputs": ["a b"]}, {"inputs": [1]},
        {"inputs": [f"a{k}" for k in range(65)]}, {"objects": 0}, {"objects": 10**9}, {"objects": True}, {"objects": 1.5},
        {"objects": "1"}, {"time_step": 0}, {"time_step": -1.0}, {"time_step": 1e300}, {"time_step": "1"}, {"time_step": True},
        {"difference_step": 0.0}, {"difference_step": 1.0}, {"difference_step": None}, {"array_library": "torch"}, {"methods": ["read"]},
        {"methods": ["__init__"]}, {"methods": "contacts"}, {"parameters": None}, {"parameters": []}, {"parameters": [["gravity"]]},
        {"parameters": [["_gravity", "", "", "law", False, ""]]}, {"parameters": [["gra vity", "", "", "law", False, ""]]},
        {"parameters": [["gravity", "length^999999999", "", "law", False, ""]]},
        {"parameters": [["gravity", "length^99", "", "law", False, ""]]},
        {"parameters": [["gravity", "furlong", "", "law", False, ""]]}, {"parameters": [["gravity", "", "\x07", "law", False, ""]]},
        {"parameters": [["gravity", "", "", "planet", False, ""]]}, {"parameters": [["gravity", "", "", None, False, ""]]},
        {"parameters": [[["gravity"], "", "", "law", False, ""]]}, {"parameters": [["gravity", "length^(1/0)", "", "law", False, ""]]},
    ],
)  # fmt: skip
def test_a_forged_declaration_is_not(change: dict[str, Any]):
    with pytest.raises(SandboxError) as caught:
        Declaration.of(Frame(1, {**GOOD, **change}, (NUMBERS,)))
    assert caught.value.reason == "contract"
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "numbers", [[[math.nan, 0, 1]], [[2.0, 0, 1]], [[0.0, 1, 0]], [[0.0, math.nan, 1]], [[0.0, 0]], [0.0], [[math.inf, 0, math.inf]]]
)
def test_nor_are_forged_numbers_of_a_parameter(numbers: Any):
    with pytest.raises(SandboxError):
        Declaration.of(Frame(1, GOOD, (np.array(numbers, float),)))


def test_a_declaration_of_two_parameters_of_one_name_is_not():
    row = GOOD["parameters"][0]
    with pytest.raises(SandboxError, match="different names"):
        Declaration.of(Frame(1, {**GOOD, "parameters": [row, row]}, (np.repeat(NUMBERS, 2, axis=0),)))


@pytest.mark.parametrize("arrays", [(), (np.zeros((2, 3)),), (np.zeros((3, 2), np.int64),), (np.zeros((3, 2)), np.zeros(1))])
def test_an_answer_of_another_shape_or_kind_is_refused(arrays: tuple[Any, ...]):
    with pytest.raises(SandboxError, match=r"must be an array of the shape \(3, 2\)"):
        replies.floats(Frame(1, {}, arrays), "law: step", (3, 2))


@pytest.mark.parametrize("value", [np.array(-1), np.array(7), np.array(1.0), np.array([1])])
def test_a_count_of_constraints_is_a_small_whole_number(value: Any):
    with pytest.raises(SandboxError, match="whole number from 0 to 6"):
        replies.integer(Frame(1, {}, (value,)), "constrained", 6)
    assert replies.integer(Frame(1, {}, (np.array(6),)), "constrained", 6) == 6


WALL = ["floor", None]
COLUMNS = np.array([[0.0, 1.0, 0.0, 0.5, 0.0]] * 3)


@pytest.mark.parametrize(
    ("text", "arrays"),
    [
        ({"walls": None, "discs": None}, (COLUMNS,)),
        ({"walls": [WALL] * 33, "discs": None}, (np.tile(COLUMNS, 33),)),
        ({"walls": [["a\x1b", None]], "discs": None}, (COLUMNS,)),
        ({"walls": [["floor", [2]]], "discs": None}, (COLUMNS,)),
        ({"walls": [["floor", [-1]]], "discs": None}, (COLUMNS,)),
        ({"walls": [["floor", [True]]], "discs": None}, (COLUMNS,)),
        ({"walls": [["floor", [0, 0, 0]]], "discs": None}, (COLUMNS,)),
        ({"walls": [["floor"]], "discs": None}, (COLUMNS,)),
        ({"walls": [WALL], "discs": None}, (COLUMNS[:2],)),
        ({"walls": [WALL], "discs": None}, (COLUMNS.astype(int),)),
        ({"walls": [WALL], "discs": None}, ()),
        ({"walls": [WALL], "discs": None}, (COLUMNS, COLUMNS)),
        ({"walls": [WALL], "discs": None}, (COLUMNS * np.array([1, 1e-9, 1, 1, 1]),)),
        ({"walls": [WALL], "discs": None}, (COLUMNS + np.array([np.inf, 0, 0, 0, 0]),)),
        ({"walls": [], "discs": [True, False]}, (np.zeros((3, 4)), np.ones((2, 2)))),
        ({"walls": [], "discs": [True, False]}, (np.zeros((3, 4)), np.ones((3, 3), bool))),
        ({"walls": [], "discs": [False, True]}, (np.zeros((3, 4)), np.ones((2, 2)))),
        ({"walls": [], "discs": [False, False]}, (np.zeros((3, 5)),)),
        ({"walls": [], "discs": [1, 0]}, (np.zeros((3, 4)),)),
        ({"walls": [], "discs": "yes"}, (np.zeros((3, 4)),)),
    ],
)
def test_forged_contacts_are_refused(text: dict[str, Any], arrays: tuple[Any, ...]):
    with pytest.raises(SandboxError) as caught:
        replies.contacts(Frame(1, text, arrays), 3, 2)
    assert caught.value.reason == "contract"


def test_honest_contacts_are_taken():
    found = replies.contacts(Frame(1, {"walls": [WALL], "discs": None}, (COLUMNS,)), 3, 2)
    assert [wall.name for wall in found.walls] == ["floor"]
    assert found.walls[0].restitution.tolist() == [[0.5]] * 3


CONTACTS = """
import numpy as np
from kinescribe.dynamics import Contacts, Discs, Law, Wall

class Hostile(Law):
    steady = {steady}
    def acceleration(self, t, state, parameters, inputs):
        return {acceleration}, 0.0 * state.x
    def contacts(self, bodies, parameters):
        return Contacts([Wall("floor", 0.0, 1.0, {offset}, {restitution}, {friction})], Discs({restitution}, {friction}))
"""


@pytest.mark.parametrize("steady", [True, False])
@pytest.mark.parametrize("number", ["np.nan", "np.inf", "-np.inf", "1e300", "-1e300", "1e-320", "-1.0"])
def test_no_numbers_of_a_contact_keep_the_simulator_busy_for_ever(steady: bool, number: str):
    """It runs in the parent, whose loops a hostile law must not make endless."""
    bodies = Bodies.make(3, radius=0.3)
    start = State.of(bodies, x=[0.0, 0.5, 1.0], y=[0.4, 0.4, 0.4], vy=[-1.0, -2.0, 1.0])
    schedule = Schedule.of([np.linspace(0, 1, 11)])
    for place in ("acceleration", "offset", "restitution", "friction"):
        numbers = {"acceleration": "0.0 * state.x", "offset": "0.0", "restitution": "0.5", "friction": "0.1"}
        numbers[place] = f"0.0 * state.x + {number}" if place == "acceleration" else number
        law = SandboxedLaw.of(CONTACTS.format(steady=steady, **numbers))
        found = simulate(law, Values({}), start, schedule)
        law.close()
        assert found.data.shape == (6, 1, 11, 3)
        assert not np.isinf(found.data).any()


RETURNS = """
import numpy as np
from kinescribe.dynamics import Law, State

class Array(np.ndarray):
    def __array_ufunc__(self, *_, **__): raise ValueError("poison")

class Hostile(Law):
    def {method}(self, {arguments}):
        return {value}
"""


@pytest.mark.parametrize(
    "value",
    [
        "np.array([object(), object()])", "np.zeros((2, 3, 4, 5))", "np.zeros(10**6)", "'evil'", "None", "[1.0, 'a']", "{'a': 1}",
        "(1.0, 2.0, 3.0, 4.0)", "(lambda: 1, 2)", "(object(), object())", "(np.broadcast_to(1.0, (10**9, 1)), 0.0)",
        "(np.zeros((2, 3)).view(Array), np.zeros(7).view(Array))",
    ],
)  # fmt: skip
def test_poisoned_accelerations_do_not_come_out(value: str):
    law = SandboxedLaw.of(RETURNS.format(method="acceleration", arguments="t, state, parameters, inputs", value=value), check=False)
    with pytest.raises(SandboxError) as caught:
        simulate(law, Values({}), State.of(Bodies.make(2), x=1.0), Schedule.of([np.linspace(0, 1, 5)]))
    assert caught.value.reason in ("contract", "raised")


def test_what_comes_out_is_plain_and_the_parents_own():
    body = "(np.full((1, 2), np.nan).view(Array), state.x)"
    law = SandboxedLaw.of(RETURNS.format(method="acceleration", arguments="t, state, parameters, inputs", value=body), check=False)
    start = State.of(Bodies.make(2), x=1.0)
    one, other = law.acceleration(np.zeros((1, 1)), start, Values({}), Values({}))
    assert type(one) is type(other) is np.ndarray
    assert np.isnan(one).all()
    other[...] = 5.0
    assert start.x.tolist() == [[1.0, 1.0]]
    found = simulate(law, Values({}), start, Schedule.of([np.linspace(0, 1, 5)]))
    assert found.diverged.tolist() == [True]


def test_a_trajectory_of_another_shape_is_refused():
    value = "np.zeros((6, 1, 4, 2))"
    law = SandboxedLaw.of(RETURNS.format(method="rollout", arguments="initial, times, parameters, inputs", value=value), check=False)
    with pytest.raises(SandboxError, match=r"law Hostile: rollout returned float64 \(6, 1, 4, 2\)"):
        simulate(law, Values({}), State.of(Bodies.make(2), x=1.0), Schedule.of([np.linspace(0, 1, 5)]))


def test_a_reply_that_is_larger_than_what_was_asked_for_is_not_read():
    value = "np.zeros((6, 100, 200, 200))"
    law = SandboxedLaw.of(RETURNS.format(method="rollout", arguments="initial, times, parameters, inputs", value=value), check=False)
    with pytest.raises(SandboxError, match="bytes were the most") as caught:
        simulate(law, Values({}), State.of(Bodies.make(2), x=1.0), Schedule.of([np.linspace(0, 1, 5)]))
    assert caught.value.reason == "protocol"


FORGER = (
    escapes.BEGIN
    + """
from kinescribe.dynamics import Law
from kinescribe.dynamics.sandbox.frames import Frame, encoded

class Forger(Law):
    def rollout(self, initial, times, parameters, inputs):
        %s
        return np.zeros((6, *times.shape, 2))
"""
)


@pytest.mark.parametrize(
    "body",
    [
        "os.write(4, encoded(Frame(10**6, {}, (np.zeros((6, 1, 5, 2)),))))",
        "os.write(4, encoded(Frame(1, {}, (np.zeros((6, 1, 5, 2)),))))",
        "os.write(4, b'x')",
        "os.write(4, encoded(Frame(2, {}, (np.zeros((6, 1, 5, 2)),)))[:-1] + b'x')",
    ],
)
def test_a_forged_answer_ends_the_worker_sooner_or_later(body: str):
    law = SandboxedLaw.of(FORGER % body, check=False, limits=Limits(seconds=3))
    with pytest.raises(SandboxError) as caught:
        _thrice(law)
    assert caught.value.reason == "protocol"


def _thrice(law: SandboxedLaw) -> None:
    start, schedule = State.of(Bodies.make(2), x=1.0), Schedule.of([np.linspace(0, 1, 5)])
    for _ in range(3):
        # one that is what the law might have answered anyway is taken as that
        assert simulate(law, Values({}), start, schedule).data.shape == (6, 1, 5, 2)


def test_a_law_that_fails_now_and_then_is_asked_again():
    source = law_sources.DRAG.replace("speed = ", "assert not (state.x > 5.0).any(), 'too far'\n        speed = ")
    law = SandboxedLaw.of(source)
    values = Values({"gravity": np.full((1, 1), 9.0), "drag": np.full((1, 1), 0.1)})
    schedule = Schedule.of([np.linspace(0, 1, 5)])
    assert law.session.worker is not None
    first = law.session.worker.pid
    with pytest.raises(SandboxError) as caught:
        simulate(law, values, State.of(Bodies.make(1), x=9.0), schedule)
    assert caught.value.reason in ("refused", "raised")
    assert "law air drag: line 18: raises AssertionError: too far" in str(caught.value)
    assert np.isfinite(simulate(law, values, State.of(Bodies.make(1), x=1.0), schedule).data).all()
    assert law.session.worker.pid == first


def test_a_worker_that_was_ended_is_started_again():
    source = law_sources.DRAG.replace("speed = ", "x = state.x\n        while (x > 5.0).all():\n            x = x + 0.0\n        speed = ")
    law = SandboxedLaw.of(source, limits=Limits(seconds=0.5))
    values = Values({"gravity": np.full((1, 1), 9.0), "drag": np.full((1, 1), 0.1)})
    schedule = Schedule.of([np.linspace(0, 1, 5)])
    with pytest.raises(SandboxError, match="took longer than") as caught:
        simulate(law, values, State.of(Bodies.make(1), x=9.0), schedule)
    assert caught.value.reason == "time"
    assert np.isfinite(simulate(law, values, State.of(Bodies.make(1), x=1.0), schedule).data).all()


def test_a_law_that_says_something_else_each_time_is_refused():
    source = law_sources.EULER.replace("strength = Parameter(2.0", "strength = Parameter(float(id(object()) % 97)")
    law = SandboxedLaw.of(source, check=False)
    with pytest.raises(SandboxError, match="something else of itself each time"):
        _restarted(law)


def _restarted(law: SandboxedLaw) -> None:
    one = np.ones((1, 1))
    for _ in range(30):
        law.close()
        law.step(State.of(Bodies.make(1), x=1.0), Values({"strength": one}), Values({"push": one}), one)


def test_inputs_of_no_values_are_handed_over():
    law = SandboxedLaw.of(law_sources.BLACK_BOX)
    schedule = Schedule.of([np.linspace(0, 1, 5)], [Inputs.of([0.0, 2.0], push=[1.0, 1.0])], names=("push",))
    found = simulate(law, Values({"rate": np.full((1, 1), 2.0)}), State.of(Bodies.make(1), x=1.0), schedule)
    assert np.allclose(found.component("x")[0, :, 0], np.cos(2 * np.linspace(0, 1, 5)) + 0.01 * np.arange(5))
