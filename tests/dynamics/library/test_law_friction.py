"""coulomb-friction and rolling."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.dynamics import Bodies
from kinescribe.dynamics.library import ConstantAcceleration, CoulombFriction, Rolling

TIMES = np.arange(0.0, 2.0, 1 / 60)


def test_sliding_slows_down_evenly_and_stops_where_dry_friction_stops_it(run):
    made = run(CoulombFriction(), TIMES, parameters={"friction": 1.2}, substeps=4, x=0.0, y=0.0, vx=1.2, vy=-0.9)
    x, stop = made.component("x")[0, :, 0], 1.5 / 1.2
    sliding = TIMES - stop < -0.02
    np.testing.assert_allclose(x[sliding], 0.8 * (1.5 * TIMES - 0.6 * TIMES**2)[sliding], atol=1e-9)
    # the way it takes to stop is v²/(2·friction), whatever the steps
    assert x[-1] == pytest.approx(0.8 * 1.5**2 / 2.4, rel=1e-5)


def test_what_has_stopped_stays_and_never_turns_round(run):
    made = run(CoulombFriction(), TIMES, parameters={"friction": 1.2}, substeps=4, x=0.0, y=0.0, vx=1.5)
    vx = made.component("vx")[0, :, 0]
    assert (vx >= 0).all()
    assert (np.diff(vx) <= 0).all()
    assert np.ptp(made.component("x")[0, TIMES > 1.45, 0]) < 1e-9


@pytest.mark.parametrize("substeps", [2, 3, 8])
def test_steps_do_not_move_the_place_of_rest(run, substeps):
    made = run(CoulombFriction(), TIMES, parameters={"friction": 1.2}, substeps=substeps, x=0.0, y=0.0, vx=1.5)
    assert made.component("x")[0, -1, 0] == pytest.approx(1.5**2 / 2.4, rel=2e-4)


def test_without_friction_nothing_slows_down(run):
    made = run(CoulombFriction(), TIMES, parameters={"friction": 0.0}, x=[0.0, 0.0], y=0.0, vx=[1.5, 0.0])
    np.testing.assert_allclose(made.component("vx")[0, -1], [1.5, 0.0])


def test_a_slope_too_gentle_does_not_set_things_going(run):
    law = ConstantAcceleration() + CoulombFriction()
    made = run(law, TIMES, parameters={"ax": 0.5, "friction": 1.2}, substeps=4, x=0.0, y=0.0)
    assert 0.0 <= made.component("vx")[0, -1, 0] < 1.2 * 0.02


def test_starts_of_friction_do_not_mind_what_has_stopped(run, seen):
    made = run(
        CoulombFriction(), TIMES, parameters={"friction": 1.2}, substeps=4, x=[0.0, 1.0], y=[0.0, 0.0], vx=[1.5, -0.3], vy=[0.5, 0.8]
    )
    assert CoulombFriction().starts(seen(made, TIMES, noise=0.002, missing=0.1))["friction"] == pytest.approx(1.2, rel=0.1)


def test_a_disc_rolls_down_and_turns_with_its_way(run):
    made = run(Rolling(), TIMES, bodies=Bodies.make(1, radius=0.2), parameters={"gravity": 9.8, "slope": -0.3}, x=0.0, y=1.0, angle=0.5)
    along = 9.8 * np.sin(0.3) / 1.5 * TIMES**2 / 2
    np.testing.assert_allclose(made.component("x")[0, :, 0], along * np.cos(0.3), atol=1e-12)
    np.testing.assert_allclose(made.component("y")[0, :, 0], 1.0 - along * np.sin(0.3), atol=1e-12)
    np.testing.assert_allclose(made.component("angle")[0, :, 0], 0.5 - along / 0.2, atol=1e-12)


def test_a_start_that_would_slip_is_brought_to_roll(run):
    made = run(Rolling(), TIMES[:2], bodies=Bodies.make(1, radius=0.2), parameters={"slope": 0.0}, x=0.0, y=0.0, vx=1.0, vy=3.0)
    np.testing.assert_allclose(made.data[3:, 0, 0, 0], [1.0, 0.0, -5.0])


def test_starts_of_rolling(run, seen):
    made = run(Rolling(), TIMES, bodies=Bodies.make(1, radius=0.2), parameters={"gravity": 9.8, "slope": 0.3}, x=0.0, y=1.0, vx=2.0)
    found = Rolling().starts(seen(made, TIMES, noise=0.003, missing=0.1))
    assert found["slope"] == pytest.approx(0.3, abs=0.01)
    assert found["gravity"] == pytest.approx(9.8, rel=0.05)


def test_a_level_surface_says_nothing_about_gravity(run, seen):
    made = run(Rolling(), TIMES, parameters={"slope": 0.0}, x=0.0, y=1.0, vx=2.0)
    assert set(Rolling().starts(seen(made, TIMES))) == {"slope"}
