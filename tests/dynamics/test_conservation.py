"""Energy and momentum: kept, lost at contacts, lost to drag; as computed, and as seen through noise."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kinescribe.dynamics import Bodies, Clip, Contacts, Discs, Impact, Law, Parameter, Rollout, Schedule, State, Values, Wall, simulate
from kinescribe.dynamics.conservation import Conservation, Fact, conservation
from kinescribe.errors import UsageError

TIMES = np.arange(0.0, 3.0, 1 / 30)
SIGMA = 5e-4


class Bouncing(Law):
    gravity = Parameter(9.8, (0, 100), "length/time^2")
    restitution = Parameter(0.9, (0, 1))
    mass = Parameter(1.0, (0.1, 9), "mass", per="object")

    def acceleration(self, t, state, parameters, inputs):
        return 0.0, -parameters.gravity

    def contacts(self, bodies, parameters):
        return Contacts([Wall("floor", 0.0, 1.0, 0.0, parameters.restitution)], Discs(parameters.restitution))

    def potential(self, state, parameters):
        return parameters.gravity * state.y


class Drag(Law):
    drag = Parameter(0.3, (0, 9), "1/time")

    def acceleration(self, t, state, parameters, inputs):
        return -parameters.drag * state.vx, -parameters.drag * state.vy


class Spring(Law):
    array_library = "torch"
    stiffness = Parameter(4.0, (0, 50), "1/time^2")

    def acceleration(self, t, state, parameters, inputs):
        return -parameters.stiffness * state.x, -parameters.stiffness * state.y

    def potential(self, state, parameters):
        return 0.5 * parameters.stiffness * (state.x**2 + state.y**2)


def run(law: Law, bodies: Bodies, parameters: dict[str, Any] | None = None, **state: Any) -> tuple[Rollout, dict[str, Any]]:
    """A rollout, and the values that it ran with."""
    n = len(bodies)
    given = {name: np.full((1, n if one.per == "object" else 1), one.start) for name, one in law.parameters.items()}
    given.update({name: np.full(given[name].shape, value) for name, value in (parameters or {}).items()})
    return simulate(law, Values(given), State.of(bodies, **state), Schedule.of([TIMES])), given


def seen(rollout: Rollout, sigma: float = SIGMA, gaps: bool = False, seed: int = 0) -> Clip:
    """What a camera would see of it."""
    rng = np.random.default_rng(seed)
    x, y = rollout.component("x")[0], rollout.component("y")[0]
    noisy = [values + sigma * rng.normal(size=values.shape) for values in (x, y)]
    if gaps:
        for values in noisy:
            values[10:13] = np.nan
    some, none = np.full(x.shape, sigma), np.full(x.shape, np.nan)
    impacts = tuple(rollout.impacts_of(0))
    return Clip("clip", TIMES, rollout.bodies, *noisy, none, none, none, none, some, some, some, impacts)


def fact(report: Conservation, quantity: str, where: str) -> Fact:
    (one,) = (one for one in report.facts if one.quantity == quantity and where in one.where)
    assert one.text in report.text()
    assert "\n" not in one.text
    return one


BALL = Bodies.make(1, radius=0.1)
DROPPED = {"y": [[1.5]], "vx": [[0.5]]}
PUCKS = Bodies.make(2, radius=np.array([0.1, 0.12]))
MEETING = {"x": [[0.0, 1.0]], "y": [[1.0, 1.05]], "vx": [[0.8, -0.2]]}


def test_bouncing_ball_as_computed():
    rollout, values = run(Bouncing(), BALL, **DROPPED)
    report = conservation(Bouncing(), values, rollout, times=TIMES)
    assert fact(report, "energy", "between").conserved
    assert fact(report, "momentum x", "between").conserved
    # along the floor nothing is lost; of the speed across it a tenth
    bounces = fact(report, "energy", "with floor")
    assert bounces.conserved is False
    share = [2 * 9.8 * 1.4 * 0.81**k for k in range(len(bounces.changes))]
    assert bounces.changes == pytest.approx([-0.19 * one / (one + 0.25) for one in share], rel=1e-3)
    assert "loses 19 % at each contact" in bounces.text
    falling = fact(report, "momentum y", "between")
    assert falling.conserved is False
    assert "accelerated by -9.8" in falling.text
    assert not report.notes


def test_bouncing_ball_as_seen_and_with_gaps():
    rollout, values = run(Bouncing(), BALL, **DROPPED)
    for gaps in (False, True):
        report = conservation(Bouncing(), values, seen(rollout, gaps=gaps))
        assert fact(report, "energy", "between").conserved
        assert fact(report, "momentum x", "between").conserved
        bounces = fact(report, "energy", "with floor")
        assert bounces.conserved is False
        assert abs(bounces.change + 0.19) < 3 * bounces.sigma
        assert bounces.sigma < 0.02


def test_sigmas_cover_what_was_missed():
    rollout, values = run(Bouncing(), BALL, **DROPPED)
    off = []
    for seed in range(40):
        report = conservation(Bouncing(), values, seen(rollout, seed=seed))
        for one, truth in ((fact(report, "energy", "floor"), -0.1885), (fact(report, "energy", "between"), 0.0)):
            off.append((one.change - truth) / one.sigma)
    assert 0.5 < np.sqrt(np.mean(np.square(off))) < 1.3


def test_drag_takes_energy_between_contacts():
    law = Bouncing() + Drag()
    rollout, values = run(law, BALL, **DROPPED)
    computed = fact(conservation(law, values, rollout, times=TIMES), "energy", "between")
    noticed = fact(conservation(law, values, seen(rollout)), "energy", "between")
    assert computed.conserved is False
    assert "energy: not conserved between contacts: loses" in computed.text
    assert noticed.conserved is False
    assert noticed.change == pytest.approx(computed.change, rel=0.2)


def test_without_a_potential_it_speaks_of_kinetic_energy():
    rollout, _ = run(Bouncing(), BALL, **DROPPED)
    report = conservation(Drag(), {"drag": 0.0}, seen(rollout))
    assert fact(report, "kinetic energy", "between").conserved is False
    assert "no potential energy is known" in report.text()


@pytest.mark.parametrize("sigma", [None, SIGMA, 10 * SIGMA])
def test_what_ends_as_it_began_is_not_conserved_for_that(sigma):
    """A throw that comes back to its height has its kinetic energy again, and had another on the way."""
    rollout, values = run(Bouncing(), BALL, y=50.0, vx=1.0, vy=0.5 * 9.8 * TIMES[-1])
    motion = rollout if sigma is None else seen(rollout, sigma)
    report = conservation(Drag(), {"drag": 0.0}, motion, times=TIMES)
    kinetic = fact(report, "kinetic energy", "whole")
    assert kinetic.conserved is False
    assert "swings by" in kinetic.text
    assert fact(conservation(Bouncing(), values, motion, times=TIMES), "energy", "whole").conserved


def test_momentum_is_kept_across_contacts_of_objects():
    rollout, values = run(Bouncing(restitution=0.5), PUCKS, {"gravity": 0.0, "mass": [[1.0, 3.0]]}, **MEETING)
    assert len(rollout.impacts) == 1
    computed = conservation(Bouncing(), values, rollout, times=TIMES)
    for report in (computed, conservation(Bouncing(), values, seen(rollout))):
        assert fact(report, "momentum", "of objects").conserved
        assert fact(report, "energy", "of objects").conserved is False
        assert not report.notes
    # with masses that are not theirs momentum seems to change
    wrong = conservation(Bouncing(), {**values, "mass": np.array([[1.0, 1.0]])}, seen(rollout))
    assert fact(wrong, "momentum", "of objects").conserved is False
    unknown = conservation(None, None, seen(rollout))
    assert "masses are unknown and taken as equal" in unknown.notes
    assert fact(unknown, "momentum", "of objects").conserved is False


class BySize(Bouncing):
    def contacts(self, bodies, parameters):
        return Contacts((), Discs(parameters.restitution, masses=bodies.radius**2))


def test_masses_that_follow_from_sizes():
    law = BySize()
    rollout, values = run(law, PUCKS, {"gravity": 0.0}, **MEETING)
    report = conservation(law, values, rollout, times=TIMES)
    assert fact(report, "momentum", "of objects").conserved
    assert fact(report, "momentum x", "between").conserved
    assert report.balance.mass == pytest.approx(0.0244)


def test_changes_that_differ_are_told_as_a_range():
    rollout, values = run(Bouncing(), BALL, y=[[1.5]], vx=[[4.0]])
    bounces = fact(conservation(Bouncing(), values, rollout, times=TIMES), "energy", "floor")
    assert f"at its {len(bounces.changes)} contacts" in bounces.text
    assert "loses between" in bounces.text


def test_law_in_torch():
    rollout, values = run(Spring(), BALL, x=[[1.0]], vy=[[0.5]])
    report = conservation(Spring(), values, rollout, times=TIMES)
    assert fact(report, "energy", "whole time").conserved
    # as seen, though the path bends within a few frames
    assert fact(conservation(Spring(), values, seen(rollout)), "energy", "whole time").conserved


def test_rigid_world_knows_masses_and_spin():
    pytest.importorskip("Box2D")
    from kinescribe.dynamics.affordances import Affordances
    from kinescribe.dynamics.rigid import RigidWorld

    joint = {"kind": "revolute", "between": ["world", "object 1"], "anchor": [0, 5]}
    law = RigidWorld(Affordances.of({"joints": [joint]}), time_step=0.001)
    # a bob so large that a tenth of its energy is spin
    values = {name: np.full((1, 1), one.start) for name, one in law.parameters.items()}
    start = State.of(Bodies.make(1, radius=0.9), x=[[2 * np.sin(1.0)]], y=[[5 - 2 * np.cos(1.0)]])
    rollout = simulate(law, Values(values), start, Schedule.of([TIMES], time_step=law.time_step))
    report = conservation(law, values, rollout, times=TIMES)
    assert abs(fact(report, "energy", "whole time").change) < 0.01
    assert np.ptp(report.balance.energy) < 0.01 * report.balance.scale
    assert not report.notes


def test_too_little_to_tell():
    rollout, values = run(Bouncing(), BALL, **DROPPED)
    clip = seen(rollout)
    short = replace(clip, x=np.where(np.arange(len(TIMES))[:, None] % 30 < 2, clip.x, np.nan))
    report = conservation(Bouncing(), values, short)
    assert {one.conserved for one in report.facts if "energy" in one.quantity} == {None}
    assert "can't be told" in report.text()
    noisy = conservation(Bouncing(), values, seen(rollout, sigma=0.1))
    assert fact(noisy, "energy", "floor").conserved is None


def test_contact_with_something_unseen_and_without_sightings_after_it():
    rollout, values = run(Bouncing(), BALL, **DROPPED)
    clip = replace(seen(rollout), impacts=(Impact(TIMES[-1], (0,)),))
    report = conservation(Bouncing(), values, clip)
    assert "with something unseen: too few sightings" in fact(report, "energy", "unseen").text
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["facts"][-1]["change"] is None


def test_rollout_needs_its_times():
    rollout, values = run(Bouncing(), BALL, **DROPPED)
    with pytest.raises(UsageError, match="needs its times"):
        conservation(Bouncing(), values, rollout)
