"""Clips that start alike: their spread decides what a short clip of the same kind leaves open."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from predicted import table, truth

from kinescribe.dynamics import Inputs
from kinescribe.dynamics.api import fit as fitted
from kinescribe.dynamics.fitting import Fit
from kinescribe.dynamics.prediction import Predictor, counterfactual, predict
from kinescribe.dynamics.saving import load, save
from kinescribe.errors import UsageError
from kinescribe.states import States

TIMES = np.arange(40) / 20
NOISE = 0.05
MEAN, SPREAD = np.array([1.0, 4.0, 2.0, 1.0]), np.array([0.3, 0.2, 0.1, 0.4])
CLIPS = 60


def thrown(seed: int, frames: int = 40) -> tuple[np.ndarray, States]:
    """(4,) the true start x, y, vx, vy of a ball that falls, and its table."""
    start = MEAN + SPREAD * np.random.default_rng(seed).normal(size=4)
    x, y, vx, vy = start
    rollout = truth("free-fall", {"gravity": 9.8}, TIMES, x=x, y=y, vx=vx, vy=vy)
    return start, table(rollout, TIMES, frames, sigma=NOISE, seed=seed)


@pytest.fixture(scope="module")
def fit() -> Fit:
    return fitted([thrown(seed)[1] for seed in range(CLIPS)], "free-fall")


def test_a_fit_tells_how_its_clips_start(fit: Fit) -> None:
    starts = fit.starts
    assert starts.names == ("ball.x", "ball.y", "ball.vx", "ball.vy")
    np.testing.assert_allclose(starts.mean, MEAN, atol=4 * SPREAD.max() / math.sqrt(CLIPS))
    np.testing.assert_allclose(starts.sigmas, SPREAD, rtol=0.35)
    assert np.abs(starts.covariance / np.outer(starts.sigmas, starts.sigmas) - np.eye(4)).max() < 0.4
    np.testing.assert_allclose(starts.noise[:2, 0], NOISE, rtol=0.1)
    assert np.isnan(starts.noise[2, 0])
    assert starts.clips == CLIPS


def test_the_start_is_that_of_bayes_rule(fit: Fit) -> None:
    """Free fall from an unknown start is linear, so that the likeliest start and its covariance have a closed form."""
    _, short = thrown(1000, frames=3)
    start = Predictor.of(short, fit, start_prior=True).start
    t = TIMES[:3]
    gravity = fit.estimates["gravity"].value
    design = np.block([[np.ones((3, 1)), np.zeros((3, 1)), t[:, None], np.zeros((3, 1))],
                       [np.zeros((3, 1)), np.ones((3, 1)), np.zeros((3, 1)), t[:, None]]])  # fmt: skip
    seen = np.r_[short["x"], short["y"] + 0.5 * gravity * t**2]
    noise = np.maximum(NOISE, np.repeat(fit.starts.noise[:2, 0], 3))
    information = np.linalg.inv(fit.starts.covariance)
    block = np.linalg.inv(design.T @ (design / noise[:, None] ** 2) + information)
    expected = block @ (design.T @ (seen / noise**2) + information @ fit.starts.mean)
    order = [[(0, 0), (1, 0), (3, 0), (4, 0)].index(tuple(pair)) for pair in start.problem.components.tolist()]
    np.testing.assert_allclose(start.q, expected[order], atol=1e-4)
    mine = start.joint[1:, 1:]
    assert mine[0, 0] == pytest.approx(block[order][:, order][0, 0], rel=0.05)


def test_short_clips_are_foretold_much_better_and_sigma_covers_the_truth(fit: Fit) -> None:
    errors: dict[bool, list[float]] = {False: [], True: []}
    deviations = []
    for seed in range(2000, 2016):
        (x, _, vx, _), short = thrown(seed, frames=3)
        for prior in errors:
            last = predict(short, fit, until=1.5, start_prior=prior)
            off = float(last["x"][-1] - (x + vx * last["time_s"][-1]))
            errors[prior].append(off)
            if prior:
                deviations.append(off / float(last["sigma_x"][-1]))
    assert np.std(errors[True]) < 0.4 * np.std(errors[False])
    assert 0.5 < np.sqrt(np.mean(np.square(deviations))) < 1.6


def test_many_frames_outweigh_the_other_clips(fit: Fit) -> None:
    start = MEAN + 3 * SPREAD
    x, y, vx, vy = start
    whole = table(truth("free-fall", {"gravity": 9.8}, TIMES, x=x, y=y, vx=vx, vy=vy), TIMES, 40, sigma=NOISE, seed=5)
    with_, without = (Predictor.of(whole, fit, start_prior=prior).start.q for prior in (True, False))
    np.testing.assert_allclose(with_, without, atol=0.03)


def test_a_clip_that_does_not_start_like_them_is_told(fit: Fit) -> None:
    far = truth("free-fall", {"gravity": 9.8}, TIMES, x=9.0, y=4.0, vx=2.0, vy=1.0)
    future = predict(table(far, TIMES, 20, sigma=NOISE), fit, until=2.5, start_prior=True)
    assert any("ball.x = 9" in line and "leave out start_prior" in line for line in future.meta.warnings)
    _, usual = thrown(3)
    assert not any("start_prior" in line for line in predict(usual, fit, until=2.5, start_prior=True).meta.warnings)


def test_a_saved_fit_knows_its_starts(fit: Fit, tmp_path: Path) -> None:
    save(fit, tmp_path / "law.json")
    _, short = thrown(7, frames=3)
    one, other = (predict(short, source, until=1.0, start_prior=True)["x"] for source in (fit, tmp_path / "law.json"))
    np.testing.assert_allclose(one, other, atol=1e-9)
    assert load(tmp_path / "law.json").starts.clips == CLIPS


def test_what_if_takes_it_too(fit: Fit) -> None:
    _, short = thrown(8, frames=3)
    made = counterfactual(short, fit, until=1.0, do={"gravity": "*=0.5"}, start_prior=True)
    plain = predict(short, fit, until=1.0, start_prior=True)
    np.testing.assert_allclose(made.factual["x"][-1], plain["x"][-1], atol=1e-9)
    assert made.changed["y"][-1] > made.factual["y"][-1]


def test_few_clips_or_an_old_file_are_refused(fit: Fit) -> None:
    _, short = thrown(9, frames=3)
    few = replace(fit, clips=fit.clips[:3])
    with pytest.raises(UsageError, match="3 of them: fit 4 or more"):
        predict(short, few, until=1.0, start_prior=True)
    old = replace(fit, clips=tuple(replace(clip, noise=None) for clip in fit.clips))
    with pytest.raises(UsageError, match="fit once more"):
        predict(short, old, until=1.0, start_prior=True)
    with pytest.raises(UsageError, match="start_prior must be True or False"):
        predict(short, fit, until=1.0, start_prior="yes")  # type: ignore[arg-type]


def test_numbers_that_the_law_sets_anyway_are_not_counted_twice() -> None:
    """The pole's place follows from the cart's and its angle, so that it says nothing more of how clips start."""
    rng = np.random.default_rng(0)
    times = np.arange(40) * 0.02
    values = {"force": 10.0, "gravity": 9.8, "length": 0.5, "mass_cart": 1.0, "mass_pole": 0.1, "upright": math.pi / 2}
    values |= {"rise": 0.1, "overhang": 0.05}
    tables, inputs = [], []
    for seed in range(8):
        x, v, lean, rate = rng.uniform(-0.05, 0.05, 4)
        push = Inputs.of(times, push=rng.choice([-1.0, 1.0], len(times)))
        start = {"x": [x, 0.0], "vx": [v, 0.0], "angle": [0.0, math.pi / 2 - lean], "angular_velocity": [0.0, -rate]}
        rollout = truth("cart-pole", values, times, names=("cart", "pole"), inputs=push, **start)
        tables.append(table(rollout, times, 40, sigma=0.001, seed=seed))
        inputs.append(push)
    found = fitted(tables, "cart-pole", inputs=inputs, fixed={"length": 0.5})
    starts = found.starts
    assert {"cart.x", "cart.vx", "pole.angle", "pole.angular_velocity"} <= set(starts.names)
    assert len(starts.names) == 6
    assert np.linalg.cond(starts.covariance / np.outer(starts.sigmas, starts.sigmas)) < 50
