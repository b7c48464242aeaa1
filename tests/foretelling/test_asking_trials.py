"""Curves between the instants of a simulation, and through contacts."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from kinescribe.foretelling.asking.quantities import QUANTITIES, Span, turns
from kinescribe.foretelling.asking.trials import Trial, crossings, extreme

G = 10.0
HIT = 0.47  # s, between two instants


def bouncing_once(step: float = 0.1) -> Trial:
    """Falls from 0 at rest onto something at 0.47 s, and comes back as fast; moves on by 2 a second."""
    times = np.arange(0, 1.0 + step / 2, step)
    before = times < HIT
    speed = G * HIT
    y = np.where(before, -0.5 * G * times**2, -0.5 * G * HIT**2 + speed * (times - HIT) - 0.5 * G * (times - HIT) ** 2)
    vy = np.where(before, -G * times, speed - G * (times - HIT))
    data = np.stack([2 * times, y, 0 * times, np.full_like(times, 2.0), vy, 0 * times])
    acceleration = np.stack([0 * times, np.full_like(times, -G), 0 * times])
    return Trial(times, data, acceleration, np.array([HIT]), ((1, "floor"),))


def swinging(frequency: float = 4.0, step: float = 1 / 30) -> Trial:
    times = np.arange(0, 4 + step / 2, step)
    zero = np.zeros_like(times)
    data = np.stack([np.sin(frequency * times), zero, zero, frequency * np.cos(frequency * times), zero, zero])
    return Trial(times, data, np.stack([-(frequency**2) * data[0], zero, zero]), np.zeros(0), ())


def test_places_and_velocities_are_exact_on_either_side_of_a_contact():
    trial = bouncing_once()
    times = np.array([0.05, 0.41, 0.46, 0.47, 0.48, 0.499, 0.95])
    after = np.maximum(times - HIT, 0)
    expected = np.where(times <= HIT, -0.5 * G * times**2, -0.5 * G * HIT**2 + G * HIT * after - 0.5 * G * after**2)
    assert trial.at(1, times) == pytest.approx(expected, abs=1e-12)
    assert trial.at(0, times) == pytest.approx(2 * times, abs=1e-12)
    assert trial.rate(1, times) == pytest.approx(np.where(times <= HIT, -G * times, G * HIT - G * after), abs=1e-9)


def test_a_contact_is_the_lowest_point_and_the_fastest():
    trial = bouncing_once()
    instants = trial.instants(0.0, 1.0)
    assert HIT in instants
    assert extreme(lambda t: trial.at(1, t), instants, trial.hits, -1.0) == pytest.approx((-0.5 * G * HIT**2, HIT))
    assert extreme(trial.speed, instants, trial.hits, 1.0) == pytest.approx((math.hypot(2, G * HIT), HIT))


def test_of_like_peaks_the_first_is_told_and_between_instants():
    trial = swinging()
    instants = trial.instants(0.5, 4.0)
    value, time = extreme(lambda t: trial.at(0, t), instants, trial.hits, 1.0)
    assert (value, time) == (pytest.approx(1, abs=1e-6), pytest.approx(5 * math.pi / 8, abs=1e-4))
    value, time = extreme(lambda t: trial.at(0, t), trial.instants(0.0, 0.2), trial.hits, 1.0)
    assert (value, time) == (pytest.approx(math.sin(0.8), abs=1e-6), 0.2)  # at the end of the span


def test_crossings_by_direction():
    trial = swinging()

    def curve(times):
        return trial.at(0, times)

    instants = trial.instants(0.1, 4.0)
    assert crossings(curve, instants) == pytest.approx([k * math.pi / 4 for k in range(1, 6)], abs=1e-6)
    assert crossings(curve, instants, up=True) == pytest.approx([k * math.pi / 2 for k in range(1, 3)], abs=1e-6)
    assert crossings(curve, instants, up=False) == pytest.approx([math.pi / 4 + k * math.pi / 2 for k in range(3)], abs=1e-6)
    assert crossings(lambda times: curve(times) - 2, instants) == []


def test_a_drifting_swing_keeps_its_period_and_its_axis():
    """Along x 0.6 a second beside a swing of 0.15, faster than it swings: it never turns back; along y it does."""
    times = np.arange(0, 2.01, 1 / 30)
    zero, w = np.zeros_like(times), 12.0
    data = np.stack([0.6 * times + 0.05 * np.sin(w * times), 0.3 * times - 0.05 * np.cos(w * times), zero,
                     0.6 + 0.05 * w * np.cos(w * times), 0.3 + 0.05 * w * np.sin(w * times), zero])  # fmt: skip
    trial = Trial(times, data, np.stack([zero, zero, zero]), np.zeros(0), ())
    span = Span(0.0, 2.0, 2.0, axis=1)
    high, low = turns(trial, span, 1)
    assert np.diff(high) == pytest.approx(2 * math.pi / w, abs=2e-3)
    assert np.diff(low) == pytest.approx(2 * math.pi / w, abs=2e-3)
    assert QUANTITIES["period"].measure(trial, span) == pytest.approx((2 * math.pi / w,), abs=1e-3)


def test_bounces_that_become_shorter_have_no_period():
    times = np.arange(0, 6.001, 1 / 30)
    zero = np.zeros_like(times)
    hits, apexes = [0.0], []
    while hits[-1] < 6:
        hits.append(hits[-1] + 2.0 * 0.8 ** (len(hits) - 1))
        if hits[-1] - hits[-2] < 0.1:
            break
    y, vy = zero.copy(), zero.copy()
    for a, b in itertools.pairwise(hits):
        inside = (times >= a) & (times < b)
        y[inside], vy[inside] = 5 * (times[inside] - a) * (b - times[inside]), 5 * (a + b - 2 * times[inside])
        apexes.append((a + b) / 2)
    data, pull = np.stack([zero, y, zero, zero, vy, zero]), np.stack([zero, zero - 10, zero])
    trial = Trial(times, data, pull, np.array(hits[1:-1]), ((),) * (len(hits) - 2))
    assert np.isnan(QUANTITIES["period"].measure(trial, Span(0.0, 5.0, 5.0, axis=1))).all()
    assert turns(trial, Span(0.0, 5.0, 5.0), 1)[0][:2] == pytest.approx(apexes[:2], abs=1e-6)


def test_where_a_simulation_has_ended_nothing_is_told():
    trial = swinging()
    trial.data[:, 60:] = np.nan
    instants = trial.instants(0.0, 4.0)
    assert np.isnan(trial.at(0, np.array([3.0]))).all()
    value, time = extreme(lambda t: trial.at(0, t), instants, trial.hits, 1.0)
    assert (value, time < 2) == (pytest.approx(1, abs=1e-6), True)
    late = trial.instants(3.0, 4.0)
    assert np.isnan(extreme(lambda t: trial.at(0, t), late, trial.hits, 1.0)).all()
