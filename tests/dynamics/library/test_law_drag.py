"""linear-drag, quadratic-drag and buoyancy."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.dynamics import Bodies
from kinescribe.dynamics.library import Buoyancy, FreeFall, LinearDrag, QuadraticDrag

TIMES = np.arange(0.0, 2.0, 1 / 30)


def test_linear_drag_follows_its_closed_form(run):
    made = run(LinearDrag(), TIMES, parameters={"drag": 1.5}, substeps=4, x=1.0, y=0.0, vx=2.0, vy=-1.0)
    way = (1.0 - np.exp(-1.5 * TIMES)) / 1.5
    np.testing.assert_allclose(made.component("x")[0, :, 0], 1.0 + 2.0 * way, rtol=1e-8)
    np.testing.assert_allclose(made.component("y")[0, :, 0], -way, atol=1e-8)


def test_quadratic_drag_follows_its_closed_form_and_points_against_the_motion(run):
    made = run(QuadraticDrag(), TIMES, parameters={"drag": 0.4}, substeps=4, x=0.0, y=0.0, vx=3.0, vy=4.0)
    way = np.log(1.0 + 0.4 * 5.0 * TIMES) / 0.4
    np.testing.assert_allclose(made.component("x")[0, :, 0], 0.6 * way, rtol=1e-6)
    np.testing.assert_allclose(made.component("y")[0, :, 0], 0.8 * way, rtol=1e-6)


def test_what_falls_through_air_reaches_its_final_speed(run):
    made = run(FreeFall() + QuadraticDrag(), np.arange(0.0, 6.0, 0.05), parameters={"gravity": 9.8, "drag": 0.2}, substeps=4, x=0.0, y=0.0)
    assert made.component("vy")[0, -1, 0] == pytest.approx(-np.sqrt(9.8 / 0.2), rel=1e-6)


def test_drag_is_told_beside_gravity(run, seen):
    for law, drag in ((LinearDrag(), 1.5), (QuadraticDrag(), 0.3)):
        made = run(FreeFall() + law, TIMES, parameters={"gravity": 9.8, "drag": drag}, substeps=4, x=0.0, y=0.0, vx=6.0, vy=4.0)
        assert law.starts(seen(made, TIMES, noise=0.003, missing=0.1))["drag"] == pytest.approx(drag, rel=0.1)


def test_what_speeds_up_has_no_drag(run, seen):
    clip = seen(run(LinearDrag(), TIMES, parameters={"drag": -0.5}, x=0.0, y=0.0, vx=1.0, vy=1.0), TIMES)
    assert LinearDrag().starts(clip)["drag"] == 0.0


def test_lift_grows_with_the_part_that_is_submerged(run):
    bodies = Bodies.make(5, radius=0.5)
    made = run(
        Buoyancy(),
        np.array([0.0, 1e-3]),
        bodies=bodies,
        parameters={"lift": 10.0, "surface": 1.0},
        x=np.zeros(5),
        y=[2.0, 1.5, 1.0, 0.5, -3.0],
    )
    np.testing.assert_allclose(made.component("vy")[0, -1] / 1e-3, [0.0, 0.0, 5.0, 10.0, 10.0], atol=2e-3)


def test_a_float_bobs_about_the_height_at_which_lift_is_gravity(run, integrated):
    law, values = FreeFall() + Buoyancy(), {"gravity": 8.0, "lift": 16.0, "surface": 0.3}
    bodies = Bodies.make(1, radius=0.4)
    made = run(law, TIMES, bodies=bodies, parameters=values, substeps=8, x=0.0, y=0.5)

    def segment(_x, y, _vx, _vy):
        depth = np.clip((0.3 - y) / 0.4, -1, 1)
        return 0.0, -8.0 + 16.0 * (np.arccos(-depth) + depth * np.sqrt(1 - depth**2)) / np.pi

    np.testing.assert_allclose(made.component("y")[0, :, 0], integrated(segment, TIMES, (0.0, 0.5, 0.0, 0.0))[:, 1], atol=1e-6)


def test_starts_of_buoyancy_find_the_surface(run, seen):
    made = run(
        FreeFall() + Buoyancy(), TIMES, bodies=Bodies.make(1, radius=0.1), substeps=4, x=0.0, y=0.7,
        parameters={"gravity": 9.8, "lift": 16.0, "surface": 0.3},
    )  # fmt: skip
    found = Buoyancy().starts(seen(made, TIMES, noise=0.002, missing=0.1))
    assert found["surface"] == pytest.approx(0.3, abs=0.1)
    assert found["lift"] == pytest.approx(16.0, rel=0.2)
