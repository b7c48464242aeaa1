"""What the data can't tell is said, what they can is never flagged, and intervals cover."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_clips import Bounce, Drag, Fall, Free, Pucks, Swing, clip_of, moved, table

from kinescribe.dynamics import Bodies, Clip, Parameter
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import fit_law
from kinescribe.dynamics.fitting.identification import identify
from kinescribe.dynamics.fitting.slots import Slots

ONE = Bodies.make(1, radius=0.1)
TIMES = np.linspace(0.0, 1.6, 25)
E_LINE = "restitution is not identifiable: the motion seen would be the same for any value"


def collision(rng: np.random.Generator, restitution: float = 0.8, speed: float = 3.0) -> Clip:
    radius = rng.uniform(0.3, 0.6, 2)
    path = moved(Pucks(), TIMES, Bodies.make(2, radius=radius), x=[0.0, 3.0], y=[0.0, rng.uniform(-0.3, 0.3)], vx=[speed, -0.5],
                 parameters={"restitution": restitution, "mass": [1.0, 2.0]})  # fmt: skip
    assert len(path.impacts)
    return clip_of(path, TIMES, rng, 0.005)


def test_masses_are_told_as_a_ratio():
    rng = np.random.default_rng(1)
    fit = fit_law(Pucks(), [collision(rng) for _ in range(3)])
    (only,) = fit.unidentified
    assert only.names == ("object 1.mass", "object 2.mass")
    assert only.powers == pytest.approx((1.0, 1.0), abs=0.05)
    assert only.text == "object 1.mass and object 2.mass are not identifiable by themselves: only their ratios are"
    assert only.remedy == "give one of them, as a known value"
    assert fit.estimates["restitution"].identified
    assert fit.estimates["restitution"].value == pytest.approx(0.8, abs=0.02)
    assert not fit.estimates["object 1.mass"].identified
    assert np.isinf(fit.estimates["object 1.mass"].sigma)
    ratio = fit.estimates["object 2.mass"].value / fit.estimates["object 1.mass"].value
    assert ratio == pytest.approx(2.0, rel=0.05)


def test_a_known_mass_makes_the_other_known():
    rng = np.random.default_rng(1)
    fit = fit_law(Pucks(), [collision(rng) for _ in range(3)], fixed={"object 1.mass": 1.0})
    assert fit.unidentified == ()
    two = fit.estimates["object 2.mass"]
    assert abs(two.value - 2.0) < 3.5 * two.sigma < 0.3


def test_restitution_without_a_bounce_is_told_alone():
    rng = np.random.default_rng(2)
    clip = clip_of(moved(Bounce(), TIMES, ONE, y=50.0, vx=1.0), TIMES, rng, 0.01)
    fit = fit_law(Bounce(), [clip])
    (only,) = fit.unidentified
    assert (only.names, only.text, only.remedy) == (("restitution",), E_LINE, "show a bounce off the floor")
    assert fit.estimates["gravity"].identified
    found = fit.estimates["restitution"]
    assert (found.low, found.high, found.sigma) == (0.0, 1.0, np.inf)


def test_discs_that_never_meet_tell_neither_masses_nor_restitution():
    rng = np.random.default_rng(3)
    path = moved(Pucks(), TIMES, Bodies.make(2, radius=0.1), x=[0.0, 9.0], vx=[1.0, 1.0])
    fit = fit_law(Pucks(), [clip_of(path, TIMES, rng, 0.01)])
    assert sorted(name for one in fit.unidentified for name in one.names) == ["object 1.mass", "object 2.mass", "restitution"]
    assert all(len(one.names) == 1 for one in fit.unidentified)


def test_a_product_is_told_as_a_product():
    class Doubled(Fall):
        factor = Parameter(1.0, (0.1, 10))

        def acceleration(self, t, state, parameters, inputs):
            return 0.0, -parameters.gravity * parameters.factor

    rng = np.random.default_rng(4)
    fit = fit_law(Doubled(), [clip_of(moved(Fall(), TIMES, ONE, vy=5.0), TIMES, rng, 0.01)])
    (only,) = fit.unidentified
    assert set(only.names) == {"gravity", "factor"}
    assert "only their product is" in only.text
    values = {name: one.value for name, one in fit.estimates.items()}
    assert values["gravity"] * values["factor"] == pytest.approx(9.0, abs=0.1)


def test_what_is_identifiable_is_never_flagged():
    rng = np.random.default_rng(5)
    flagged = []
    for k in range(30):
        law, truth, start, clips = [
            (Fall(), {"gravity": rng.uniform(1, 20)}, {"vy": 5.0, "vx": rng.normal()}, 1),
            (Fall() + Drag(), {"gravity": rng.uniform(5, 15), "drag": rng.uniform(0.5, 1.5)}, {"vx": 5.0, "vy": 3.0}, 2),
            (Swing(stiffness=20.0), {"stiffness": rng.uniform(10, 40), "centre": rng.normal()}, {"x": 3.0}, 1),
            (Bounce(), {"gravity": rng.uniform(8, 12), "restitution": rng.uniform(0.5, 0.9)}, {"y": rng.uniform(0.8, 1.5), "vx": 1.0}, 1),
            (Drag(), {"drag": rng.uniform(0.3, 2.0)}, {"vx": 4.0, "vy": 1.0}, 1),
        ][k % 5]
        times = np.sort(rng.uniform(0, 1.8, 30))
        seen = [clip_of(moved(law, times, ONE, substeps=4, parameters=truth, **start), times, rng, 0.01) for _ in range(clips)]
        fit = fit_law(law, seen)
        if fit.unidentified or not fit.ok:
            flagged.append((law.title, truth, fit.unidentified, fit.advice))
    assert flagged == []


def test_intervals_cover_the_truth():
    """200 intervals of 95 %, of Gaussian noise and of sightings of which a tenth are bad."""
    rng = np.random.default_rng(6)
    truth = {"gravity": 9.0, "drag": 0.8}
    path = moved(Fall() + Drag(), TIMES, ONE, substeps=4, parameters=truth, vx=4.0, vy=4.0)
    covered = []
    for k in range(100):
        clip = clip_of(path, TIMES, rng, 0.02)
        if k % 2:
            clip.x[rng.permutation(25)[:2], 0] += rng.normal(size=2)
        fit = fit_law(Fall() + Drag(), [clip])
        covered += [fit.estimates[name].low <= value <= fit.estimates[name].high for name, value in truth.items()]
    assert 0.90 <= np.mean(covered) <= 0.99


def test_intervals_cover_where_the_noise_of_neighbouring_frames_is_alike():
    """Positions of a smoothed table: their errors change slowly, so that fewer of them count."""
    rng = np.random.default_rng(7)
    times = np.linspace(0, 2, 81)
    path = moved(Fall(), times, ONE, vx=1.0, vy=5.0)
    z = []
    for _ in range(40):
        clip = clip_of(path, times, rng, 0.0)
        for values in (clip.x, clip.y):
            white = rng.normal(size=90)
            values[:, 0] += 0.02 * np.convolve(white, np.ones(6) / 6, "valid")[:81]
        found = fit_law(Fall(), [clip]).estimates["gravity"]
        z.append((found.value - 9.0) / found.sigma)
    assert 0.6 < np.sqrt(np.mean(np.square(z))) < 1.5


def test_directions_come_with_as_few_parameters_as_possible():
    class Many(Free):
        a, b, c, d = (Parameter(2.0) for _ in range(4))

    slots = Slots.of(Many(), ONE)
    # a and b are known by their ratio, c by nothing, d well
    row = np.array([1.0, -1.0, 0.0, 0.0])
    information = 1e6 * (np.outer(row, row) + np.diag([0.0, 0.0, 0.0, 1.0]))
    covariance, lost = identify(information, np.full(4, 2.0), slots, np.ones(4))
    assert sorted(one.names for one in lost) == [("a", "b"), ("c",)]
    assert covariance[3, 3] == pytest.approx(1e-6)


def test_no_parameters_mean_nothing_to_tell():
    covariance, lost = identify(np.zeros((0, 0)), np.zeros(0), Slots.of(Free(), ONE), np.zeros(0))
    assert covariance.shape == (0, 0)
    assert lost == ()


def test_objects_that_the_law_is_not_about_are_neither_fitted_nor_listed():
    rng = np.random.default_rng(8)
    bodies = Bodies.make(3, radius=np.array([0.4, 0.4, 0.2]))
    law = Pucks().on("object 1", "object 2") + Free().on("object 3")
    path = moved(law, TIMES, bodies, x=[0.0, 3.0, 0.0], y=[0.0, 0.1, 5.0], vx=[3.0, -0.5, 1.0], parameters={"mass": [1.0, 2.0, 1.0]})
    fit = fit_law(law, [clip_of(path, TIMES, rng, 0.005)], fixed={"object 1.mass": 1.0})
    assert list(fit.estimates) == ["restitution", "friction", "object 1.mass", "object 2.mass"]
    assert fit.unidentified == ()
    assert abs(fit.estimates["object 2.mass"].value - 2.0) < 3.5 * fit.estimates["object 2.mass"].sigma < 0.5


def test_noise_of_a_thing_at_rest_tells_no_drag():
    """The best fit has a tiny velocity of noise, which drag seems to slow down."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        still = clip_of(moved(Free(), TIMES, ONE, x=rng.normal(), y=rng.normal()), TIMES, rng, 0.01)
        fit = fit_law(Drag(), [still])
        (only,) = fit.unidentified
        assert only.text == "drag is not identifiable: the motion seen would be the same for any value"
        assert np.isinf(fit.estimates["drag"].sigma)
        # another that moves tells it for both
        going = clip_of(moved(Drag(), TIMES, ONE, parameters={"drag": 0.7}, vx=2.0), TIMES, rng, 0.01)
        found = fit_law(Drag(), [still, going]).estimates["drag"]
        assert found.identified
        assert abs(found.value - 0.7) < 4 * found.sigma < 0.3


