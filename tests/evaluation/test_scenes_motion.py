import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinescribe.evaluation.scenes.collisions import Ball, simulate
from kinescribe.evaluation.scenes.paths import ballistic, oscillating, pendulum, reflecting, sliding_to_rest

PATHS = {
    "ballistic": ballistic((3.0, 4.0), (50.0, -20.0), (0.0, 90.0), angle=0.2, spin=1.5),
    "oscillating": oscillating((100.0, 50.0), (30.0, 5.0), 1.7, 0.4),
    "sliding": sliding_to_rest((10.0, 20.0), (90.0, 40.0), 0.0, 3.0),
    "reflecting": reflecting((20.0, 20.0), (30.0, 11.0), (0.0, 0.0), (100.0, 100.0)),
    "pendulum": pendulum((50.0, 0.0), 80.0, math.radians(140), 4.0),
}


@pytest.mark.parametrize("name", PATHS)
def test_velocities_are_the_positions_derivative(name: str) -> None:
    t, h = np.linspace(0.1, 2.4, 40), 1e-6
    before, at, after = (PATHS[name](t + step) for step in (-h, 0.0, h))
    np.testing.assert_allclose(at.velocities, (after.positions - before.positions) / (2 * h), atol=1e-4)
    np.testing.assert_allclose(at.angular_velocities, (after.angles - before.angles) / (2 * h), atol=1e-6)


@given(st.floats(0.05, 3.0), st.floats(0.5, 10))
def test_pendulum_keeps_its_energy_and_length(amplitude: float, frequency: float) -> None:
    motion = pendulum((7.0, 9.0), 60.0, amplitude, frequency)(np.linspace(0, 20, 200))
    theta = math.pi / 2 - motion.angles
    energy = motion.angular_velocities**2 / 2 - frequency**2 * np.cos(theta)
    np.testing.assert_allclose(energy, -(frequency**2) * math.cos(amplitude), atol=1e-8 * frequency**2)
    np.testing.assert_allclose(np.hypot(*(motion.positions - (7.0, 9.0)).T), 60.0)


def test_pendulum_starts_on_the_right_and_slows_with_its_amplitude() -> None:
    t = np.linspace(0, 4, 40001)
    crossings = t[1:][np.diff(np.sign(pendulum((0.0, 0.0), 1.0, math.pi / 2, 2 * math.pi)(t).positions[:, 0])) != 0]
    assert pendulum((0.0, 0.0), 1.0, 0.5, 1.0)(np.zeros(1)).positions[0, 0] > 0
    assert np.diff(crossings).mean() * 2 == pytest.approx(1.180340599, abs=2e-4)  # period at 90°, over that of small swings


def test_sliding_rests_before_and_after() -> None:
    motion = sliding_to_rest((0.0, 0.0), (10.0, 0.0), 1.0, 2.0)(np.array([0.0, 0.9, 1.5, 2.0, 5.0]))
    np.testing.assert_allclose(motion.positions[:, 0], [0, 0, 7.5, 10, 10])
    np.testing.assert_allclose(motion.velocities[:, 0], [0, 0, 10, 0, 0])


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_elastic_collisions_keep_energy_and_stay_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    starts = [(60.0, 80.0), (150.0, 90.0), (230.0, 60.0)]
    balls = [Ball(start, tuple(rng.uniform(-200, 200, 2)), float(rng.uniform(8, 25))) for start in starts]
    paths, _ = simulate(balls, 3.0, gravity=500.0, restitution=1.0, walls=(0.0, 300.0), floor=220.0)
    motions = [path(np.linspace(0, 3, 400)) for path in paths]
    masses = [ball.radius**2 for ball in balls]
    energy = sum(
        m * ((motion.velocities**2).sum(1) / 2 - 500.0 * motion.positions[:, 1]) for m, motion in zip(masses, motions, strict=True)
    )
    np.testing.assert_allclose(energy, energy[0], rtol=1e-9, atol=1e-6 * sum(masses) * 500 * 220)
    for ball, motion in zip(balls, motions, strict=True):
        assert (motion.positions[:, 1] + ball.radius).max() < 220 + 1e-6
        assert (motion.positions[:, 0] - ball.radius).min() > -1e-6
        assert (motion.positions[:, 0] + ball.radius).max() < 300 + 1e-6
    for i, j in ((0, 1), (0, 2), (1, 2)):
        distance = np.hypot(*(motions[i].positions - motions[j].positions).T)
        assert distance.min() > balls[i].radius + balls[j].radius - 1e-6


def test_head_on_equal_balls_swap_velocities_at_the_exact_time() -> None:
    paths, contacts = simulate([Ball((0.0, 0.0), (10.0, 0.0), 1.0), Ball((12.0, 0.0), (0.0, 0.0), 1.0)], 3.0)
    assert [(contact.time_s, contact.balls) for contact in contacts] == [(pytest.approx(1.0), (0, 1))]
    late = np.array([2.0])
    np.testing.assert_allclose([path(late).velocities[0] for path in paths], [[0, 0], [10, 0]], atol=1e-12)
    np.testing.assert_allclose([path(late).positions[0] for path in paths], [[10, 0], [22, 0]], atol=1e-12)


def test_bounces_lose_what_restitution_says_and_end_in_rest() -> None:
    (path,), contacts = simulate([Ball((0.0, 0.0), (0.0, 0.0), 5.0)], 12.0, gravity=1000.0, restitution=0.7, floor=105.0)
    first, second, third = (contact.time_s for contact in contacts[:3])
    assert first == pytest.approx(math.sqrt(0.2))
    assert (third - second) / (second - first) == pytest.approx(0.7)
    assert len(contacts) < 40
    still = path(np.array([10.0, 12.0]))
    np.testing.assert_allclose(still.positions[:, 1], 100.0, atol=1e-6)
    np.testing.assert_allclose(still.velocities, 0.0)


def test_a_resting_ball_wakes_when_it_is_hit() -> None:
    lying, falling = Ball((50.0, 90.0), (0.0, 0.1), 10.0), Ball((58.0, 20.0), (0.0, 0.0), 10.0)
    paths, _ = simulate([lying, falling], 1.0, gravity=800.0, restitution=0.9, floor=100.0)
    late = [path(np.array([1.0])) for path in paths]
    assert late[0].positions[0, 0] < 50 < 58 < late[1].positions[0, 0]
    assert late[0].positions[0, 1] < 90 + 1e-6


def test_piles_without_end_are_refused() -> None:
    stack = [Ball((50.0, 90.0 - 20.0 * i), (0.0, 0.0), 10.0) for i in range(3)]
    with pytest.raises(ValueError, match="more than 5000 contacts"):
        simulate(stack, 60.0, gravity=800.0, restitution=0.2, floor=100.0)
