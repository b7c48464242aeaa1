"""inverse-square and circular-motion."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.dynamics.library import CircularMotion, InverseSquare

TIMES = np.arange(0.0, 2.0, 1 / 30)
TURNING = {"centre_x": 0.3, "centre_y": -0.2, "angular_speed": -4.0}


def test_two_masses_circle_their_common_centre(run):
    # attraction 6, masses 1 and 3, distance 2: angular speed √(6·4/8) = √3
    w = np.sqrt(3.0)
    made = run(
        InverseSquare(), TIMES, parameters={"attraction": 6.0, "mass": [1.0, 3.0]}, substeps=8,
        x=[-1.5, 0.5], y=[0.0, 0.0], vy=[-1.5 * w, 0.5 * w],
    )  # fmt: skip
    np.testing.assert_allclose(made.component("x")[0], np.cos(w * TIMES)[:, None] * [-1.5, 0.5], atol=1e-6)
    np.testing.assert_allclose(made.component("y")[0], np.sin(w * TIMES)[:, None] * [-1.5, 0.5], atol=1e-6)


def test_below_0_it_repels_and_momentum_is_kept(run):
    made = run(
        InverseSquare(), TIMES, parameters={"attraction": -1.0, "mass": [1.0, 2.0, 3.0]}, substeps=8, x=[0.0, 1.0, 0.4], y=[0.0, 0.1, 1.0]
    )
    assert made.component("x")[0, -1, 0] < -1.0
    np.testing.assert_allclose(made.component("vx")[0] @ [1.0, 2.0, 3.0], 0.0, atol=1e-9)


def test_an_ellipse_follows_the_reference(run, integrated):
    bound = run(
        InverseSquare(),
        TIMES,
        parameters={"attraction": 1.0, "mass": [1e-3, 1e3]},
        substeps=64,
        x=[10.0, 0.0],
        y=[0.0, 0.0],
        vy=[5.0, -5e-6],
    )
    apart = bound.data[:2, 0, :, 0] - bound.data[:2, 0, :, 1]
    total = 1000.001

    def force(x, y, _vx, _vy):
        return tuple(-total * r / np.hypot(x, y) ** 3 for r in (x, y))

    np.testing.assert_allclose(apart.T, integrated(force, TIMES, (10.0, 0.0, 0.0, 5.0 + 5e-6)), atol=1e-5)


def test_starts_of_the_attraction(run, seen):
    for attraction in (2.0, -2.0):
        made = run(InverseSquare(), TIMES, parameters={"attraction": attraction}, substeps=8, x=[0, 1.5], y=[0, 0.1], vy=[-0.8, 0.8])
        assert InverseSquare().starts(seen(made, TIMES, noise=0.003, missing=0.05))["attraction"] == pytest.approx(attraction, rel=0.15)


def test_turning_is_exact_however_long_the_steps(run):
    times = np.array([0.0, 0.4, 3.0, 3.1])
    made = run(CircularMotion(), times, parameters=TURNING, x=[1.3, 0.3], y=[-0.2, 0.8])
    angle = -4.0 * times[:, None] + [0.0, np.pi / 2]
    np.testing.assert_allclose(made.component("x")[0], 0.3 + np.cos(angle), atol=1e-12)
    np.testing.assert_allclose(made.component("y")[0], -0.2 + np.sin(angle), atol=1e-12)
    np.testing.assert_allclose(made.component("vx")[0], 4.0 * np.sin(angle), atol=1e-11)


@pytest.mark.parametrize("turns", [1.27, 0.2])
def test_starts_of_turning(run, seen, turns):
    times = np.linspace(0.0, turns * 2 * np.pi / 4, 40)
    made = run(CircularMotion(), times, parameters=TURNING, x=[1.3, 0.3], y=[-0.2, 1.8])
    found = CircularMotion().starts(seen(made, times, noise=0.003, missing=0.1))
    assert (found["centre_x"], found["centre_y"]) == pytest.approx((0.3, -0.2), abs=0.05)
    assert found["angular_speed"] == pytest.approx(-4.0, rel=0.05)