def test_noise_of_a_thing_at_rest_tells_no_stiffness_but_where_the_spring_is_anchored():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        clip = clip_of(moved(Free(), TIMES, ONE, x=0.4, y=-0.3), TIMES, rng, 0.01)
        fit = fit_law(find_law("anchored-spring"), [clip])
        assert [one.names for one in fit.unidentified] == [("stiffness",)]
        for name, value in (("anchor_x", 0.4), ("anchor_y", -0.3)):
            found = fit.estimates[name]
            assert abs(found.value - value) < 4 * found.sigma < 0.1


def test_a_weak_or_absent_effect_on_real_motion_is_a_finding():
    for seed in range(6):
        rng = np.random.default_rng(seed)
        clip = clip_of(moved(Drag(), TIMES, ONE, substeps=4, parameters={"drag": 0.02 * (seed % 2)}, vx=1.0), TIMES, rng, 0.01)
        found = fit_law(Drag(), [clip]).estimates["drag"]
        assert found.identified
        assert found.low <= 0.02 * (seed % 2) + 0.01
        assert found.high < 0.2


def test_a_straight_drop_tells_no_friction_of_the_floor():
    for seed in range(4):
        rng = np.random.default_rng(seed)
        path = moved(Bounce(), TIMES, ONE, y=1.5)
        assert len(path.impacts) >= 2
        fit = fit_law(Bounce(), [clip_of(path, TIMES, rng, 0.01)], free=["friction"])
        assert [one.names for one in fit.unidentified] == [("friction",)]
        assert fit.estimates["restitution"].identified


