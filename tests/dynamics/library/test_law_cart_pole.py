"""cart-pole and cart-pole-continuous."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from kinescribe.dynamics import Bodies, Inputs
from kinescribe.dynamics.fitting import fit_law
from kinescribe.dynamics.library import CartPole, CartPoleContinuous
from kinescribe.dynamics.parameters import Values

STEPS = 50
TIMES = np.arange(STEPS) * 0.02
PUSH = np.random.default_rng(4).choice([-1.0, 1.0], STEPS)
INPUTS = Inputs.of(TIMES, push=PUSH)


def bodies(*names):
    made = Bodies.make(2, radius=0.1, names=names)
    made.width[names.index("pole")] = 1.0
    return made


def euler(x, v, theta, rate, length=0.5):
    """x and θ of CartPole-v1 at each step, from its published equations with its constants."""
    out = []
    for push in PUSH:
        out.append((x, theta))
        c, s = math.cos(theta), math.sin(theta)
        temp = (10.0 * push + 0.1 * length * rate**2 * s) / 1.1
        turning = (9.8 * s - c * temp) / (length * (4.0 / 3.0 - 0.1 * c**2 / 1.1))
        pushed = temp - 0.1 * length * turning * c / 1.1
        x, v, theta, rate = x + 0.02 * v, v + 0.02 * pushed, theta + 0.02 * rate, rate + 0.02 * turning
    return np.array(out).T


@pytest.mark.parametrize("names", [("cart", "pole"), ("pole", "cart")])
def test_it_steps_as_gymnasium_does_whichever_object_is_the_cart(run, names):
    cart, pole = names.index("cart"), names.index("pole")
    start = {"angle": np.zeros(2), "angular_velocity": np.zeros(2), "vx": np.zeros(2), "x": np.zeros(2), "y": np.zeros(2)}
    start["angle"][pole], start["angular_velocity"][pole] = math.pi / 2 - 0.03, -0.02
    start["x"][cart], start["vx"][cart] = 0.04, 0.01
    made = run(CartPole(), TIMES, bodies=bodies(*names), inputs=INPUTS, parameters={"rise": 0.1, "overhang": 0.1}, **start)
    x, theta = euler(0.04, 0.01, 0.03, 0.02)
    np.testing.assert_allclose(made.component("x")[0, :, cart], x, atol=1e-12)
    np.testing.assert_allclose(made.component("angle")[0, :, pole], math.pi / 2 - theta, atol=1e-12)
    np.testing.assert_allclose(made.component("x")[0, :, pole], x + 0.4 * np.sin(theta), atol=1e-12)
    np.testing.assert_allclose(made.component("y")[0, :, pole], 0.1 + 0.4 * np.cos(theta), atol=1e-12)


def test_a_longer_pole_falls_more_slowly(run):
    start = {"x": [0.0, 0.0], "angle": [0.0, math.pi / 2 - 0.05]}
    made = run(CartPole(), TIMES, bodies=bodies("cart", "pole"), inputs=INPUTS, parameters={"length": 1.0}, **start)
    np.testing.assert_allclose(math.pi / 2 - made.component("angle")[0, :, 1], euler(0.0, 0.0, 0.05, 0.0, length=1.0)[1], atol=1e-12)


def test_frames_may_fall_between_its_steps(run):
    times = np.array([0.0, 0.03, 0.04])
    made = run(CartPole(), times, bodies=bodies("cart", "pole"), inputs=INPUTS, x=[0.0, 0.0], vx=[1.0, 0.0], angle=[0.0, math.pi / 2])
    x = made.component("x")[0, :, 0]
    full = run(CartPole(), TIMES[:3], bodies=bodies("cart", "pole"), inputs=INPUTS, x=[0.0, 0.0], vx=[1.0, 0.0], angle=[0.0, math.pi / 2])
    assert x[2] == full.component("x")[0, 2, 0]
    assert x[1] == pytest.approx(np.mean(full.component("x")[0, 1:, 0]), abs=1e-12)


def test_in_continuous_time_it_follows_lagranges_equations(run):
    """Of a cart of mass 1 and a uniform rod of mass 0.2 and length 1.2, solved from their mass matrix."""

    def rates(t, s):
        _, v, theta, rate = s
        push = 10.0 * PUSH[min(int(t / 0.02 + 1e-9), STEPS - 1)]
        c, s_ = math.cos(theta), math.sin(theta)
        matrix = [[1.2, 0.12 * c], [0.12 * c, 0.2 * 0.6**2 * 4 / 3]]
        a, turning = np.linalg.solve(matrix, [push + 0.12 * rate**2 * s_, 0.2 * 9.8 * 0.6 * s_])
        return [v, a, rate, turning]

    state, expected = np.array([0.0, 0.1, 0.2, 0.0]), [[0.0, 0.2]]
    for k in range(STEPS - 1):
        state = solve_ivp(rates, (TIMES[k], TIMES[k + 1] - 1e-10), state, "DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
        expected.append([state[0], state[2]])
    made = run(
        CartPoleContinuous(), TIMES, bodies=bodies("cart", "pole"), inputs=INPUTS, substeps=2, parameters={"mass_pole": 0.2, "length": 0.6},
        x=[0.0, 0.0], vx=[0.1, 0.0], angle=[0.0, math.pi / 2 - 0.2],
    )  # fmt: skip
    found = np.column_stack([made.component("x")[0, :, 0], math.pi / 2 - made.component("angle")[0, :, 1]])
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("law", [CartPole(), CartPoleContinuous()])
@pytest.mark.parametrize("scale", [1.0, 125.0])
def test_starts_find_the_scale_and_the_poles_place(run, seen, law, scale):
    size = bodies("cart", "pole")
    size.width[1] *= scale
    values = {"force": 10.0, "gravity": 9.8, "length": 0.5, "rise": 0.1, "overhang": 0.05}
    made = run(
        law, TIMES, bodies=size, inputs=INPUTS, parameters={name: scale * value for name, value in values.items()},
        x=[0.0, 0.0], vx=[0.1 * scale, 0.0], angle=[0.0, math.pi / 2 - 0.02],
    )  # fmt: skip
    found = law.starts(seen(made, TIMES, noise=0.001 * scale, angle_noise=0.003, missing=0.05, inputs=INPUTS))
    for name, value in values.items():
        assert found[name] == pytest.approx(scale * value, rel=0.1, abs=0.01 * scale), name
    assert found["upright"] == pytest.approx(math.pi / 2)
    assert found["mass_pole"] == pytest.approx(0.1, rel=0.5)


@pytest.mark.parametrize("turns", [-1, 1, 2])
def test_a_rods_angle_may_be_told_upside_down(run, seen, turns):
    made = run(CartPole(), TIMES, bodies=bodies("cart", "pole"), inputs=INPUTS, x=[0.0, 0.0], angle=[0.0, math.pi / 2 - 0.02])
    clip = seen(made, TIMES, angle_noise=0.001, inputs=INPUTS)
    truth = clip.angle.copy()
    clip.angle[:, 1] += turns * math.pi
    clip.angle[3, 1] = math.nan
    read = CartPole().read(clip)
    np.testing.assert_allclose(np.delete(read.angle, 3, axis=0), np.delete(truth, 3, axis=0), atol=1e-12)
    found = CartPole().starts(read)
    assert found["upright"] == pytest.approx(math.pi / 2)
    assert found["length"] - found["overhang"] == pytest.approx(0.5, rel=0.02)


def test_clips_whose_poles_are_told_upside_down_are_fitted_together(run, seen):
    clips = []
    for k, lean in enumerate((0.03, -0.04, 0.02)):
        made = run(CartPole(), TIMES, bodies=bodies("cart", "pole"), inputs=INPUTS, x=[0.0, 0.0], angle=[0.0, math.pi / 2 - lean])
        clip = seen(made, TIMES, noise=1e-3, angle_noise=1e-3, inputs=INPUTS)
        clip.angle[:, 1] -= k * math.pi
        clips.append(clip)
    found = fit_law(CartPole(), clips)
    assert found.scale < 1.5
    assert found.estimates["upright"].value == pytest.approx(math.pi / 2, abs=2e-3)
    assert found.estimates["gravity"].value / found.estimates["length"].value == pytest.approx(9.8 / 0.5, rel=0.05)


def test_a_longer_pole_is_stretched_from_its_hinge_and_what_overhangs_stays(run):
    start = {"x": [0.0, 0.0], "angle": [0.0, math.pi / 2 - 0.3], "inputs": INPUTS}
    before = run(CartPole(), TIMES, bodies=bodies("cart", "pole"), parameters={"overhang": 0.1}, **start)
    after = run(CartPole(), TIMES, bodies=bodies("cart", "pole"), parameters={"overhang": 0.1, "length": 1.0}, **start)
    reach = [float(np.hypot(made.data[0, 0, 0, 1], made.data[1, 0, 0, 1])) for made in (before, after)]
    assert reach == pytest.approx([0.4, 0.9])


@pytest.mark.parametrize(("width", "height", "expected"), [(1.0, 0.1, (2.0, 0.1)), (0.1, 1.0, (0.1, 2.0))])
def test_twice_the_length_is_seen_twice_as_long_and_as_broad_as_before(width, height, expected):
    made = bodies("cart", "pole")
    made.width[1], made.height[1] = width, height
    before, after = (Values({"length": np.array([[value]])}) for value in (0.5, 1.0))
    widths, heights = CartPole().sizes(made, before, after)
    assert (widths[0, 1], heights[0, 1]) == pytest.approx(expected)
    assert (widths[0, 0], heights[0, 0]) == (made.width[0], made.height[0])
