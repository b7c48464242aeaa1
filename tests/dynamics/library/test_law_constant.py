"""rest, uniform-motion, constant-acceleration and free-fall."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.dynamics.library import ConstantAcceleration, Floor, FreeFall, Rest, UniformMotion

TIMES = np.arange(0.0, 1.5, 1 / 30)


def test_what_rests_stays_whatever_velocity_it_is_given(run):
    made = run(Rest(), TIMES, x=1.0, y=2.0, vx=3.0, vy=-1.0, angle=0.5, angular_velocity=2.0)
    np.testing.assert_array_equal(made.data[:, 0, -1, 0], [1.0, 2.0, 0.5, 0.0, 0.0, 0.0])
    assert Rest().constrained(made.bodies) == 2


def test_uniform_motion_is_a_straight_line(run):
    made = run(UniformMotion(), TIMES, x=[0.0, 1.0], y=[2.0, 0.0], vx=[3.0, -1.0], vy=[-1.0, 0.0])
    np.testing.assert_allclose(made.component("x")[0], np.array([0.0, 1.0]) + np.array([3.0, -1.0]) * TIMES[:, None], atol=1e-12)
    np.testing.assert_allclose(made.component("y")[0, :, 0], 2.0 - TIMES, atol=1e-12)


def test_constant_acceleration_is_a_parabola(run):
    made = run(ConstantAcceleration(), TIMES, parameters={"ax": 0.5, "ay": -3.0}, x=1.0, y=2.0, vx=3.0, vy=1.0)
    np.testing.assert_allclose(made.component("x")[0, :, 0], 1.0 + 3.0 * TIMES + 0.25 * TIMES**2, rtol=1e-12)
    np.testing.assert_allclose(made.component("y")[0, :, 0], 2.0 + TIMES - 1.5 * TIMES**2, atol=1e-12)


def test_starts_of_a_constant_acceleration(run, seen):
    made = run(ConstantAcceleration(), TIMES, parameters={"ax": 0.5, "ay": -3.0}, x=[1.0, 0.0], y=[2.0, 0.0], vx=[3.0, 0.0])
    found = ConstantAcceleration().starts(seen(made, TIMES, noise=0.005, missing=0.2))
    assert found["ax"] == pytest.approx(0.5, abs=0.05)
    assert found["ay"] == pytest.approx(-3.0, abs=0.05)


def test_gravity_is_told_from_between_bounces(run, seen):
    law = FreeFall() + Floor()
    made = run(law, TIMES, parameters={"gravity": 9.8, "floor": 0.0, "restitution": 0.8}, x=0.0, y=1.0, vx=1.0)
    assert len(made.impacts) >= 2
    for impacts in (True, False):
        clip = seen(made, TIMES, noise=0.003, missing=0.1, impacts=impacts)
        assert FreeFall().starts(clip)["gravity"] == pytest.approx(9.8, rel=0.03)


def test_what_rises_has_no_gravity(run, seen):
    made = run(ConstantAcceleration(), TIMES, parameters={"ay": 3.0}, x=0.0, y=0.0)
    assert FreeFall().starts(seen(made, TIMES, noise=0.001))["gravity"] == 0.0


def test_three_frames_and_one_say_nothing_that_is_no_number(run, seen):
    times = TIMES[:3]
    made = run(FreeFall(), times, x=0.0, y=1.0)
    assert FreeFall().starts(seen(made, times)) == {}
    assert FreeFall().starts(seen(made, times).first(1)) == {}


def test_a_ball_that_comes_to_rest_still_tells_the_gravity_of_its_bounces(run, seen):
    law, times = FreeFall() + Floor(), np.arange(0.0, 5.0, 1 / 30)
    made = run(law, times, parameters={"gravity": 9.8, "floor": 0.0, "restitution": 0.5}, x=0.0, y=1.0, vx=0.3)
    assert made.component("y")[0, times > 2.5].std() < 1e-3
    for impacts in (True, False):
        clip = seen(made, times, noise=0.002, missing=0.1, impacts=impacts)
        assert FreeFall().starts(clip)["gravity"] == pytest.approx(9.8, rel=0.1)
