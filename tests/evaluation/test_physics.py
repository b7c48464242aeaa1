import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinescribe.errors import UsageError
from kinescribe.evaluation import fit_gravity, fit_oscillation


@given(st.floats(0.5, 30), st.floats(-5, 5), st.floats(-3, 3))
def test_gravity_of_an_exact_fall(gravity, speed, height):
    times = np.array([0.0, 0.066, 0.132, 0.264, 0.33, 0.5])
    assert fit_gravity(times, height + speed * times - gravity / 2 * times**2) == pytest.approx(gravity, rel=1e-6)


def test_gravity_leaves_out_unseen_frames():
    times = np.linspace(0, 1, 11)
    heights = -4.905 * times**2
    heights[3] = np.nan
    assert fit_gravity(times, heights) == pytest.approx(9.81)


@settings(max_examples=40)
@given(st.floats(0.6, 2.5), st.floats(-3, 3), st.floats(0.0, 0.4))
def test_period_of_an_exact_damped_sine(period, phase, damping):
    times = np.arange(0, 4, 0.066) + 2.0
    values = 300 + 80 * np.exp(-damping * times) * np.cos(2 * np.pi * times / period + phase)
    fit = fit_oscillation(times, values)
    assert fit.period == pytest.approx(period, rel=1e-4)
    assert fit.damping == pytest.approx(damping, abs=1e-3)
    assert fit.amplitude == pytest.approx(80 * np.exp(-damping * 2.0), rel=1e-3)


def test_period_of_noisy_unevenly_marked_samples_lies_within_its_sigma():
    rng = np.random.default_rng(5)
    times = np.sort(rng.choice(np.arange(120), 40, replace=False)) * 0.033
    errors = []
    for _ in range(30):
        fit = fit_oscillation(times, 50 * np.cos(2 * np.pi * times / 1.8) + rng.normal(0, 1, len(times)))
        errors.append((fit.period - 1.8) / fit.period_sigma)
    assert 0.6 < np.std(errors) < 1.5


def test_fits_refuse_too_few_samples():
    with pytest.raises(UsageError, match="needs 3 samples at different times, not 2"):
        fit_gravity([0.0, 1.0, 1.0], [0.0, 1.0, 1.0])
    with pytest.raises(UsageError, match="needs 6 samples"):
        fit_oscillation([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 0.0, -1.0, 0.0])
    with pytest.raises(UsageError, match="one length"):
        fit_gravity([0.0, 1.0], [0.0, 1.0, 2.0])
