"""Checks of any law: each of the ways to be wrong is found, named, and found at its line; sound laws pass."""

from __future__ import annotations

import inspect
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinescribe.dynamics import Bodies, Clip, Contacts, Discs, Inputs, Law, Parameter, State, Wall
from kinescribe.dynamics.affordances import Affordances, Constrained
from kinescribe.dynamics.checks import Finding, check_law
from kinescribe.dynamics.checks.watch import Overrun, limited
from kinescribe.dynamics.finding import find_law
from kinescribe.errors import UsageError

HERE = Path(__file__).name


def line_of(cls: type[Law], text: str) -> int:
    """The line of this file on which a class's source has a text."""
    lines, start = inspect.getsourcelines(cls)
    return start + next(k for k, line in enumerate(lines) if text in line)


def found(law: Law, check: str, **options: Any) -> list[Finding]:
    return [finding for finding in check_law(law, **options) if finding.check == check]


def only(law: Law, check: str, **options: Any) -> Finding:
    """The one finding of that check; whatever else there is may follow from it."""
    (finding,) = found(law, check, **options)
    assert "\n" not in str(finding)
    return finding


# sound laws


class Fall(Law):
    gravity = Parameter(9.8, (0, 100), "length/time^2")

    def acceleration(self, t, state, parameters, inputs):
        return 0.0, -parameters.gravity

    def potential(self, state, parameters):
        return parameters.gravity * state.y

    def starts(self, clip):
        rows = np.isfinite(clip.y).sum(axis=0)
        return {"gravity": 9.0} if rows.max() > 3 else {}


class Drag(Law):
    drag = Parameter(0.0, (0, 10), "1/length")

    def acceleration(self, t, state, parameters, inputs):
        speed = np.hypot(state.vx, state.vy)
        return -parameters.drag * speed * state.vx, -parameters.drag * speed * state.vy


class Bouncing(Fall):
    restitution = Parameter(0.9, (0, 1))
    mass = Parameter(1.0, (1e-3, 100), "mass", per="object")

    def contacts(self, bodies, parameters):
        return Contacts([Wall("floor", 0.0, 1.0, 0.0, parameters.restitution)], Discs(parameters.restitution))


class Pushed(Law):
    inputs = ("push",)
    strength = Parameter(2.0, (0, 10), "length/time^2")

    def acceleration(self, t, state, parameters, inputs):
        return parameters.strength * inputs.push, 0.0


class Euler(Law):
    objects = 1
    time_step = 0.02
    rate = Parameter(2.0, (0, 50), "1/time")

    def step(self, state, parameters, inputs, dt):
        return state.replace(x=state.x + dt * state.vx, vx=state.vx - dt * parameters.rate**2 * state.x)


class Torch(Law):
    array_library = "torch"
    stiffness = Parameter(3.0, (0, 50), "1/time^2")

    def acceleration(self, t, state, parameters, inputs):
        return -parameters.stiffness * state.x, -parameters.stiffness * state.y


class Straight(Law):
    def rollout(self, initial, times, parameters, inputs):
        out = np.repeat(initial.data[:, :, None], times.shape[1], axis=2)
        out[:3] += out[3:] * (times - times[:, :1])[None, :, :, None]
        return out


@pytest.mark.parametrize(
    "law", [Fall(), Drag(), Bouncing(), Pushed(), Euler(), Torch(), Straight(), Fall() + Drag()], ids=lambda law: law.title
)
def test_sound_laws_pass(law: Law):
    assert [str(one) for one in check_law(law) if one.severity != "note"] == []


def test_collision_of_discs_passes_with_every_parameter_shown():
    bodies = Bodies.make(2)
    state = State.of(bodies, x=[[0.0, 2.0]], y=[[1.0, 1.3]], vx=[[3.0, -1.0]])
    assert check_law(Bouncing(), state, times=np.linspace(0, 2, 21)) == []