def test_combinations_that_noise_alone_determines_are_lost_and_the_others_stay():
    class Two(Free):
        a, b = Parameter(2.0), Parameter(4.0)

    asked = []

    def noise(moves, lost):
        assert lost.shape == (0, 2)
        asked.append(moves)
        return np.array([abs(move[0]) > abs(move[1]) for move in moves])

    covariance, lost = identify(np.diag([1.0, 100.0]), np.array([2.0, 4.0]), Slots.of(Two(), ONE), np.ones(2), noise)
    np.testing.assert_allclose(np.sort(np.abs(asked[0]), axis=0), [[0, 0], [1.0, 0.1]])
    assert [one.names for one in lost] == [("a",)]
    np.testing.assert_allclose(covariance, [[0, 0], [0, 0.01]])


def test_masses_of_a_chain_are_told_up_to_one_factor():
    bodies = Bodies.make(3, radius=0.1)
    truth = {"stiffness": 10.0, "rest_length": 1.0, "damping": 0.2, "mass": [1.0, 2.0, 1.5]}
    path = moved(find_law("spring-chain"), TIMES, bodies, substeps=8, x=[0.0, 1.3, 2.1], vy=[0.0, 1.0, -0.4], parameters=truth)
    for seed in range(3):
        fit = fit_law(find_law("spring-chain"), [clip_of(path, TIMES, np.random.default_rng(seed), 0.003)])
        (only,) = fit.unidentified
        assert only.names == ("stiffness", "damping", "object 1.mass", "object 2.mass", "object 3.mass")
        assert only.text.endswith("are not identifiable by themselves: only their ratios are")
        assert fit.estimates["rest_length"].identified


@pytest.mark.parametrize("name", ["free-fall", "linear-drag", "anchored-spring", "constant-acceleration"])
def test_a_thing_that_rests_to_the_last_digit_is_no_trouble(name):
    times = np.linspace(0, 1, 31)
    told = table([(2.0 * np.ones(31), 1.0 * np.ones(31))], times, sigma=np.nan)
    found = fit_law(find_law(name), [Clip.from_states(told)])
    assert np.isfinite(found.theta).all()
    if name == "linear-drag":
        assert [one.names for one in found.unidentified] == [("drag",)]
