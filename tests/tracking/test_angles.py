from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.tracking.angles import smooth_angles, unwrap_angles

Float = NDArray[np.float64]


def wrapped(angles: Float, period: float) -> Float:
    return (angles + period / 2) % period - period / 2


@pytest.mark.parametrize("period", [np.pi, 2 * np.pi])
@pytest.mark.parametrize("kind", ["turning", "swinging"])
def test_angles_and_rates_lie_within_their_sigmas(kind, period):
    inside = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        t = np.cumsum(rng.uniform(0.6, 1.4, 80)) / 30
        if kind == "turning":
            speed = rng.uniform(-0.4, 0.4) * period * 30
            truth, rate = speed * t, np.full(80, speed)
        else:
            size, turn = rng.uniform(0.2, 1.2), 2 * np.pi * rng.uniform(0.5, 1.5)
            truth, rate = size * np.sin(turn * t), size * turn * np.cos(turn * t)
        sigma = 10 ** rng.uniform(-2.5, -1)
        seen = rng.random(80) > 0.1
        angles = wrapped(truth + rng.normal(0, sigma, 80), period)
        angles[~seen] = np.nan
        out = smooth_angles(t, seen, angles, np.full(80, sigma), period)
        known = slice(*(np.flatnonzero(seen)[[0, -1]] + [0, 1]))
        off = (out.angles - truth)[known]
        off -= period * np.round(np.median(off) / period)
        assert np.abs(off).max() < period / 4
        inside.append([np.mean(np.abs(off) < 2 * out.sigmas[known]), np.mean(np.abs(out.rates - rate)[known] < 2 * out.rate_sigmas[known])])
    assert 0.9 < np.mean(inside) < 0.99
    assert (np.mean(inside, axis=0) > 0.9).all()


@settings(max_examples=60)
@given(st.lists(st.floats(-0.4, 0.4), min_size=2, max_size=40), st.sampled_from([np.pi, 2 * np.pi]), st.floats(-10, 10))
def test_slow_turns_unwrap_exactly(turns, period, start):
    truth = start + period * np.concatenate([[0.0], np.cumsum(np.array(turns) * 0.5)])
    found = unwrap_angles(np.arange(len(truth)) / 30, wrapped(truth, period), np.full(len(truth), 0.01), period)
    np.testing.assert_allclose(found - found[0], truth - truth[0], atol=1e-8)


def test_a_rod_that_speeds_up_past_a_quarter_turn_a_frame_keeps_its_sense():
    t = np.arange(60) / 30
    truth = np.pi * 30 * (0.2 * t + 0.1 * t**2)
    found = unwrap_angles(t, wrapped(truth, np.pi), np.full(60, 0.02), np.pi)
    np.testing.assert_allclose(found - found[0], truth - truth[0], atol=1e-6)


def test_nothing_is_said_outside_and_of_a_single_observation_no_rate():
    t = np.arange(6) / 30
    out = smooth_angles(t, np.array([0, 0, 1, 0, 0, 0], bool), np.full(6, 0.4), np.full(6, 0.1), np.pi)
    assert np.isfinite(out.angles).tolist() == [False, False, True, False, False, False]
    assert out.sigmas[2] == pytest.approx(0.1)
    assert not np.isfinite(out.rates).any()


def test_observations_without_an_angle_are_left_out():
    t = np.arange(30) / 30
    angles, sigmas = np.full(30, 0.3), np.full(30, 0.02)
    angles[7], angles[11], sigmas[11] = np.nan, -1.2, np.pi
    out = smooth_angles(t, np.ones(30, bool), angles, sigmas, np.pi)
    np.testing.assert_allclose(out.angles, 0.3, atol=1e-6)
    assert out.sigmas[7] < 0.02


def test_nonsense_is_refused():
    t = np.arange(4) / 30
    with pytest.raises(UsageError, match="period"):
        smooth_angles(t, np.ones(4, bool), t, t + 1, 0.0)
    with pytest.raises(UsageError, match="disagree"):
        smooth_angles(t, np.ones(3, bool), t, t + 1, np.pi)