def test_walls_of_rules_keep_their_place_in_other_units():
    rules = Affordances.of({"walls": [{"name": "floor", "normal": [0, 1], "offset": 1.0, "restitution": 0.8}]})
    law = Constrained(Fall(), rules)
    assert check_law(law) == []
    assert check_law(law + Drag(drag=0.1)) == []
    assert check_law(law.on("object 1") + Drag(drag=0.1)) == []


def test_rigid_worlds_pass_in_all_units():
    pytest.importorskip("Box2D")
    from kinescribe.dynamics.rigid import RigidWorld

    rules = Affordances.of(
        {
            "walls": [{"name": "floor", "normal": [0, 1], "offset": 0.0}],
            "joints": [{"kind": "revolute", "between": ["world", "object 1"], "anchor": [1, 4]}],
        }
    )
    for law in (RigidWorld(), RigidWorld(rules), RigidWorld(rules, threshold=0.5)):
        assert [str(one) for one in check_law(law) if one.severity != "note"] == []


# dimensions


class WrongUnit(Law):
    drag = Parameter(0.3, (0, 10), "length/time")

    def acceleration(self, t, state, parameters, inputs):
        return -parameters.drag * state.vx, -parameters.drag * state.vy


class WrongMass(Law):
    stiffness = Parameter(3.0, (0, 50), "1/time^2")
    mass = Parameter(2.0, (0.1, 50), "mass", per="object")

    def acceleration(self, t, state, parameters, inputs):
        return -parameters.stiffness / parameters.mass * state.x, 0.0


class HiddenConstant(Drag):
    def acceleration(self, t, state, parameters, inputs):
        ax, ay = super().acceleration(t, state, parameters, inputs)
        return ax, ay - 9.8


class WrongPush(Pushed):
    damping = Parameter(0.5, (0, 5))

    def acceleration(self, t, state, parameters, inputs):
        return parameters.strength * inputs.push - parameters.damping * state.vx, 0.0


class WrongRate(Euler):
    rate = Parameter(2.0, (0, 50), "length/time")


def test_parameter_with_a_wrong_unit_is_named_with_the_right_one():
    said = str(only(WrongUnit(), "dimensions"))
    assert "drag has the unit '1/time'" in said
    assert "declared as 'length/time'" in said
    assert "unit of length;" in said


def test_parameter_that_lacks_a_mass():
    said = str(only(WrongMass(), "dimensions"))
    assert "stiffness has the unit 'mass/time^2'" in said


def test_number_with_a_unit_in_the_code():
    said = str(only(HiddenConstant(), "dimensions"))
    assert "length and of time" in said
    assert "no single parameter's unit mends it" in said


def test_wrong_unit_beside_an_input_and_in_a_step():
    assert "damping has the unit '1/time'" in str(only(WrongPush(), "dimensions"))
    assert "rate has the unit '1/time'" in str(only(WrongRate(), "dimensions"))


# what goes wrong while it runs


class Raising(Fall):
    def acceleration(self, t, state, parameters, inputs):
        return 0.0, -parameters.gravity / {}["no such key"]


class Endless(Fall):
    def acceleration(self, t, state, parameters, inputs):
        while True:
            pass


class Stubborn(Fall):
    def acceleration(self, t, state, parameters, inputs):
        try:
            while True:
                pass
        except Exception:
            return 0.0, 0.0


class Misshapen(Fall):
    def acceleration(self, t, state, parameters, inputs):
        return 0.0, np.ones(state.x.shape[0])


class Single(Fall):
    def acceleration(self, t, state, parameters, inputs):
        return 0.0


class Infinite(Fall):
    def acceleration(self, t, state, parameters, inputs):
        return 0.0, -parameters.gravity / (state.x - state.x)


class Runaway(Law):
    growth = Parameter(90.0, (0, 100), "1/time^2")

    def acceleration(self, t, state, parameters, inputs):
        return parameters.growth * state.x, 0.0


class Random(Fall):
    def acceleration(self, t, state, parameters, inputs):
        return 0.0, -parameters.gravity + np.random.default_rng().normal()


