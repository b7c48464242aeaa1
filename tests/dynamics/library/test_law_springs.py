"""anchored-spring, damped-spring, pair-spring and spring-chain."""

from __future__ import annotations

import numpy as np
import pytest

from kinescribe.dynamics import Bodies
from kinescribe.dynamics.library import AnchoredSpring, DampedSpring, FreeFall, PairSpring, SpringChain

TIMES = np.arange(0.0, 2.0, 1 / 30)
PLACE = {"anchor_x": 0.3, "anchor_y": -0.2}


def test_an_anchored_spring_swings_as_a_sine(run):
    made = run(AnchoredSpring(), TIMES, parameters={"stiffness": 30.0, **PLACE}, substeps=8, x=1.0, y=0.4, vx=0.5, vy=-1.0)
    w = np.sqrt(30.0)
    np.testing.assert_allclose(made.component("x")[0, :, 0], 0.3 + 0.7 * np.cos(w * TIMES) + 0.5 / w * np.sin(w * TIMES), atol=1e-6)
    np.testing.assert_allclose(made.component("y")[0, :, 0], -0.2 + 0.6 * np.cos(w * TIMES) - 1.0 / w * np.sin(w * TIMES), atol=1e-6)


def test_a_damped_spring_dies_away(run):
    made = run(DampedSpring(), TIMES, parameters={"stiffness": 30.0, "damping": 1.6, **PLACE}, substeps=8, x=1.0, y=-0.2)
    w = np.sqrt(30.0 - 0.64)
    expected = 0.3 + 0.7 * np.exp(-0.8 * TIMES) * (np.cos(w * TIMES) + 0.8 / w * np.sin(w * TIMES))
    np.testing.assert_allclose(made.component("x")[0, :, 0], expected, atol=1e-6)


def test_a_spring_with_a_rest_length_follows_the_reference(run, integrated):
    def force(x, y, vx, vy):
        d = np.hypot(x - 0.3, y + 0.2)
        return tuple(-30.0 * (d - 0.8) * (r / d) - 0.5 * v for r, v in ((x - 0.3, vx), (y + 0.2, vy)))

    values = {"stiffness": 30.0, "rest_length": 0.8, "damping": 0.5, **PLACE}
    made = run(DampedSpring(), TIMES, parameters=values, substeps=16, x=1.5, y=-0.4, vx=0.5, vy=-1.0)
    expected = integrated(force, TIMES, (1.5, -0.4, 0.5, -1.0))
    np.testing.assert_allclose(made.data[:2, 0, :, 0].T, expected, atol=1e-6)


def test_an_object_on_the_anchor_itself_is_left_there(run):
    made = run(AnchoredSpring(), TIMES, parameters={"rest_length": 0.5}, x=0.0, y=0.0)
    assert (made.data == 0).all()


@pytest.mark.parametrize(("noise", "bound"), [(0.0, 1e-3), (0.01, 0.01), (0.05, 0.05)])
def test_starts_of_springs(run, seen, noise, bound):
    values = {"stiffness": 30.0, "damping": 0.8, **PLACE}
    clip = seen(run(DampedSpring(), TIMES, parameters=values, substeps=4, x=1.0, y=0.4, vy=-1.0), TIMES, noise=noise, missing=0.1)
    found = DampedSpring().starts(clip)
    assert found["stiffness"] == pytest.approx(30.0, rel=bound)
    assert found["damping"] == pytest.approx(0.8, rel=5 * bound)
    assert (found["anchor_x"], found["anchor_y"]) == pytest.approx((0.3, -0.2), abs=bound)
    assert AnchoredSpring().starts(clip)["stiffness"] == pytest.approx(30.0, rel=bound)


def test_starts_from_less_than_a_period(run, seen):
    made = run(AnchoredSpring(), TIMES, parameters={"stiffness": 1.5, **PLACE}, x=1.0, y=0.4, vx=0.5, vy=-1.0)
    found = AnchoredSpring().starts(seen(made, TIMES, noise=0.003, missing=0.1))
    assert found["stiffness"] == pytest.approx(1.5, rel=0.15)
    assert found["anchor_x"] == pytest.approx(0.3, abs=0.1)


