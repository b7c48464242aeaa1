from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from kinescribe.errors import UsageError
from kinescribe.tracking.process_noise import process_noise, transition
from kinescribe.tracking.smoothing import Trajectory, smooth_track

Float = NDArray[np.float64]
Motion = Callable[[np.random.Generator, Float], tuple[Float, Float, Float]]


def free_fall(rng: np.random.Generator, t: Float) -> tuple[Float, Float, Float]:
    start, speed, g = rng.uniform(0, 500, 2), rng.normal(0, 200, 2), np.array([0, rng.uniform(300, 2000)])
    s = t[:, None]
    return start + speed * s + g * s**2 / 2, speed + g * s, g + 0 * s


def uniform(rng: np.random.Generator, t: Float) -> tuple[Float, Float, Float]:
    start, speed = rng.uniform(0, 500, 2), rng.normal(0, 200, 2)
    s = t[:, None]
    return start + speed * s, speed + 0 * s, np.zeros(2) + 0 * s


def oscillator(rng: np.random.Generator, t: Float) -> tuple[Float, Float, Float]:
    rate, phase, size = 2 * np.pi * rng.uniform(0.8, 1.2), rng.uniform(0, 6.3, 2), rng.uniform(20, 150, 2)
    turn = rate * t[:, None] + phase
    return size * np.sin(turn), size * rate * np.cos(turn), -size * rate**2 * np.sin(turn)


def white_jerk(rng: np.random.Generator, t: Float) -> tuple[Float, Float, Float]:
    states = np.zeros((len(t), 3, 2))
    strength = 10 ** rng.uniform(4, 8)
    for k, step in enumerate(np.diff(t)):
        kick = np.linalg.cholesky(process_noise(3, step, strength)) @ rng.normal(size=(3, 2))
        states[k + 1] = transition(3, step) @ states[k] + kick
    return states[:, 0], states[:, 1], states[:, 2]


MOTIONS = {"free fall": free_fall, "uniform": uniform, "oscillator": oscillator, "white jerk": white_jerk}


def steps(rng: np.random.Generator, count: int, irregular: bool) -> Float:
    return np.cumsum(rng.uniform(0.4, 1.6, count)) / 30 if irregular else np.arange(count) / 30


def smoothed(t: Float, points: Float, sigma: float, seen: NDArray[np.bool_] | None = None) -> Trajectory:
    return smooth_track(t, np.ones(len(t), bool) if seen is None else seen, points, np.tile(sigma**2 * np.eye(2), (len(t), 1, 1)))