class Remembering(Fall):
    def acceleration(self, t, state, parameters, inputs):
        self.calls = getattr(self, "calls", 0) + 1
        return 0.0, -parameters.gravity * (1.0 + 1e-3 * self.calls)


class Writing(Fall):
    def acceleration(self, t, state, parameters, inputs):
        state.vx[:] = 0.0
        return 0.0, -parameters.gravity


class WritingParameters(Euler):
    def step(self, state, parameters, inputs, dt):
        rate = parameters.rate
        rate *= 1.01
        return super().step(state, parameters, inputs, dt)


class WritingBodies(Fall):
    def contacts(self, bodies, parameters):
        bodies.radius[0] = 1.0
        return Contacts()


class Mixing(Fall):
    def acceleration(self, t, state, parameters, inputs):
        return 0.0, -parameters.gravity - (state.x - state.x.mean())


class Ignoring(Fall):
    lift = Parameter(1.0, (0, 3), "length/time^2")
    drag = Parameter(1.0, (0, 3), "1/time", revealed_by="a gust")

    def acceleration(self, t, state, parameters, inputs):
        return 0.0 * parameters.drag, -parameters.gravity


def test_exception_is_found_at_its_line():
    finding = only(Raising(), "exception")
    assert finding.severity == "error"
    assert finding.where == f"{HERE}:{line_of(Raising, 'no such key')}"
    assert "KeyError" in finding.what


def test_law_of_a_file_is_found_at_its_line(tmp_path: Path):
    (tmp_path / "mine.py").write_text(
        "from kinescribe.dynamics import Law\n\nclass Mine(Law):\n    def acceleration(self, t, state, parameters, inputs):\n"
        "        return self.helper(state)\n    def helper(self, state):\n        return 1 / 0\n"
    )
    assert only(find_law(tmp_path / "mine.py"), "exception").where == "mine.py:7"


def test_exception_within_a_sum_is_found_at_its_line():
    assert only(Raising().on("object 1") + Drag(), "exception").where == f"{HERE}:{line_of(Raising, 'no such key')}"


@pytest.mark.parametrize("law", [Endless(), Stubborn()], ids=lambda law: law.title)
def test_loop_without_end_is_stopped_and_found_at_its_line(law: Law):
    findings = check_law(law, seconds=0.3)
    assert [finding.check for finding in findings] == ["time"]
    first = line_of(type(law), "while True")
    assert findings[0].where in (f"{HERE}:{first}", f"{HERE}:{first + 1}")
    assert "can't be stopped" not in findings[0].what


def test_thread_that_cannot_be_stopped_is_said_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("kinescribe.dynamics.checks.watch.GRACE", 0.01)
    with pytest.raises(Overrun) as caught:
        limited(lambda: time.sleep(1.0), 0.05)
    assert not caught.value.stopped
    assert limited(lambda: 3, 1.0) == 3


@pytest.mark.parametrize("law", [Misshapen(), Single()], ids=lambda law: law.title)
def test_wrong_shapes(law: Law):
    assert {finding.severity for finding in found(law, "contract")} == {"error"}


@pytest.mark.parametrize("law", [Infinite(), Runaway()], ids=lambda law: law.title)
def test_divergence(law: Law):
    # e^(√90·t) passes all bounds near t = 3
    finding = found(law, "divergence", **({"subject": State.of(Bodies.make(1), x=1.0), "times": np.linspace(0, 5, 51)}))[0]
    assert "from its start values" in finding.what
    when = float(finding.what.split("from ")[-1].split(" s")[0])
    assert when == pytest.approx(0.1 if isinstance(law, Infinite) else 2.9, abs=0.15)


class Stiff(Law):
    rate = Parameter(100.0, (0, 1e6), "1/time")

    def acceleration(self, t, state, parameters, inputs):
        return -parameters.rate * state.vx, 0.0


def test_motion_that_needs_finer_steps_than_frames_has_not_diverged():
    assert check_law(Stiff(), State.of(Bodies.make(1), vx=1.0), times=np.linspace(0, 10, 101)) == []