def test_many_periods_are_counted_right(run, seen):
    times = np.arange(0.0, 30.0, 1 / 30)
    made = run(AnchoredSpring(), times, parameters={"stiffness": 160.0}, substeps=8, x=0.1, y=0.0)
    found = AnchoredSpring().starts(seen(made, times, noise=0.02, missing=0.3))
    # the phase over sixty periods is right to a tenth of one
    assert np.sqrt(found["stiffness"]) == pytest.approx(np.sqrt(160.0), rel=0.1 / 60)


def test_a_rest_length_that_is_known_moves_the_anchor(run, seen):
    values = {"stiffness": 30.0, "rest_length": 1.0, **PLACE}
    clip = seen(run(FreeFall() + AnchoredSpring(), TIMES, parameters={**values, "gravity": 0.0}, substeps=4, x=1.5, y=-0.4, vy=-1.0), TIMES)
    found = AnchoredSpring(rest_length=1.0).starts(clip)
    assert (found["anchor_x"], found["anchor_y"]) == pytest.approx((0.3, -0.2), abs=0.2)
    assert found["stiffness"] == pytest.approx(30.0, rel=0.5)


def test_two_objects_on_a_spring_swing_at_the_reduced_mass(run):
    made = run(
        PairSpring(), TIMES, parameters={"stiffness": 12.0, "rest_length": 1.0, "mass": [1.0, 3.0]}, substeps=8, x=[0.0, 1.4], y=[0.0, 0.0]
    )
    w = np.sqrt(12.0 / 0.75)
    np.testing.assert_allclose(np.diff(made.component("x")[0])[:, 0], 1.0 + 0.4 * np.cos(w * TIMES), atol=1e-6)
    np.testing.assert_allclose(made.component("vx")[0] @ [1.0, 3.0], 0.0, atol=1e-10)


def test_damping_between_objects_keeps_momentum_and_takes_energy(run):
    values = {"stiffness": 12.0, "rest_length": 1.0, "damping": 0.8, "mass": [1.0, 2.0, 3.0]}
    made = run(PairSpring(), TIMES, parameters=values, substeps=8, x=[0.0, 1.4, 0.5], y=[0.0, 0.0, 1.0], vx=[0.5, 0.0, 0.0])
    np.testing.assert_allclose(made.component("vx")[0] @ [1.0, 2.0, 3.0], 0.5, atol=1e-9)
    np.testing.assert_allclose(made.component("vy")[0] @ [1.0, 2.0, 3.0], 0.0, atol=1e-9)
    opening = np.diff(made.component("x")[0, :, :2])[:, 0]
    assert np.ptp(opening[-15:]) < np.ptp(opening[:15])


def test_a_chain_joins_neighbours_alone(run):
    start = {"x": [0.0, 1.0, 2.5], "y": [0.0, 0.0, 0.0]}
    values = {"stiffness": 10.0, "rest_length": 1.0}
    chain = run(SpringChain(), TIMES[:2], parameters=values, **start)
    pairs = run(PairSpring(), TIMES[:2], parameters=values, **start)
    # the first two are at rest length: in the chain nothing pulls the first yet
    assert abs(chain.component("vx")[0, 1, 0]) < 0.02
    assert pairs.component("vx")[0, 1, 0] > 0.3


@pytest.mark.parametrize("law", [PairSpring(), SpringChain()])
def test_starts_of_springs_between_objects(run, seen, law):
    values = {"stiffness": 20.0, "rest_length": 0.8, "damping": 0.3}
    made = run(
        law, TIMES, bodies=Bodies.make(3, radius=0.01), parameters=values, substeps=4, x=[0, 1.0, 0.5], y=[0, 0.1, 1.0], vx=[0.3, -0.4, 0]
    )
    found = law.starts(seen(made, TIMES, noise=0.003, missing=0.02))
    assert found["stiffness"] == pytest.approx(20.0, rel=0.2)
    assert found["rest_length"] == pytest.approx(0.8, rel=0.05)
    assert found["damping"] == pytest.approx(0.3, abs=0.2)
