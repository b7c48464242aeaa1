from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kinescribe.tracking.contacts import find_breaks
from kinescribe.tracking.smoothing import Trajectory, smooth_track

Float = NDArray[np.float64]
FRAME = 1 / 30


def smoothed(t: Float, points: Float, sigma: float) -> Trajectory:
    return smooth_track(t, np.ones(len(t), bool), points, np.tile(sigma**2 * np.eye(2), (len(t), 1, 1)))


def bouncing(rng: np.random.Generator, bounces: int, irregular: bool) -> tuple[Float, Float, Float, Float]:
    """Times, positions (y down), velocities and times of the bounces of a ball of restitution 0.8; it ends halfway into its last arc."""
    g, height, speed, start = 1500.0, rng.uniform(150, 300), rng.uniform(-100, 100), 0.0
    arcs = []
    for _ in range(bounces + 1):
        end = start + (speed + np.sqrt(speed**2 + 2 * g * height)) / g
        arcs.append((start, end, height, speed))
        speed, start, height = 0.8 * (g * (end - start) - speed), end, 0.0
    length = (arcs[-1][0] + arcs[-1][1]) / 2
    count = int(length / FRAME)
    t = np.cumsum(rng.uniform(0.6, 1.4, count)) * FRAME if irregular else np.arange(count) * FRAME
    t = t[t < length]
    where, velocity = np.zeros((2, len(t), 2))
    drift = rng.uniform(-150, 150)
    where[:, 0], velocity[:, 0] = drift * t, drift
    for begin, end, high, fast in arcs:
        inside = (t >= begin) & (t < end)
        s = t[inside] - begin
        where[inside, 1], velocity[inside, 1] = 400 - (high + fast * s - g * s**2 / 2), g * s - fast
    return t, where, velocity, np.array([begin for begin, *_ in arcs[1:]])


def test_every_bounce_is_found_in_time_and_nothing_is_smeared():
    beside, away, errors = [], [], []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        t, where, velocity, bounces = bouncing(rng, 3, seed % 2 == 1)
        out = smoothed(t, where + rng.normal(0, 0.1, where.shape), 0.1)
        found = np.array([contact.time_s for contact in out.contacts])
        assert len(found) == len(bounces)
        assert np.abs(found - bounces).max() < FRAME / 2
        errors.append(np.abs(found - bounces).max())
        for contact, time in zip(out.contacts, bounces, strict=True):
            assert t[contact.index] <= contact.time_s
            assert contact.index == len(t) - 1 or contact.time_s <= t[contact.index + 1]
            assert contact.velocity_after[1] / contact.velocity_before[1] == pytest.approx(-0.8, abs=0.02)
            assert contact.velocity_after[0] == pytest.approx(contact.velocity_before[0], abs=15)
            assert contact.score > 5
            assert abs(contact.time_s - time) < 6 * contact.time_sigma_s + 1e-4
        distance = np.abs(t[:, None] - bounces).min(axis=1) / FRAME
        # Which of its two velocities a frame in the very moment of a bounce has is a matter of definition.
        error = np.linalg.norm(out.velocities - velocity, axis=1)
        inner = (np.arange(len(t)) > 2) & (np.arange(len(t)) < len(t) - 3)
        beside.append(error[inner & (distance > 0.1) & (distance < 2)])
        away.append(error[inner & (distance > 3)])
    assert np.median(errors) < 0.05 * FRAME
    rms = [np.sqrt(np.mean(np.concatenate(part) ** 2)) for part in (beside, away)]
    # An arc's ends are less sure than its middle: with the law and the bounces known this ratio is 1.8. The jumps are of 500 px/s and more.
    assert rms[0] < 2 * rms[1], rms
    assert rms[0] < 0.5