@pytest.mark.parametrize("law", [Random(), Remembering()], ids=lambda law: law.title)
def test_two_runs_that_differ(law: Law):
    assert "two runs with the same numbers differ" in only(law, "determinism").what


def test_what_is_handed_in_is_left_alone():
    finding = only(Writing(), "handed")
    assert "acceleration changes the state" in finding.what
    assert finding.where == f"{HERE}:{line_of(Writing, 'state.vx[:]')}"
    assert "the parameter 'rate'" in only(WritingParameters(), "handed").what
    assert "the bodies' radius" in only(WritingBodies(), "handed").what


def test_clips_that_disturb_each_other():
    assert "runs beside others" in only(Mixing(), "together").what


def test_parameters_that_move_nothing():
    drag, lift = sorted(found(Ignoring(), "parameters"), key=lambda finding: finding.what)
    assert (drag.severity, lift.severity) == ("note", "warning")
    assert "a gust" in drag.way_out
    assert "lift is never used" in lift.what


# starts


class BadStarts(Fall):
    def starts(self, clip):
        seen = clip.y[np.isfinite(clip.y)]
        return {"gravity": seen[2] - seen[1], "weight": 3.0}


class WrongStarts(Fall):
    def starts(self, clip):
        clip.y[:] = 0.0
        return {"gravity": [np.nan, 1.0, 2.0]}


def test_starts_from_odd_data():
    raised = only(BadStarts(), "exception")
    assert "IndexError" in raised.what
    assert raised.where == f"{HERE}:{line_of(BadStarts, 'seen[2]')}"
    assert "'weight', which is no parameter" in only(BadStarts(), "starts").what


def test_starts_of_wrong_shape_that_write():
    assert "starts changes the clip" in only(WrongStarts(), "handed").what
    assert any("the shape (3,)" in finding.what for finding in found(WrongStarts(), "starts"))


# what it is tried on


def test_clip_with_gaps_is_enough():
    times = np.linspace(0, 1, 11)
    y = np.column_stack([5 - 4.9 * times**2, np.zeros(11)])
    y[0, 0] = np.nan
    some, none = np.full(y.shape, 0.01), np.full(y.shape, np.nan)
    clip = Clip("clip", times, Bodies.make(2), y, y, none, none, none, none, some, some, some)
    before = clip.y.copy()
    assert check_law(Fall(), clip) == []
    assert np.array_equal(clip.y, before, equal_nan=True)


def test_wrong_use_is_refused():
    with pytest.raises(UsageError, match="needs the times"):
        check_law(Fall(), State.of(Bodies.make(1)))
    with pytest.raises(UsageError, match="no parameter 'g'"):
        check_law(Fall(), parameters={"g": 3.0})
    with pytest.raises(UsageError, match="needs the input 'push'"):
        check_law(Pushed(), inputs=Inputs.of([0.0], pull=[1.0]))


def test_errors_come_first():
    severities = [finding.severity for finding in check_law(WritingBodies() + Ignoring())]
    assert severities == sorted(severities, key=("error", "warning", "note").index)
    assert len(set(severities)) > 1


def test_what_a_law_returns_wrong_is_found_where_the_law_is_written(tmp_path):
    path = tmp_path / "crooked.py"
    path.write_text(
        "import sys\nimport numpy as np\nfrom kinescribe.dynamics import Law\n\n\nclass Crooked(Law):\n    name = 'crooked'\n\n"
        "    def acceleration(self, t, state, parameters, inputs):\n        return np.zeros(7), 0.0\n\n\n"
        "class Quits(Law):\n    name = 'quits'\n\n    def acceleration(self, t, state, parameters, inputs):\n        sys.exit(3)\n",
        encoding="utf-8",
    )
    (found,) = check_law(find_law(f"{path}:Crooked"))
    assert str(found).startswith("error: crooked.py:9: an acceleration has the shape (7,)")
    (found,) = check_law(find_law(f"{path}:Quits"))
    assert str(found).startswith("error: crooked.py:17: raises SystemExit: 3")