def test_two_sigma_covers_95_percent():
    rng = np.random.default_rng(7)
    hits: dict[str, list[Float]] = {}
    for count, repeats in ((5, 20), (8, 20), (15, 20), (40, 12), (150, 4), (500, 1)):
        for name, motion in MOTIONS.items():
            for repeat in range(repeats):
                t = steps(rng, count, repeat % 2 == 1)
                sigma = 10 ** rng.uniform(np.log10(0.05), 0)
                truth = motion(rng, t)
                seen = np.ones(count, bool)
                if repeat % 4 == 3 and count > 10:
                    seen[rng.integers(1, count - 1, count // 8)] = False
                points = truth[0] + rng.normal(0, sigma, truth[0].shape)
                points[~seen] = np.nan
                out = smoothed(t, points, sigma, seen)
                found = (out.positions, out.velocities, out.accelerations)
                sigmas = (out.position_sigmas, out.velocity_sigmas, out.acceleration_sigmas)
                inside = [np.mean(np.abs(f - x) < 2 * s) for f, x, s in zip(found, truth, sigmas, strict=True)]
                hits.setdefault(name, []).append(np.array(inside))
    pooled = np.mean([np.mean(rows, axis=0) for rows in hits.values()], axis=0)
    assert (pooled > 0.92).all(), pooled
    assert (pooled < 0.99).all(), pooled
    assert np.mean(pooled) < 0.98
    assert all((np.mean(rows, axis=0) > 0.8).all() for rows in hits.values())


def test_velocities_beat_a_fixed_window_where_it_is_good_and_where_it_is_bad():
    rng = np.random.default_rng(3)
    for motion, bound in ((free_fall, 1.0), (oscillator, 0.5)):
        ratios = []
        for _ in range(10):
            t = steps(rng, 60, False)
            where, speed, _ = motion(rng, t)
            points = where + rng.normal(0, 0.2, where.shape)
            window = savgol_filter(points, 15, 2, deriv=1, delta=1 / 30, axis=0)
            ratios.append(np.sqrt(np.mean((smoothed(t, points, 0.2).velocities - speed) ** 2) / np.mean((window - speed) ** 2)))
        assert np.median(ratios) < bound


def test_the_measurement_error_is_scaled_to_what_the_track_shows():
    rng = np.random.default_rng(5)
    for stated in (0.05, 0.8):
        t = steps(rng, 120, True)
        where, _, _ = oscillator(rng, t)
        out = smoothed(t, where + rng.normal(0, 0.2, where.shape), stated)
        assert out.measurement_scale * stated == pytest.approx([0.2, 0.2], rel=0.5)
        assert np.mean(np.abs(out.positions - where) < 2 * out.position_sigmas) > 0.85


def test_a_gap_is_bridged_with_a_sigma_that_says_so_and_nothing_is_invented_outside():
    rng = np.random.default_rng(2)
    t = steps(rng, 60, False)
    where, _, _ = oscillator(rng, t)
    points = where + rng.normal(0, 0.1, where.shape)
    seen = np.ones(60, bool)
    seen[:5] = seen[-4:] = seen[25:33] = False
    points[~seen] = np.nan
    out = smoothed(t, points, 0.1, seen)
    known = np.isfinite(out.positions[:, 0])
    assert np.flatnonzero(known).tolist() == list(range(5, 56))
    for column in (out.velocities, out.accelerations, out.position_sigmas, out.velocity_sigmas, out.acceleration_sigmas):
        assert (np.isfinite(column[:, 0]) == known).all()
    assert out.position_sigmas[29].min() > 5 * out.position_sigmas[15].max()
    assert (np.abs(out.positions - where)[25:33] < 3 * out.position_sigmas[25:33]).all()


@pytest.mark.parametrize(("count", "velocity", "acceleration"), [(0, False, False), (1, False, False), (2, True, False), (3, True, False)])
def test_too_few_observations_leave_derivatives_open(count, velocity, acceleration):
    t = np.arange(8) / 30
    seen = np.zeros(8, bool)
    seen[2 : 2 + count] = True
    out = smoothed(t, np.stack([3 * t, 0 * t], axis=1), 0.1, seen)
    assert np.isfinite(out.positions).all(axis=1).tolist() == seen.tolist()
    assert np.isfinite(out.velocities[seen]).all() == velocity or not count
    assert not np.isfinite(out.accelerations).any()
    assert not np.isfinite(out.acceleration_sigmas).any()


def test_four_observations_give_an_acceleration():
    t = np.arange(4) / 30
    out = smoothed(t, np.stack([300 * t**2, 40 * t], axis=1), 0.01)
    assert out.accelerations[:, 0] == pytest.approx(600, abs=50)
    assert np.isfinite(out.acceleration_sigmas).all()


def test_three_points_of_a_uniform_motion_are_taken_for_one():
    # A parabola through three points would have four times this error at the ends.
    rng = np.random.default_rng(0)
    t = np.arange(3) * 0.1
    errors = [smoothed(t, np.stack([5 * t, -2 * t], 1) + rng.normal(0, 0.01, (3, 2)), 0.01).velocities - [5, -2] for _ in range(100)]
    assert np.sqrt(np.mean(np.square(errors))) < 1.6 * 0.01 / (0.2 / np.sqrt(2))


def test_one_wrong_observation_is_left_out():
    rng = np.random.default_rng(9)
    t = steps(rng, 60, False)
    where, speed, _ = oscillator(rng, t)
    points = where + rng.normal(0, 0.2, where.shape)
    clean = smoothed(t, points, 0.2)
    points[27] += (9.0, -7.0)
    out = smoothed(t, points, 0.2)
    assert np.flatnonzero(out.outliers).tolist() == [27]
    assert not out.contacts
    assert np.abs(out.velocities - speed)[24:31].max() < 2 * np.abs(clean.velocities - speed)[24:31].max() + 10


def test_long_calm_motion_keeps_its_digits():
    t = np.arange(1500) / 30
    rng = np.random.default_rng(0)
    out = smoothed(t, np.stack([20 * t, 5 * t + 0.3 * t**2], axis=1) + rng.normal(0, 0.1, (1500, 2)), 0.1)
    for column in (out.position_sigmas, out.velocity_sigmas, out.acceleration_sigmas):
        assert (column > 0).all()
        assert np.isfinite(column).all()
    assert np.abs(out.accelerations - [0, 0.6]).max() < 0.1


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(-1e4, 1e4))
def test_units_and_origin_do_not_matter(seed, length, time, shift):
    rng = np.random.default_rng(seed)
    t = steps(rng, 25, True)
    where, _, _ = oscillator(rng, t)
    points = where + rng.normal(0, 0.3, where.shape)
    one, other = smoothed(t, points, 0.3), smoothed(t * time + 5, points * length + shift, 0.3 * length)
    np.testing.assert_allclose(other.positions, one.positions * length + shift, rtol=1e-5, atol=1e-5 * length)
    np.testing.assert_allclose(other.velocity_sigmas, one.velocity_sigmas * length / time, rtol=1e-4)


def test_nonsense_is_refused():
    t, seen, points, spread = np.arange(5) / 30, np.ones(5, bool), np.zeros((5, 2)), np.tile(np.eye(2), (5, 1, 1))
    with pytest.raises(UsageError, match="increase"):
        smooth_track(t[::-1], seen, points, spread)
    with pytest.raises(UsageError, match="disagree"):
        smooth_track(t, seen[:3], points, spread)
    with pytest.raises(UsageError, match="shape"):
        smooth_track(t, seen, points, np.ones((5, 2)))
    with pytest.raises(UsageError, match="frame 0"):
        smooth_track(t, seen, points * np.nan, spread)
    with pytest.raises(UsageError, match="variances in frame 0"):
        smooth_track(t, seen, points, -spread)
