"""Fits of drawn clips: truth within the errors that are told, bounds, known values, gaps, outliers, budgets."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from drawn_clips import Bounce, Drag, Fall, Free, Pucks, Swing, clip_of, moved

from kinescribe.dynamics import Bodies, Clip, Inputs, Law, Parameter
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Budget, Fit, fit_law
from kinescribe.errors import UsageError

ONE = Bodies.make(1, radius=0.1)
TIMES = np.linspace(0.0, 2.0, 41)


def drawn(
    law: Law, truth: dict[str, float], rng, *, times=TIMES, sigma=0.01, bodies=ONE, missing=0.0, substeps=8, inputs=None, **start
) -> Clip:
    path = moved(law, times, bodies, substeps=1 if law.time_step else substeps, parameters=truth, inputs=inputs, **start)
    return clip_of(path, times, rng, sigma, missing=missing, inputs=inputs)


def within(fit: Fit, truth: dict[str, float], sigmas: float = 3.5) -> None:
    assert fit.ok
    for name, value in truth.items():
        found = fit.estimates[name]
        assert found.identified, name
        assert abs(found.value - value) < sigmas * found.sigma, (name, found)
        assert found.low < found.value < found.high


class Pushed(Drag):
    """Euler steps of a cart with drag under a push."""

    name = "pushed"
    inputs = ("push",)
    time_step = 0.02
    acceleration = Law.acceleration

    def step(self, state, parameters, inputs, dt):
        return state.replace(x=state.x + dt * state.vx, vx=state.vx + dt * (inputs.push - parameters.drag * state.vx))


class Line(Law):
    """A black box."""

    name = "line"
    wind = Parameter(0.5, (-10, 10), "length/time")

    def rollout(self, initial, times, parameters, inputs):
        t = (times - times[:, :1])[..., None]
        out = np.repeat(initial.data[:, :, None], times.shape[1], axis=2)
        out[0] += (initial.vx[:, None] + parameters.wind[..., None] * t) * t
        out[1] += initial.vy[:, None] * t
        return out


PUSH = Inputs.of(np.arange(21) * 0.1, push=3 * np.sin(np.arange(21) * 0.9))


@pytest.mark.parametrize(
    ("law", "truth", "start", "inputs"),
    [
        (Fall(), {"gravity": 3.7}, {"vx": 1.0, "vy": 4.0}, None),
        (Drag(), {"drag": 1.3}, {"vx": 5.0, "vy": 2.0}, None),
        (Fall() + Drag(), {"gravity": 9.8, "drag": 0.4}, {"vx": 5.0, "vy": 2.0}, None),
        (Swing(stiffness=30.0), {"stiffness": 25.0, "centre": 0.3}, {"x": 1.0}, None),
        (Bounce(), {"gravity": 9.8, "restitution": 0.75}, {"y": 1.5, "vx": 1.0}, None),
        (Pushed(), {"drag": 0.8}, {"vx": 1.0}, PUSH),
        (Line(), {"wind": -0.7}, {"vx": 1.0, "vy": 1.0}, None),
    ],
    ids=lambda value: value.title if isinstance(value, Law) else "",
)
def test_parameters_come_out_within_their_errors(law, truth, start, inputs):
    rng = np.random.default_rng(11)
    fit = fit_law(law, [drawn(law, truth, rng, inputs=inputs, **start)])
    within(fit, truth)
    assert fit.scale == pytest.approx(1.0, abs=0.25)
    assert fit.advice == ""
    assert fit.unidentified == ()


def test_clips_share_the_law_and_each_has_its_own_start_times_and_gaps():
    rng = np.random.default_rng(4)
    truth = {"gravity": 9.0, "drag": 0.3}
    clips = []
    for k in range(6):
        times = np.cumsum(rng.uniform(0.01, 0.12, 12 + 4 * k)) + 10 * k
        clips.append(drawn(Fall() + Drag(), truth, rng, times=times, missing=0.2, y=3.0, vx=k, vy=rng.normal()))
    fit = fit_law(Fall() + Drag(), clips)
    within(fit, truth)
    assert len(fit.clips) == 6
    for k, one in enumerate(fit.clips):
        assert one.start_time == clips[k].times[0]
        assert one.initial[3, 0] == pytest.approx(k, abs=0.2)
        assert one.rms[0] < 0.03
    one = fit_law(Fall() + Drag(), clips[:1])
    assert fit.estimates["drag"].sigma < one.estimates["drag"].sigma


def test_a_fit_does_not_know_the_clips_order_units_or_origin():
    rng = np.random.default_rng(8)
    clips = [drawn(Fall() + Drag(), {"gravity": 9.0, "drag": 0.3}, rng, vx=2.0 + k, vy=5.0) for k in range(3)]
    fit = fit_law(Fall() + Drag(), clips)
    turned = fit_law(Fall() + Drag(), clips[::-1])
    large = [replace(c, x=100 * c.x + 5e3, y=100 * c.y - 2e4, sigma_x=100 * c.sigma_x, sigma_y=100 * c.sigma_y) for c in clips]
    scaled = fit_law(Fall(gravity=Parameter(900.0, (0, 1e4), "length/time^2")) + Drag(), large)
    for other, factor in ((turned, 1.0), (scaled, 100.0)):
        assert other.estimates["gravity"].value == pytest.approx(factor * fit.estimates["gravity"].value, rel=1e-5)
        assert other.estimates["drag"].value == pytest.approx(fit.estimates["drag"].value, rel=1e-4)
        assert other.estimates["drag"].sigma == pytest.approx(fit.estimates["drag"].sigma, rel=1e-2)


@pytest.mark.parametrize("size", [0.5, 20.0])
def test_one_bad_point_in_ten_hardly_matters(size):
    rng = np.random.default_rng(5)
    clip = drawn(Fall() + Drag(), {"gravity": 9.0, "drag": 0.3}, rng, times=np.linspace(0, 2, 61), vx=3.0, vy=5.0)
    clean = fit_law(Fall() + Drag(), [clip])
    x, y = clip.x.copy(), clip.y.copy()
    bad = rng.permutation(61)[:6]
    x[bad, 0] += size * rng.normal(size=6)
    y[bad, 0] += size * rng.normal(size=6)
    fit = fit_law(Fall() + Drag(), [replace(clip, x=x, y=y)])
    for name in ("gravity", "drag"):
        before, after = clean.estimates[name], fit.estimates[name]
        assert abs(after.value - before.value) < 2.0 * before.sigma
        assert after.sigma < 2.5 * before.sigma


@pytest.mark.parametrize("vertical", [True, False])
def test_a_coordinate_that_is_exact_does_not_drown_the_other(vertical):
    """A ball that drops straight down stays on one column of pixels: its x is the same number in every frame."""
    rng = np.random.default_rng(6)
    z = []
    for _ in range(8):
        clip = drawn(Fall(), {"gravity": 9.0}, rng, vx=0.0 if vertical else 1.0, vy=3.0)
        clip = replace(clip, x=np.full_like(clip.x, 4.0) if vertical else 20.0 + TIMES[:, None])
        found = fit_law(Fall(), [clip]).estimates["gravity"]
        z.append((found.value - 9.0) / found.sigma)
    assert np.sqrt(np.mean(np.square(z))) < 2.0


def test_something_that_rests_exactly_does_not_drown_what_moves():
    rng = np.random.default_rng(7)
    bodies = Bodies.make(3, radius=0.1)
    clip = drawn(Fall().on("object 1"), {"gravity": 9.0}, rng, bodies=bodies, x=[0.0, 5.0, 6.0], vy=[3.0, 0.0, 0.0], vx=[1.0, 0.0, 0.0])
    x, y = clip.x.copy(), clip.y.copy()
    x[:, 1:], y[:, 1:] = [5.0, 6.0], 0.0
    found = fit_law(Fall().on("object 1"), [replace(clip, x=x, y=y)]).estimates["gravity"]
    alone = fit_law(Fall(), [clip.keeping([0])]).estimates["gravity"]
    assert found.value == pytest.approx(alone.value, abs=alone.sigma)
    assert found.sigma == pytest.approx(alone.sigma, rel=0.5)


def test_bounds_hold_and_are_told():
    rng = np.random.default_rng(1)
    clip = drawn(Fall(), {"gravity": 9.0}, rng, vy=5.0)
    law = Fall(gravity=Parameter(3.0, (1, 5), "length/time^2"))
    fit = fit_law(law, [clip])
    found = fit.estimates["gravity"]
    assert found.value == 5.0
    assert found.at_bound
    assert found.high <= 5.0
    assert fit.at_bound == ("gravity",)
    assert "gravity lies at its bound: if that isn't its natural limit, widen it" in fit.advice
    free = fit_law(Drag(), [drawn(Free(), {}, rng, vx=2.0, vy=5.0)]).estimates["drag"]
    assert 0.0 <= free.low <= free.value < 0.05


def test_known_values_stay_and_declared_ones_can_be_freed():
    rng = np.random.default_rng(2)
    truth = {"gravity": 9.0, "restitution": 0.7, "friction": 0.05}
    clip = drawn(Bounce(), truth, rng, y=1.5, vx=2.0)
    fit = fit_law(Bounce(), [clip], fixed={"gravity": 9.0}, free=["friction"])
    within(fit, {"restitution": 0.7, "friction": 0.05})
    gravity = fit.estimates["gravity"]
    assert (gravity.value, gravity.fixed) == (9.0, True)
    assert np.isnan(gravity.sigma)
    assert fit.slots.names == ["restitution", "friction"]


def test_with_all_parameters_known_the_starts_alone_are_found():
    rng = np.random.default_rng(3)
    clip = drawn(Fall(), {"gravity": 9.0}, rng, y=1.5, vx=2.0)
    for optimizer in ("lm", "lbfgs", "powell"):
        fit = fit_law(Fall(), [clip], fixed={"gravity": 9.0}, optimizer=optimizer)
        assert fit.ok
        assert fit.covariance.shape == (0, 0)
        assert fit.clips[0].initial[1, 0] == pytest.approx(1.5, abs=0.02)
        assert fit.clips[0].initial[3, 0] == pytest.approx(2.0, abs=0.02)
        assert fit.scale == pytest.approx(1.0, abs=0.25)
    assert fit_law(Free(), [drawn(Free(), {}, rng, vx=1.0)]).ok


def test_clips_of_one_or_two_frames_go_along():
    rng = np.random.default_rng(4)
    long = drawn(Fall(), {"gravity": 9.0}, rng, vx=1.0)
    fit = fit_law(Fall(), [long, long.first(2), long.first(1)])
    within(fit, {"gravity": 9.0})
    assert fit.estimates["gravity"].value == pytest.approx(fit_law(Fall(), [long]).estimates["gravity"].value, abs=1e-4)
    short = fit_law(Fall(), [long.first(2)])
    assert not short.estimates["gravity"].identified
    assert np.isinf(short.estimates["gravity"].sigma)


def test_an_object_that_enters_late_or_goes_early_is_fitted_where_it_was_seen():
    rng = np.random.default_rng(9)
    bodies = Bodies.make(2, radius=0.1)
    clip = drawn(Fall(), {"gravity": 9.0}, rng, bodies=bodies, x=[0.0, 5.0], vy=[5.0, 8.0])
    x, y = clip.x.copy(), clip.y.copy()
    x[:15, 1], y[:15, 1] = np.nan, np.nan
    x[25:, 0], y[25:, 0] = np.nan, np.nan
    within(fit_law(Fall(), [replace(clip, x=x, y=y)]), {"gravity": 9.0})


def test_a_static_object_takes_no_part_but_as_an_obstacle():
    rng = np.random.default_rng(10)
    bodies = Bodies.make(2, radius=0.5, static=(1,))
    clip = drawn(Pucks(), {"restitution": 0.6}, rng, bodies=bodies, x=[0.0, 3.0], vx=[2.0, 0.0])
    fit = fit_law(Pucks(), [clip], fixed={"mass": 1.0})
    within(fit, {"restitution": 0.6})
    assert fit.clips[0].initial[3, 1] == 0.0


def test_a_motion_without_noise_is_found_to_the_integrators_error():
    rng = np.random.default_rng(0)
    clip = drawn(Swing(), {"stiffness": 25.0, "centre": 0.3}, rng, sigma=0.0, x=1.0, substeps=32)
    clip = replace(clip, sigma_x=np.full((41, 1), 1e-6), sigma_y=np.full((41, 1), 1e-6))
    fit = fit_law(Swing(stiffness=20.0), [clip])
    assert fit.estimates["stiffness"].value == pytest.approx(25.0, rel=1e-4)
    assert fit.ok


def test_a_law_that_leaves_more_than_noise_says_so():
    rng = np.random.default_rng(1)
    bent = fit_law(Fall(), [drawn(Fall() + Drag(), {"gravity": 9.0, "drag": 0.5}, rng, vx=1.0, vy=4.0)])
    assert bent.ok
    assert bent.scale > 3
    assert "fall misses something" in bent.advice


def test_a_law_that_explains_little_of_a_motion_has_failed():
    clip = drawn(Fall(), {"gravity": 9.0}, np.random.default_rng(1), vx=1.0, vy=4.0)
    wrong = fit_law(Drag(), [clip])
    assert wrong.status == "failed"
    assert re.search(r"drag explains only \d\d% of this motion: try another law", wrong.advice)


@pytest.mark.parametrize("size", [1e2, 1e5])
def test_one_wild_sighting_does_not_fail_a_good_fit(size):
    clip = drawn(Fall(), {"gravity": 9.0}, np.random.default_rng(1), vx=1.0, vy=4.0)
    x = clip.x.copy()
    x[20, 0] += size
    fit = fit_law(Fall(), [replace(clip, x=x)])
    within(fit, {"gravity": 9.0})
    assert fit.advice == ""


@pytest.mark.parametrize("optimism", [1.0, 50.0])
def test_what_does_not_move_is_no_reason_to_fail(optimism):
    rng = np.random.default_rng(2)
    clip = drawn(Free(), {}, rng, x=1.0)
    clip = replace(clip, sigma_x=clip.sigma_x / optimism, sigma_y=clip.sigma_y / optimism)
    assert fit_law(find_law("rest"), [clip]).ok
    assert fit_law(Free(), [clip]).ok
    two = drawn(Fall().on("object 1"), {"gravity": 9.0}, rng, bodies=Bodies.make(2, radius=0.1), x=[0.0, 5.0], vy=[3.0, 0.0])
    two = replace(two, sigma_x=two.sigma_x / optimism, sigma_y=two.sigma_y / optimism)
    assert fit_law(Fall().on("object 1"), [two]).ok
    assert not fit_law(find_law("rest"), [two]).ok


def test_a_start_that_is_far_off_in_tiny_errors_is_still_drawn_to_the_truth():
    """Residuals of 1e10 σ and more: were they all taken for the same, nothing would lead away."""
    clip = drawn(Fall() + Drag(), {"gravity": 9.0, "drag": 0.3}, np.random.default_rng(0), sigma=0.0, vx=3.0, vy=5.0)
    fit = fit_law(Fall() + Drag(), [clip], start={"gravity": 90.0, "drag": 3.0})
    assert fit.estimates["gravity"].value == pytest.approx(9.0, rel=1e-4)


def test_a_simulation_that_diverges_is_a_failed_fit_with_a_way_out():
    class Runaway(Free):
        name = "runaway"
        rate = Parameter(50.0, (40, 100))

        def acceleration(self, t, state, parameters, inputs):
            return (parameters.rate * state.vx) ** 3, 0.0

    fit = fit_law(Runaway(), [drawn(Free(), {}, np.random.default_rng(1), vx=3.0)], budget=Budget(2_000))
    assert fit.status == "failed"
    assert "runaway leaves all bounds: start its parameters nearer" in fit.advice


def _misfit():
    """A spring fitted with drag, from a start that is far off: takes many steps and never fits."""
    return drawn(Swing(), {"stiffness": 9.0}, np.random.default_rng(1), x=1.0, vy=1.0)


@pytest.mark.parametrize("optimizer", ["lm", "powell", "lbfgs", "cma"])
def test_a_budget_stops_the_search_and_keeps_the_best(optimizer):
    clip = _misfit()
    law = Fall() + Swing(stiffness=3.0)
    start = fit_law(law, [clip], budget=Budget(1))
    assert "stopped after" in start.advice
    spent, scales = [], []
    for rollouts in (40, 150, 600):
        fit = fit_law(law, [clip], optimizer=optimizer, budget=Budget(rollouts), seed=3)
        spent.append(fit.rollouts)
        scales.append(fit.scale)
        assert "raise the cap" in fit.advice or fit.rollouts < rollouts
        # one batch may be under way, and the evidence is weighed afterwards
        assert fit.rollouts < rollouts + 200
    assert max(scales) <= start.scale * 1.01


def test_a_second_start_that_the_budget_cuts_short_does_not_lose_the_first():
    class Hinted(Swing):
        """Starts that end in a poor minimum, and a declared start that is worse at first."""

        def starts(self, clip):
            return {"stiffness": 10.0, "centre": 0.0}

    clip = replace(_misfit(), sigma_x=np.full((41, 1), 1e-4), sigma_y=np.full((41, 1), 1e-4))
    clip = replace(clip, y=clip.y - 3 * TIMES[:, None] ** 2)
    law = Hinted(stiffness=500.0, centre=3.0)
    scales = [fit_law(law, [clip], budget=Budget(cap)).clips[0].chi for cap in range(20, 400, 20)]
    best = np.minimum.accumulate(scales)
    assert scales == pytest.approx(best, rel=0.02)


def test_seconds_are_a_cap_too():
    fit = fit_law(Swing(), [_misfit()], budget=Budget(seconds=1e-9))
    assert "stopped by its cap of" in fit.advice
    with pytest.raises(UsageError, match="rollouts to spend, not 0"):
        Budget(0)
    with pytest.raises(UsageError, match="not 0 s"):
        Budget(seconds=0)


@pytest.mark.parametrize("seen", [1, 2, 3])
def test_what_bounces_soon_starts_as_it_came(seen):
    """From one or two sightings before a contact no speed can be told, or hardly; its place and moment help."""
    from kinescribe.dynamics.fitting.problem import Problem

    law, times = Bounce(), np.arange(20) * 0.1
    height = 0.1 * (seen - 0.5) * 4.0
    clip = drawn(law, {"gravity": 0.0}, np.random.default_rng(0), times=times, sigma=0.005, x=0.0, y=0.1 + height, vx=2.0, vy=-4.0)
    assert (times < clip.impacts[0].time).sum() == seen
    start = Problem.of(law, [clip]).initial[0, :, 0]
    np.testing.assert_allclose(start[3:5], [2.0, -4.0], atol=0.3)


class Sleepy(Line):
    """A black box that takes its time over every clip; it counts them instead of waiting, by a clock of its own."""

    name = "sleepy"
    clock = 0.0

    def rollout(self, initial, times, parameters, inputs):
        type(self).clock += 0.25 * len(times)
        return super().rollout(initial, times, parameters, inputs)


@pytest.mark.parametrize("cap", [0.3, 2.0, 5.0, 30.0])
def test_a_cap_on_time_holds_for_a_slow_law_within_a_simulation_or_so(monkeypatch, cap):
    from kinescribe.dynamics.fitting import budget, problem

    clock = type("Clock", (), {"monotonic": staticmethod(lambda: Sleepy.clock)})
    monkeypatch.setattr(Sleepy, "clock", 0.0)
    for module in (budget, problem):
        monkeypatch.setattr(module, "time", clock)
    clips = [drawn(Line(), {"wind": -0.7}, np.random.default_rng(k), vx=1.0, vy=1.0) for k in range(4)]
    fit = fit_law(Sleepy(wind=5.0), clips, budget=Budget(seconds=cap, began=0.0))
    found = fit.estimates["wind"]
    # the search stops; errors have a tenth of the cap, and of a second at least
    assert Sleepy.clock <= cap + max(0.1 * cap, 0.1) + 3 * 0.25
    assert "stopped by its cap of" in fit.advice
    assert "errors are not known, for the cap left no time for them" in fit.advice
    assert fit.unidentified == ()
    assert found.identified
    assert np.isnan(found.sigma)


def test_a_batch_that_is_split_is_the_batch():
    from kinescribe.dynamics.fitting.problem import Problem

    rng = np.random.default_rng(3)
    clips = [drawn(Bounce(), {"gravity": 9.0, "restitution": 0.7}, rng, y=1.0 + k) for k in range(3)]
    whole, parts = (Problem.of(Bounce(), clips) for _ in range(2))
    theta = np.repeat(whole.slots.starts([])[None], 3, axis=0)
    expected = whole.run(theta, whole.start(), np.arange(3))
    parts.budget, parts.pace = Budget(seconds=1e6), 1e9
    made = parts.run(theta, parts.start(), np.arange(3))
    np.testing.assert_array_equal(made.data, expected.data)
    assert [made.impacts_of(k) for k in range(3)] == [expected.impacts_of(k) for k in range(3)]
    assert parts.rollouts == whole.rollouts == 3


@pytest.mark.parametrize("optimizer", ["lm", "cma"])
def test_the_same_seed_gives_the_same_fit(optimizer):
    clip = drawn(Fall(), {"gravity": 9.0}, np.random.default_rng(3), y=1.5)
    one, other = (fit_law(Fall(), [clip], optimizer=optimizer, seed=5, budget=Budget(300)) for _ in range(2))
    np.testing.assert_array_equal(one.theta, other.theta)
    assert one.rollouts == other.rollouts


def test_clips_are_left_as_they_are():
    clip = drawn(Bounce(), {"gravity": 9.0, "restitution": 0.7}, np.random.default_rng(3), y=1.5)
    x, y = clip.x.copy(), clip.y.copy()
    fit_law(Bounce(), [clip])
    np.testing.assert_array_equal(clip.x, x)
    np.testing.assert_array_equal(clip.y, y)


def test_what_does_not_go_together_is_refused():
    rng = np.random.default_rng(1)
    one = drawn(Free(), {}, rng, vx=1.0)
    two = drawn(Free(), {}, rng, bodies=Bodies.make(2, radius=0.1), vx=[1.0, 2.0])
    cases = [
        (Fall(), [], "at least one clip"),
        (Fall(), [one, two], "same number of objects; these have 1, 2"),
        (Fall(), [one, replace(one, unit="px")], "same unit of length; these have m, px"),
        (Pushed(), [one], "needs the input 'push'"),
        (Pushed(), [replace(one, inputs=Inputs.of([0.0, 0.1], push=[1, 2]))], "inputs end at 0.1 s"),
    ]
    for law, clips, says in cases:
        with pytest.raises(UsageError, match=says):
            fit_law(law, clips)
    with pytest.raises(UsageError, match="did you mean 'lbfgs'"):
        fit_law(Fall(), [one], optimizer="l-bfgs")
    with pytest.raises(UsageError, match="unknown parameter of fall 'gravty'"):
        fit_law(Fall(), [one], fixed={"gravty": 1})
    with pytest.raises(UsageError, match="choose powell, lbfgs or cma"):
        fit_law(Fall(), [one], loss=lambda path, clip: 0.0)


@pytest.mark.parametrize("method", ["acceleration", "starts", "contacts", "project"])
def test_a_law_that_raises_is_one_line_that_names_it(method):
    def broken(self, *arguments):
        return 1 / 0

    law = type("Broken", (Fall,), {"name": "broken", method: broken})()
    with pytest.raises(UsageError, match=r"law broken: .*ZeroDivisionError: division by zero.*test_fitting\.py:\d+") as caught:
        fit_law(law, [drawn(Free(), {}, np.random.default_rng(1), vx=1.0)])
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