def smooth_motion(rng: np.random.Generator, kind: int, t: Float) -> Float:
    s = t[:, None]
    if kind == 0:
        return rng.uniform(0, 500, 2) + rng.normal(0, 200, 2) * s + np.array([0, rng.uniform(0, 2000)]) * s**2 / 2
    if kind == 1:
        return rng.uniform(20, 150, 2) * np.sin(2 * np.pi * rng.uniform(0.5, 3) * s + rng.uniform(0, 6, 2))
    if kind == 2:
        return 100 * np.exp(-rng.uniform(0.2, 1.5) * s) * np.sin(2 * np.pi * rng.uniform(0.5, 3) * s + np.array([0.0, 1.0]))
    out = np.zeros((len(t), 2))  # a hand: movements of a third of a second to a second, some with a rest between them
    begin, place = 0.0, np.zeros(2)
    while begin < t[-1]:
        length, goal, rest = rng.uniform(0.35, 1), place + rng.normal(0, 120, 2), rng.choice([0, 0.3])
        part = np.clip((t - begin) / length, 0, 1)[:, None]
        later = t >= begin
        out[later] = (place + (goal - place) * (10 * part**3 - 15 * part**4 + 6 * part**5))[later]
        begin, place = begin + length + rest, goal
    return out


def test_smooth_motion_has_no_contacts():
    false = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        count = int(rng.integers(10, 150))
        t = np.cumsum(rng.uniform(0.6, 1.4, count)) * FRAME if seed % 3 else np.arange(count) * FRAME
        where = smooth_motion(rng, seed % 4, t)
        sigma = 10 ** rng.uniform(-1.5, 0)
        false += len(smoothed(t, where + rng.normal(0, sigma, where.shape), sigma).contacts)
    assert false == 0


def test_a_collision_of_two_pucks_shows_in_both_and_keeps_the_momentum():
    rng = np.random.default_rng(1)
    t = np.arange(40) * FRAME
    time, mass = 0.611, np.array([1.0, 2.0])
    before, push = np.array([[220.0, 15], [-90, 10]]), np.array([-190.0, 60])
    after = before + np.stack([push, -push]) / mass[:, None]
    changes = []
    for ball in range(2):
        where = before[ball] * t[:, None] + (after - before)[ball] * np.maximum(t - time, 0)[:, None]
        out = smoothed(t, where + rng.normal(0, 0.1, where.shape), 0.1)
        assert [contact.time_s for contact in out.contacts] == pytest.approx([time], abs=0.1 * FRAME)
        changes.append(out.contacts[0].velocity_after - out.contacts[0].velocity_before)
        assert out.contacts[0].index == 18
    np.testing.assert_allclose(changes[0] * mass[0] + changes[1] * mass[1], 0, atol=6)


@pytest.mark.parametrize("seed", range(6))
def test_coming_to_rest_and_being_let_go_are_no_contacts(seed):
    rng = np.random.default_rng(seed)
    t = np.arange(70) * FRAME
    slowing, speed = rng.uniform(100, 400), rng.uniform(150, 300)
    rolled = np.where(t < speed / slowing, speed * t - slowing * t**2 / 2, speed**2 / slowing / 2)
    fallen = 1200 * np.maximum(t - rng.uniform(0.5, 1.2), 0) ** 2 / 2
    for distance in (rolled, fallen):
        where = np.stack([0.8 * distance, 0.6 * distance], axis=1) + rng.normal(0, 0.15, (70, 2))
        assert not smoothed(t, where, 0.15).contacts


def test_a_contact_is_found_across_a_gap_in_time():
    rng = np.random.default_rng(3)
    t = np.delete(np.arange(50) * FRAME, [24, 25, 26])
    where = np.stack([200 * t, 300 * np.abs(t - 25.4 * FRAME)], axis=1) + rng.normal(0, 0.1, (47, 2))
    out = smoothed(t, where, 0.1)
    assert [contact.time_s for contact in out.contacts] == pytest.approx([25.4 * FRAME], abs=0.1 * FRAME)


def test_few_observations_have_no_breaks():
    breaks = find_breaks(np.arange(6.0), np.abs(np.arange(6.0) - 2.5)[:, None] * 100, np.ones((6, 1)))
    assert not len(breaks.times)
    assert not breaks.outliers.any()
