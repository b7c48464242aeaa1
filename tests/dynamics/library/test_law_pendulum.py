"""pendulum and rod-pendulum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ellipk

from kinescribe.dynamics.library import Pendulum, RodPendulum

TIMES = np.arange(0.0, 2.5, 1 / 30)
HUNG = {"gravity": 9.8, "length": 0.6, "pivot_x": 0.1, "pivot_y": 0.7}
ROD = {"swing": 12.0, "damping": 0.2, "hanging": 1.6, "pivot_x": 0.1, "pivot_y": 0.7, "distance": 0.5}


def at(angle):
    return {"x": 0.1 + 0.6 * np.sin(angle), "y": 0.7 - 0.6 * np.cos(angle)}


def test_a_wide_swing_follows_the_reference_in_its_angle(run, integrated):
    # x and y of the reference are angle and 0
    def force(phi, _y, rate, _vy):
        return -9.8 / 0.6 * np.sin(phi) - 0.4 * rate, 0.0

    made = run(Pendulum(), TIMES, parameters={**HUNG, "damping": 0.4}, substeps=16, **at(2.5))
    phi = integrated(force, TIMES, (2.5, 0.0, 0.0, 0.0))[:, 0]
    np.testing.assert_allclose(made.component("x")[0, :, 0], 0.1 + 0.6 * np.sin(phi), atol=1e-6)
    np.testing.assert_allclose(made.component("y")[0, :, 0], 0.7 - 0.6 * np.cos(phi), atol=1e-6)


def test_the_period_grows_with_the_amplitude_as_the_elliptic_integral_says(run):
    amplitude = 2.0
    period = 4.0 * np.sqrt(0.6 / 9.8) * ellipk(np.sin(amplitude / 2) ** 2)
    made = run(Pendulum(), np.array([0.0, period]), parameters=HUNG, substeps=200, **at(amplitude))
    np.testing.assert_allclose(made.component("x")[0, 1, 0], at(amplitude)["x"], atol=1e-7)


def test_the_thread_keeps_its_length_even_over_coarse_steps(run):
    made = run(Pendulum(), TIMES, parameters=HUNG, x=0.8, y=0.9, vx=3.0, vy=-5.0)
    np.testing.assert_allclose(np.hypot(made.component("x") - 0.1, made.component("y") - 0.7), 0.6, rtol=1e-12)
    across = made.component("vx") * (made.component("x") - 0.1) + made.component("vy") * (made.component("y") - 0.7)
    np.testing.assert_allclose(across, 0.0, atol=1e-12)


@pytest.mark.parametrize(("amplitude", "bound"), [(0.5, 0.03), (1.2, 0.03), (2.4, 0.1)])
def test_starts_of_a_pendulum(run, seen, amplitude, bound):
    clip = seen(run(Pendulum(), TIMES, parameters={**HUNG, "damping": 0.1}, substeps=8, **at(amplitude)), TIMES, noise=0.003, missing=0.1)
    found = Pendulum().starts(clip)
    assert found["gravity"] / found["length"] == pytest.approx(9.8 / 0.6, rel=bound)
    assert found["length"] == pytest.approx(0.6, rel=0.05)
    assert (found["pivot_x"], found["pivot_y"]) == pytest.approx((0.1, 0.7), abs=0.04)
    assert found["damping"] == pytest.approx(0.1, abs=0.1)


def test_small_swings_tell_the_period_and_so_gravity_over_length(run, seen):
    made = run(Pendulum(), TIMES, parameters=HUNG, substeps=8, **at(0.08))
    found = Pendulum().starts(seen(made, TIMES, noise=0.002, missing=0.1))
    assert found["gravity"] / found["length"] == pytest.approx(9.8 / 0.6, rel=0.03)
    assert found["pivot_x"] == pytest.approx(0.1, abs=0.02)


def test_what_goes_round_is_a_pendulum_too(run, seen):
    made = run(Pendulum(), TIMES, parameters={**HUNG, "damping": 0.1}, substeps=8, x=0.1, y=0.1, vx=7.0)
    found = Pendulum().starts(seen(made, TIMES, noise=0.001, missing=0.05))
    assert found["damping"] == pytest.approx(0.1, abs=0.05)
    assert found["length"] == pytest.approx(0.6, rel=0.02)
    assert found["gravity"] == pytest.approx(9.8, rel=0.2)


def test_a_rod_swings_and_its_centroid_follows(run, integrated):
    def force(phi, _y, rate, _vy):
        return -12.0 * np.sin(phi) - 0.2 * rate, 0.0

    made = run(RodPendulum(), TIMES, parameters=ROD, substeps=8, angle=1.6 + 1.4, angular_velocity=2.0)
    phi = integrated(force, TIMES, (1.4, 0.0, 2.0, 0.0))[:, 0]
    np.testing.assert_allclose(made.component("angle")[0, :, 0], 1.6 + phi, atol=1e-6)
    np.testing.assert_allclose(made.component("x")[0, :, 0], 0.1 + 0.5 * np.sin(phi), atol=1e-6)
    np.testing.assert_allclose(made.component("y")[0, :, 0], 0.7 - 0.5 * np.cos(phi), atol=1e-6)


def test_a_rods_velocity_is_that_of_its_centroid(run):
    times = np.arange(0.0, 0.5, 1e-3)
    made = run(RodPendulum(), times, parameters=ROD, angle=2.6, angular_velocity=2.0)
    np.testing.assert_allclose(np.gradient(made.component("x")[0, :, 0], times)[1:-1], made.component("vx")[0, 1:-1, 0], atol=1e-4)
    np.testing.assert_allclose(np.gradient(made.component("y")[0, :, 0], times)[1:-1], made.component("vy")[0, 1:-1, 0], atol=1e-4)


def test_starts_of_a_rod(run, seen):
    made = run(RodPendulum(), TIMES, parameters=ROD, substeps=4, angle=2.6)
    found = RodPendulum().starts(seen(made, TIMES, noise=0.003, angle_noise=0.01, missing=0.1))
    assert found["swing"] == pytest.approx(12.0, rel=0.05)
    assert found["hanging"] == pytest.approx(1.6, abs=0.03)
    assert found["distance"] == pytest.approx(0.5, rel=0.03)
    assert (found["pivot_x"], found["pivot_y"]) == pytest.approx((0.1, 0.7), abs=0.03)


def test_a_rod_without_angles_says_nothing(run, seen):
    made = run(RodPendulum(), TIMES, parameters=ROD, angle=2.6)
    assert RodPendulum().starts(seen(made, TIMES)) == {}
